//! Service `gshell/grg-NAME-VERSION`: what the daemon asks of a group.

use gshell_wire::{Message, Schema};
use serde::{Deserialize, Serialize};

use crate::Job;
use crate::state::words;

/// The daemon introduces itself. Answered by [`Welcome`]. While this connection lives the daemon knows that the group
/// does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Hello")]
pub struct Hello {
    /// The daemon's process.
    pub daemon_pid: i32,
    /// The daemon's version.
    pub version: String,
}

/// The group introduces itself: it is ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Welcome")]
pub struct Welcome {
    /// Full name.
    pub group: String,
    /// Its process.
    pub pid: i32,
    /// Executor threads.
    pub threads: u16,
    /// What could not be done as its specification asks.
    pub warnings: Vec<String>,
    /// What it found wrong in its folder, such as records that were set aside.
    pub reports: Vec<String>,
}

/// Start a new environment. The package is found by its hash in the state folder. Answered by [`Launched`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Launch")]
pub struct Launch {
    /// The environment; its state is starting.
    pub job: Job,
    /// Rows of the terminal that is going to be attached; 0 when there is none.
    pub rows: u16,
    /// Columns of that terminal; 0 when there is none.
    pub cols: u16,
}

/// The environment is in the group's list and in its folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Launched")]
pub struct Launched {
    /// Its ID.
    pub id: String,
    /// What could not be done as asked.
    pub warnings: Vec<String>,
}

/// Watch the group's environments. Answered by a stream: a [`Changed`] for each, then [`Synced`], then [`Changed`] and
/// [`Removed`] as they happen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Watch")]
pub struct Watch {}

/// An environment as it is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Changed")]
pub struct Changed {
    /// The environment.
    pub job: Job,
}

/// An environment is no longer listed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Removed")]
pub struct Removed {
    /// Its ID.
    pub id: String,
}

/// All environments that there were have been sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Synced")]
pub struct Synced {}

/// What a group is told to do to one environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum EnvAction {
    /// Ask it to end.
    Stop {
        /// Milliseconds until it is ended anyway.
        grace_ms: u32,
    },
    /// Start it, when it has exited.
    Start,
    /// Stop it with the usual grace, and start it.
    Restart,
    /// End it now.
    Kill,
    /// Forget it, when it has exited.
    Remove,
}

/// Do something to one environment. Answered by [`Commanded`] when it is done, or by an error that says why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Command")]
pub struct Command {
    /// Its ID.
    pub id: String,
    /// What to do.
    pub action: EnvAction,
}

/// It is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Commanded")]
pub struct Commanded {
    /// What was done, for people, such as `stopped`.
    pub outcome: String,
}

/// End the group: every environment is stopped, and runs again when the group is started again. Answered by
/// [`GroupEnding`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.GroupShutdown")]
pub struct GroupShutdown {
    /// Milliseconds that the environments have.
    pub grace_ms: u32,
}

/// The group is going to end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.GroupEnding")]
pub struct GroupEnding {}

/// Ask for a group's figures. Answered by [`GroupFigures`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.GroupStats")]
pub struct GroupStats {}

/// A group's figures since its process started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.GroupFigures")]
pub struct GroupFigures {
    /// Its process.
    pub pid: i32,
    /// Milliseconds that it has run.
    pub uptime_ms: u64,
    /// Environments by state, in the order of [`crate::State::ALL`].
    pub environments: Vec<u32>,
    /// Bytes that the Lua states hold.
    pub lua_bytes: u64,
    /// Bytes of output that could not be logged.
    pub log_dropped: u64,
    /// Records written to disk.
    pub records_written: u32,
    /// Writes of records that failed.
    pub records_failed: u32,
    /// Times that a script ran past its time slice.
    pub slices_exceeded: u32,
}

/// Why a stream to a group's client ended early; the words are those of `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Detached {
    /// Another client attached with the terminal.
    Replaced,
    /// The group is going to end.
    GroupEnds,
}

words!(Detached, "reason", Replaced => "replaced by another client", GroupEnds => "the group ends");
