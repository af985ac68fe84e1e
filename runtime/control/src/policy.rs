//! When an environment that ended starts again, and after which delay.
//!
//! The policy is a handful of constants and two pure functions, so that a group, a test and the documentation cannot
//! disagree about it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use gshell_wire::Schema;
use serde::{Deserialize, Serialize};

use crate::{Exit, Invalid};

/// Delay before the first restart, milliseconds: long enough that a script which fails at once does not fill a CPU.
pub const BACKOFF_FIRST_MS: u64 = 100;

/// The longest delay between two starts, milliseconds: a cause that goes away by itself (a network, a device) is
/// noticed within half a minute, and a hopeless script costs next to nothing.
pub const BACKOFF_CAP_MS: u64 = 30_000;

/// A run that lasted this long, milliseconds, counts as healthy: the next failure starts from the first delay again.
pub const BACKOFF_STABLE_MS: u64 = 10_000;

/// How often an environment is started again after it failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub enum Restart {
    /// It stays exited.
    #[default]
    Never,
    /// This many restarts, not starts: 3 means up to four runs.
    Times(u32),
    /// Without end, with growing delays.
    Always,
}

impl Restart {
    /// The restarts that a fresh start of the environment is entitled to; `u32::MAX` stands for no end.
    pub const fn allowance(self) -> u32 {
        match self {
            Self::Never => 0,
            Self::Times(count) => count,
            Self::Always => u32::MAX,
        }
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.pad("0"),
            Self::Times(count) => f.pad(&count.to_string()),
            Self::Always => f.pad("always"),
        }
    }
}

impl FromStr for Restart {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "always" {
            return Ok(Self::Always);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(0) if digits => Ok(Self::Never),
            Ok(count) if digits => Ok(Self::Times(count)),
            _ => Err(Invalid::new(
                "restart policy",
                text,
                format!("it is a number of restarts from 0 to {}, or \"always\"", u32::MAX),
            )),
        }
    }
}

/// The growing delay between the restarts of one thing that keeps failing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Without a failure so far.
    pub const fn new() -> Self {
        Self { failures: 0 }
    }

    /// Failures in a row, none of them after a stable run.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure after a run of `ran_ms` milliseconds and gives the delay before the next start.
    pub fn failed(&mut self, ran_ms: u64) -> Duration {
        if ran_ms >= BACKOFF_STABLE_MS {
            self.failures = 0;
        }
        // A shift of 16 is far past the cap already; beyond 63 it would overflow.
        let delay = (BACKOFF_FIRST_MS << self.failures.min(16)).min(BACKOFF_CAP_MS);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(delay)
    }

    /// Forgets all failures: somebody started the thing by hand.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// What follows the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it ended well, was stopped, or never restarts.
    Done,
    /// The next start after this delay; it uses up one of the restarts that are left.
    RestartIn(Duration),
    /// It failed once more than its policy allows. This is shown, never silent.
    GaveUp,
}

/// Decides what follows a run that ended with `exit` after `ran_ms` milliseconds.
///
/// `restarts_left` starts as [`Restart::allowance`] and goes down by one with each [`Next::RestartIn`]; the caller
/// keeps it, because it is part of the record on disk. With [`Restart::Always`] it is not looked at.
pub fn after_exit(
    exit: Exit,
    restart: Restart,
    restarts_left: u32,
    backoff: &mut Backoff,
    ran_ms: u64,
) -> Next {
    if !exit.is_failure() {
        return Next::Done;
    }
    match restart {
        Restart::Never => Next::Done,
        Restart::Times(_) if restarts_left == 0 => Next::GaveUp,
        Restart::Times(_) | Restart::Always => Next::RestartIn(backoff.failed(ran_ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restart_is_a_number_or_always() {
        for (text, want) in [
            ("0", Restart::Never),
            ("1", Restart::Times(1)),
            ("4294967295", Restart::Times(u32::MAX)),
            ("always", Restart::Always),
        ] {
            assert_eq!(text.parse(), Ok(want));
            assert_eq!(want.to_string(), text);
        }
        for bad in ["", "-1", "+1", "1.5", "Always", "4294967296", " 1"] {
            assert!(
                bad.parse::<Restart>().unwrap_err().to_string().contains("always"),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn delays_double_up_to_the_cap() {
        let mut backoff = Backoff::new();
        let delays: Vec<u128> = (0..12).map(|_| backoff.failed(0).as_millis()).collect();
        assert_eq!(
            delays,
            [
                100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000
            ]
        );
    }

    #[test]
    fn a_stable_run_starts_over() {
        let mut backoff = Backoff::new();
        backoff.failed(0);
        assert_eq!(backoff.failed(BACKOFF_STABLE_MS - 1).as_millis(), 200);
        assert_eq!(backoff.failed(BACKOFF_STABLE_MS).as_millis(), 100);
        assert_eq!(backoff.failures(), 1);
    }

    #[test]
    fn endless_failures_do_not_overflow() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert_eq!(backoff.failed(0).as_millis(), u128::from(BACKOFF_CAP_MS));
    }

    /// Runs a thing that always ends with `exit` and counts its starts.
    fn runs(exit: Exit, restart: Restart, most: u32) -> (u32, Next) {
        let (mut left, mut backoff, mut runs) = (restart.allowance(), Backoff::new(), 1);
        loop {
            match after_exit(exit, restart, left, &mut backoff, 0) {
                Next::RestartIn(_) if runs < most => {
                    left -= 1;
                    runs += 1;
                }
                next => return (runs, next),
            }
        }
    }

    #[test]
    fn n_means_n_restarts() {
        for count in 1..5 {
            assert_eq!(
                runs(Exit::Error, Restart::Times(count), 99),
                (count + 1, Next::GaveUp)
            );
        }
        assert_eq!(runs(Exit::Signal, Restart::Always, 99).0, 99);
        assert_eq!(runs(Exit::Error, Restart::Never, 99), (1, Next::Done));
    }

    #[test]
    fn only_failures_restart() {
        for exit in [Exit::Ok, Exit::Killed] {
            for restart in [Restart::Never, Restart::Times(3), Restart::Always] {
                assert_eq!(runs(exit, restart, 99), (1, Next::Done));
            }
        }
        assert_eq!(runs(Exit::Oom, Restart::Times(1), 99).0, 2);
    }
}
