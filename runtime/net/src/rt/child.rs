//! Ends of child processes. The kernel tells them by SIGCHLD to the process as a whole, so every
//! executor thread is woken and asks for its own children only, each by number: nobody reaps what
//! somebody else waits for.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;
use std::task::{Poll, Waker};

use gshell_sys::poll::Poller;
use gshell_sys::process::{ExitStatus, try_wait};
use gshell_sys::signal::{ChildWaker, child_signals, register_child_waker};

use super::core::Core;

pub(super) struct Children {
    poller: Arc<Poller>,
    waker: RefCell<Option<ChildWaker>>,
    seen: Cell<u32>,
    waiting: RefCell<Vec<Waker>>,
}

impl Children {
    pub(super) fn new(poller: Arc<Poller>) -> Children {
        Children {
            poller,
            waker: RefCell::default(),
            seen: Cell::new(0),
            waiting: RefCell::default(),
        }
    }

    /// Wakes everybody who waits for a child when a SIGCHLD came since the last look.
    pub(super) fn collect(&self) {
        if self.waiting.borrow().is_empty() {
            return;
        }
        let count = child_signals();
        if self.seen.replace(count) != count {
            for waker in self.waiting.take() {
                waker.wake();
            }
        }
    }

    fn wait(&self, waker: &Waker) -> io::Result<()> {
        if self.waker.borrow().is_none() {
            *self.waker.borrow_mut() = Some(register_child_waker(&self.poller)?);
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|known| known.will_wake(waker)) {
            waiting.push(waker.clone());
        }
        Ok(())
    }
}

/// Waits for the end of child `pid` of this process and reaps it. Only one task may wait for a child.
pub async fn child_exit(pid: i32) -> io::Result<ExitStatus> {
    let core = Core::current();
    std::future::poll_fn(move |context| {
        // Register first: a child that ends between the look and the registration is then still seen.
        if let Err(error) = core.children.wait(context.waker()) {
            return Poll::Ready(Err(error));
        }
        match try_wait(pid) {
            Ok(Some(status)) => Poll::Ready(Ok(status)),
            Ok(None) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    })
    .await
}
