//! What the daemon remembers of an environment between two words of its group.

use std::time::Instant;

use gshell_control::{Job, State};

/// An environment, and when this was heard of it.
pub struct Seen {
    /// What the group said last.
    pub job: Job,
    at: Instant,
}

impl Seen {
    /// Heard at this moment.
    pub fn new(job: Job) -> Seen {
        Seen {
            job,
            at: Instant::now(),
        }
    }

    /// How it is at this moment, given whether its group has no process.
    pub fn now(&self, group_is_down: bool) -> Job {
        let mut job = self.job.clone();
        match job.state {
            State::Running | State::Stopping if group_is_down => job.state = State::Backoff,
            State::Running | State::Stopping => {
                job.duration_ms += self.at.elapsed().as_millis() as u64;
            }
            _ => {}
        }
        job
    }
}
