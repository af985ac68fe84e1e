//! What comes out of the input.

use gshell_wire::{Blocks, Fault, Trace};

/// What travels with a message beside its key and body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Number of the call that the message makes or answers.
    pub call: Option<u32>,
    /// Milliseconds after which nobody waits for the answer.
    pub deadline_ms: Option<u32>,
    /// Token of a traced call.
    pub trace: Option<Trace>,
}

impl Head {
    pub(crate) fn of(blocks: &Blocks) -> Head {
        Head {
            call: blocks.call,
            deadline_ms: blocks.deadline_ms,
            trace: blocks.trace,
        }
    }

    pub(crate) fn blocks(self, key: u64) -> Blocks {
        Blocks {
            key: Some(key),
            call: self.call,
            deadline_ms: self.deadline_ms,
            trace: self.trace,
        }
    }
}

/// What went over a connection so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages that came; wraps around.
    pub messages_in: u32,
    /// Messages that were put into the output; wraps around.
    pub messages_out: u32,
    /// Bytes that were taken off the input, hello and headers among them.
    pub bytes_in: u64,
    /// Bytes that were written, hello and headers among them.
    pub bytes_out: u64,
}

/// What one call of [`Session::input`](crate::Session::input) did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// Bytes that were taken off the front of the input. 0 means that more bytes are needed for the next frame.
    pub used: usize,
    /// What happened, if it is anybody's concern.
    pub event: Option<Event<'a>>,
}

/// Something that the peer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The peer said hello and a version is agreed on: from now on things can be sent.
    Ready {
        /// The version that is spoken.
        version: u16,
        /// The feature bits that both sides have.
        features: u32,
    },
    /// The client opened a stream (server only).
    Opened {
        /// The stream.
        stream: u32,
    },
    /// A message.
    Message {
        /// Its stream.
        stream: u32,
        /// Key of its type.
        key: u64,
        /// What travels with it.
        head: Head,
        /// Its body.
        payload: &'a [u8],
    },
    /// The peer could not do something.
    Error {
        /// The stream.
        stream: u32,
        /// The call that this answers; without one, the next receive on the stream is to return it.
        call: Option<u32>,
        /// What is wrong.
        fault: Fault,
    },
    /// The peer waits no longer for the answer to a call. An answer that is sent nevertheless is no lie: it may have
    /// been on its way. The call may be unknown by now, for the same reason.
    Cancelled {
        /// The stream.
        stream: u32,
        /// The call.
        call: u32,
    },
    /// The peer sends no more on the stream.
    Ended {
        /// The stream.
        stream: u32,
    },
    /// The peer dropped the stream; it is gone.
    Reset {
        /// The stream.
        stream: u32,
        /// Why.
        fault: Fault,
    },
    /// The stream can be sent on again.
    Credit {
        /// The stream.
        stream: u32,
    },
    /// The peer ends the connection; nothing comes after it.
    Bye {
        /// Why.
        fault: Fault,
    },
}
