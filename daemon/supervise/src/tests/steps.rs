//! Orders of events that matter, written down step by step.

use gshell_control::GroupState;

use crate::Action::{AskShutdown, Kill, Report, ScheduleTick, Spawn};
use crate::{Action, Ended, Event, Stage, Supervisor};

const CLEAN: Ended = Ended {
    code: Some(0),
    signal: None,
    oom: false,
};
const KILLED: Ended = Ended {
    code: None,
    signal: Some(9),
    oom: false,
};

/// Feeds events and gives the actions of the last one, without reports.
fn feed(group: &mut Supervisor, events: &[(u64, Event)]) -> Vec<Action> {
    let mut last = Vec::new();
    for (now_ms, event) in events {
        last = group.on(*now_ms, event.clone());
    }
    last.retain(|action| !matches!(action, Report(_)));
    last
}

fn exited(pid: i32, ended: Ended) -> Event {
    Event::Exited { pid, ended }
}

/// A group that runs as process 7 since time 10.
fn running() -> Supervisor {
    let mut group = Supervisor::new();
    feed(
        &mut group,
        &[
            (0, Event::Wanted),
            (5, Event::Spawned { pid: 7 }),
            (10, Event::Ready { pid: 7 }),
        ],
    );
    assert_eq!(*group.stage(), Stage::Running { pid: 7, since_ms: 10 });
    group
}

#[test]
fn starts_when_wanted() {
    let mut group = Supervisor::new();
    assert_eq!(
        feed(&mut group, &[(0, Event::Wanted)]),
        [Spawn, ScheduleTick { at_ms: 10_000 }]
    );
    assert_eq!(feed(&mut group, &[(1, Event::Wanted)]), []);
    assert_eq!(feed(&mut group, &[(2, Event::Spawned { pid: 7 })]), []);
    assert_eq!(
        *group.stage(),
        Stage::Starting {
            pid: Some(7),
            deadline_ms: 10_000
        }
    );
    assert_eq!(feed(&mut group, &[(3, Event::Ready { pid: 7 })]), []);
    assert_eq!(
        (group.stage().shown(), group.restarts()),
        (GroupState::Running, 0)
    );
}

#[test]
fn readiness_may_overtake_the_fork_server() {
    let mut group = Supervisor::new();
    feed(&mut group, &[(0, Event::Wanted), (1, Event::Ready { pid: 7 })]);
    assert_eq!(feed(&mut group, &[(2, Event::Spawned { pid: 7 })]), []);
    assert_eq!(group.stage().pid(), Some(7));
}

#[test]
fn lingers_and_ends() {
    let mut group = running();
    assert_eq!(
        feed(&mut group, &[(100, Event::Emptied)]),
        [ScheduleTick { at_ms: 5100 }]
    );
    // An early tick is put off, a second emptied does not prolong it.
    assert_eq!(feed(&mut group, &[(200, Event::Emptied)]), []);
    assert_eq!(
        feed(&mut group, &[(300, Event::Tick)]),
        [ScheduleTick { at_ms: 5100 }]
    );
    assert_eq!(
        feed(&mut group, &[(5100, Event::Tick)]),
        [AskShutdown { grace_ms: 5000 }, ScheduleTick { at_ms: 11_100 }]
    );
    assert_eq!(group.stage().shown(), GroupState::Stopping);
    assert_eq!(feed(&mut group, &[(5150, exited(7, CLEAN))]), []);
    assert_eq!(*group.stage(), Stage::Idle);
    assert_eq!(group.last_exit(), Some("process 7 ended with status 0"));
    assert_eq!(group.restarts(), 0);
}

#[test]
fn wanted_again_while_lingering_or_stopping() {
    let mut group = running();
    feed(&mut group, &[(100, Event::Emptied), (200, Event::Wanted)]);
    assert_eq!(*group.stage(), Stage::Running { pid: 7, since_ms: 10 });
    assert_eq!(feed(&mut group, &[(5100, Event::Tick)]), []);

    let mut group = running();
    feed(&mut group, &[(100, Event::Emptied), (5100, Event::Tick)]);
    assert_eq!(feed(&mut group, &[(5110, Event::Wanted)]), []);
    assert_eq!(
        feed(&mut group, &[(5200, exited(7, CLEAN))]),
        [Spawn, ScheduleTick { at_ms: 15_200 }]
    );
    assert_eq!(group.restarts(), 0, "it ended on purpose");
}

