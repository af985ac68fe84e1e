//! A machine that misbehaves at random: requests get lost, processes crash, hang, ignore and reconnect. Whatever
//! happens, the group is never stuck, and once the machine behaves it does what is wanted.

use std::collections::BTreeMap;

use crate::{Action, Ended, Event, Stage, Supervisor};

/// xorshift: the same numbers in each run, so a failure names its seed.
struct Random(u32);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % bound
    }

    fn one_in(&mut self, odds: u32) -> bool {
        self.below(odds) == 0
    }
}

struct World {
    random: Random,
    now_ms: u64,
    group: Supervisor,
    scheduled_ms: Option<u64>,
    /// Processes that live, and whether they ignore being asked.
    live: BTreeMap<i32, bool>,
    next_pid: i32,
    /// What is under way and when it arrives.
    coming: Vec<(u64, Event)>,
    calm: bool,
}

impl World {
    fn new(seed: u32) -> Self {
        Self {
            random: Random(seed),
            now_ms: 0,
            group: Supervisor::new(),
            scheduled_ms: None,
            live: BTreeMap::new(),
            next_pid: 1,
            coming: Vec::new(),
            calm: false,
        }
    }

    fn later(&mut self, event: Event) {
        let delay = if self.calm {
            1
        } else {
            u64::from(self.random.below(300))
        };
        self.coming.push((self.now_ms + delay, event));
    }

    fn feed(&mut self, event: Event) {
        for action in self.group.on(self.now_ms, event) {
            match action {
                Action::Spawn => self.spawn(),
                Action::AskShutdown { .. } => self.ask(),
                Action::Kill { pid } => self.kill(pid),
                Action::ScheduleTick { at_ms } => self.scheduled_ms = Some(at_ms),
                Action::Report(_) => {}
            }
        }
        self.check();
    }

    /// The promise: a deadline that is scheduled, or a process.
    fn check(&self) {
        let stage = self.group.stage();
        match stage.deadline_ms() {
            Some(at_ms) => assert_eq!(self.scheduled_ms, Some(at_ms), "{stage:?}"),
            None => assert!(*stage == Stage::Idle || stage.pid().is_some(), "{stage:?}"),
        }
        assert!(
            *stage != Stage::Idle || !self.group.is_wanted(),
            "wanted and idle"
        );
    }

    fn spawn(&mut self) {
        if !self.calm && self.random.one_in(8) {
            return;
        }
        if !self.calm && self.random.one_in(8) {
            return self.later(Event::SpawnFailed {
                reason: "refused".to_owned(),
            });
        }
        let pid = self.next_pid;
        self.next_pid += 1;
        let stubborn = !self.calm && self.random.one_in(4);
        self.live.insert(pid, stubborn);
        self.later(Event::Spawned { pid });
        if self.calm || !self.random.one_in(8) {
            self.later(Event::Ready { pid });
        }
    }

    fn ask(&mut self) {
        let Some(pid) = self.group.stage().pid() else {
            return;
        };
        if self.live.get(&pid) == Some(&false) {
            self.end(
                pid,
                Ended {
                    code: Some(0),
                    ..Ended::UNKNOWN
                },
            );
        }
    }

    fn kill(&mut self, pid: i32) {
        if self.live.contains_key(&pid) {
            self.end(
                pid,
                Ended {
                    signal: Some(9),
                    ..Ended::UNKNOWN
                },
            );
        } else {
            self.later(Event::Exited {
                pid,
                ended: Ended::UNKNOWN,
            });
        }
    }

    fn end(&mut self, pid: i32, ended: Ended) {
        self.live.remove(&pid);
        self.later(Event::ConnectionLost { pid });
        if self.calm || !self.random.one_in(8) {
            self.later(Event::Exited { pid, ended });
        }
    }

    fn disturb(&mut self) {
        match self.random.below(8) {
            0..=2 => self.feed(Event::Wanted),
            3 => self.feed(Event::Emptied),
            4 if self.random.one_in(3) => self.feed(Event::KillRequested),
            5 => self.feed(Event::Tick),
            6 => {
                if let Some(pid) = self.live.keys().next().copied() {
                    self.end(
                        pid,
                        Ended {
                            signal: Some(11),
                            ..Ended::UNKNOWN
                        },
                    );
                }
            }
            7 => {
                let pid = i32::try_from(self.random.below(40)).unwrap();
                let stray = match self.random.below(4) {
                    0 => Event::Exited {
                        pid: pid + 1000,
                        ended: Ended::UNKNOWN,
                    },
                    1 => Event::ConnectionLost { pid },
                    2 => Event::Ready { pid: pid + 1000 },
                    _ => Event::Spawned { pid: pid + 1000 },
                };
                // A stray process of its own must not be counted as live.
                self.feed(stray);
            }
            _ => {}
        }
    }

    /// Lets time pass to the next thing that happens, `limit_ms` at most.
    fn step(&mut self, limit_ms: u64) {
        let coming = self.coming.iter().map(|(at_ms, _)| *at_ms).min();
        let next = coming
            .into_iter()
            .chain(self.scheduled_ms)
            .min()
            .unwrap_or(limit_ms);
        self.now_ms = next.clamp(self.now_ms, limit_ms);
        if self.scheduled_ms.is_some_and(|at_ms| at_ms <= self.now_ms) {
            self.scheduled_ms = None;
            self.feed(Event::Tick);
        }
        if let Some(at) = self.coming.iter().position(|(at_ms, _)| *at_ms <= self.now_ms) {
            let (_, event) = self.coming.remove(at);
            self.feed(event);
        }
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        while self.now_ms < end {
            self.step(end);
        }
    }
}

/// The longest way out of any mess: a start that hangs, its kill, and the longest backoff.
const SETTLE_MS: u64 = 10_000 + 1_000 + 30_000 + 10_000;

#[test]
fn it_always_comes_back_and_always_comes_to_rest() {
    for seed in 1..=400 {
        let mut world = World::new(seed);
        for _ in 0..150 {
            world.disturb();
            let ms = u64::from(world.random.below(4000));
            world.pass(ms);
        }
        world.calm = true;
        world.feed(Event::Wanted);
        world.pass(SETTLE_MS);
        assert!(
            matches!(world.group.stage(), Stage::Running { .. }),
            "seed {seed}: {:?}",
            world.group.stage()
        );

        world.feed(Event::Emptied);
        world.pass(SETTLE_MS);
        assert_eq!(*world.group.stage(), Stage::Idle, "seed {seed}");
    }
}

#[test]
fn a_killed_group_leaves_no_process() {
    for seed in 1..=400 {
        let mut world = World::new(seed);
        for _ in 0..60 {
            let event = match world.random.below(4) {
                0 | 1 => Event::Wanted,
                2 => Event::Emptied,
                _ => Event::KillRequested,
            };
            world.feed(event);
            let ms = u64::from(world.random.below(3000));
            world.pass(ms);
        }
        world.calm = true;
        world.feed(Event::KillRequested);
        world.pass(SETTLE_MS);
        assert_eq!(*world.group.stage(), Stage::Idle, "seed {seed}");
        assert!(world.live.is_empty(), "seed {seed}: {:?}", world.live);
    }
}
