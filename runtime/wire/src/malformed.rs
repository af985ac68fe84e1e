//! The ways in which a frame can lie.

use std::fmt;

use crate::Kind;

/// What is wrong with a frame, named by the field that lies. The connection is beyond repair after any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The header announces a payload of `len` bytes where at most `max` are allowed.
    TooLong {
        /// Bytes announced, without the blocks.
        len: u32,
        /// Bytes allowed.
        max: u32,
    },
    /// The kind is not one of version 1, nor of a feature that this side knows.
    UnknownKind(u8),
    /// The flags have bits that version 1 does not know; all bits of the byte are given.
    UnknownFlags(u8),
    /// The reserved bytes of the header are not zero.
    ReservedSet(u16),
    /// The flags announce blocks of `need` bytes in a body of `len`.
    BlocksCut {
        /// Bytes after the header.
        len: u32,
        /// Bytes that the blocks take.
        need: u32,
    },
    /// A message without a key block.
    MissingKey,
    /// A cancel without a call block.
    MissingCall,
    /// A block that this kind of frame does not carry; all flags are given.
    UnexpectedBlocks {
        /// The kind of the frame.
        kind: Kind,
        /// Its flags.
        flags: u8,
    },
    /// A credit frame that does not carry four bytes, or grants nothing.
    BadCredit,
    /// A ping or pong that does not carry eight bytes but `len`.
    BadPing {
        /// Bytes of the payload.
        len: u32,
    },
    /// A frame of the connection itself that names a stream.
    StreamSet {
        /// The kind of the frame.
        kind: Kind,
        /// The stream that it names.
        stream: u32,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::TooLong { len, max } => {
                write!(
                    f,
                    "a frame announces {len} bytes of payload, at most {max} are allowed"
                )
            }
            Malformed::UnknownKind(kind) => write!(f, "a frame has the unknown kind {kind}"),
            Malformed::UnknownFlags(flags) => write!(f, "a frame has unknown flags: {flags:#04x}"),
            Malformed::ReservedSet(value) => write!(f, "a frame has its reserved bytes set: {value:#06x}"),
            Malformed::BlocksCut { len, need } => {
                write!(f, "a frame announces blocks of {need} bytes in a body of {len}")
            }
            Malformed::MissingKey => write!(f, "a message has no key"),
            Malformed::MissingCall => write!(f, "a cancel names no call"),
            Malformed::UnexpectedBlocks { kind, flags } => {
                write!(
                    f,
                    "a frame of kind {kind:?} has blocks that it must not have: {flags:#04x}"
                )
            }
            Malformed::BadCredit => write!(f, "a credit frame does not carry a number of bytes above zero"),
            Malformed::BadPing { len } => write!(f, "a ping or pong carries {len} bytes instead of 8"),
            Malformed::StreamSet { kind, stream } => {
                write!(f, "a frame of kind {kind:?} names stream {stream} instead of 0")
            }
        }
    }
}

impl std::error::Error for Malformed {}
