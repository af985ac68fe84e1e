# Completion of gshell for bash: the program itself says what fits.
_gshell() {
    local current=${COMP_WORDS[COMP_CWORD]} word
    # Bash takes --option=value apart; the program gets the pieces and says what the last one can be.
    [[ $current == = ]] && current=
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        case $word in
            :files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
            :folders) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
            *) COMPREPLY+=("$word") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _gshell gshell
