//! Bytes on their way out: frames are appended at the end, the transport takes from the front. Long shared bytes lie
//! beside the buffer and are written from where they are.

use gshell_wire::Part;

/// Written bytes at the front from which on moving the rest pays.
const MOVE_FROM: usize = 64 * 1024;

/// What is written between two bytes of the buffer.
#[derive(Debug)]
struct Beside {
    /// It comes behind so many bytes of the buffer.
    at: usize,
    part: Part,
}

/// All that is beside a buffer; there is mostly nothing, which costs a pointer.
#[derive(Debug, Default)]
struct Waiting {
    // Credit bounds them to a few.
    parts: Vec<Beside>,
    /// Bytes of the first that are out already.
    out: usize,
    /// Bytes of all that are not.
    left: usize,
}

#[derive(Debug, Default)]
pub struct Outbox {
    buf: Vec<u8>,
    /// Bytes at the front of `buf` that are out already.
    at: usize,
    waiting: Option<Box<Waiting>>,
}

impl Outbox {
    /// What is to be written, as far as it lies in one piece.
    pub fn pending(&self) -> &[u8] {
        match &self.waiting {
            None => self.buf.get(self.at..).unwrap_or_default(),
            Some(_) => self.first(),
        }
    }

    /// Bytes to be written.
    #[inline]
    pub fn len(&self) -> usize {
        self.buf.len() - self.at + self.waiting.as_ref().map_or(0, |waiting| waiting.left)
    }

