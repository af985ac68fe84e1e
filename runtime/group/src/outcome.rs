//! How a run ended: what it did, and what was asked of it.

use gshell_control::messages::attach::Finished;
use gshell_control::{Exit, Job};

use crate::runner::Ended;

/// What was asked of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing.
    Nothing,
    /// To end.
    Stop,
    /// It is ended.
    Kill,
}

/// How a run ended, given what was asked of it.
pub(crate) fn how(told: Told, ended: &Ended) -> Exit {
    match (told, ended.exit) {
        (_, None) => Exit::Killed,
        (Told::Stop | Told::Kill, Some(Exit::Signal)) => Exit::Killed,
        (_, Some(exit)) => exit,
    }
}

/// Why a run ended, if it was asked to.
pub(crate) fn told_text(told: Told, exit: Exit) -> Option<String> {
    match (told, exit) {
        (_, Exit::Ok) => None,
        (Told::Stop, _) => Some("stopped on request".to_owned()),
        (Told::Kill, _) => {
            Some("killed: it had not ended when its grace was over, or was killed by request".to_owned())
        }
        (Told::Nothing, Exit::Killed) => Some("killed".to_owned()),
        _ => None,
    }
}

/// What a client that was attached is told.
pub(crate) fn finished(job: &Job) -> Finished {
    Finished {
        exit: job.exit.unwrap_or(Exit::Ok),
        code: job.code,
        signal: job.signal,
        error: job.error.clone(),
    }
}
