//! Where the programs under test are: `GSHELL_BIN`, or the one of this workspace, built when it is out of date; and the
//! examples in `GSHELL_EXAMPLES`, or built likewise.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

static BINARY: OnceLock<PathBuf> = OnceLock::new();
static EXAMPLES: OnceLock<PathBuf> = OnceLock::new();

/// The path of the program under test.
pub fn gshell() -> &'static Path {
    BINARY.get_or_init(|| match std::env::var_os("GSHELL_BIN") {
        Some(path) => PathBuf::from(path)
            .canonicalize()
            .expect("GSHELL_BIN names the gshell program"),
        None => build(),
    })
}

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the repository")
        .to_owned()
}

/// The folder of the built examples of crate gshell-service.
pub fn examples() -> &'static Path {
    EXAMPLES.get_or_init(|| match std::env::var_os("GSHELL_EXAMPLES") {
        Some(path) => PathBuf::from(path)
            .canonicalize()
            .expect("GSHELL_EXAMPLES names the folder of the examples"),
        None => cargo_build(&["--package", "gshell-service", "--examples"]).join("examples"),
    })
}

/// The folder that the running test was built into: it is `TARGET/PROFILE/deps/NAME-HASH`.
pub fn profile_dir() -> PathBuf {
    let test = std::env::current_exe().expect("this program's path");
    let dir = test.ancestors().nth(2);
    dir.expect("a test lies in target/PROFILE/deps").to_owned()
}

fn build() -> PathBuf {
    cargo_build(&["--package", "gshell"]).join("gshell")
}

/// Builds with the profile and the target folder of the running test, which it gives. Cargo does nothing when all is up
/// to date.
pub(crate) fn cargo_build(what: &[&str]) -> PathBuf {
    let profile_dir = profile_dir();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet"])
        .args(what)
        .arg("--target-dir")
        .arg(profile_dir.parent().unwrap());
    if profile_dir.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.current_dir(repository()).status().expect("cargo runs");
    assert!(status.success(), "cargo build {} failed", what.join(" "));
    profile_dir
}

/// The target triple of the program under test where this machine has to emulate it: `GSHELL_TEST_TARGET`.
pub fn target() -> Option<String> {
    std::env::var("GSHELL_TEST_TARGET")
        .ok()
        .filter(|_| std::env::var_os("QEMU_LD_PREFIX").is_some())
}

/// Whether the program under test is a release build, whose speed means something.
pub fn is_release() -> bool {
    gshell().parent().is_some_and(|dir| dir.ends_with("release"))
}