#[test]
fn a_crash_restarts_at_once_then_ever_later() {
    let mut group = running();
    assert_eq!(
        feed(&mut group, &[(100, Event::ConnectionLost { pid: 7 })]),
        [Kill { pid: 7 }, ScheduleTick { at_ms: 200 }]
    );
    assert_eq!(
        feed(&mut group, &[(101, exited(7, KILLED))]),
        [Spawn, ScheduleTick { at_ms: 10_101 }]
    );
    assert_eq!(group.restarts(), 1);
    assert_eq!(group.last_exit(), Some("process 7 ended by signal 9"));
    group.explain("plugin echo crashed");
    group.explain("plugin echo crashed");
    assert_eq!(
        group.last_exit(),
        Some("process 7 ended by signal 9: plugin echo crashed")
    );
    let mut now = 200;
    for (round, delay) in [
        100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
    ]
    .iter()
    .enumerate()
    {
        let pid = 10 + i32::try_from(round).unwrap();
        feed(
            &mut group,
            &[(now, Event::Spawned { pid }), (now, Event::Ready { pid })],
        );
        let at_ms = now + 50 + delay;
        assert_eq!(
            feed(&mut group, &[(now + 50, exited(pid, KILLED))]),
            [ScheduleTick { at_ms }]
        );
        assert_eq!(group.stage().shown(), GroupState::Backoff);
        assert_eq!(
            feed(&mut group, &[(at_ms - 1, Event::Wanted)]),
            [],
            "backoff is waited out"
        );
        assert_eq!(feed(&mut group, &[(at_ms, Event::Tick)])[0], Spawn);
        now = at_ms;
    }
    // A stable run forgives all of it.
    feed(
        &mut group,
        &[(now, Event::Spawned { pid: 99 }), (now, Event::Ready { pid: 99 })],
    );
    assert_eq!(feed(&mut group, &[(now + 10_000, exited(99, KILLED))])[0], Spawn);
    assert_eq!(group.failures(), 1);
}

#[test]
fn an_adopted_group_that_vanishes_restarts_without_a_report() {
    let mut group = Supervisor::new();
    feed(&mut group, &[(0, Event::Adopted { pid: 7 })]);
    assert_eq!(group.stage().shown(), GroupState::Running);
    feed(&mut group, &[(50, Event::ConnectionLost { pid: 7 })]);
    assert_eq!(feed(&mut group, &[(150, Event::Tick)])[0], Spawn);
    // The report that comes after all is about a process of the past.
    assert_eq!(
        feed(
            &mut group,
            &[(160, Event::Spawned { pid: 8 }), (161, exited(7, KILLED))]
        ),
        []
    );
    assert_eq!(group.stage().pid(), Some(8));
}

#[test]
fn a_start_that_is_not_ready_is_killed() {
    let mut group = Supervisor::new();
    feed(&mut group, &[(0, Event::Wanted), (5, Event::Spawned { pid: 7 })]);
    assert_eq!(
        feed(&mut group, &[(10_000, Event::Tick)]),
        [Kill { pid: 7 }, ScheduleTick { at_ms: 11_000 }]
    );
    assert_eq!(
        feed(&mut group, &[(10_001, Event::Ready { pid: 7 })]),
        [],
        "too late"
    );
    assert_eq!(feed(&mut group, &[(10_002, exited(7, KILLED))])[0], Spawn);
    assert_eq!((group.failures(), group.restarts()), (1, 1));
}

#[test]
fn a_lost_or_refused_spawn_is_a_failure() {
    let mut group = Supervisor::new();
    feed(&mut group, &[(0, Event::Wanted)]);
    assert_eq!(feed(&mut group, &[(10_000, Event::Tick)])[0], Spawn);
    let refused = Event::SpawnFailed {
        reason: "no memory".to_owned(),
    };
    assert_eq!(
        feed(&mut group, &[(10_010, refused)]),
        [ScheduleTick { at_ms: 10_110 }]
    );
    assert_eq!(
        group.last_exit(),
        Some("the process could not be made: no memory")
    );
    // The answer to the lost request comes after all; that process is in nobody's books.
    assert_eq!(
        feed(&mut group, &[(10_020, Event::Spawned { pid: 6 })]),
        [Kill { pid: 6 }]
    );
}

#[test]
fn kill_asks_first_and_then_does() {
    let mut group = running();
    assert_eq!(
        feed(&mut group, &[(100, Event::KillRequested)]),
        [AskShutdown { grace_ms: 5000 }, ScheduleTick { at_ms: 6100 }]
    );
    assert_eq!(
        feed(&mut group, &[(6100, Event::Tick)]),
        [Kill { pid: 7 }, ScheduleTick { at_ms: 7100 }]
    );
    // Stuck in the kernel: nobody waits for ever.
    assert_eq!(feed(&mut group, &[(7100, Event::Tick)]), []);
    assert_eq!(*group.stage(), Stage::Idle);
}

