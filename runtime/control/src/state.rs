//! The states of an environment and the ways in which it ends, with the words that tables and JSON use for them.

use gshell_wire::Schema;
use serde::{Deserialize, Serialize};

/// Gives an enum without fields its words: `ALL`, `as_str`, `Display` and `FromStr`.
macro_rules! words {
    ($type:ident, $what:literal, $($variant:ident => $word:literal),+ $(,)?) => {
        impl $type {
            /// Every value, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that tables, JSON and the command line use.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Invalid;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    let words: Vec<&str> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    $crate::Invalid::new($what, text, format!("it is one of {}", words.join(", ")))
                })
            }
        }
    };
}
pub(crate) use words;

/// Where an environment stands in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub enum State {
    /// It was asked for and does not run yet: its group or its process is being made.
    #[default]
    Starting,
    /// Its script or program runs.
    Running,
    /// It was asked to stop and is within its grace period.
    Stopping,
    /// It failed and waits for its next start.
    Backoff,
    /// It has ended and stays listed; [`Exit`] says how.
    Exited,
}

words!(State, "state",
    Starting => "starting", Running => "running", Stopping => "stopping", Backoff => "backoff", Exited => "exited");

impl State {
    /// Whether something of it is alive or will be without anybody asking again.
    pub const fn is_active(self) -> bool {
        !matches!(self, Self::Exited)
    }
}

/// How an environment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub enum Exit {
    /// It returned, or left with status 0.
    Ok,
    /// An uncaught error, or a status other than 0.
    Error,
    /// Somebody stopped or killed it through gshell.
    Killed,
    /// A signal that did not come through gshell ended its process.
    Signal,
    /// It ran into its memory limit, or the kernel ended it for want of memory.
    Oom,
}

words!(Exit, "exit", Ok => "ok", Error => "error", Killed => "killed", Signal => "signal", Oom => "oom");

impl Exit {
    /// Whether the restart policy counts this as a failure. Being stopped by the user is none.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Error | Self::Signal | Self::Oom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_both_ways() {
        for state in State::ALL {
            assert_eq!(state.to_string().parse(), Ok(*state));
        }
        for exit in Exit::ALL {
            assert_eq!(exit.to_string().parse(), Ok(*exit));
        }
    }

    #[test]
    fn an_unknown_word_names_the_known_ones() {
        let error = "dead".parse::<State>().unwrap_err().to_string();
        assert!(
            error.contains("\"dead\"") && error.contains("starting, running, stopping, backoff, exited"),
            "{error}"
        );
    }

    #[test]
    fn only_failures_are_failures() {
        let failures: Vec<Exit> = Exit::ALL
            .iter()
            .copied()
            .filter(|exit| exit.is_failure())
            .collect();
        assert_eq!(failures, [Exit::Error, Exit::Signal, Exit::Oom]);
    }

    #[test]
    fn words_follow_the_width_of_a_table() {
        assert_eq!(format!("[{:<9}]", State::Running), "[running  ]");
    }
}
