//! Memory that the connections of a thread share: whoever reads or writes borrows a buffer, so a connection on which
//! nothing is under way has none, and one that is busy does not allocate for each message.
//!
//! A buffer with long bytes in it is lent to the message that has them, which so need no copy. One at most is lent on a
//! thread: until it is back, bytes are copied as short ones always are, so a program that keeps its messages pays one
//! buffer for that and no more.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::LocalKey;

use gshell_net::{Socket, rt};
use gshell_session::Session;
use gshell_sys::fdio;
use gshell_wire::{Fault, SHARE_FROM};

/// Capacity above which a buffer is not kept: one long message must not cost its size for ever.
const KEEP: usize = 512 << 10;

/// A buffer that one of the thread's connections may have.
#[derive(Clone, Copy)]
pub(crate) struct Shared(&'static LocalKey<RefCell<Vec<u8>>>);

thread_local! {
    static INPUT_SLOT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static REST_SLOT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT_SLOT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static LENT: RefCell<Option<Arc<Vec<u8>>>> = const { RefCell::new(None) };
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
    drop(LENT.take());
}

/// Has the thread free its buffers whenever it has become idle.
pub(crate) fn free_at_rest() {
    if !ASKED.replace(true) {
        rt::on_rest(free);
    }
}

/// Writes some of what a session has pending.
pub(crate) fn send(socket: &Socket, session: &Session) -> io::Result<usize> {
    let first = session.pending();
    if first.len() == session.pending_len() {
        return fdio::send(socket.as_fd(), first);
    }
    let mut pieces = [&[][..]; fdio::PIECES];
    let count = session.pieces(&mut pieces);
    fdio::send_pieces(socket.as_fd(), &pieces[..count])
}

/// The buffer that was lent, if all messages that had a part of it are gone; else an empty one.
pub(crate) fn back() -> Vec<u8> {
    match LENT.take().map(Arc::try_unwrap) {
        Some(Ok(buffer)) => buffer,
        Some(Err(lent)) => {
            LENT.replace(Some(lent));
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Has `read` handle the first `n` bytes of `buffer`, and say how many it took. Messages may keep the buffer: then what is
/// given back is another one. The range is where in it the bytes are that were not taken.
pub(crate) fn lend(
    buffer: Vec<u8>,
    n: usize,
    read: &mut dyn FnMut(&[u8]) -> Result<usize, Fault>,
) -> (Vec<u8>, Range<usize>, Result<usize, Fault>) {
    if n < SHARE_FROM || !may_lend() {
        let taken = read(&buffer[..n]);
        let used = *taken.as_ref().unwrap_or(&n);
        return (buffer, used..n, taken);
    }
    let shared = Arc::new(buffer);
    let lending = gshell_wire::lend(Arc::clone(&shared));
    let taken = read(&shared[..n]);
    drop(lending);
    let used = *taken.as_ref().unwrap_or(&n);
    match Arc::try_unwrap(shared) {
        Ok(buffer) => (buffer, used..n, taken),
        Err(lent) => {
            let left = lent[used..n].to_vec();
            LENT.replace(Some(lent));
            (left, 0..n - used, taken)
        }
    }
}

/// Whether nothing is lent; what was and is back is for who reads next.
fn may_lend() -> bool {
    INPUT.put(back());
    LENT.with_borrow(Option::is_none)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_wire::{Bytes, decode, encode};

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

    fn encoded(bytes: &Bytes) -> Vec<u8> {
        let mut out = Vec::new();
        encode(bytes, &mut out).unwrap();
        out.shrink_to_fit();
        out
    }

    /// Lends a buffer with `bytes` in it and three more behind; what was read, and what came back.
    fn lend_one(bytes: &Bytes) -> (Bytes, Vec<u8>, Range<usize>) {
        let mut buffer = encoded(bytes);
        let used = buffer.len();
        buffer.extend_from_slice(b"abc");
        let (n, mut read) = (buffer.len(), Bytes::new());
        let (spare, left, taken) = lend(buffer, n, &mut |all| {
            read = decode(&all[..used]).unwrap();
            Ok(used)
        });
        assert_eq!((taken.ok(), &spare[left.clone()]), (Some(used), &b"abc"[..]));
        (read, spare, left)
    }

    #[test]
    fn one_buffer_is_lent_at_a_time_and_comes_back() {
        free();
        let long = Bytes::from(vec![1; 2 * SHARE_FROM]);
        let (first, spare, _) = lend_one(&long);
        assert_eq!(
            (first == long, spare.len()),
            (true, 3),
            "the message keeps the buffer"
        );
        // Another is copied meanwhile, and its buffer can be used again.
        let (second, spare, left) = lend_one(&long);
        assert_eq!((second == long, left.end), (true, spare.len()));
        assert!(spare.len() > long.len() && back().is_empty());
        let at = first.as_ptr().addr();
        drop(first);
        let again = back();
        assert!((again.as_ptr().addr()..again.as_ptr().addr() + again.len()).contains(&at));
        assert!(back().is_empty());
        // Short ones are not lent at all, and a fault ends it as well.
        let short = Bytes::from(vec![1; 100]);
        assert!(lend_one(&short).1.len() > short.len());
        let (spare, left, taken) = lend(vec![0; SHARE_FROM], SHARE_FROM, &mut |_| {
            Err(crate::lost("on purpose"))
        });
        assert!(taken.is_err() && left.is_empty() && spare.len() == SHARE_FROM);
        let (third, ..) = lend_one(&long);
        free();
        assert_eq!(
            (third == long, back().capacity()),
            (true, 0),
            "a thread at rest holds nothing"
        );
    }
}
