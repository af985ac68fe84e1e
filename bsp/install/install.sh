#!/bin/sh
# Installs gshell from the release archive that this script is part of; refuses on a machine of another kind.
set -eu

# Filled in by ci/dist.
version=@VERSION@
target=@TARGET@
# Class, byte order and machine of the ELF header, and the loader that the program needs; "-" for none.
wanted=@MACHINE@
loader=@LOADER@

here=$(dirname "$0")
root=
prefix=/usr
init=auto
plugins=all
only_check=no

# The plugins of this archive; "none" when it has none, as a static one.
plugin_names() {
    names=
    for file in "$here"/plugins/*.gplugin; do
        [ -e "$file" ] || continue
        file=${file##*/}
        names=$names${names:+, }${file%.gplugin}
    done
    echo "${names:-none in this archive}"
}

usage() {
    cat <<TEXT
Usage: sh install.sh [--check] [--root DIR] [--prefix DIR] [--plugins all|none|NAME,...]
                     [--init auto|systemd|sysvinit|none]

Installs gshell $version for $target: PREFIX/bin/gshell, plugins, and what starts the node with the machine.

  --check         only says whether the archive is for this machine
  --root DIR      installs into the root folder of another machine, whose own programs say what it is
  --prefix DIR    /usr unless said otherwise; plugins go to /usr/lib/gshell/plugins, where the program looks
  --plugins LIST  $(plugin_names); all unless said otherwise
  --init KIND     auto takes systemd or sysvinit, whichever the machine has
TEXT
}

fail() {
    echo "install.sh: error: $*" >&2
    exit 1
}

# The value of an option that needs one.
value() {
    [ $# -ge 2 ] || fail "$1 needs a value; see sh install.sh --help"
    printf '%s\n' "$2"
}

# Numbers of bytes of a file: bytes FILE OFFSET COUNT
bytes() {
    od -An -v -tu1 -j "$2" -N "$3" "$1" 2>/dev/null || hexdump -v -s "$2" -n "$3" -e '1/1 " %u"' "$1" 2>/dev/null
}

# Class, byte order and machine of an ELF file, as in $wanted; nothing when it is none.
machine_of() {
    # shellcheck disable=SC2046 # the words are numbers
    set -- $(bytes "$1" 0 20)
    [ $# -eq 20 ] && [ "$1 $2 $3 $4" = "127 69 76 70" ] || return 0
    if [ "$6" = 2 ]; then
        echo "$5-$6-$((${19} * 256 + ${20}))"
    else
        echo "$5-$6-$((${20} * 256 + ${19}))"
    fi
}

name_of() {
    case $1 in
        2-1-62) echo "x86_64 (64 bit, little endian)" ;;
        2-1-183) echo "aarch64 (64 bit, little endian)" ;;
        1-1-40) echo "arm (32 bit, little endian)" ;;
        1-2-8) echo "mips (32 bit, big endian)" ;;
        1-1-8) echo "mipsel (32 bit, little endian)" ;;
        1-1-3) echo "x86 (32 bit, little endian)" ;;
        2-1-243) echo "riscv64 (64 bit, little endian)" ;;
        *) echo "of another kind (ELF class, byte order and machine $1)" ;;
    esac
}

# A program of the machine that is to run gshell. What reads this file is one, whatever the kernel says about itself.
own_program() {
    if [ -z "$root" ]; then
        echo /proc/self/exe
        return 0
    fi
    for program in bin/busybox bin/sh sbin/init usr/bin/env; do
        # A link with an absolute path leads out of the folder.
        if [ -f "$root/$program" ] && [ ! -L "$root/$program" ]; then
            echo "$root/$program"
            return 0
        fi
    done
    fail "$root has neither bin/busybox nor bin/sh nor sbin/init nor usr/bin/env, which would say what machine it is for"
}

check() {
    own=$(own_program)
    [ -e "$own" ] || fail "$own is not there, so nothing says what this machine is (is /proc mounted?)"
    found=$(machine_of "$own")
    [ -n "$found" ] || fail "$own is no ELF program, or neither od nor hexdump can be run, so nothing says what this machine is"
    what=${root:-this machine}
    [ "$found" = "$wanted" ] || fail "this archive is for $target, $what is $(name_of "$found")"
    [ "$(machine_of "$here/bin/gshell")" = "$wanted" ] || fail "bin/gshell is not for $target: the archive is damaged"
    [ "$loader" = - ] || [ -e "$root$loader" ] || [ -L "$root$loader" ] ||
        fail "this archive is for $target, whose programs need $loader, and $what does not have it; there are archives with the C library in the program (musl)"
}

# Installs a file: put FROM TO MODE
put() {
    mkdir -p "$(dirname "$2")"
    # What runs goes on running: the name moves to the new file.
    cp "$1" "$2.new"
    chmod "$3" "$2.new"
    mv "$2.new" "$2"
    echo "$2"
}

# The plugins that are to be installed, one a line; fails when one of them is not in the archive.
wanted_plugins() {
    case $plugins in
        none) ;;
        all)
            for file in "$here"/plugins/*.gplugin; do
                if [ -e "$file" ]; then echo "$file"; fi
            done
            ;;
        *)
            echo "$plugins" | tr , '\n' | while read -r name; do
                [ -f "$here/plugins/$name.gplugin" ] || fail "no plugin is called \"$name\"; there are: $(plugin_names)"
                echo "$here/plugins/$name.gplugin"
            done
            ;;
    esac
}

put_plugins() {
    echo "$1" | while read -r file; do
        [ -z "$file" ] || put "$file" "$root/usr/lib/gshell/plugins/${file##*/}" 644
    done
}

put_init() {
    kind=$init
    if [ "$kind" = auto ]; then
        kind=none
        if [ -d "$root/lib/systemd/system" ] || [ -d "$root/usr/lib/systemd/system" ]; then
            kind=systemd
        elif [ -d "$root/etc/init.d" ]; then
            kind=sysvinit
        fi
    fi
    draft=${TMPDIR:-/tmp}/gshell-install.$$
    trap 'rm -f "$draft"' EXIT
    case $kind in
        none) ;;
        systemd)
            sed "s|/usr/bin/gshell|$prefix/bin/gshell|" "$here/init/gshell.service" >"$draft"
            put "$draft" "$root/etc/systemd/system/gshell.service" 644
            echo "start it with: systemctl enable --now gshell"
            ;;
        sysvinit)
            sed "s|/usr/bin/gshell|$prefix/bin/gshell|" "$here/init/gshell.init" >"$draft"
            put "$draft" "$root/etc/init.d/gshell" 755
            echo "start it with: /etc/init.d/gshell start"
            ;;
        *) fail "--init takes auto, systemd, sysvinit or none, not \"$kind\"" ;;
    esac
}

while [ $# -gt 0 ]; do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --check)
            only_check=yes
            shift
            ;;
        --root | --prefix | --init | --plugins)
            given=$(value "$@")
            case $1 in
                --root) root=${given%/} ;;
                --prefix) prefix=${given%/} ;;
                --init) init=$given ;;
                --plugins) plugins=$given ;;
            esac
            shift 2
            ;;
        *) fail "no option is called \"$1\"; see sh install.sh --help" ;;
    esac
done

check
if [ "$only_check" = yes ]; then
    echo "gshell $version for $target fits ${root:-this machine}"
    exit 0
fi
# Before anything is put anywhere.
chosen=$(wanted_plugins)
put "$here/bin/gshell" "$root$prefix/bin/gshell" 755
put_plugins "$chosen"
put_init
