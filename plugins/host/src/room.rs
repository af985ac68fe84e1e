//! Memory that a plugin writes a result into.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::{self, NonNull};

/// Bytes that grow. Not a `Vec`: memory that is not there is an error of the call, and what was never written is zeros,
/// or what somebody wrote before.
#[derive(Debug)]
pub(crate) struct Room {
    at: *mut u8,
    len: usize,
}

impl Room {
    pub(crate) const fn new() -> Room {
        Room {
            at: ptr::null_mut(),
            len: 0,
        }
    }

    /// At least `len` bytes, with what was written before; `None` when there is not so much memory. Never null.
    pub(crate) fn grow(&mut self, len: u32) -> Option<NonNull<u8>> {
        let len = usize::try_from(len).ok()?.max(1);
        if len > self.len {
            let layout = Layout::array::<u8>(len.max(64)).ok()?;
            // SAFETY: the layout is not of size zero.
            let made = unsafe { alloc_zeroed(layout) };
            if made.is_null() {
                return None;
            }
            // SAFETY: both are live for as many bytes as the old one has, and they are not the same memory.
            unsafe { ptr::copy_nonoverlapping(self.at_or_dangling(), made, self.len) };
            self.free();
            (self.at, self.len) = (made, layout.size());
        }
        NonNull::new(self.at)
    }

    /// Whether it takes more than so many bytes.
    pub(crate) fn is_larger_than(&self, bytes: u32) -> bool {
        usize::try_from(bytes).is_ok_and(|bytes| self.len > bytes)
    }

    /// The first bytes of it; `None` if there are not so many.
    pub(crate) fn first(&self, len: u32) -> Option<&[u8]> {
        let len = usize::try_from(len).ok()?;
        // SAFETY: there are so many bytes, initialised as zeros; the plugin that writes them does not run now.
        (len <= self.len).then(|| unsafe { std::slice::from_raw_parts(self.at_or_dangling(), len) })
    }

    fn at_or_dangling(&self) -> *const u8 {
        match self.at.is_null() {
            true => NonNull::dangling().as_ptr(),
            false => self.at,
        }
    }

    fn free(&mut self) {
        if self.len > 0
            && let Ok(layout) = Layout::array::<u8>(self.len)
        {
            // SAFETY: it was allocated with this layout, and nobody uses it any more.
            unsafe { dealloc(self.at, layout) };
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.free();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_stays_when_it_grows() {
        let mut room = Room::new();
        assert_eq!(room.first(0), Some([].as_slice()));
        assert_eq!(room.first(1), None);
        let at = room.grow(3).unwrap();
        // SAFETY: so many bytes were asked for.
        unsafe { ptr::copy_nonoverlapping(b"abc".as_ptr(), at.as_ptr(), 3) };
        assert_eq!(room.grow(2), Some(at), "the same each time");
        room.grow(100_000).unwrap();
        assert_eq!(room.first(5), Some(b"abc\0\0".as_slice()));
        assert_eq!(room.first(100_001), None);
    }
}
