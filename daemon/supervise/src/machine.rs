//! The state machine of one group.

use gshell_control::Backoff;
use gshell_control::limits::{GROUP_LINGER, GROUP_START, KILL_WAIT, STOP_GRACE};
use gshell_control::policy::BACKOFF_STABLE_MS;

use crate::state::{Action, Ended, Event, Stage};

/// Time that a group has to end by itself beyond the grace of its environments, milliseconds: it writes their records.
const SHUTDOWN_MARGIN_MS: u64 = 1000;

/// Time between a lost connection and taking the process for gone when nobody reports its exit, milliseconds. It was
/// killed at once, and only a daemon that adopted the group gets no report; its user waits for the restart meanwhile.
const LOST_WAIT_MS: u64 = 100;

/// Supervises one group's process.
#[derive(Clone, Debug)]
pub struct Supervisor {
    stage: Stage,
    /// Whether something should run in the group.
    wanted: bool,
    /// Failures since the last stable run; the first is answered by a restart at once.
    failures: u32,
    backoff: Backoff,
    restarts: u32,
    last_exit: Option<String>,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self::new()
    }
}

impl Supervisor {
    /// A group without process, in which nothing should run.
    pub const fn new() -> Self {
        Self {
            stage: Stage::Idle,
            wanted: false,
            failures: 0,
            backoff: Backoff::new(),
            restarts: 0,
            last_exit: None,
        }
    }

    /// Where it stands.
    pub const fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Whether something should run in the group.
    pub const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Starts after a failure, since this supervisor was made.
    pub const fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Failures since the last stable run.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// How the last process ended, for people; `None` before the first end.
    pub fn last_exit(&self) -> Option<&str> {
        self.last_exit.as_deref()
    }

    /// Adds to the last exit what the supervisor cannot know: what in the process was the cause. Told again, it changes nothing.
    pub fn explain(&mut self, cause: &str) {
        match &mut self.last_exit {
            Some(last) if last.ends_with(cause) => {}
            Some(last) => last.push_str(&format!(": {cause}")),
            None => self.last_exit = Some(cause.to_owned()),
        }
    }

    /// Takes an event at monotonic time `now_ms` and answers what has to be done. Events about processes that are not
    /// this group's, or not any more, change nothing; a process that nobody waits for is killed.
    pub fn on(&mut self, now_ms: u64, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        match event {
            Event::Wanted => self.on_wanted(now_ms, &mut out),
            Event::Emptied => self.on_emptied(now_ms, &mut out),
            Event::Spawned { pid } => self.on_spawned(now_ms, pid, &mut out),
            Event::SpawnFailed { reason } => self.on_spawn_failed(now_ms, &reason, &mut out),
            Event::Ready { pid } => self.on_ready(now_ms, pid, &mut out),
            Event::Adopted { pid } => self.on_adopted(now_ms, pid, &mut out),
            Event::ConnectionLost { pid } => self.on_connection_lost(now_ms, pid, &mut out),
            Event::Exited { pid, ended } => self.on_exited(now_ms, pid, ended, &mut out),
            Event::KillRequested => self.on_kill(now_ms, &mut out),
            Event::Tick => self.on_tick(now_ms, &mut out),
        }
        out
    }

    fn on_wanted(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        self.wanted = true;
        match self.stage {
            Stage::Idle => self.spawn(now_ms, out),
            Stage::Lingering { pid, since_ms, .. } => self.stage = Stage::Running { pid, since_ms },
            // Backoff is waited out: otherwise whoever asks again and again defeats it.
            Stage::Starting { .. }
            | Stage::Running { .. }
            | Stage::Backoff { .. }
            | Stage::Stopping { .. } => {}
        }
    }

    fn on_emptied(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        self.wanted = false;
        match self.stage {
            Stage::Running { pid, since_ms } => self.linger(now_ms, pid, since_ms, out),
            Stage::Backoff { .. } => self.stage = Stage::Idle,
            Stage::Idle | Stage::Starting { .. } | Stage::Lingering { .. } | Stage::Stopping { .. } => {}
        }
    }

    fn on_spawned(&mut self, now_ms: u64, pid: i32, out: &mut Vec<Action>) {
        match self.stage {
            Stage::Starting {
                pid: None,
                deadline_ms,
            } => {
                self.stage = Stage::Starting {
                    pid: Some(pid),
                    deadline_ms,
                };
            }
            // It was to end before it was there. Killing it is all that is left, as nothing runs in it yet.
            Stage::Stopping {
                pid: None,
                failed_after_ms,
                ..
            } => {
                self.kill(
                    now_ms,
                    Some(pid),
                    KILL_WAIT.as_millis() as u64,
                    failed_after_ms,
                    out,
                );
            }
            _ if self.stage.pid() == Some(pid) => {}
            _ => out.push(Action::Kill { pid }),
        }
    }

