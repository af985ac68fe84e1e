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

fn goes_on(node: &Node) {
    let id = node.run_script(&["-g", "eio"], SLEEPER, &[]);
    node.wait_status(&id, "running");
    assert_eq!(node.run_attached(&["-g", "eio"], "print 'x'", b"").ok(), "x");
    node.ok(&["stop", &id]);
    node.wait_status(&id, "exited:killed");
    node.ok(&["rm", &id]);
    wait_until("the node says so", DEADLINE, || {
        let log = node.ok(&["log", "daemon"]) + &node.daemon_output() + &node.cmd(&["log", "eio"]).stdout;
        let log = log.to_lowercase();
        log.contains("input/output error") || log.contains("i/o error")
    });
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
        for n in 0..10 {
            let id = node.run_script(&["-g", "some"], "print 'x'", &[]);
            node.wait_status(&id, "exited:ok");
            assert_eq!(node.ps().len(), n + 1);
        }
    }
}
