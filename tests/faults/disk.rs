//! Disks that are full, read-only or not there: the node runs on, says so, and recovers by itself.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use gshell_tests::temp::TempDir;
use gshell_tests::{DEADLINE, Node, proc, tools, wait_until};

use crate::SLEEPER;

/// Set in the copy of this test that runs in a mount namespace of its own.
const INSIDE: &str = "GSHELL_TEST_INSIDE";

/// Runs the calling test once more in a mount namespace, where it may mount; true in there.
fn inside_own_mounts(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if !tools::can_mount() {
        return false;
    }
    let me = std::env::current_exe().unwrap();
    // What is mounted in there cannot be deleted in there: this one is, when the mounts have gone with their namespace.
    let outer = TempDir::new();
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private"])
        .arg(me)
        .args(["--exact", test, "--nocapture"]);
    command
        .env(INSIDE, "1")
        .env("TMPDIR", outer.path())
        .stdin(Stdio::null());
    let mut child = gshell_tests::children::spawn(&mut command).unwrap();
    assert!(
        gshell_tests::children::wait(&mut child).success(),
        "{test} failed inside its namespace"
    );
    false
}

fn mount(args: &[&str]) {
    let out = Command::new("mount").args(args).output().unwrap();
    assert!(
        out.status.success(),
        "mount {args:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// A node whose folder `dir` is a filesystem of its own with this many kB.
fn with_small_disk(dir: &str, kb: u32) -> (Node, String) {
    let node = Node::unstarted();
    let path = match dir {
        "state" => node.state_dir(),
        _ => node.run_dir(),
    };
    fs::create_dir_all(&path).unwrap();
    let path = path.display().to_string();
    mount(&[
        "-t",
        "tmpfs",
        "-o",
        &format!("size={kb}k,mode=755"),
        "none",
        &path,
    ]);
    (node, path)
}

/// Fills a filesystem to its last byte; deleting the file makes room again.
fn fill(dir: &str) -> String {
    let path = format!("{dir}/filler");
    let _ = fs::write(&path, vec![0; 8 << 20]);
    assert!(
        fs::write(format!("{dir}/more"), vec![0; 65536]).is_err(),
        "the disk is full"
    );
    let _ = fs::remove_file(format!("{dir}/more"));
    path
}

/// What the node tells about itself, in lower case.
fn told(node: &Node) -> String {
    [
        node.cmd(&["log", "daemon"]).stdout,
        node.cmd(&["info"]).stdout,
        node.daemon_output(),
    ]
    .concat()
    .to_lowercase()
}

#[test]
fn a_full_disk() {
    if !inside_own_mounts("disk::a_full_disk") {
        return;
    }
    let (mut node, state) = with_small_disk("state", 512);
    node.start_daemon();
    let before = node.run_script(&["-g", "before"], SLEEPER, &[]);
    node.wait_status(&before, "running");
    let filler = fill(&state);
    // What needs room is refused with the reason; what runs goes on and is controlled.
    let script = node.script("more.lua", SLEEPER);
    let refused = node.cmd(&["run", "-g", "full", &script]);
    if refused.code != Some(0) {
        refused.fails(&["no space"]);
    }
    node.ok(&["stop", &before]);
    node.wait_status(&before, "exited:killed");
    wait_until("the node says so", DEADLINE, || told(&node).contains("no space"));
    assert!(is_unsaved(&node), "that it was stopped is not on disk");
    fs::remove_file(filler).unwrap();
    let after = node.run_script(&["-g", "after"], SLEEPER, &[]);
    node.wait_status(&after, "running");
    recovers(&node);
    for id in [&before, &after] {
        let files = proc::files_below(&node.state_dir());
        assert!(
            files.iter().any(|file| file.contains(&format!("{id}.job"))),
            "{files:?}"
        );
    }
    node.kill_everything();
    node.start_daemon();
    node.wait_status(&after, "running");
    assert_eq!(node.job(&before).status(), "exited:killed");
}

/// Whether some environment's record waits for a disk that takes it, as `ps --json` says.
fn is_unsaved(node: &Node) -> bool {
    let jobs: serde_json::Value = serde_json::from_str(&node.ok(&["ps", "--json"])).unwrap();
    jobs.as_array()
        .unwrap()
        .iter()
        .any(|job| !job["unsaved"].is_null())
}

/// It writes by itself what it could not, within a time that a user can wait.
fn recovers(node: &Node) {
    wait_until("the node says that all is saved", Duration::from_secs(60), || {
        !is_unsaved(node)
    });
}

#[test]
fn a_disk_that_becomes_read_only() {
    if !inside_own_mounts("disk::a_disk_that_becomes_read_only") {
        return;
    }
    let (mut node, state) = with_small_disk("state", 4096);
    node.start_daemon();
    let before = node.run_script(&["-g", "before"], SLEEPER, &[]);
    node.wait_status(&before, "running");
    // A second mount of the same folder on top: read-only for all who come by its path, as after an error of a disk,
    // while a plain remount is refused as long as the node holds its lock open.
    mount(&["--bind", &state, &state]);
    mount(&["-o", "remount,bind,ro", &state]);
    let script = node.script("more.lua", SLEEPER);
    let refused = node.cmd(&["run", "-g", "ro", &script]);
    if refused.code != Some(0) {
        refused.fails(&["read-only"]);
    }
    node.ok(&["stop", &before]);
    node.wait_status(&before, "exited:killed");
    wait_until("the node says so", DEADLINE, || told(&node).contains("read-only"));
    assert!(is_unsaved(&node), "that it was stopped is not on disk");
    assert!(Command::new("umount").arg(&state).status().unwrap().success());
    recovers(&node);
    node.kill_everything();
    node.start_daemon();
    assert_eq!(node.job(&before).status(), "exited:killed");
}

#[test]
fn a_disk_that_is_read_only_from_the_start() {
    if !inside_own_mounts("disk::a_disk_that_is_read_only_from_the_start") {
        return;
    }
    let (mut node, state) = with_small_disk("state", 512);
    mount(&["-o", "remount,ro", &state]);
    node.start_daemon();
    runs_volatile(&node);
    assert!(told(&node).contains("read-only"), "{}", told(&node));
}

#[test]
fn a_full_run_dir() {
    if !inside_own_mounts("disk::a_full_run_dir") {
        return;
    }
    let (mut node, run) = with_small_disk("run", 512);
    node.start_daemon();
    let before = node.run_script(&["-g", "before"], SLEEPER, &[]);
    node.wait_status(&before, "running");
    let filler = fill(&run);
    let id = node.run_script(&["-g", "before"], "for i = 1, 5000 do print(i) end", &[]);
    node.wait_status(&id, "exited:ok");
    assert_eq!(node.run_attached(&["-g", "before"], "print 'x'", b"").ok(), "x");
    node.ok(&["stop", &before]);
    fs::remove_file(filler).unwrap();
    assert_eq!(node.run_attached(&[], "print 'y'", b"").ok(), "y");
}

#[test]
fn a_state_folder_that_cannot_be_made() {
    let mut node = Node::unstarted();
    node.set_env("GSHELL_STATE_DIR", "/proc/no/such/folder");
    node.start_daemon();
    runs_volatile(&node);
    assert!(told(&node).contains("/proc/no/such/folder"), "{}", told(&node));
}

#[test]
fn a_state_folder_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    if tools::is_root() {
        return;
    }
    let mut node = Node::unstarted();
    fs::create_dir(node.state_dir()).unwrap();
    fs::set_permissions(node.state_dir(), fs::Permissions::from_mode(0o555)).unwrap();
    node.start_daemon();
    runs_volatile(&node);
}

/// A node without a disk does everything but remember, and says so.
fn runs_volatile(node: &Node) {
    let id = node.run_script(&["-g", "vol"], SLEEPER, &[]);
    node.wait_status(&id, "running");
    assert_eq!(node.run_attached(&["-g", "vol"], "print 'x'", b"").ok(), "x");
    node.ok(&["stop", &id]);
    node.wait_status(&id, "exited:killed");
    node.ok(&["start", &id]);
    node.wait_status(&id, "running");
    assert!(told(node).contains("nothing is kept on disk"), "{}", told(node));
}
