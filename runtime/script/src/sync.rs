//! Waiting inside one thread: a list of wakers, no lock.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// Wakes whoever waits for a condition that code of the same thread changes.
#[derive(Default)]
pub struct Notify {
    wakers: RefCell<Vec<Waker>>,
}

impl Notify {
    /// With nobody waiting.
    pub const fn new() -> Notify {
        Notify {
            wakers: RefCell::new(Vec::new()),
        }
    }

    /// Makes every waiter look at its condition again.
    pub fn notify(&self) {
        if self.wakers.borrow().is_empty() {
            return;
        }
        for waker in self.wakers.take() {
            waker.wake();
        }
    }

    /// Waits until `ready` gives a value; it is asked at once and after each [`Notify::notify`].
    pub async fn until<T>(&self, mut ready: impl FnMut() -> Option<T>) -> T {
        poll_fn(|cx| match ready() {
            Some(value) => Poll::Ready(value),
            None => {
                self.register(cx.waker());
                Poll::Pending
            }
        })
        .await
    }

    fn register(&self, waker: &Waker) {
        let mut wakers = self.wakers.borrow_mut();
        if !wakers.iter().any(|w| w.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }
}

/// A flag that is set once and waited for.
#[derive(Default)]
pub struct Signal {
    set: Cell<bool>,
    notify: Notify,
}

impl Signal {
    /// Not set.
    pub const fn new() -> Signal {
        Signal {
            set: Cell::new(false),
            notify: Notify::new(),
        }
    }

    /// Sets it and wakes all who wait.
    pub fn set(&self) {
        self.set.set(true);
        self.notify.notify();
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.set.get()
    }

    /// Waits until it is set.
    pub async fn wait(&self) {
        self.notify.until(|| self.set.get().then_some(())).await;
    }
}
