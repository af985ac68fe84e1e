//! Commands that meet: what one started is not undone, postponed or made violent by the next.

use std::time::Duration;

use gshell_tests::{Node, command, wait_until};

use crate::SLEEPER;

/// Ends only by force, five seconds after it was asked to.
const DEAF: &str = "local gshell = require 'gshell'\n\
                    gshell.on_stop(function() while true do gshell.sleep(1) end end)\n\
                    print 'up' while true do pcall(gshell.sleep, 1) end";

fn deaf_beside_a_neighbour(node: &Node) -> (String, String) {
    let neighbour = node.run_script(&["-g", "meet"], SLEEPER, &[]);
    let deaf = node.run_script(&["-g", "meet"], DEAF, &[]);
    node.wait_log(&deaf, "up");
    (deaf, neighbour)
}

/// Runs `first`, and `second` as soon as the environment is stopping.
fn meet(node: &Node, deaf: &str, first: &str, second: &str) {
    std::thread::scope(|scope| {
        let running = scope.spawn(|| command::run(node.command([first, deaf]), b""));
        wait_until("it is stopping", gshell_tests::DEADLINE, || {
            node.job(deaf).state == "stopping"
        });
        node.cmd(&[second, deaf]);
        running.join().expect("the first command ends");
    });
}

#[test]
fn a_stop_during_a_restart_wins_and_neighbours_go_on() {
    let node = Node::start();
    let (deaf, neighbour) = deaf_beside_a_neighbour(&node);
    meet(&node, &deaf, "restart", "stop");
    node.wait_status(&deaf, "exited:killed");
    assert_eq!(node.job(&neighbour).restarts, 0, "its group was not restarted");
}

#[test]
fn a_second_stop_does_not_postpone_the_first() {
    let node = Node::start();
    let (deaf, neighbour) = deaf_beside_a_neighbour(&node);
    let begin = std::time::Instant::now();
    meet(&node, &deaf, "stop", "stop");
    node.wait_status(&deaf, "exited:killed");
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    assert_eq!(node.job(&neighbour).restarts, 0, "its group was not restarted");
}

#[test]
fn rm_by_force_of_one_that_removes_itself_succeeds() {
    let node = Node::start();
    let id = node.run_script(&["--rm", "-g", "meet"], SLEEPER, &[]);
    node.ok(&["rm", "-f", &id]);
    assert!(node.ps().is_empty());
}

#[test]
fn groups_whose_daemon_is_gone_end_with_stop_all() {
    let mut node = Node::start();
    node.run_script(&["-g", "left"], SLEEPER, &[]);
    node.stop_daemon();
    assert_eq!(node.groups().len(), 1, "the group goes on");
    node.cmd_autostarting(&["daemon", "stop", "--all"]);
    wait_until("the group is gone", gshell_tests::DEADLINE, || {
        node.groups().is_empty()
    });
}

#[test]
fn a_node_holds_nothing_of_the_command_that_started_it() {
    let mut node = Node::start();
    node.stop_daemon();
    let work = node.work_dir();
    let held = work.join("held");
    std::fs::write(&held, "").expect("a file");
    let program = node.command(["daemon", "--detach"]);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "exec 9<\"$0\"; exec \"$@\""])
        .arg(&held)
        .arg(program.get_program());
    shell.args(program.get_args()).current_dir(&work);
    program.get_envs().for_each(|(name, value)| match value {
        Some(value) => drop(shell.env(name, value)),
        None => drop(shell.env_remove(name)),
    });
    command::run(shell, b"").ok();
    node.run_script(&["-g", "other"], SLEEPER, &[]);
    let holders: Vec<i32> = node
        .processes()
        .into_iter()
        .filter(|process| {
            let targets = gshell_tests::proc::descriptor_targets(process.pid);
            targets.iter().any(|target| target.contains("/held"))
        })
        .map(|process| process.pid)
        .collect();
    assert!(holders.is_empty(), "{holders:?} hold {}", held.display());
    node.ok(&["daemon", "stop", "--all"]);
}
