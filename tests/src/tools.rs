//! Programs of the system that single tests need, and whether they are there.
//!
//! In CI a missing tool is a failure that says how to install it; by hand the test says that it was left out.

use std::process::{Command, Stdio};

/// Whether a test that needs `tool` may go on. `package` is its name on Debian.
pub fn has(tool: &str, package: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|dir| dir.join(tool).is_file()) {
        return true;
    }
    missing(&format!("{tool} is not installed: apt-get install {package}"));
    false
}

/// Whether this user may make a mount namespace of its own; in CI, which runs as root, not being able is a failure.
pub fn can_mount() -> bool {
    if !has("unshare", "util-linux") {
        return false;
    }
    let tried = Command::new("unshare")
        .args([
            "--mount", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let can = tried.is_ok_and(|status| status.success());
    if !can && is_root() {
        missing(
            "root may not mount in a namespace of its own here (unshare --mount): run where CAP_SYS_ADMIN is given",
        );
    } else if !can {
        eprintln!("left out: only root may mount");
    }
    can
}

/// Whether this process is root, to whom file permissions mean nothing.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn missing(what: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "in CI no test is left out: {what}"
    );
    eprintln!("left out: {what}");
}

/// Says that a test is left out, which in CI is a failure. Always false, for whoever asks whether it may go on.
pub fn left_out(why: &str) -> bool {
    missing(why);
    false
}
