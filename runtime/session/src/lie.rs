//! What a peer can do that an honest one never does. The connection is dropped after telling the peer once.

use std::fmt;

use gshell_wire::{Code, DecodeError, Fault, HelloError, Kind, Malformed, Role};

/// How the peer broke the protocol, or failed to show up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lie {
    /// The first bytes are wrong, or there is no common version.
    Hello(HelloError),
    /// Both ends claim to be the same.
    SameRole(Role),
    /// The peer did not say hello in time.
    HelloTimeout {
        /// Milliseconds that it had.
        ms: u64,
    },
    /// A frame is wrong in itself.
    Malformed(Malformed),
    /// The payload of a frame that carries a fault is none.
    BadFault {
        /// The kind of the frame.
        kind: Kind,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// A frame belongs to a feature that the two sides do not both have.
    NotAgreed {
        /// The kind of the frame.
        kind: Kind,
    },
    /// The server opened a stream; only clients do.
    ServerOpened {
        /// The stream.
        stream: u32,
    },
    /// A stream was opened that is or was open.
    OpenedTwice {
        /// The stream.
        stream: u32,
    },
    /// A stream was opened out of turn.
    OpenSkipped {
        /// The stream.
        stream: u32,
        /// The one whose turn it was.
        next: u64,
    },
    /// A frame names a stream that was never opened.
    UnknownStream {
        /// The stream.
        stream: u32,
        /// The kind of the frame.
        kind: Kind,
    },
    /// The peer ended a stream for the second time.
    DoubleEnd {
        /// The stream.
        stream: u32,
    },
    /// The peer sent something on a stream that it had ended or dropped.
    AfterEnd {
        /// The stream.
        stream: u32,
        /// The kind of the frame.
        kind: Kind,
    },
    /// The peer sent a message without having credit.
    CreditOverrun {
        /// The stream.
        stream: u32,
    },
    /// The peer granted more than [`CREDIT_MAX`](crate::CREDIT_MAX).
    CreditOverflow {
        /// The stream.
        stream: u32,
    },
    /// The peer gave no sign of life.
    Silent {
        /// Milliseconds that it had.
        ms: u64,
    },
}

impl Lie {
    /// What the peer is told.
    pub fn to_fault(&self) -> Fault {
        let code = match self {
            Lie::Hello(HelloError::NoOverlap { .. }) => Code::Version,
            Lie::HelloTimeout { .. } | Lie::Silent { .. } => Code::Timeout,
            Lie::Malformed(Malformed::TooLong { .. }) => Code::Limit,
            _ => Code::Protocol,
        };
        Fault::new(code, self.to_string())
    }
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lie::Hello(error) => write!(f, "{error}"),
            Lie::SameRole(role) => write!(f, "both ends of the connection claim to be the {role}"),
            Lie::HelloTimeout { ms } => write!(f, "the peer did not say hello within {ms} ms"),
            Lie::Malformed(error) => write!(f, "{error}"),
            Lie::BadFault { kind, error } => {
                write!(f, "a frame of kind {kind:?} has no fault in it: {error}")
            }
            Lie::NotAgreed { kind } => {
                write!(f, "a frame of kind {kind:?} came, which was not agreed on")
            }
            Lie::ServerOpened { stream } => {
                write!(f, "the server opened stream {stream}, only a client does")
            }
            Lie::OpenedTwice { stream } => write!(f, "stream {stream} was opened a second time"),
            Lie::OpenSkipped { stream, next } => {
                write!(f, "stream {stream} was opened when it was the turn of {next}")
            }
            Lie::UnknownStream { stream, kind } => {
                write!(
                    f,
                    "a frame of kind {kind:?} names stream {stream}, which was never opened"
                )
            }
            Lie::DoubleEnd { stream } => write!(f, "stream {stream} was ended a second time"),
            Lie::AfterEnd { stream, kind } => {
                write!(
                    f,
                    "a frame of kind {kind:?} came on stream {stream} after its end"
                )
            }
            Lie::CreditOverrun { stream } => write!(f, "a message came on stream {stream} without credit"),
            Lie::CreditOverflow { stream } => {
                write!(
                    f,
                    "the credit of stream {stream} was raised above {} bytes",
                    crate::CREDIT_MAX
                )
            }
            Lie::Silent { ms } => write!(f, "the peer gave no sign of life for {ms} ms"),
        }
    }
}

impl std::error::Error for Lie {}

impl From<HelloError> for Lie {
    fn from(error: HelloError) -> Lie {
        Lie::Hello(error)
    }
}

impl From<Malformed> for Lie {
    fn from(error: Malformed) -> Lie {
        Lie::Malformed(error)
    }
}
