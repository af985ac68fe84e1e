//! System calls that fail as a dying disk makes them fail, by strace's fault injection.

use gshell_tests::{DEADLINE, Node, tools, wait_until};

use crate::SLEEPER;

/// A node whose processes all see this fault; `None` when this machine lets nobody trace.
fn node_with(fault: &str) -> Option<Node> {
    if !tools::has("strace", "strace") {
        return None;
    }
    let may_trace = std::process::Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output();
    if !may_trace.is_ok_and(|out| out.status.success()) {
        assert!(
            std::env::var_os("CI").is_none(),
            "in CI strace must be allowed to trace (kernel.yama.ptrace_scope)"
        );
        return None;
    }
    let mut node = Node::unstarted();
    let calls = fault.split(':').next().unwrap();
    let (trace, inject) = (format!("trace={calls}"), format!("inject={fault}"));
    node.start_daemon_under(&[
        "strace",
        "-f",
        "-q",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &inject,
    ]);
    Some(node)
}

/// Whether the node says that input or output fails.
fn says_so(node: &Node) -> bool {
    let log = node.ok(&["log", "daemon"]) + &node.ok(&["info"]) + &node.cmd(&["log", "some"]).stdout;
    log.to_lowercase().contains("input/output error")
}

/// Each run works or is refused with the reason; the node answers all the while, and what runs can be stopped.
fn goes_on(node: &Node) {
    let script = node.script("some.lua", SLEEPER);
    let mut running = Vec::new();
    for _ in 0..10 {
        let out = node.cmd(&["run", "-g", "some", &script]);
        if out.code == Some(0) {
            running.push(out.ok().to_owned());
        } else {
            out.fails(&["input/output error"]);
        }
    }
    for id in &running {
        node.wait_status(id, "running");
        node.ok(&["stop", id]);
        node.wait_status(id, "exited:killed");
    }
    wait_until("the node says so", DEADLINE, || says_so(node));
    assert_eq!(node.ps().len(), running.len());
}

#[test]
fn fsync_fails() {
    if let Some(node) = node_with("fsync,fdatasync:error=EIO") {
        goes_on(&node);
    }
}

#[test]
fn rename_fails() {
    if let Some(node) = node_with("?rename,?renameat,renameat2:error=EIO") {
        goes_on(&node);
    }
}

#[test]
fn every_fifth_fsync_fails() {
    if let Some(node) = node_with("fsync,fdatasync:error=EIO:when=5+5") {
        goes_on(&node);
        assert!(!node.ps().is_empty(), "most of them worked");
    }
}

/// Files of environments' records.
fn records(node: &Node) -> Vec<String> {
    let mut files = gshell_tests::proc::files_below(&node.state_dir().join("groups"));
    files.retain(|file| file.contains(".job"));
    files
}

#[test]
fn what_is_not_listed_any_more_has_left_nothing() {
    // Each deletion takes long enough for a `ps` or two.
    let Some(node) = node_with("?unlink,?unlinkat:delay_enter=200000") else {
        return;
    };
    let text = "local gshell, fs = require 'gshell', require 'gshell.fs'\n\
                while not fs.exists(arg[1]) do gshell.sleep(0.01) end";
    let flag = node.work_dir().join("flag");
    node.run_script(&["--rm", "-g", "slow"], text, &[&flag.display().to_string()]);
    std::fs::write(flag, "").unwrap();
    wait_until("it is not listed", DEADLINE, || node.ps().is_empty());
    assert_eq!(records(&node), [""; 0]);
    let id = node.run_script(&["-g", "slow"], "", &[]);
    node.wait_status(&id, "exited:ok");
    node.ok(&["rm", &id]);
    assert_eq!(records(&node), [""; 0]);
    assert!(node.ps().is_empty());
}