    /// What is to be written, piece by piece and none of them empty, as far as there is room for pieces; how many there are.
    pub fn pieces<'a>(&'a self, to: &mut [&'a [u8]]) -> usize {
        let (mut from, mut count) = (self.at, 0);
        let mut add = |piece: &'a [u8]| {
            if let Some(place) = to.get_mut(count).filter(|_| !piece.is_empty()) {
                *place = piece;
                count += 1;
            }
        };
        if let Some(waiting) = &self.waiting {
            let mut out = waiting.out;
            for beside in &waiting.parts {
                add(self.buf.get(from..beside.at).unwrap_or_default());
                add(beside.part.get(out..).unwrap_or_default());
                (from, out) = (beside.at, 0);
            }
        }
        add(self.buf.get(from..).unwrap_or_default());
        count
    }

    fn first(&self) -> &[u8] {
        let mut first = [&[][..]];
        self.pieces(&mut first);
        first[0]
    }

    /// The buffer to append frames to; bytes that are out may still be in front.
    pub fn end(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Has `parts` written between the bytes of the buffer, each behind so many of them.
    pub fn add(&mut self, parts: gshell_wire::Parts) {
        let to = self.waiting.get_or_insert_default();
        for (at, part) in parts {
            to.left += part.len();
            to.parts.push(Beside { at, part });
        }
    }

    /// The buffer with nothing in it but what is to be written, all of it.
    pub fn exact(&mut self) -> &mut Vec<u8> {
        if self.waiting.is_some() {
            let mut all = Vec::with_capacity(self.len());
            while self.len() > 0 {
                let first = self.first();
                all.extend_from_slice(first);
                self.written(first.len());
            }
            (self.buf, self.at) = (all, 0);
        }
        self.compact();
        &mut self.buf
    }

    /// Uses the memory of `spare`, which is empty, when this buffer has none.
    pub fn lend(&mut self, spare: Vec<u8>) {
        if self.buf.capacity() == 0 {
            self.buf = spare;
            self.buf.clear();
        }
    }

    /// Gives the memory away when nothing is to be written.
    pub fn reclaim(&mut self) -> Vec<u8> {
        match self.len() == 0 {
            true => {
                self.at = 0;
                std::mem::take(&mut self.buf)
            }
            false => Vec::new(),
        }
    }

    /// Notes that `n` more bytes are out. Cheap: bytes are moved only when at least as many are out as are left, so
    /// each byte is moved once at most.
    pub fn written(&mut self, n: usize) {
        let n = match self.waiting.is_some() {
            true => self.pieces_written(n),
            false => n,
        };
        self.at = self.at.saturating_add(n).min(self.buf.len());
        let left = self.buf.len() - self.at;
        if left == 0 && self.waiting.is_none() {
            self.buf.clear();
            self.at = 0;
        } else if left == 0 || (self.at >= MOVE_FROM && self.at >= left) {
            self.compact();
        }
    }

    /// Notes that `n` bytes are out, as far as they are beside the buffer or before something that is; gives the rest.
    #[cold]
    fn pieces_written(&mut self, mut n: usize) -> usize {
        let Some(waiting) = &mut self.waiting else {
            return n;
        };
        while let Some(first) = waiting.parts.first() {
            let before = n.min(first.at - self.at);
            let beside = (n - before).min(first.part.len() - waiting.out);
            self.at += before;
            waiting.out += beside;
            waiting.left -= beside;
            n -= before + beside;
            if waiting.out < first.part.len() {
                return 0;
            }
            waiting.parts.remove(0);
            waiting.out = 0;
        }
        self.waiting = None;
        n
    }

    fn compact(&mut self) {
        if self.at > 0 {
            self.buf.drain(..self.at);
            for beside in self.waiting.iter_mut().flat_map(|waiting| &mut waiting.parts) {
                beside.at -= self.at;
            }
            self.at = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_wire::{Bytes, SHARE_FROM, encode, gather};

    #[test]
    fn what_is_written_is_gone_and_nothing_else() {
        let mut outbox = Outbox::default();
        outbox.end().extend_from_slice(b"abcdef");
        outbox.written(2);
        assert_eq!(outbox.pending(), b"cdef");
        outbox.end().extend_from_slice(b"gh");
        outbox.written(1);
        assert_eq!(outbox.exact(), b"defgh");
        outbox.written(100);
        assert_eq!(outbox.pending(), b"");
        outbox.end().push(1);
        assert_eq!(outbox.pending(), [1]);
    }

    fn part(bytes: &[u8]) -> Part {
        let mut long = bytes.to_vec();
        long.resize(SHARE_FROM, b'.');
        let (done, parts) = gather(&mut Vec::new(), |out| encode(&Bytes::shared(long), out));
        done.unwrap();
        parts.unwrap().remove(0).1
    }

    fn all(outbox: &Outbox) -> Vec<u8> {
        let mut pieces = [&[][..]; 8];
        let count = outbox.pieces(&mut pieces);
        let all = pieces[..count].concat();
        assert_eq!(all.len(), outbox.len());
        assert!(pieces[..count].iter().all(|piece| !piece.is_empty()));
        assert_eq!(outbox.pieces(&mut pieces[..1]), count.min(1));
        assert!(all.starts_with(outbox.pending()) && outbox.pending().is_empty() == all.is_empty());
        all
    }

    #[test]
    fn what_is_beside_is_written_in_its_place() {
        let (x, y) = (part(b"x"), part(b"y"));
        let wanted = [b"abc", &*x, b"de", &*y, &*y].concat();
        let fresh = || {
            let mut outbox = Outbox::default();
            outbox.end().extend_from_slice(b"abc");
            outbox.add(vec![(3, x.clone())]);
            outbox.end().extend_from_slice(b"de");
            outbox.add(vec![(5, y.clone()), (5, y.clone())]);
            outbox
        };
        assert_eq!(all(&fresh()), wanted);
        assert_eq!(*fresh().exact(), wanted);
        for step in [1, 2, 3, 4, 7, 1000, SHARE_FROM, SHARE_FROM + 2, wanted.len()] {
            let (mut outbox, mut out) = (fresh(), 0);
            while outbox.len() > 0 {
                assert!(outbox.reclaim().is_empty());
                outbox.written(step);
                out = (out + step).min(wanted.len());
                if step > 1 || out % 997 < 5 {
                    assert_eq!(all(&outbox), wanted[out..], "{step} {out}");
                }
            }
            assert!(outbox.waiting.is_none() && outbox.reclaim().capacity() > 0);
        }
        let mut outbox = fresh();
        outbox.written(4);
        outbox.end().extend_from_slice(b"fg");
        assert_eq!(*outbox.exact(), [&wanted[4..], b"fg"].concat());
        outbox.written(wanted.len());
        assert_eq!((outbox.pending(), outbox.len()), (&b""[..], 0));
    }

    #[test]
    fn a_buffer_that_never_runs_empty_does_not_grow() {
        let mut outbox = Outbox::default();
        let mut wanted = 0u8;
        for round in 0..10_000u32 {
            outbox
                .end()
                .extend((0..100u8).map(|i| i.wrapping_add((round * 100) as u8)));
            if round > 0 {
                assert!(outbox.pending().iter().take(100).all(|byte| {
                    let good = *byte == wanted;
                    wanted = wanted.wrapping_add(1);
                    good
                }));
                outbox.written(100);
            }
            assert_eq!(outbox.pending().len(), 100);
        }
        assert!(outbox.end().capacity() <= 4 * MOVE_FROM);
    }

    #[test]
    fn memory_is_lent_and_given_back() {
        let mut outbox = Outbox::default();
        outbox.lend(Vec::with_capacity(1000));
        outbox.end().push(1);
        assert_eq!(outbox.reclaim().capacity(), 0);
        outbox.lend(Vec::with_capacity(5000));
        assert!(outbox.end().capacity() < 5000);
        outbox.written(1);
        assert!(outbox.reclaim().capacity() >= 1000);
        assert_eq!(outbox.end().capacity(), 0);
    }
}
