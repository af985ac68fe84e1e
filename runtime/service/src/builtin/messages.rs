//! The messages that every service answers, whatever else it does.

use gshell_wire::{Bytes, Message, Priority, Schema};
use serde::{Deserialize, Serialize};

use crate::trace::record::Record;

/// Asks for a sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Ping", priority = "high")]
pub struct Ping {}

/// A sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Pong")]
pub struct Pong {}

/// Asks what a service handles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Describe")]
pub struct Describe {}

/// What a service handles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Description")]
pub struct Description {
    /// Who publishes it.
    pub publisher: String,
    /// Its name.
    pub service: String,
    /// The node that provides it.
    pub provider: String,
    /// Version of the program.
    pub version: String,
    /// The message types that it handles, earlier shapes among them.
    pub messages: Vec<MessageInfo>,
}

/// A message type that a service handles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct MessageInfo {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: u64,
    /// Its shape, as `Shape::read` takes it.
    pub shape: Bytes,
    /// How urgent it is.
    pub priority: Priority,
    /// One line for people.
    pub help: String,
    /// Its handler uses the stream.
    pub stream: bool,
    /// What it is answered with, as far as that is known.
    pub replies: Vec<ReplyInfo>,
}

/// A message type that a service sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct ReplyInfo {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: u64,
    /// Its shape, as `Shape::read` takes it.
    pub shape: Bytes,
}

/// Asks how busy a service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Load", priority = "high")]
pub struct Load {}

/// How busy a service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.LoadFigures")]
pub struct LoadFigures {
    /// CPUs of the machine.
    pub cpus: u32,
    /// Idle workers that are kept.
    pub resident: u32,
    /// Waiting requests for which one more worker is wanted.
    pub weight: u32,
    /// Requests that wait.
    pub queue_len: u32,
    /// Requests that may wait.
    pub queue_size: u32,
    /// Workers that handle something.
    pub busy: u32,
    /// Workers that could begin at once.
    pub idle: u32,
    /// Workers at most.
    pub workers: u32,
}

/// Asks what a service has counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Stats")]
pub struct Stats {}

/// What a service has counted since it began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.StatsFigures")]
pub struct StatsFigures {
    /// By message type.
    pub messages: Vec<MessageStats>,
    /// Connections now.
    pub connections: u32,
    /// Streams now.
    pub streams: u32,
    /// Streams now that a handler has to itself.
    pub sessions: u32,
    /// Connections that were let in.
    pub accepted: u32,
    /// Connections that were turned away.
    pub refused: u32,
    /// Connections that ended with a protocol fault.
    pub faulted: u32,
    /// Messages that nobody handles.
    pub unknown: u32,
    /// Times that a connection was not read because it wanted too much at once.
    pub held: u32,
    /// Bytes that came over sockets.
    pub bytes_in: u64,
    /// Bytes that went over sockets.
    pub bytes_out: u64,
}

/// What is counted for one message type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct MessageStats {
    /// Its name.
    pub name: String,
    /// Requests that came.
    pub calls: u32,
    /// Those that ended with an error, panics among them.
    pub errors: u32,
    /// Those whose handler panicked.
    pub panics: u32,
    /// Those that were given up by their caller, or whose stream its client left.
    pub cancelled: u32,
    /// Those whose deadline passed.
    pub expired: u32,
    /// Those in progress.
    pub in_flight: u32,
    /// Those that wait for a worker.
    pub queued: u32,
    /// Half of them took at most so many microseconds.
    pub p50_us: u32,
    /// Nine in ten.
    pub p90_us: u32,
    /// Ninety-nine in a hundred.
    pub p99_us: u32,
    /// The longest.
    pub max_us: u32,
}

/// Traces the next calls of a message type that this process makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.trace.Tag")]
pub struct TraceTag {
    /// Name of the message, `*` stands for anything.
    pub name: String,
    /// Calls to trace, 1 to 4096.
    pub count: u32,
    /// Paths of fields and patterns for their text; all must match.
    pub filters: Vec<TraceFilter>,
    /// What the tokens are to begin with, 28 hexadecimal digits, so that several processes share it; empty for a new
    /// one.
    pub token: String,
}

/// What a field has to be like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct TraceFilter {
    /// Names of fields with dots between them.
    pub path: String,
    /// Pattern for the text of its value, `*` stands for anything.
    pub pattern: String,
}

/// A message type that is traced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.trace.Tagged")]
pub struct TraceTagged {
    /// Name of the message.
    pub name: String,
    /// Calls that are still to be traced.
    pub left: u32,
    /// Calls that were traced; their tokens end in `.0` to one less.
    pub used: u32,
    /// What their tokens begin with.
    pub token: String,
    /// What fields have to be like.
    pub filters: Vec<TraceFilter>,
}

/// Takes tags away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.trace.Untag")]
pub struct TraceUntag {
    /// Pattern for the names of the tags.
    pub name: String,
}

/// Asks for the tags of this process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.trace.List")]
pub struct TraceList {}

/// The tags of this process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.trace.Tags")]
pub struct TraceTags {
    /// All of them.
    pub tags: Vec<TraceTagged>,
}

/// Asks for what this process noted of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.trace.Read")]
pub struct TraceRead {
    /// Token of the trace, or what the tokens of a tag begin with; empty for all.
    pub token: String,
    /// Whether this process forgets what it gives.
    pub clear: bool,
}

/// What a process noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.trace.Records")]
pub struct TraceRecords {
    /// Which process this is: several services may answer for one.
    pub process: String,
    /// The records, oldest first.
    pub records: Vec<Record>,
    /// Records that had to make room for others since the last purge.
    pub dropped: u32,
}

/// Drops all that this process noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.trace.Purge")]
pub struct TracePurge {}

/// How many there were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.trace.Dropped")]
pub struct TraceDropped {
    /// Tags or records that are no more.
    pub count: u32,
}
