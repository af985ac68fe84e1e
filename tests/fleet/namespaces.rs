//! Namespaces in which a test is root and alone: network, mounts and processes. They end with the test, however it ends,
//! and all that is in them with them.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use gshell_tests::tools;

use crate::machine::prebuilt;

/// Set for the test that runs inside.
const INSIDE: &str = "GSHELL_FLEET_INSIDE";

/// Folders over which a temporary file system can be mounted, and which few builds lie in.
const COVERED: [&str; 3] = ["/mnt", "/media", "/srv"];

/// Several fleets at once would only make each other slow.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs the test called `name` in namespaces of its own: this program starts again there, with that test only.
///
/// When this process is gone, so is the first one in the process namespace, and with it every process of the fleet. What
/// the fleet writes is in memory.
pub fn inside(name: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    // What the test has to build first, it builds out here.
    let built = prebuilt();
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !are_possible() {
        return;
    }
    let test = std::env::current_exe().expect("this program's path");
    let status = unshare()
        .arg(&test)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .envs(built)
        .env("TMPDIR", covered(&test))
        .status()
        .expect("setpriv runs");
    assert!(
        status.success(),
        "the fleet failed with {status}, the reason is above"
    );
}

/// Makes the folder for temporary files one in memory. The first thing that a test does inside.
pub fn cover_temporary_files() {
    let dir = std::env::temp_dir();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "mode=0755", "none"]).arg(dir);
    assert!(mount.status().expect("mount runs").success(), "cannot mount");
}

fn covered(test: &Path) -> &'static str {
    let free = |dir: &&&str| Path::new(dir).is_dir() && !test.starts_with(dir);
    COVERED.iter().find(free).expect("/mnt, /media or /srv is there")
}

/// A command line that runs what is appended to it in new namespaces.
fn unshare() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare"]);
    if !tools::is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args([
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child=KILL",
        "--mount-proc",
    ]);
    command
}

fn are_possible() -> bool {
    let wanted = [
        ("setpriv", "util-linux"),
        ("unshare", "util-linux"),
        ("nsenter", "util-linux"),
        ("ip", "iproute2"),
    ];
    if !wanted.iter().all(|(tool, package)| tools::has(tool, package)) {
        return false;
    }
    let tried = unshare()
        .args(["ip", "link", "add", "gst-bridge", "type", "bridge"])
        .stdin(Stdio::null())
        .output()
        .expect("setpriv runs");
    tried.status.success()
        || tools::left_out(&format!(
            "no bridge can be made in namespaces here: {}",
            String::from_utf8_lossy(&tried.stderr).trim()
        ))
}