    fn on_spawn_failed(&mut self, now_ms: u64, reason: &str, out: &mut Vec<Action>) {
        match self.stage {
            Stage::Starting { pid: None, .. } => {
                self.note(out, format!("the process could not be made: {reason}"));
                self.failed(now_ms, 0, out);
            }
            Stage::Stopping {
                pid: None,
                failed_after_ms,
                ..
            } => self.gone(now_ms, failed_after_ms, out),
            _ => {}
        }
    }

    fn on_ready(&mut self, now_ms: u64, pid: i32, out: &mut Vec<Action>) {
        match self.stage {
            Stage::Starting { pid: known, .. } if known.is_none_or(|known| known == pid) => {
                if self.wanted {
                    self.stage = Stage::Running {
                        pid,
                        since_ms: now_ms,
                    };
                } else {
                    self.linger(now_ms, pid, now_ms, out);
                }
            }
            _ => {}
        }
    }

    fn on_adopted(&mut self, now_ms: u64, pid: i32, out: &mut Vec<Action>) {
        match self.stage {
            Stage::Idle | Stage::Backoff { .. } => {
                // What runs in it is not known yet; it says so soon, and lingers then if it is nothing.
                self.wanted = true;
                self.stage = Stage::Running {
                    pid,
                    since_ms: now_ms,
                };
                out.push(Action::Report(format!(
                    "process {pid} runs already and was adopted"
                )));
            }
            Stage::Starting { .. } => self.on_ready(now_ms, pid, out),
            Stage::Running { .. } | Stage::Lingering { .. } | Stage::Stopping { .. } => {}
        }
    }

    fn on_connection_lost(&mut self, now_ms: u64, pid: i32, out: &mut Vec<Action>) {
        if self.stage.pid() != Some(pid) {
            return;
        }
        match self.stage {
            Stage::Running { since_ms, .. } => {
                let ran_ms = now_ms.saturating_sub(since_ms);
                self.kill(now_ms, Some(pid), LOST_WAIT_MS, Some(ran_ms), out);
            }
            Stage::Lingering { .. } => self.kill(now_ms, Some(pid), LOST_WAIT_MS, None, out),
            // It was asked to end and writes its records before it lets go of its connections: nothing is lost, and a
            // group that was adopted has nobody else to report its end.
            Stage::Stopping {
                killed: false,
                failed_after_ms,
                ..
            } => {
                self.kill(now_ms, Some(pid), LOST_WAIT_MS, failed_after_ms, out);
            }
            // Not ready, or killed: the deadline stands.
            Stage::Starting { .. } | Stage::Stopping { .. } | Stage::Idle | Stage::Backoff { .. } => {}
        }
    }

    fn on_exited(&mut self, now_ms: u64, pid: i32, ended: Ended, out: &mut Vec<Action>) {
        if self.stage.pid() != Some(pid) {
            return;
        }
        match self.stage {
            Stage::Idle | Stage::Backoff { .. } => {}
            Stage::Starting { .. } => {
                self.note(out, format!("process {pid} {ended} before it was ready"));
                self.failed(now_ms, 0, out);
            }
            Stage::Running { since_ms, .. } => {
                self.note(out, format!("process {pid} {ended}"));
                self.failed(now_ms, now_ms.saturating_sub(since_ms), out);
            }
            Stage::Lingering { .. } => {
                self.note(out, format!("process {pid} {ended}"));
                self.gone(now_ms, None, out);
            }
            Stage::Stopping {
                killed,
                failed_after_ms,
                ..
            } => {
                let text = format!("process {pid} {ended}");
                if failed_after_ms.is_some() || !(killed || ended.is_clean()) {
                    self.note(out, text);
                } else {
                    self.last_exit = Some(text);
                }
                self.gone(now_ms, failed_after_ms, out);
            }
        }
    }

    fn on_kill(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        self.wanted = false;
        let wait_ms = KILL_WAIT.as_millis() as u64;
        match self.stage {
            Stage::Idle => {}
            Stage::Backoff { .. } => self.stage = Stage::Idle,
            Stage::Starting { pid, .. } => self.kill(now_ms, pid, wait_ms, None, out),
            Stage::Running { pid, .. } | Stage::Lingering { pid, .. } => self.ask(now_ms, pid, out),
            Stage::Stopping {
                pid, killed: false, ..
            } => self.kill(now_ms, pid, wait_ms, None, out),
            Stage::Stopping {
                pid,
                deadline_ms,
                killed: true,
                ..
            } => {
                self.stage = Stage::Stopping {
                    pid,
                    deadline_ms,
                    killed: true,
                    failed_after_ms: None,
                };
            }
        }
    }

