//! Ends of child processes. The kernel tells them by SIGCHLD to the process as a whole, so every
//! executor thread is woken and asks for its own children only, each by number: nobody reaps what
//! somebody else waits for.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
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
    /// Each for its child.
    waiting: RefCell<Vec<(i32, Waker)>>,
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
            for (_, waker) in self.waiting.take() {
                waker.wake();
            }
        }
    }

    fn wait(&self, pid: i32, waker: &Waker) -> io::Result<()> {
        if self.waker.borrow().is_none() {
            *self.waker.borrow_mut() = Some(register_child_waker(&self.poller)?);
        }
        let mut waiting = self.waiting.borrow_mut();
        let before = match waiting.iter_mut().find(|(of, _)| *of == pid) {
            Some((_, known)) if known.will_wake(waker) => None,
            Some((_, known)) => Some(std::mem::replace(known, waker.clone())),
            None => {
                waiting.push((pid, waker.clone()));
                None
            }
        };
        drop(waiting);
        drop(before);
        Ok(())
    }

    /// Nobody waits for this child any more.
    fn forget(&self, pid: i32) {
        let mut waiting = self.waiting.borrow_mut();
        let place = waiting.iter().position(|(of, _)| *of == pid);
        let waker = place.map(|place| waiting.swap_remove(place));
        drop(waiting);
        drop(waker);
    }
}

/// A wait for a child; when it ends, also without an answer, its waker goes.
struct Waiting(Rc<Core>, i32);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.children.forget(self.1);
    }
}

/// Waits for the end of child `pid` of this process and reaps it. Only one task may wait for a child.
pub async fn child_exit(pid: i32) -> io::Result<ExitStatus> {
    let waiting = Waiting(Core::current(), pid);
    std::future::poll_fn(move |context| {
        // Register first: a child that ends between the look and the registration is then still seen.
        if let Err(error) = waiting.0.children.wait(pid, context.waker()) {
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

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::super::{block_on, timeout};
    use super::*;

    #[test]
    #[allow(clippy::zombie_processes)] // It is reaped by what is tested.
    fn a_wait_that_is_given_up_leaves_nothing() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        block_on(async {
            for _ in 0..3 {
                let ended = timeout(Duration::from_millis(1), child_exit(pid)).await;
                assert!(ended.is_none());
                assert!(Core::current().children.waiting.borrow().is_empty());
            }
            drop(child.stdin.take());
            assert!(child_exit(pid).await.unwrap().success());
        });
    }
}
