#!/bin/sh
# Makes first inputs for the fuzz targets of the frozen fixtures: corpus/<target>/<fixture>. Needs xxd.
set -eu
cd "$(dirname "$0")"
awk '/^#/ || /^$/ { next } /^[^ ]/ { if (line) print line; line = "" } { line = line " " $0 } END { print line }' \
    ../fixtures/wire-*.txt |
while read -r name digits; do
    name=${name%:}
    case $name in
        hello.*) targets="hello" ;;
        frame.*) targets="frame session_server session_client" ;;
        body.fault*) targets="fault" ;;
        body.*) targets="body" ;;
        shape.*) targets="shape value" ;;
        *) continue ;;
    esac
    for target in $targets; do
        mkdir -p "corpus/$target"
        # Some targets read one byte before the bytes themselves.
        case $target in
            session_* | body) first=00 ;;
            # The length of the shape; a body of zeros follows.
            value) first=$(printf %04x $(($(printf %s "$digits" | tr -d ' ' | wc -c) / 2))) ;;
            *) first= ;;
        esac
        printf '%s%s' "$first" "$digits" | xxd -r -p > "corpus/$target/$name"
    done
done
