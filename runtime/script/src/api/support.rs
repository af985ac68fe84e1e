//! What the built-in modules share: calls that block, paths, and cutting text into lines.

use std::any::Any;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use gshell_service::rt;
use mlua::{LuaString, Result};

use super::options::invalid;
use crate::Context;
use crate::errors::raise_io;

/// Runs a call that may block on the blocking pool; `what` says the operation and its object in the error.
pub async fn blocking<T: Send + 'static>(
    cx: &Context,
    what: impl FnOnce() -> String,
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let made = off_thread(cx, Box::new(move || Box::new(call()))).await?;
    rt::result::<io::Result<T>>(made).map_err(|error| raise_io(&what(), &error))
}

/// Apart from the type of the result, so that the waiting is compiled once.
async fn off_thread(cx: &Context, call: rt::Call) -> Result<Box<dyn Any + Send>> {
    cx.wait(rt::unblock_any(call)).await
}

/// A path from a script; `function` is named when it is empty.
pub fn path(function: &'static str, text: &LuaString) -> Result<PathBuf> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Err(invalid(function, "the path is empty"));
    }
    Ok(PathBuf::from(OsStr::from_bytes(&bytes)))
}

/// Bytes that arrive in pieces and leave in lines.
#[derive(Debug, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    /// Start of the next line.
    from: usize,
    /// Up to here there is no end of line.
    seen: usize,
}

impl Lines {
    /// Adds a piece.
    pub fn push(&mut self, piece: &[u8]) {
        if self.from > 0 {
            self.bytes.drain(..self.from);
            self.seen -= self.from;
            self.from = 0;
        }
        self.bytes.extend_from_slice(piece);
    }

    /// The next whole line without its newline.
    pub fn line(&mut self) -> Option<&[u8]> {
        let fresh = self.bytes.get(self.seen..)?;
        let Some(at) = fresh.iter().position(|&byte| byte == b'\n') else {
            self.seen = self.bytes.len();
            return None;
        };
        let (start, end) = (self.from, self.seen + at);
        (self.from, self.seen) = (end + 1, end + 1);
        self.bytes.get(start..end)
    }

    /// What is left, at the end of the input: a last line without newline.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        let rest = self.bytes.split_off(self.from.min(self.bytes.len()));
        *self = Self::default();
        (!rest.is_empty()).then_some(rest)
    }

    /// Up to `most` of what is there, lines or not; `None` when nothing is.
    pub fn take(&mut self, most: usize) -> Option<Vec<u8>> {
        let end = self.bytes.len().min(self.from.saturating_add(most));
        let taken = self.bytes.get(self.from..end)?.to_vec();
        self.from = end;
        self.seen = self.seen.max(end);
        (!taken.is_empty()).then_some(taken)
    }

    /// How many bytes are waiting.
    pub fn waiting(&self) -> usize {
        self.bytes.len().saturating_sub(self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines() {
        let mut lines = Lines::default();
        assert_eq!(lines.line(), None);
        for piece in ["on", "e\ntwo\n\nthr", "ee"] {
            lines.push(piece.as_bytes());
            if piece == "on" {
                assert_eq!(lines.line(), None);
            }
        }
        assert_eq!(lines.line(), Some(b"one".as_slice()));
        assert_eq!(lines.take(2), Some(b"tw".to_vec()));
        assert_eq!(lines.line(), Some(b"o".as_slice()));
        assert_eq!(lines.line(), Some(b"".as_slice()));
        assert_eq!(lines.line(), None);
        assert_eq!(lines.waiting(), 5);
        lines.push(b"!");
        assert_eq!(lines.line(), None);
        assert_eq!(lines.rest(), Some(b"three!".to_vec()));
        assert_eq!((lines.rest(), lines.take(9), lines.waiting()), (None, None, 0));
    }
}
