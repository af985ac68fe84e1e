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
