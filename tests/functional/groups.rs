//! Groups: one process for many environments, none for none.

use std::time::Duration;

use gshell_tests::{Node, wait_until};

use crate::SLEEPER;

/// The linger of an empty group is five seconds; a busy machine gets as much again and more.
const LINGER: Duration = Duration::from_secs(20);

#[test]
fn environments_of_a_group_share_its_process() {
    let node = Node::start();
    let ids: Vec<String> = (0..3)
        .map(|_| node.run_script(&["-g", "shared"], SLEEPER, &[]))
        .collect();
    let other = node.run_script(&["-g", "other"], SLEEPER, &[]);
    for id in ids.iter().chain([&other]) {
        node.wait_status(id, "running");
    }
    let pids: Vec<i32> = ids.iter().map(|id| node.group_pid(id)).collect();
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
    assert_ne!(node.group_pid(&other), pids[0]);
    assert_eq!(node.groups().len(), 2);
}

#[test]
fn every_run_without_a_group_gets_its_own() {
    let node = Node::start();
    let (a, b) = (
        node.run_script(&[], SLEEPER, &[]),
        node.run_script(&[], SLEEPER, &[]),
    );
    assert_ne!(node.job(&a).group, node.job(&b).group);
}

#[test]
fn an_empty_group_costs_no_process() {
    let node = Node::start();
    let id = node.run_script(&["-g", "brief"], "print 'kept'", &[]);
    node.wait_status(&id, "exited:ok");
    wait_until("the group's process has ended", LINGER, || {
        node.groups().is_empty()
    });
    let job = node.job(&id);
    assert_eq!((job.status().as_str(), job.restarts), ("exited:ok", 0));
    assert_eq!(node.ok(&["log", &id]), "kept");
    assert!(node.ok(&["ps", &id]).contains("brief-"));
    // On demand it is there again, with the same environment.
    node.ok(&["start", &id]);
    wait_until("it ran again", gshell_tests::DEADLINE, || {
        node.ok(&["log", &id]).matches("kept").count() == 2
    });
    node.wait_status(&id, "exited:ok");
    // And rm works without it.
    wait_until("the group's process has ended", LINGER, || {
        node.groups().is_empty()
    });
    node.ok(&["rm", &id]);
    assert_eq!(node.ps(), []);
}

#[test]
fn kill_ends_groups() {
    let node = Node::start();
    let id = node.run_script(&["-g", "ka"], "print(1)", &[]);
    node.wait_status(&id, "exited:ok");
    node.ok(&["kill", "ka"]);
    wait_until("the group is gone", Duration::from_secs(3), || {
        node.groups().is_empty()
    });
    let busy = node.run_script(&["-g", "kb"], SLEEPER, &[]);
    node.wait_status(&busy, "running");
    node.ok(&["kill", "-f", "kb"]);
    wait_until("the group is gone", Duration::from_secs(5), || {
        node.groups().is_empty()
    });
    assert!(
        node.ps().iter().all(|job| job.state != "running"),
        "{:?}",
        node.ps()
    );
}

#[test]
fn a_group_has_at_most_the_threads_that_were_asked_for() {
    let node = Node::start();
    // Threads are made when environments need them; some more do what blocks.
    let threads_of = |group: &str, most: &str| {
        let ids: Vec<String> = (0..6)
            .map(|_| node.run_script(&["-g", group, "--max-threads", most], SLEEPER, &[]))
            .collect();
        for id in &ids {
            node.wait_status(id, "running");
        }
        std::fs::read_dir(format!("/proc/{}/task", node.group_pid(&ids[0])))
            .unwrap()
            .count()
    };
    let (one, four) = (threads_of("one", "1"), threads_of("four", "4"));
    assert_eq!(four - one, 3, "one: {one} threads, four: {four}");
}

#[test]
fn a_real_time_priority_is_set_or_warned_about() {
    let node = Node::start();
    let script = node.script("rt.lua", SLEEPER);
    let out = node.cmd(&["run", "-g", "rt", "--rt", "5", &script]);
    let id = out.ok().to_owned();
    node.wait_status(&id, "running");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", node.group_pid(&id))).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let (priority, policy) = (fields[37], fields[38]);
    if policy == "2" {
        assert_eq!(priority, "5");
    } else {
        assert!(
            out.stderr.contains("real-time") || out.stderr.contains("SCHED_RR"),
            "{out:?}"
        );
    }
}

#[test]
fn a_group_can_run_as_another_user() {
    let node = Node::start();
    if !gshell_tests::tools::is_root() {
        let script = node.script("u.lua", SLEEPER);
        node.cmd(&["run", "--user", "root", &script]).fails(&["root"]);
        return;
    }
    let id = node.run_script(&["-g", "usr", "--user", "nobody"], SLEEPER, &[]);
    node.wait_status(&id, "running");
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.group_pid(&id))).unwrap();
    let uid = status.lines().find(|line| line.starts_with("Uid:")).unwrap();
    assert!(uid.split_whitespace().skip(1).all(|id| id != "0"), "{uid}");
    // It can be controlled, logged and persisted all the same.
    node.wait_log(&id, "started");
    node.ok(&["stop", &id]);
    node.wait_status(&id, "exited:killed");
}
