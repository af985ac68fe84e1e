//! The beginning of a frame, kept until the rest of it has come.

use std::io;
use std::ops::Range;

use gshell_wire::Fault;

use crate::buffers::{REST, back, lend};

/// Size that a gathering buffer has at least.
const LEAST: usize = 16 << 10;

/// The beginning of a frame that has not come whole, in a buffer that grows with what comes.
#[derive(Default)]
pub(crate) struct Gathered {
    /// All of it may be written to.
    buffer: Vec<u8>,
    filled: usize,
}

impl Gathered {
    pub(crate) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    #[cfg(test)]
    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Begins with a part of `buffer`; gives a buffer to read into next. A large part stays where it is.
    pub(crate) fn begin(&mut self, mut buffer: Vec<u8>, part: Range<usize>) -> Vec<u8> {
        let len = part.len();
        if len == 0 {
            return buffer;
        }
        let mut other = REST.take();
        if other.is_empty() {
            other = back();
        }
        if len > LEAST {
            buffer.copy_within(part, 0);
            std::mem::swap(&mut buffer, &mut other);
        } else {
            if other.len() < len {
                other.resize(LEAST, 0);
            }
            other[..len].copy_from_slice(&buffer[part]);
        }
        (self.buffer, self.filled) = (other, len);
        buffer
    }

    /// Has `read` handle what is there, and drops what it took.
    pub(crate) fn feed(&mut self, read: &mut dyn FnMut(&[u8]) -> Result<usize, Fault>) -> Result<(), Fault> {
        let (buffer, left, taken) = lend(std::mem::take(&mut self.buffer), self.filled, read);
        (self.buffer, self.filled) = (buffer, left.end);
        taken?;
        self.consume(left.start);
        Ok(())
    }

    /// Lets `read` write behind what is there; it gives the number of bytes, and a word for the caller.
    pub(crate) fn fill<T>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<(usize, T)>,
    ) -> io::Result<(usize, T)> {
        if self.filled == self.buffer.len() {
            self.buffer.resize((self.filled * 2).max(LEAST), 0);
        }
        let (n, word) = read(&mut self.buffer[self.filled..])?;
        self.filled = (self.filled + n).min(self.buffer.len());
        Ok((n, word))
    }

    /// Drops the first `n` bytes; the buffer is given away with the last.
    pub(crate) fn consume(&mut self, n: usize) {
        self.buffer.copy_within(n.min(self.filled)..self.filled, 0);
        self.filled = self.filled.saturating_sub(n);
        if self.filled == 0 {
            REST.put(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_gathered_from_pieces() {
        let mut gathered = Gathered::default();
        let spare = gathered.begin(b"xabx".to_vec(), 1..3);
        assert_eq!(spare.len(), 4);
        let mut longest = 0;
        while gathered.bytes().len() < 100_000 {
            let (n, ()) = gathered
                .fill(|room| {
                    room.fill(b'c');
                    longest = longest.max(room.len());
                    Ok((room.len().min(30_000), ()))
                })
                .unwrap();
            assert!(n > 0);
        }
        assert!(longest <= 2 * 100_000, "{longest}");
        assert_eq!(&gathered.bytes()[..4], b"abcc");
        gathered.consume(2);
        assert_eq!(gathered.bytes()[0], b'c');
        gathered.consume(gathered.bytes().len());
        assert!(gathered.is_empty() && gathered.buffer.is_empty());
    }

    #[test]
    fn a_large_beginning_is_not_copied() {
        let mut gathered = Gathered::default();
        let buffer = vec![7; 2 * LEAST];
        let at = buffer.as_ptr();
        gathered.begin(buffer, 0..LEAST + 1);
        assert_eq!(
            (gathered.bytes().as_ptr(), gathered.bytes().len()),
            (at, LEAST + 1)
        );
    }
}