#[test]
fn kill_twice_is_at_once() {
    let mut group = running();
    feed(&mut group, &[(100, Event::KillRequested)]);
    assert_eq!(
        feed(&mut group, &[(110, Event::KillRequested)]),
        [Kill { pid: 7 }, ScheduleTick { at_ms: 1110 }]
    );
    feed(&mut group, &[(111, exited(7, KILLED))]);
    assert_eq!((*group.stage(), group.restarts()), (Stage::Idle, 0));
}

#[test]
fn kill_in_every_other_stage() {
    let mut idle = Supervisor::new();
    assert_eq!(feed(&mut idle, &[(0, Event::KillRequested)]), []);

    let mut asked = Supervisor::new();
    feed(&mut asked, &[(0, Event::Wanted)]);
    assert_eq!(
        feed(&mut asked, &[(1, Event::KillRequested)]),
        [ScheduleTick { at_ms: 1001 }]
    );
    assert_eq!(
        feed(&mut asked, &[(2, Event::Spawned { pid: 7 })])[0],
        Kill { pid: 7 }
    );
    feed(&mut asked, &[(3, exited(7, KILLED))]);
    assert_eq!(*asked.stage(), Stage::Idle);

    let mut backoff = running();
    feed(
        &mut backoff,
        &[
            (20, exited(7, KILLED)),
            (21, Event::Spawned { pid: 8 }),
            (22, exited(8, KILLED)),
        ],
    );
    assert_eq!(backoff.stage().shown(), GroupState::Backoff);
    feed(&mut backoff, &[(23, Event::KillRequested)]);
    assert_eq!(*backoff.stage(), Stage::Idle);
    assert_eq!(
        feed(&mut backoff, &[(200, Event::Tick)]),
        [],
        "a tick that was scheduled before does nothing"
    );
}

#[test]
fn a_group_that_lets_go_while_ending_is_not_waited_for() {
    let mut group = running();
    feed(&mut group, &[(100, Event::KillRequested)]);
    assert_eq!(
        feed(&mut group, &[(120, Event::ConnectionLost { pid: 7 })])[0],
        Kill { pid: 7 }
    );
    let actions = group.on(121, exited(7, Ended::UNKNOWN));
    assert_eq!(actions, [], "an end on purpose is no report");
    assert_eq!(*group.stage(), Stage::Idle);
}

#[test]
fn a_failure_in_which_nothing_runs_any_more_is_not_restarted() {
    let mut group = running();
    feed(
        &mut group,
        &[(20, Event::ConnectionLost { pid: 7 }), (21, Event::Emptied)],
    );
    assert_eq!(feed(&mut group, &[(22, exited(7, KILLED))]), []);
    assert_eq!(*group.stage(), Stage::Idle);
}

#[test]
fn events_of_other_processes_change_nothing() {
    let before = *running().stage();
    for event in [
        exited(8, KILLED),
        Event::ConnectionLost { pid: 8 },
        Event::Ready { pid: 8 },
        Event::Adopted { pid: 8 },
    ] {
        let mut group = running();
        assert_eq!(feed(&mut group, &[(50, event)]), []);
        assert_eq!(*group.stage(), before);
    }
}

#[test]
fn ends_are_described() {
    for (ended, want) in [
        (
            Ended {
                code: Some(3),
                ..Ended::UNKNOWN
            },
            "ended with status 3",
        ),
        (
            Ended {
                signal: Some(11),
                ..Ended::UNKNOWN
            },
            "ended by signal 11",
        ),
        (
            Ended {
                signal: Some(9),
                oom: true,
                code: None,
            },
            "ended for want of memory",
        ),
        (Ended::UNKNOWN, "ended, it is not known how"),
    ] {
        assert_eq!(ended.to_string(), want);
    }
}

#[test]
fn the_length_of_a_run_is_known_while_it_lasts() {
    let stopping = |failed_after_ms| Stage::Stopping {
        pid: Some(7),
        deadline_ms: 90,
        killed: true,
        failed_after_ms,
    };
    for (stage, want) in [
        (Stage::Running { pid: 7, since_ms: 20 }, 30),
        (
            Stage::Lingering {
                pid: 7,
                since_ms: 20,
                until_ms: 90,
            },
            30,
        ),
        (stopping(Some(25)), 25),
        (stopping(None), 0),
        (Stage::Backoff { until_ms: 90 }, 0),
    ] {
        assert_eq!(stage.ran_ms(50), want, "{stage:?}");
    }
}
