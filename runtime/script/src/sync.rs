//! Waiting inside one thread: wakers of those who wait, no lock.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Places that are kept when nobody waits any more.
const KEPT: usize = 64;

/// Wakes whoever waits for a condition that code of the same thread changes. Waiting costs the same however many wait, and
/// leaves nothing behind: some wait for what happens once, at the end, again and again.
#[derive(Default)]
pub struct Notify {
    places: RefCell<Places>,
}

#[derive(Default)]
struct Places {
    /// Of those who wait; none where nobody does, or who does was woken and has not looked again.
    wakers: Vec<Option<Waker>>,
    free: Vec<u32>,
}

impl Places {
    const fn new() -> Places {
        Places {
            wakers: Vec::new(),
            free: Vec::new(),
        }
    }

    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            u32::try_from(self.wakers.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// Gives back what was there, which is dropped when nothing is borrowed.
    fn set(&mut self, place: u32, waker: &Waker) -> Option<Waker> {
        let there = self.wakers.get_mut(place as usize)?;
        match there {
            Some(known) if known.will_wake(waker) => None,
            _ => there.replace(waker.clone()),
        }
    }

    fn leave(&mut self, place: u32) -> Option<Waker> {
        let waker = self.wakers.get_mut(place as usize).and_then(Option::take);
        self.free.push(place);
        if self.free.len() == self.wakers.len() {
            self.wakers.clear();
            self.free.clear();
            self.wakers.shrink_to(KEPT);
            self.free.shrink_to(KEPT);
        }
        waker
    }
}

impl Notify {
    /// With nobody waiting.
    pub const fn new() -> Notify {
        Notify {
            places: RefCell::new(Places::new()),
        }
    }

    /// Makes every waiter look at its condition again.
    pub fn notify(&self) {
        let woken: Vec<_> = {
            let mut places = self.places.borrow_mut();
            places.wakers.iter_mut().filter_map(Option::take).collect()
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Waits until `ready` gives a value; it is asked at once and after each [`Notify::notify`].
    pub fn until<T, F: FnMut() -> Option<T>>(&self, ready: F) -> Until<'_, F> {
        Until {
            notify: self,
            place: None,
            ready,
        }
    }
}

/// See [`Notify::until`].
pub struct Until<'a, F> {
    notify: &'a Notify,
    place: Option<u32>,
    ready: F,
}

impl<F> Unpin for Until<'_, F> {}

impl<T, F: FnMut() -> Option<T>> Future for Until<'_, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Some(value) = (self.ready)() {
            return Poll::Ready(value);
        }
        let mut places = self.notify.places.borrow_mut();
        let place = self.place.unwrap_or_else(|| places.take());
        let before = places.set(place, context.waker());
        drop(places);
        drop(before);
        self.place = Some(place);
        Poll::Pending
    }
}

impl<F> Drop for Until<'_, F> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = self.notify.places.borrow_mut().leave(place);
            drop(waker);
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

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Count>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn poll<T>(count: &Arc<Count>, future: impl Future<Output = T>) -> Poll<T> {
        let waker = Waker::from(Arc::clone(count));
        pin!(future).as_mut().poll(&mut Context::from_waker(&waker))
    }

    #[test]
    fn who_waits_is_woken_and_looks_again() {
        let (notify, value) = (Notify::new(), Cell::new(None));
        let (one, two) = (Arc::<Count>::default(), Arc::<Count>::default());
        let (mut a, mut b) = (notify.until(|| value.get()), notify.until(|| value.get()));
        assert!(poll(&one, &mut a).is_pending());
        assert!(poll(&one, &mut a).is_pending());
        assert!(poll(&two, &mut b).is_pending());
        notify.notify();
        assert_eq!((one.0.load(Relaxed), two.0.load(Relaxed)), (1, 1));
        // Only the first waits on.
        assert!(poll(&one, &mut a).is_pending());
        value.set(Some(7));
        notify.notify();
        assert_eq!((one.0.load(Relaxed), two.0.load(Relaxed)), (2, 1));
        assert_eq!(poll(&one, &mut a), Poll::Ready(7));
        assert_eq!(poll(&two, &mut b), Poll::Ready(7));
    }

    #[test]
    fn waiting_leaves_nothing_behind() {
        let notify = Notify::new();
        let stays = Arc::<Count>::default();
        let mut other = notify.until(|| None::<()>);
        assert!(poll(&stays, &mut other).is_pending());
        for _ in 0..1000 {
            let goes = Arc::<Count>::default();
            assert!(poll(&goes, notify.until(|| None::<()>)).is_pending());
            assert_eq!(Arc::strong_count(&goes), 1);
        }
        assert_eq!(notify.places.borrow().wakers.len(), 2);
        drop(other);
        assert_eq!(Arc::strong_count(&stays), 1);
        assert!(notify.places.borrow().wakers.is_empty());
    }
}
