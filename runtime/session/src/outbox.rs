//! Bytes on their way out: frames are appended at the end, the transport takes from the front.

/// Written bytes at the front from which on moving the rest pays.
const MOVE_FROM: usize = 64 * 1024;

#[derive(Debug, Default)]
pub struct Outbox {
    buf: Vec<u8>,
    /// Bytes at the front of `buf` that are out already.
    at: usize,
}

impl Outbox {
    /// What is to be written.
    pub fn pending(&self) -> &[u8] {
        self.buf.get(self.at..).unwrap_or_default()
    }

    /// The buffer to append frames to; bytes that are out may still be in front.
    pub fn end(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// The buffer with nothing in it but what is to be written.
    pub fn exact(&mut self) -> &mut Vec<u8> {
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
        match self.pending().is_empty() {
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
        self.at = self.at.saturating_add(n).min(self.buf.len());
        let left = self.buf.len() - self.at;
        if left == 0 {
            self.buf.clear();
            self.at = 0;
        } else if self.at >= MOVE_FROM && self.at >= left {
            self.compact();
        }
    }

    fn compact(&mut self) {
        if self.at > 0 {
            self.buf.drain(..self.at);
            self.at = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
