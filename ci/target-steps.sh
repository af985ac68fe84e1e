# The steps of ci/test that are about targets and releases.

# Targets of bsp/targets that are not this machine's own.
foreign_targets() { ci/cross --foreign; }

# Targets of which step `targets` made plugins and archive, in this run. A build for another target makes cargo take what was built
# before for stale, so the archive is made while it is fresh.
ARCHIVED=()

step_targets() {
    python3 -m unittest discover -s ci/targets/tests -t ci
    ci/cross cross-toml --check
    local target
    for target in x86_64 $(foreign_targets); do
        ci/cross "$target"
        ci/cross "$target" budget
        ci/cross "$target" run selftest
        ci/plugins --examples "$target"
        ci/dist "$target"
        ARCHIVED+=("$target")
    done
}

# The shipped plugins and the example in C, for every target that opens plugins, and a bundle of each; and whether the header
# means the same as the Rust view where neither width nor byte order are those of this machine. That they work on a target is
# told by the functional tests in step `emulated`, and by the fleet.
step_plugins() {
    need_release
    local target
    for target in x86_64 $(foreign_targets); do
        [[ " ${ARCHIVED[*]-} " == *" $target "* ]] || ci/plugins --examples "$target"
    done
    ci/plugins --bundles
    ci/cross mips cargo test --locked --package gshell-plugin-abi
}

# Each suite by itself runs in step `functional` and those after it.
step_emulated() {
    local target
    for target in $(foreign_targets); do
        ci/cross "$target" test
    done
}

# The program without each of the features that can be left out, and without all.
step_flavours() {
    local features built_in
    built_in=$(ci/plugins --list | sed 's/^/builtin-/' | paste -sd,)
    for features in "" editor tools "$built_in"; do
        cargo clippy --package gshell --all-targets --locked --no-default-features --features "$features" -- -D warnings
    done
    cargo test --locked --package gshell --no-default-features
    # In a folder of their own, beside the program that other steps test.
    local folder=$TARGET_DIR/flavours
    cargo build --locked --package gshell --no-default-features --target-dir "$folder"
    GSHELL_BIN=$folder/debug/gshell cargo test --locked --package gshell-tests --test functional flavours
    # Plugins that are built in, with no file of them anywhere.
    cargo build --locked --package gshell --features "$built_in" --target-dir "$folder"
    mkdir -p "$folder/no-plugins"
    GSHELL_PLUGINS=$folder/no-plugins GSHELL_BIN=$folder/debug/gshell \
        cargo test --locked --package gshell-tests --test functional -- plugin_shipped plugin_pages
}

# Archives of all targets and one static one, unpacked and tried. A release makes the other static one too, and compares
# builds from two folders: docs/releases.md.
step_dist() {
    local target file
    for target in x86_64 $(foreign_targets) x86_64-musl; do
        [[ " ${ARCHIVED[*]-} " == *" $target "* ]] || ci/dist "$target"
    done
    for file in "$TARGET_DIR/dist/"gshell-[0-9]*.tar.gz; do
        ci/dist --try "$file"
    done
}

# All targets on one network; what they are built by is in the steps before.
step_fleet() { ci/cross fleet; }

# Every target on a real kernel, in an emulated machine; the slow part of the first run is the kernel that Debian does not
# package.
step_boot() {
    ci/boot all
    ci/boot fleet
}
