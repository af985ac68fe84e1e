//! The registry of what an environment has open, so that the end of a script leaves nothing behind.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gshell_small::Map;

use crate::errors;

type Close = Box<dyn FnOnce()>;

/// Everything open in one environment.
pub struct Resources {
    limit: u32,
    next: Cell<u32>,
    open: RefCell<Map<u32, Close>>,
}

/// Stands for one open thing; dropping it takes the thing off the registry without closing it (its owner does).
pub struct Ticket {
    registry: Rc<Resources>,
    key: u32,
}

impl Resources {
    pub(crate) fn new(limit: u32) -> Resources {
        Resources {
            limit,
            next: Cell::new(0),
            open: RefCell::new(Map::new()),
        }
    }

    /// Registers an open thing; `close` is called on teardown if the ticket is still alive then.
    /// Fails with code `limit` when the environment has as many open as it may.
    pub fn add(self: &Rc<Self>, what: &str, close: impl FnOnce() + 'static) -> mlua::Result<Ticket> {
        let mut open = self.open.borrow_mut();
        if open.len() as u64 >= u64::from(self.limit) {
            return Err(errors::raise("limit", self.full(what)));
        }
        let key = self.next.get();
        self.next.set(key.wrapping_add(1));
        open.insert(key, Box::new(close));
        Ok(Ticket {
            registry: Rc::clone(self),
            key,
        })
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.open.borrow().len()
    }

    /// Closes all of them, latest first.
    pub(crate) fn close_all(&self) {
        let taken = std::mem::take(&mut *self.open.borrow_mut());
        for (_, close) in taken.into_iter().rev() {
            close();
        }
    }

    fn full(&self, what: &str) -> String {
        format!(
            "cannot open {what}: the limit of {} open files, sockets and processes of this environment is reached; \
             close some of them",
            self.limit
        )
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let close = self.registry.open.borrow_mut().remove(&self.key);
        drop(close);
    }
}
