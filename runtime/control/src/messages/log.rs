//! Services `gshell/daemon` and `gshell/grg-*`: logs as streams of chunks.

use gshell_wire::{Bytes, Message};
use serde::{Deserialize, Serialize};

/// Read a log. Answered by a stream of [`Chunk`] and [`Lost`] that [`End`] closes; the daemon may answer
/// [`Redirect`] instead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.LogQuery")]
pub struct LogQuery {
    /// `daemon`, a group's name or full name, or an environment's ID or name; never a path.
    pub target: String,
    /// Only this many of the last lines; `None` is all.
    pub lines: Option<u32>,
    /// Go on with what is written from now on.
    pub follow: bool,
}

/// Bytes of a log, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Chunk")]
pub struct Chunk {
    /// The bytes; lines may be cut anywhere.
    pub bytes: Bytes,
}

/// Bytes that were overwritten before they could be sent: the reader was slower than the writer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Lost")]
pub struct Lost {
    /// How many.
    pub bytes: u64,
}

/// The stream is complete.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.End")]
pub struct End {}

/// Ask there instead: the log is written by a process that runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Redirect")]
pub struct Redirect {
    /// Path of the socket.
    pub socket: String,
}
