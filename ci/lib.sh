# Helpers of ci/test: messages, times, and where built programs are.
# Sourced, so it sets no shell options of its own.

TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
TOOLS_DIR=$TARGET_DIR/ci-tools
STEP_TIMES=()

say() { printf '%s\n' "ci/test: $*"; }

fail() {
    printf '%s\n' "ci/test: error: $*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs one step and notes its time. A failing command inside ends the script, because of `set -e`.
run_step() {
    local name=$1 start=$SECONDS
    printf '\n=== %s ===\n' "$name"
    trap 'printf "\nci/test: step %s failed after %s s\n" "'"$name"'" "$((SECONDS - '"$start"'))" >&2' EXIT
    "step_$name"
    trap - EXIT
    STEP_TIMES+=("$(printf '%-12s %4d s' "$name" "$((SECONDS - start))")")
    say "$name: done in $((SECONDS - start)) s"
}

print_times() {
    printf '\n=== all steps passed ===\n'
    printf '%s\n' "${STEP_TIMES[@]}" "$(printf '%-12s %4d s' together "$SECONDS")"
}

# The built binary that black-box tests and measurements use; builds it when it is not there.
need_release() {
    GSHELL_BIN=$TARGET_DIR/release/gshell
    [[ -x $GSHELL_BIN ]] || cargo build --release --package gshell
    export GSHELL_BIN
}
