//! Greedy scripts beside a neighbour in the same group on one executor thread.
//!
//! The neighbour writes the time every few milliseconds. The gaps in its own log are what a caller of it would have
//! waited, whoever held the thread, and they cover a restart of the group as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::time::{Duration, Instant};

use gshell_tests::{DEADLINE, Job, Node, wait_for, wait_until};

/// Ticks every 5 ms; the log's bound keeps the last ten seconds and more.
const NEIGHBOUR: &str = "local gshell, time = require 'gshell', require 'gshell.time'\n\
                         while true do print(('%.4f'):format(time.now())) gshell.sleep(0.005) end";

/// How long each greedy script is let run.
const GREEDY_FOR: Duration = Duration::from_secs(3);

/// The grace period of a stop is five seconds; the rest is for a busy machine.
const STOPPED_WITHIN: Duration = Duration::from_secs(8);

/// What was seen while a greedy script ran.
struct Seen {
    gap: Duration,
    ps: Duration,
    job: Job,
    ended_after: Duration,
    neighbour: Job,
}

/// The longest time between two lines of the neighbour's log, or from its last line until now.
fn longest_gap(log: &str, since: f64) -> Duration {
    let times: Vec<f64> = log
        .lines()
        .filter_map(|line| line.parse().ok())
        .filter(|time| *time >= since)
        .collect();
    assert!(times.len() > 10, "the neighbour ticks: {log}");
    let gap = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    Duration::from_secs_f64(gap)
}

fn beside(greedy: &str) -> Seen {
    let node = Node::start();
    let group = ["-g", "fair", "--max-threads", "1"];
    let neighbour = node.run_script(&group, NEIGHBOUR, &[]);
    node.wait_status(&neighbour, "running");
    wait_until("the neighbour ticks", DEADLINE, || {
        node.ok(&["log", &neighbour]).lines().count() > 50
    });
    let last = node.ok(&["log", "-n", "1", &neighbour]);
    let since: f64 = last.parse().expect("a time");
    let id = node.run_script(&["-g", "fair"], greedy, &[]);
    let end = Instant::now() + GREEDY_FOR;
    let mut ps = Duration::ZERO;
    while Instant::now() < end {
        ps = ps.max(node.cmd(&["ps"]).took);
        std::thread::sleep(Duration::from_millis(20));
    }
    let stopped_at = Instant::now();
    node.cmd(&["stop", &id]);
    let (job, _) = wait_for("the greedy script has ended", STOPPED_WITHIN, || {
        Some(node.job(&id)).filter(|job| job.state == "exited")
    });
    let ended_after = stopped_at.elapsed();
    // The neighbour has to tick on, so that a gap at the end shows.
    let ticks = node.ok(&["log", "-n", "1", &neighbour]);
    wait_until("the neighbour ticks on", DEADLINE, || {
        node.ok(&["log", "-n", "1", &neighbour]) != ticks
    });
    let gap = longest_gap(&node.cmd(&["log", &neighbour]).stdout, since);
    Seen {
        gap,
        ps,
        job,
        ended_after,
        neighbour: node.job(&neighbour),
    }
}

/// Tries before a bound counts as missed: the machine may be busy with something else, and no script is at fault
/// then. What is always too slow fails all of them.
const TRIES: u32 = 3;

/// Runs `greedy` beside the neighbour and demands that the neighbour never waited longer than `bound`, that the
/// greedy script ended in one of these ways, and that the neighbour runs; gives what was seen.
fn check(what: &str, greedy: &str, bound: Duration, ends: &[&str]) -> Seen {
    for attempt in 1.. {
        let seen = beside(greedy);
        println!(
            "{what}: longest gap of the neighbour {:.0?}, slowest ps {:.0?}, ended {:.1?} after stop as {} ({}), \
             restarts of the neighbour {}",
            seen.gap,
            seen.ps,
            seen.ended_after,
            seen.job.status(),
            seen.job.error.as_deref().unwrap_or("no error"),
            seen.neighbour.restarts
        );
        assert!(
            ends.contains(&seen.job.status().as_str()),
            "{what}: {:?}",
            seen.job
        );
        assert_eq!(seen.neighbour.state, "running");
        if seen.gap < bound {
            return seen;
        }
        assert!(
            attempt < TRIES,
            "{what}: the neighbour waited {:?} in the last of {TRIES} tries",
            seen.gap
        );
    }
    unreachable!("the last try returns or fails")
}

const SLICED: Duration = Duration::from_millis(100);
const BEYOND_HOOKS: Duration = Duration::from_secs(1);

#[test]
fn an_endless_loop() {
    let seen = check(
        "while true do end",
        "while true do end",
        SLICED,
        &["exited:killed"],
    );
    assert_eq!(seen.neighbour.restarts, 0);
}

#[test]
fn a_loop_of_protected_errors() {
    let seen = check(
        "pcall(error)",
        "while true do pcall(error) end",
        SLICED,
        &["exited:killed"],
    );
    assert_eq!(seen.neighbour.restarts, 0);
}

#[test]
fn a_loop_that_catches_its_own_end() {
    let greedy = "local function f() while true do end end while true do pcall(f) end";
    check("pcall(endless)", greedy, SLICED, &["exited:killed"]);
}

#[test]
fn a_loop_in_a_coroutine() {
    let greedy = "local co = coroutine.wrap(function() while true do end end) co()";
    let seen = check("coroutine", greedy, SLICED, &["exited:killed"]);
    assert_eq!(seen.neighbour.restarts, 0);
}

#[test]
fn a_pattern_without_end() {
    let greedy = "string.find(('a'):rep(64), ('.-'):rep(48) .. 'b')";
    check(
        "string.find",
        greedy,
        BEYOND_HOOKS,
        &["exited:killed", "exited:error"],
    );
}

#[test]
fn an_allocation_without_end() {
    let greedy = "local t = {} while true do t[#t + 1] = ('x'):rep(100) .. #t end";
    let seen = check("allocation", greedy, SLICED, &["exited:oom"]);
    assert_eq!(seen.neighbour.restarts, 0);
}

#[test]
fn output_without_end() {
    let seen = check("print", "while true do print 'x' end", SLICED, &["exited:killed"]);
    assert_eq!(seen.neighbour.restarts, 0);
}

#[test]
fn tasks_without_end() {
    let greedy = "local g = require 'gshell' while true do g.spawn(function() g.sleep(1) end) g.sleep(0) end";
    let ends = ["exited:killed", "exited:oom", "exited:error"];
    assert_eq!(check("spawn", greedy, SLICED, &ends).neighbour.restarts, 0);
}
