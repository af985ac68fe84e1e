//! Memory that the connections of a thread share: whoever reads or writes borrows a buffer, so a connection on which
//! nothing is under way has none, and one that is busy does not allocate for each message.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Range;
use std::thread::LocalKey;

use gshell_net::rt;

/// Capacity above which a buffer is not kept: one long message must not cost its size for ever.
const KEEP: usize = 512 << 10;
/// Size that a gathering buffer has at least.
const LEAST: usize = 16 << 10;

/// A buffer that one of the thread's connections may have.
#[derive(Clone, Copy)]
pub(crate) struct Shared(&'static LocalKey<RefCell<Vec<u8>>>);

thread_local! {
    static INPUT_SLOT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static REST_SLOT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT_SLOT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// What is read into; its content is of no matter.
pub(crate) const INPUT: Shared = Shared(&INPUT_SLOT);
/// Beginnings of frames that have not come whole.
pub(crate) const REST: Shared = Shared(&REST_SLOT);
/// Frames on their way out.
pub(crate) const OUTPUT: Shared = Shared(&OUTPUT_SLOT);

impl Shared {
    /// The buffer, or an empty one when somebody has it.
    pub(crate) fn take(self) -> Vec<u8> {
        self.0.take()
    }

    /// Gives a buffer to the next who needs one; of two the larger is kept.
    pub(crate) fn put(self, buffer: Vec<u8>) {
        if (1..=KEEP).contains(&buffer.capacity()) {
            self.0.with_borrow_mut(|kept| {
                if kept.capacity() < buffer.capacity() {
                    *kept = buffer;
                }
            });
        }
    }
}

/// Frees what nobody has.
fn free() {
    for shared in [INPUT, REST, OUTPUT] {
        drop(shared.take());
    }
}

/// Has the thread free its buffers whenever it has become idle.
pub(crate) fn free_at_rest() {
    if !ASKED.replace(true) {
        rt::on_rest(free);
    }
}

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

    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Begins with a part of `buffer`; gives a buffer to read into next. A large part stays where it is.
    pub(crate) fn begin(&mut self, mut buffer: Vec<u8>, part: Range<usize>) -> Vec<u8> {
        let len = part.len();
        if len == 0 {
            return buffer;
        }
        let mut other = REST.take();
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
    fn the_larger_is_kept_and_the_huge_is_not() {
        OUTPUT.put(Vec::with_capacity(100));
        OUTPUT.put(Vec::with_capacity(10));
        OUTPUT.put(Vec::with_capacity(KEEP + 1));
        assert_eq!(OUTPUT.take().capacity(), 100);
        assert_eq!(OUTPUT.take().capacity(), 0);
        REST.put(Vec::with_capacity(100));
        free();
        assert_eq!(REST.take().capacity(), 0);
    }

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
