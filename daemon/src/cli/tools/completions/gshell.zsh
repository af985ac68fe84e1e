#compdef gshell
# Completion of gshell for zsh: the program itself says what fits.
_gshell() {
    local line
    local -a found
    for line in "${(@f)$("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
            '') ;;
            :files) _files ;;
            :folders) _files -/ ;;
            *) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
        esac
    done
    if (( $#found )); then
        _describe gshell found
    fi
}
if [[ $funcstack[1] == _gshell ]]; then
    _gshell "$@"
else
    compdef _gshell gshell
fi
