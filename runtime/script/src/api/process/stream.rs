//! What a child writes, as a running script reads it: by pieces or by lines.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::Result;

use super::running::Reader;
use crate::Context;
use crate::api::support::Lines;
use crate::errors::{raise, raise_io};

/// Bytes of one read.
const PIECE: usize = 16 * 1024;
/// Longest line that `lines` gives: 1 MiB.
const LINE_LIMIT: usize = 1 << 20;

/// A stream from the child, read by one task at a time.
pub struct Output {
    pipe: RefCell<Option<Rc<Reader>>>,
    lines: RefCell<Lines>,
    busy: Cell<bool>,
}

/// Ends the turn of the task that reads.
struct Turn<'a>(&'a Cell<bool>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Output {
    /// A stream over a pipe; without one it has ended.
    pub fn new(pipe: Option<Reader>) -> Self {
        Self {
            pipe: RefCell::new(pipe.map(Rc::new)),
            lines: RefCell::default(),
            busy: Cell::new(false),
        }
    }

    /// Lets go of the pipe: what was read is still given.
    pub fn close(&self) {
        self.pipe.replace(None);
    }

    /// A piece of 1 to `most` bytes, `None` at the end. `shown` names the command in errors.
    pub async fn read(&self, cx: &Context, shown: &str, most: usize) -> Result<Option<Vec<u8>>> {
        loop {
            let taken = self.lines.borrow_mut().take(most);
            if taken.is_some() || !self.fill(cx, shown).await? {
                return Ok(taken);
            }
        }
    }

    /// A line without newline, `None` at the end.
    pub async fn line(&self, cx: &Context, shown: &str) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(line) = self.lines.borrow_mut().line() {
                return Ok(Some(line.to_vec()));
            }
            if self.lines.borrow().waiting() > LINE_LIMIT {
                let message = format!("a line from `{shown}` is longer than {LINE_LIMIT} bytes; use read");
                return Err(raise("limit", message));
            }
            if !self.fill(cx, shown).await? {
                return Ok(self.lines.borrow_mut().rest());
            }
        }
    }

    /// Brings more into the buffer; false at the end.
    async fn fill(&self, cx: &Context, shown: &str) -> Result<bool> {
        let Some(pipe) = self.pipe.borrow().clone() else {
            return Ok(false);
        };
        if self.busy.replace(true) {
            return Err(raise("busy", format!("another task reads from `{shown}`")));
        }
        let _turn = Turn(&self.busy);
        let mut piece = vec![0; PIECE];
        let failed = |error| raise_io(&format!("read from `{shown}`"), &error);
        let count = cx.wait(pipe.read(&mut piece)).await?.map_err(failed)?;
        if count == 0 {
            self.close();
        }
        self.lines
            .borrow_mut()
            .push(piece.get(..count).unwrap_or_default());
        Ok(count > 0)
    }
}
