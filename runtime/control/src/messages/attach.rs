//! Service `gshell/grg-NAME-VERSION`: the terminal of an environment.
//!
//! One stream carries both directions. The client opens it with [`Attach`] and sends [`Input`], [`InputEnd`],
//! [`Resize`] and [`Interrupt`]; the group sends [`AttachedState`] once, then [`Output`], and [`Finished`] or
//! [`Left`] at the end. A client that goes away detaches, and the environment goes on.

use gshell_wire::{Bytes, Message};
use serde::{Deserialize, Serialize};

use super::groups::Detached;
use crate::{Exit, State};

/// Stream number of standard output in [`Output`].
pub const STDOUT: u8 = 1;
/// Stream number of standard error in [`Output`].
pub const STDERR: u8 = 2;

/// Connect a terminal, or a pipe, to an environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Attach")]
pub struct Attach {
    /// Its ID.
    pub id: String,
    /// Columns of the client's terminal; 0 when there is none.
    pub cols: u16,
    /// Rows of the client's terminal; 0 when there is none.
    pub rows: u16,
    /// Whether the client's output is a terminal.
    pub tty: bool,
    /// Send what was written before, as far as the log still has it, and not only what follows.
    pub from_start: bool,
}

/// The client is attached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.AttachedState")]
pub struct AttachedState {
    /// Where the environment stands.
    pub state: State,
    /// Its name.
    pub name: String,
    /// Its process; 0 while there is none.
    pub pid: i32,
}

/// Output of the environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Output")]
pub struct Output {
    /// [`STDOUT`] or [`STDERR`].
    pub stream: u8,
    /// The bytes.
    pub bytes: Bytes,
}

/// The environment has exited for good; nothing follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Finished")]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// Exit status, where it has one.
    pub code: Option<i32>,
    /// Signal that ended it, where one did, numbered as on x86 and ARM (asm-generic/signal.h) whatever the node is.
    pub signal: Option<i32>,
    /// Message and traceback of the error that ended it.
    pub error: Option<String>,
}

/// The group lets the client go while the environment goes on; nothing follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Left")]
pub struct Left {
    /// Why.
    pub reason: Detached,
}

/// Standard input for the environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Input")]
pub struct Input {
    /// The bytes.
    pub bytes: Bytes,
}

/// The client's standard input has ended; so does the environment's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.InputEnd")]
pub struct InputEnd {}

/// The client's terminal has a new size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Resize")]
pub struct Resize {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// A signal that the client got and passes on: the first asks a script to stop, the second ends it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Interrupt")]
pub struct Interrupt {
    /// Number of the signal as on x86 and ARM (asm-generic/signal.h), such as 2 for SIGINT.
    pub signal: i32,
}
