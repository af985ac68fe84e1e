//! Why something could not be sent.

use std::fmt;

use gshell_wire::EncodeError;

/// Why something could not be sent. Nothing of it is in the output then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The peer takes no more on this stream until it grants credit (as it also does not before it said hello); try
    /// again after [`Event::Ready`](crate::Event::Ready) or [`Event::Credit`](crate::Event::Credit).
    NoCredit,
    /// This side ended the stream, or the connection is not open.
    Closed,
    /// The payload has `len` bytes where the limit is `max`.
    TooLong {
        /// Bytes of the payload.
        len: u32,
        /// Bytes that are allowed.
        max: u32,
    },
    /// There is no such stream: it was never opened, has ended on both sides or was reset.
    UnknownStream,
    /// The message cannot be encoded.
    Encode(EncodeError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::NoCredit => write!(f, "the peer takes no more on this stream at the moment"),
            SendError::Closed => write!(f, "this side of the stream is closed"),
            SendError::TooLong { len, max } => {
                write!(f, "the message has {len} bytes, at most {max} are allowed")
            }
            SendError::UnknownStream => write!(f, "the stream is gone"),
            SendError::Encode(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SendError::Encode(error) => Some(error),
            _ => None,
        }
    }
}
