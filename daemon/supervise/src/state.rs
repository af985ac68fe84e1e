//! What a supervisor hears, answers and remembers: closed enums, so that a new case is a compile error everywhere.

use std::fmt;

use gshell_control::GroupState;

/// What happened to the group. Times are not in it; they are an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is something to run in the group.
    Wanted,
    /// Nothing runs in the group any more, and nothing waits to.
    Emptied,
    /// The fork server made the process.
    Spawned {
        /// The new process.
        pid: i32,
    },
    /// The fork server could not make one.
    SpawnFailed {
        /// Why.
        reason: String,
    },
    /// The group answered the daemon's greeting.
    Ready {
        /// The process that answered.
        pid: i32,
    },
    /// A group that the daemon did not start answered its greeting.
    Adopted {
        /// The process that answered.
        pid: i32,
    },
    /// The connection to the group is closed.
    ConnectionLost {
        /// The process that was at its other end.
        pid: i32,
    },
    /// A process is gone: the fork server reported its exit, or there was nothing to send a signal to.
    Exited {
        /// The process.
        pid: i32,
        /// How it ended, as far as anybody knows.
        ended: Ended,
    },
    /// The group has to end, whatever runs in it. Asked again, it ends at once.
    KillRequested,
    /// The time of the last [`Action::ScheduleTick`] has come. Harmless at any other time.
    Tick,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Exit status, when it left by itself.
    pub code: Option<i32>,
    /// Signal that ended it.
    pub signal: Option<i32>,
    /// Whether the kernel ended it for want of memory.
    pub oom: bool,
}

impl Ended {
    /// Nobody knows: it was not a child of the fork server that runs now.
    pub const UNKNOWN: Self = Self {
        code: None,
        signal: None,
        oom: false,
    };

    /// Left by itself with status 0.
    pub const fn is_clean(self) -> bool {
        matches!((self.code, self.signal), (Some(0), None))
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.oom, self.signal, self.code) {
            (true, ..) => f.write_str("ended for want of memory"),
            (_, Some(signal), _) => write!(f, "ended by signal {signal}"),
            (_, None, Some(code)) => write!(f, "ended with status {code}"),
            (_, None, None) => f.write_str("ended, it is not known how"),
        }
    }
}

/// What the daemon has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Have the fork server make the process; answered by [`Event::Spawned`] or [`Event::SpawnFailed`].
    Spawn,
    /// Send the group the message that ends it, with this much time for its environments.
    AskShutdown {
        /// Milliseconds.
        grace_ms: u32,
    },
    /// Send the process the signal that nothing survives. When there is no such process, feed [`Event::Exited`].
    Kill {
        /// The process.
        pid: i32,
    },
    /// Feed [`Event::Tick`] at this time; takes the place of what was scheduled before.
    ScheduleTick {
        /// Monotonic time, milliseconds.
        at_ms: u64,
    },
    /// Log this; it is also the group's last exit in `info`, where it is about one.
    Report(String),
}

/// Where the group stands. Times are monotonic milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No process, and none is wanted.
    Idle,
    /// A process was asked for and has not said that it is ready.
    Starting {
        /// `None` until the fork server has answered.
        pid: Option<i32>,
        /// When it is killed as hopeless.
        deadline_ms: u64,
    },
    /// It works.
    Running {
        /// Its process.
        pid: i32,
        /// Since when.
        since_ms: u64,
    },
    /// It works, and nothing runs in it.
    Lingering {
        /// Its process.
        pid: i32,
        /// Since when it has been working.
        since_ms: u64,
        /// When it is ended.
        until_ms: u64,
    },
    /// It failed and waits.
    Backoff {
        /// When it is started again.
        until_ms: u64,
    },
    /// It is ending.
    Stopping {
        /// Its process; `None` when the fork server has not even answered.
        pid: Option<i32>,
        /// When patience ends: then it is killed, or given up as stuck when it has been.
        deadline_ms: u64,
        /// Whether it has been killed already.
        killed: bool,
        /// The run that is ending, in milliseconds, when it is ending as a failure and not on purpose.
        failed_after_ms: Option<u64>,
    },
}

impl Stage {
    /// The process, where there is one and it is known.
    pub const fn pid(&self) -> Option<i32> {
        match self {
            Self::Idle | Self::Backoff { .. } => None,
            Self::Starting { pid, .. } | Self::Stopping { pid, .. } => *pid,
            Self::Running { pid, .. } | Self::Lingering { pid, .. } => Some(*pid),
        }
    }

    /// How long the process has been working, in milliseconds, as far as that is known: 0 for one that is being ended on purpose.
    pub const fn ran_ms(&self, now_ms: u64) -> u64 {
        match self {
            Self::Running { since_ms, .. } | Self::Lingering { since_ms, .. } => {
                now_ms.saturating_sub(*since_ms)
            }
            Self::Stopping {
                failed_after_ms: Some(ran_ms),
                ..
            } => *ran_ms,
            _ => 0,
        }
    }

    /// When something happens without any event but a tick.
    pub const fn deadline_ms(&self) -> Option<u64> {
        match self {
            Self::Idle | Self::Running { .. } => None,
            Self::Starting { deadline_ms, .. } | Self::Stopping { deadline_ms, .. } => Some(*deadline_ms),
            Self::Lingering { until_ms, .. } | Self::Backoff { until_ms } => Some(*until_ms),
        }
    }

    /// The state that people see.
    pub const fn shown(&self) -> GroupState {
        match self {
            Self::Idle => GroupState::Idle,
            Self::Starting { .. } => GroupState::Starting,
            Self::Running { .. } | Self::Lingering { .. } => GroupState::Running,
            Self::Backoff { .. } => GroupState::Backoff,
            Self::Stopping { .. } => GroupState::Stopping,
        }
    }
}
