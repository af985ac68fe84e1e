//! One connection as a state machine: hello, streams, credit, keepalive, and who lied about what.
//!
//! It is pure: bytes and the time go in, bytes and events come out, and nothing waits. So blocking and async
//! transports share it, and every case can be tested without a socket or a clock. What it does not do: it does not
//! match answers to calls, it does not queue messages (an event borrows from the input), it does not know what a
//! message means.
//!
//! A transport does, for ever: write [`Session::pending`] and say [`Session::written`]; read, and give what was read to
//! [`Session::input`] until it takes nothing more; call [`Session::tick`] at [`Session::next_tick`]. While more than
//! [`OUTPUT_HIGH`] bytes are pending it stops reading: a peer that makes this side answer but does not read the
//! answers then waits, and the output has a bound.
//!
//! # Credit
//! On each stream, each side starts with [`gshell_wire::INITIAL_CREDIT`] bytes. A message costs its payload and
//! [`MESSAGE_COST`], so that empty messages are bounded as well. It may be sent while the balance is above zero, and
//! may take it below: the bound for what a receiver has to hold is a window and one message. What the application has
//! taken ([`Session::consumed`]) is granted again, half a window at a time.
//!
//! # Cancelling
//! [`Session::cancel`] says that nobody waits for an answer any more, if both sides have that feature. It needs no credit,
//! and like credit it may follow the end of a stream. This side drops nothing by itself: a caller ignores an answer
//! that comes nevertheless.
//!
//! # Late frames
//! A side that resets a stream may still receive what the peer sent before it knew; that is dropped without a word.
//! Credit, cancels and resets that cross the end of a stream are dropped as well. Anything else on a stream that is gone
//! is a lie.
//!
//! # Memory
//! On a 64-bit machine a session is about 300 bytes, and each open stream 32 bytes of a table that grows by doubling. The
//! output keeps the capacity that it needed, at most 64 KiB, when it runs empty. Streams that this side reset are
//! remembered in 4 KiB at most. What a peer can make this side hold beyond that: per stream a window and one message
//! that the application did not take; and output, which has [`OUTPUT_HIGH`] as its bound if the transport stops reading
//! there, and messages are kept back while [`Session::is_congested`].

mod body;
mod error;
mod event;
mod input;
mod lie;
mod outbox;
mod session;
mod streams;
mod timers;

pub use body::Body;
pub use error::SendError;
pub use event::{Counters, Event, Head, Step};
pub use lie::Lie;
pub use session::{Session, Side};
pub use timers::HELLO_MS;

/// What each message costs beside the bytes of its payload.
pub const MESSAGE_COST: u32 = 32;

/// Largest balance of credit, in bytes: a grant beyond it is a lie.
pub const CREDIT_MAX: i64 = i32::MAX as i64;

/// Bytes of pending output above which a transport stops reading.
pub const OUTPUT_HIGH: usize = 1024 * 1024;
