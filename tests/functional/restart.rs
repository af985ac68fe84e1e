//! Restart policies: N means N, delays grow, giving up can be seen.

use std::time::{Duration, Instant};

use gshell_tests::{Node, wait_until};

#[test]
fn n_restarts_are_n() {
    let node = Node::start();
    let start = Instant::now();
    let id = node.run_script(&["--restart", "3"], "print 'run' error 'again'", &[]);
    wait_until("it gives up", gshell_tests::DEADLINE, || {
        let job = node.job(&id);
        job.state == "exited" && job.restarts == 3
    });
    let took = start.elapsed();
    assert_eq!(node.wait_status(&id, "exited:error").restarts, 3);
    assert_eq!(
        node.ok(&["log", &id])
            .lines()
            .filter(|line| *line == "run")
            .count(),
        4
    );
    assert!(
        took > Duration::from_millis(650),
        "100, 200 and 400 ms, with some jitter: {took:?}"
    );
    let shown = node.ok(&["ps", &id]).to_lowercase() + &node.ok(&["log", "daemon"]).to_lowercase();
    let shown = shown + &node.ok(&["log", &id]).to_lowercase();
    assert!(
        shown.contains("gave up") || shown.contains("giving up"),
        "{shown}"
    );
}

#[test]
fn success_needs_no_restart() {
    let node = Node::start();
    let id = node.run_script(&["--restart", "always"], "print 'once'", &[]);
    assert_eq!(node.wait_status(&id, "exited:ok").restarts, 0);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(node.job(&id).restarts, 0);
}

#[test]
fn backoff_is_a_state_and_can_be_stopped() {
    let node = Node::start();
    let id = node.run_script(&["--restart", "always"], "error 'again'", &[]);
    wait_until("it waits for its next start", gshell_tests::DEADLINE, || {
        let job = node.job(&id);
        job.state == "backoff" && job.restarts >= 2
    });
    node.ok(&["stop", &id]);
    let job = node.job(&id);
    assert_eq!(job.state, "exited", "{job:?}");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(node.job(&id).restarts, job.restarts, "it stays stopped");
}

#[test]
fn a_start_by_hand_has_all_restarts_again() {
    let node = Node::start();
    let id = node.run_script(&["--restart", "1"], "print 'run' error 'again'", &[]);
    wait_until("it gives up", gshell_tests::DEADLINE, || {
        node.job(&id).status() == "exited:error"
    });
    let runs = |node: &Node| {
        node.ok(&["log", &id])
            .lines()
            .filter(|line| *line == "run")
            .count()
    };
    assert_eq!(runs(&node), 2);
    node.ok(&["start", &id]);
    wait_until("it ran twice more", gshell_tests::DEADLINE, || runs(&node) == 4);
    node.wait_status(&id, "exited:error");
}

#[test]
fn a_stopped_environment_is_not_restarted() {
    let node = Node::start();
    let id = node.run_script(&["--restart", "always"], crate::SLEEPER, &[]);
    node.wait_status(&id, "running");
    node.ok(&["stop", &id]);
    node.wait_status(&id, "exited:killed");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(node.job(&id).status(), "exited:killed");
}
