//! A message behind a pointer. What sends messages would otherwise be compiled once for each type of message, which
//! made up a good part of the binary; only the encoding needs the type.

use gshell_wire::{EncodeError, Message, encode};

/// Any message, to be sent.
pub trait Body {
    /// The message's key.
    fn key(&self) -> u64;

    /// Appends the encoded message to `out`.
    ///
    /// # Errors
    /// When it cannot be encoded; `out` is then as it was.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError>;
}

impl<M: Message> Body for M {
    fn key(&self) -> u64 {
        M::KEY
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode(self, out)
    }
}
