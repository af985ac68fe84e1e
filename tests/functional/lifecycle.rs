//! The life of an environment, driven by the command line: run, stop, start, restart, rm.

use std::time::Duration;

use gshell_tests::{Node, wait_until};

use crate::SLEEPER;

#[test]
fn run_stop_start_restart_rm() {
    let node = Node::start();
    let id = node.run_script(&["-g", "life"], SLEEPER, &["one", "two"]);
    let job = node.wait_status(&id, "running");
    assert_eq!(job.args, ["one", "two"]);
    assert!(job.group.starts_with("life-"), "{job:?}");
    assert_eq!(job.name, "s1");
    node.wait_log(&id, "started\tone\ttwo");

    assert!(node.ok(&["stop", &id]).contains(&id));
    let job = node.wait_status(&id, "exited:killed");
    assert_eq!(job.restarts, 0);
    node.wait_log(&id, "stopping");

    assert!(node.ok(&["start", &id]).contains(&id));
    let job = node.wait_status(&id, "running");
    assert_eq!((job.args.len(), job.restarts), (2, 0));

    assert!(node.ok(&["restart", &id]).contains(&id));
    node.wait_status(&id, "running");

    node.ok(&["stop", &id]);
    node.wait_status(&id, "exited:killed");
    assert!(node.ok(&["rm", &id]).contains(&id));
    assert_eq!(node.ps(), []);
    node.cmd(&["log", &id]).fails(&[&id]);
}

#[test]
fn a_script_that_returns_is_exited_ok() {
    let node = Node::start();
    let id = node.run_script(&[], "print 'hi'", &[]);
    let job = node.wait_status(&id, "exited:ok");
    assert_eq!((job.code, job.error, job.pid), (Some(0), None, None));
    assert_eq!(node.ok(&["log", &id]), "hi");
    // The ID stays the same when it runs again.
    node.ok(&["start", &id]);
    wait_until("it ran twice", gshell_tests::DEADLINE, || {
        node.ok(&["log", &id]).matches("hi").count() == 2
    });
    node.wait_status(&id, "exited:ok");
    assert_eq!(node.ps().len(), 1);
}

#[test]
fn stopping_something_that_has_ended_says_so() {
    let node = Node::start();
    let id = node.run_script(&[], "", &[]);
    node.wait_status(&id, "exited:ok");
    let out = node.cmd(&["stop", &id]);
    assert!(out.code != Some(101), "{out:?}");
    assert_eq!(node.job(&id).status(), "exited:ok");
}

#[test]
fn names_and_wildcards() {
    let node = Node::start();
    let (alpha, beta) = (
        node.script("alpha.lua", SLEEPER),
        node.script("beta.lua", SLEEPER),
    );
    let ids: Vec<String> = [&alpha, &alpha, &beta]
        .iter()
        .map(|path| node.ok(&["run", "-g", "names", path]))
        .collect();
    for id in &ids {
        node.wait_status(id, "running");
    }
    let stopped = node.ok(&["stop", "al*"]);
    assert!(
        stopped.contains(&ids[0]) && stopped.contains(&ids[1]) && !stopped.contains(&ids[2]),
        "{stopped}"
    );
    node.wait_status(&ids[1], "exited:killed");
    assert_eq!(node.job(&ids[2]).state, "running");
    node.ok(&["stop", "beta"]);
    node.wait_status(&ids[2], "exited:killed");
    node.ok(&["rm", "*"]);
    assert_eq!(node.ps(), []);
}

#[test]
fn a_group_narrows_a_pattern() {
    let node = Node::start();
    let script = node.script("x.lua", SLEEPER);
    let (a, b) = (
        node.ok(&["run", "-g", "ga", &script]),
        node.ok(&["run", "-g", "gb", &script]),
    );
    node.ok(&["stop", "-g", "ga", "*"]);
    node.wait_status(&a, "exited:killed");
    assert_eq!(
        node.wait_status(&b, "running").group.split('-').next(),
        Some("gb")
    );
    let listed = node.ok(&["ps", "-g", "gb"]);
    assert!(listed.contains(&b) && !listed.contains(&a), "{listed}");
}

#[test]
fn rm_on_exit_leaves_nothing_behind() {
    let node = Node::start();
    let before = gshell_tests::proc::files_below(&node.state_dir().join("groups"));
    let id = node.run_script(&["--rm", "-g", "gone"], "print 'x'", &[]);
    wait_until("it is gone", gshell_tests::DEADLINE, || node.ps().is_empty());
    node.cmd(&["log", &id]).fails(&[&id]);
    let out = node.run_attached(&["--rm", "-g", "gone"], "print 'seen'", b"");
    assert_eq!(out.ok(), "seen");
    wait_until("it is gone", gshell_tests::DEADLINE, || node.ps().is_empty());
    let is_record = |file: &String| file.contains(".job");
    let after = gshell_tests::proc::files_below(&node.state_dir().join("groups"));
    assert_eq!(
        after.iter().filter(|f| is_record(f)).count(),
        before.iter().filter(|f| is_record(f)).count()
    );
    // Code is collected a moment after its last record is gone.
    wait_until(
        "code that no record points to is gone",
        gshell_tests::DEADLINE,
        || gshell_tests::proc::files_below(&node.state_dir().join("packages")).is_empty(),
    );
}

#[test]
fn a_stop_that_is_not_heard_ends_by_force() {
    let node = Node::start();
    let text = "local gshell = require 'gshell'\n\
                gshell.on_stop(function() while true do gshell.sleep(1) end end)\n\
                print 'up' while true do pcall(gshell.sleep, 1) end";
    let id = node.run_script(&["-g", "deaf"], text, &[]);
    node.wait_log(&id, "up");
    let start = std::time::Instant::now();
    node.ok(&["stop", &id]);
    node.wait_status(&id, "exited:killed");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[test]
fn the_same_code_is_kept_once() {
    let node = Node::start();
    let script = node.script("same.lua", SLEEPER);
    for _ in 0..5 {
        node.ok(&["run", "-g", "same", &script]);
    }
    let packages = gshell_tests::proc::files_below(&node.state_dir().join("packages"));
    assert_eq!(packages.len(), 1, "{packages:?}");
}

#[test]
fn a_folder_with_modules_runs_from_any_place() {
    let node = Node::start();
    node.script(
        "app/main.lua",
        "local part = require 'part' print(part.name, (require 'deep.er'), ...)",
    );
    node.script("app/part.lua", "return { name = 'part' }");
    node.script("app/deep/er.lua", "return 'deeper'");
    assert_eq!(node.ok(&["run", "-i", "app", "arg"]), "part\tdeeper\targ");
    // What runs is what was there when it was started.
    let id = node.ok(&["run", "app"]);
    node.wait_status(&id, "exited:ok");
    std::fs::remove_dir_all(node.work_dir().join("app")).unwrap();
    node.ok(&["start", &id]);
    wait_until("it ran twice", gshell_tests::DEADLINE, || {
        node.ok(&["log", &id]).matches("deeper").count() == 2
    });
}
