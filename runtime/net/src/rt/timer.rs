//! Timers of one executor thread: a sorted map whose first entry bounds the next wait.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::core::Core;

#[derive(Default)]
pub(super) struct Timers {
    waiting: RefCell<BTreeMap<(Instant, u32), Waker>>,
    last_id: Cell<u32>,
}

impl Timers {
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.borrow().first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn fire(&self) {
        if self.waiting.borrow().is_empty() {
            return;
        }
        let now = Instant::now();
        loop {
            // Waking may drop or add timers, so the map is not borrowed meanwhile.
            let due = {
                let mut waiting = self.waiting.borrow_mut();
                match waiting.first_entry() {
                    Some(entry) if entry.key().0 <= now => entry.remove(),
                    _ => return,
                }
            };
            due.wake();
        }
    }

    fn add(&self, at: Instant, waker: Waker) -> u32 {
        let id = self.last_id.get().wrapping_add(1);
        self.last_id.set(id);
        self.waiting.borrow_mut().insert((at, id), waker);
        id
    }

    fn remove(&self, at: Instant, id: u32) {
        self.waiting.borrow_mut().remove(&(at, id));
    }
}

/// A wait that ends at an instant of the monotonic clock. Belongs to the thread that first polls it.
pub struct Sleep {
    at: Instant,
    registered: Option<(Rc<Core>, u32)>,
}

/// Waits for `duration`.
pub fn sleep(duration: Duration) -> Sleep {
    let now = Instant::now();
    // A duration that the clock cannot hold means "for ever" to its caller.
    let at = now
        .checked_add(duration)
        .unwrap_or_else(|| now + Duration::from_secs(u64::from(u32::MAX)));
    sleep_until(at)
}

/// Waits until `at`; a moment that has passed ends at once.
pub fn sleep_until(at: Instant) -> Sleep {
    Sleep { at, registered: None }
}

impl Sleep {
    fn unregister(&mut self) {
        if let Some((core, id)) = self.registered.take() {
            core.timers.remove(self.at, id);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.unregister();
        if self.at <= Instant::now() {
            return Poll::Ready(());
        }
        let core = Core::current();
        let id = core.timers.add(self.at, context.waker().clone());
        self.registered = Some((core, id));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.unregister();
    }
}

/// Runs `future` for at most `limit`; `None` when it did not end by then (it is dropped).
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = sleep(limit);
    std::future::poll_fn(|context| {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        Pin::new(&mut timer).poll(context).map(|()| None)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::super::{block_on, spawn};
    use super::*;

    #[test]
    fn shorter_sleeps_end_first() {
        let order = block_on(async {
            let seen = Rc::new(RefCell::new(Vec::new()));
            let tasks: Vec<_> = [30u64, 10, 20]
                .into_iter()
                .map(|ms| {
                    let seen = seen.clone();
                    spawn(async move {
                        sleep(Duration::from_millis(ms)).await;
                        seen.borrow_mut().push(ms);
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
            seen.take()
        });
        assert_eq!(order, [10, 20, 30]);
    }

    #[test]
    fn a_timeout_gives_up_and_leaves_no_timer() {
        block_on(async {
            let never = std::future::pending::<()>();
            assert_eq!(timeout(Duration::from_millis(5), never).await, None);
            assert_eq!(timeout(Duration::from_secs(3600), async { 3 }).await, Some(3));
            assert!(Core::current().timers.next().is_none());
        });
    }
}