    fn on_tick(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        match self.stage.deadline_ms() {
            None => return,
            Some(at_ms) if now_ms < at_ms => return out.push(Action::ScheduleTick { at_ms }),
            Some(_) => {}
        }
        match self.stage {
            Stage::Idle | Stage::Running { .. } => {}
            Stage::Backoff { .. } => self.respawn(now_ms, out),
            Stage::Lingering { pid, .. } => self.ask(now_ms, pid, out),
            Stage::Starting { pid, .. } => self.on_start_overdue(now_ms, pid, out),
            Stage::Stopping {
                pid,
                killed: false,
                failed_after_ms,
                ..
            } => {
                self.note(out, format!("{} did not end in time and is killed", process(pid)));
                self.kill(now_ms, pid, KILL_WAIT.as_millis() as u64, failed_after_ms, out);
            }
            Stage::Stopping {
                pid, failed_after_ms, ..
            } => {
                self.note(
                    out,
                    format!("{} is taken for gone: nobody reported its end", process(pid)),
                );
                self.gone(now_ms, failed_after_ms, out);
            }
        }
    }

    fn on_start_overdue(&mut self, now_ms: u64, pid: Option<i32>, out: &mut Vec<Action>) {
        let seconds = GROUP_START.as_secs();
        self.note(
            out,
            format!("{} was not ready within {seconds} s and is killed", process(pid)),
        );
        match pid {
            Some(_) => self.kill(now_ms, pid, KILL_WAIT.as_millis() as u64, Some(0), out),
            // The fork server lost the request. Should it answer late, that process is killed.
            None => self.failed(now_ms, 0, out),
        }
    }

    /// The process is gone after it was ending: on purpose, or as a failure.
    fn gone(&mut self, now_ms: u64, failed_after_ms: Option<u64>, out: &mut Vec<Action>) {
        match failed_after_ms {
            Some(ran_ms) => self.failed(now_ms, ran_ms, out),
            None if self.wanted => self.spawn(now_ms, out),
            None => self.stage = Stage::Idle,
        }
    }

    /// The process failed after `ran_ms`: started again at once the first time, later with growing delays.
    fn failed(&mut self, now_ms: u64, ran_ms: u64, out: &mut Vec<Action>) {
        if ran_ms >= BACKOFF_STABLE_MS {
            self.failures = 0;
            self.backoff.reset();
        }
        if !self.wanted {
            self.stage = Stage::Idle;
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 {
            return self.respawn(now_ms, out);
        }
        let delay_ms = self.backoff.failed(ran_ms).as_millis() as u64;
        let until_ms = now_ms.saturating_add(delay_ms);
        self.stage = Stage::Backoff { until_ms };
        let failures = self.failures;
        out.push(Action::Report(format!(
            "failed {failures} times in a row; next start in {delay_ms} ms"
        )));
        out.push(Action::ScheduleTick { at_ms: until_ms });
    }

    fn respawn(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        self.restarts = self.restarts.saturating_add(1);
        self.spawn(now_ms, out);
    }

    fn spawn(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        let deadline_ms = now_ms.saturating_add(GROUP_START.as_millis() as u64);
        self.stage = Stage::Starting {
            pid: None,
            deadline_ms,
        };
        out.push(Action::Spawn);
        out.push(Action::ScheduleTick { at_ms: deadline_ms });
    }

    fn linger(&mut self, now_ms: u64, pid: i32, since_ms: u64, out: &mut Vec<Action>) {
        let until_ms = now_ms.saturating_add(GROUP_LINGER.as_millis() as u64);
        self.stage = Stage::Lingering {
            pid,
            since_ms,
            until_ms,
        };
        out.push(Action::ScheduleTick { at_ms: until_ms });
    }

    /// Asks the process to end.
    fn ask(&mut self, now_ms: u64, pid: i32, out: &mut Vec<Action>) {
        let grace_ms = STOP_GRACE.as_millis() as u32;
        let deadline_ms = now_ms.saturating_add(u64::from(grace_ms) + SHUTDOWN_MARGIN_MS);
        self.stage = Stage::Stopping {
            pid: Some(pid),
            deadline_ms,
            killed: false,
            failed_after_ms: None,
        };
        out.push(Action::AskShutdown { grace_ms });
        out.push(Action::ScheduleTick { at_ms: deadline_ms });
    }

    /// Kills the process, where it is known, and waits for its end.
    fn kill(
        &mut self,
        now_ms: u64,
        pid: Option<i32>,
        wait_ms: u64,
        failed_after_ms: Option<u64>,
        out: &mut Vec<Action>,
    ) {
        let deadline_ms = now_ms.saturating_add(wait_ms);
        self.stage = Stage::Stopping {
            pid,
            deadline_ms,
            killed: true,
            failed_after_ms,
        };
        if let Some(pid) = pid {
            out.push(Action::Kill { pid });
        }
        out.push(Action::ScheduleTick { at_ms: deadline_ms });
    }

    fn note(&mut self, out: &mut Vec<Action>, text: String) {
        out.push(Action::Report(text.clone()));
        self.last_exit = Some(text);
    }
}

fn process(pid: Option<i32>) -> String {
    pid.map_or_else(
        || "the process that was asked for".to_owned(),
        |pid| format!("process {pid}"),
    )
}
