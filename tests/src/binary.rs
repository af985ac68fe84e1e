//! Where the program under test is: `GSHELL_BIN`, or the one of this workspace, built when it is out of date.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

static BINARY: OnceLock<PathBuf> = OnceLock::new();

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

/// Builds the program with the profile and the target folder of the running test, which is
/// `TARGET/PROFILE/deps/NAME-HASH`. Cargo does nothing when it is up to date.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("this program's path");
    let profile_dir = test
        .ancestors()
        .nth(2)
        .expect("a test lies in target/PROFILE/deps");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--package", "gshell", "--target-dir"])
        .arg(profile_dir.parent().unwrap());
    if profile_dir.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.current_dir(repository()).status().expect("cargo runs");
    assert!(status.success(), "cargo build --package gshell failed");
    profile_dir.join("gshell")
}

/// Whether the program under test is a release build, whose speed means something.
pub fn is_release() -> bool {
    gshell().parent().is_some_and(|dir| dir.ends_with("release"))
}
