//! `kill -9` at random moments of daemon, fork server and groups, during 200 runs, stops and removals.
//!
//! Afterwards: what was acknowledged is there, what was removed is gone, nothing is left over. A failure prints its
//! seed; `GSHELL_CRASH_SEED` gives the same choices again, though the machine's own timing still has a say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod model;

use std::time::Duration;

use gshell_tests::node::kill_hard;
use gshell_tests::rng::Rng;
use gshell_tests::{Node, children, command, proc, wait_until};
use model::{Model, Wish};

/// Commands in all.
const COMMANDS: u32 = 200;

/// Groups that they spread over.
const GROUPS: [&str; 4] = ["ga", "gb", "gc", "gd"];

/// A group that was killed many times waits long between its starts.
const SETTLED: Duration = Duration::from_secs(90);

#[test]
fn two_hundred_commands_under_fire() {
    let seed = Rng::seed("GSHELL_CRASH_SEED");
    println!("GSHELL_CRASH_SEED={seed}");
    let mut rng = Rng::new(seed);
    let mut node = Node::start();
    let mut model = Model::default();
    let mut kills = [0u32; 3];
    for _ in 0..COMMANDS {
        let delay = Duration::from_micros(u64::from(rng.below(12_000)));
        let victim = if rng.below(2) == 0 {
            Some(rng.below(3))
        } else {
            None
        };
        let pick = rng.below(64);
        let wish = model.next(&mut rng, &GROUPS);
        let done = std::thread::scope(|scope| {
            let command = scope.spawn(|| command::run(request(&node, &wish), b""));
            std::thread::sleep(delay);
            match victim {
                Some(1) => node
                    .fork_server()
                    .into_iter()
                    .for_each(|server| kill_hard(server.pid)),
                Some(2) => kill_one_group(&node, pick),
                // The daemon is killed by its pid here and waited for below, when nobody else uses the node.
                Some(_) => kill_hard(node.daemon_pid()),
                None => {}
            }
            command.join().expect("the command ends")
        });
        if let Some(victim) = victim {
            kills[victim as usize] += 1;
        }
        if victim == Some(0) {
            node.kill_daemon();
            node.start_daemon();
        }
        model.note(wish, &done);
    }
    println!(
        "kills of daemon, fork server, groups: {kills:?}; {}",
        model.summary()
    );
    settle(&node, &model);
    end(&mut node);
}

fn request(node: &Node, wish: &Wish) -> std::process::Command {
    match wish {
        Wish::Run { group, text } => {
            let script = node.script(&format!("{}.lua", text.len()), text);
            node.command(["run", "-g", group, &script])
        }
        Wish::Stop(id) => node.command(["stop", id]),
        Wish::Start(id) => node.command(["start", id]),
        Wish::Remove(id) => node.command(["rm", id]),
    }
}

fn kill_one_group(node: &Node, pick: u32) {
    let groups = node.groups();
    if !groups.is_empty() {
        kill_hard(groups[pick as usize % groups.len()].pid);
    }
}

/// Everything that was promised has to come true by itself.
fn settle(node: &Node, model: &Model) {
    let mut last = Vec::new();
    let start = std::time::Instant::now();
    loop {
        let jobs = node.ps();
        let broken = model.broken(&jobs);
        if broken.is_empty() {
            break;
        }
        if start.elapsed() >= SETTLED {
            panic!(
                "not as it should be: {broken:#?}\njobs: {jobs:#?}\n{}",
                testimony(node)
            );
        }
        last = broken;
        std::thread::sleep(Duration::from_millis(100));
    }
    println!(
        "settled after {:?}; last to come right: {last:?}",
        start.elapsed()
    );
    // A process per group in which something runs, and a short time longer for one in which nothing does.
    wait_until("every group's process is known", Duration::from_secs(30), || {
        let mut known: Vec<i32> = node.ps().iter().filter_map(|job| job.pid).collect();
        let mut seen: Vec<i32> = node.groups().iter().map(|group| group.pid).collect();
        known.sort_unstable();
        known.dedup();
        seen.sort_unstable();
        known == seen
    });
}

/// What the node says of its groups, and what their processes do: whatever did not settle is gone with the test.
fn testimony(node: &Node) -> String {
    let mut told = Vec::new();
    for words in [
        &["--json", "info"][..],
        &["log", "daemon"],
        &["log", "ga"],
        &["log", "gb"],
        &["log", "gc"],
    ] {
        let output = node.cmd(words);
        told.push(format!("{words:?}: {}{}", output.stdout, output.stderr));
    }
    for process in node.processes() {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", process.pid));
        for task in tasks.into_iter().flatten().flatten() {
            let read = |file| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
            let (comm, at, call) = (read("comm"), read("wchan"), read("syscall"));
            told.push(format!(
                "{} {} {at} {}",
                task.path().display(),
                comm.trim(),
                call.trim()
            ));
        }
    }
    told.join("\n")
}

/// Ends the node and looks at what is left of it.
fn end(node: &mut Node) {
    let aside = proc::files_below(&node.state_dir().join("aside"));
    assert!(aside.is_empty(), "no crash makes a record unreadable: {aside:?}");
    let log = node.ok(&["log", "daemon"]);
    assert!(!log.contains("panicked"), "{log}");
    // A second start on the same state lists the same.
    let listed = |node: &Node| {
        let mut ids: Vec<String> = node.ps().into_iter().map(|job| job.id).collect();
        ids.sort();
        ids
    };
    let before = listed(node);
    node.kill_everything();
    node.start_daemon();
    assert_eq!(listed(node), before);
    node.ok(&["kill", "-f", "*"]);
    if !node.ps().is_empty() {
        node.ok(&["rm", "*"]);
    }
    assert_eq!(node.ps(), []);
    wait_until("the groups are gone", Duration::from_secs(30), || {
        node.groups().is_empty()
    });
    wait_until(
        "no record, package or temporary file is left",
        Duration::from_secs(10),
        || left_over(node).is_empty() || std::env::var_os("GSHELL_KEEP").is_some(),
    );
    node.stop_daemon();
    children::reap_orphans();
    node.assert_nothing_left(Duration::from_secs(10));
}

fn left_over(node: &Node) -> Vec<String> {
    let files = proc::files_below(&node.state_dir());
    files
        .into_iter()
        .filter(|file| file.contains(".job") || file.contains(".pkg") || file.contains("tmp"))
        .collect()
}
