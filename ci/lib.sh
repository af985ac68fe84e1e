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
    trap 'stop_beside; printf "\nci/test: step %s failed after %s s\n" "'"$name"'" "$((SECONDS - '"$start"'))" >&2' EXIT
    "step_$name"
    trap stop_beside EXIT
    STEP_TIMES+=("$(printf '%-12s %4d s' "$name" "$((SECONDS - start))")")
    say "$name: done in $((SECONDS - start)) s"
}

# The step that runs beside others, its process and its start; what it prints is kept until it is waited for.
BESIDE_STEP= BESIDE_PID= BESIDE_START=

begin_beside() {
    BESIDE_STEP=$1 BESIDE_START=$SECONDS
    printf '\n=== %s: begins, beside what follows ===\n' "$1"
    mkdir -p "$TARGET_DIR"
    # With a process group of its own, so that all of it can be ended.
    set -m
    (STEP_ALONE=no "step_$1") </dev/null >"$TARGET_DIR/step-$1.log" 2>&1 &
    BESIDE_PID=$!
    set +m
    trap stop_beside EXIT
}

# What was begun ends with this script, with all that it started.
stop_beside() {
    [[ -n $BESIDE_PID ]] || return 0
    kill -TERM -- "-$BESIDE_PID" 2>/dev/null || true
    BESIDE_PID=
}

end_beside() {
    printf '\n=== %s ===\n' "$BESIDE_STEP"
    local status=0
    wait "$BESIDE_PID" || status=$?
    BESIDE_PID=
    cat "$TARGET_DIR/step-$BESIDE_STEP.log"
    if [[ $status -ne 0 ]]; then
        printf '\nci/test: step %s failed after %s s\n' "$BESIDE_STEP" "$((SECONDS - BESIDE_START))" >&2
        exit "$status"
    fi
    STEP_TIMES+=("$(printf '%-12s %4d s, beside others' "$BESIDE_STEP" "$((SECONDS - BESIDE_START))")")
    say "$BESIDE_STEP: done $((SECONDS - BESIDE_START)) s after its start"
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
