//! Waiting built-in functions, so that the end of an environment can end them.
//!
//! A future that waits sits inside the Lua state, and may itself keep the state alive: neither would ever be freed.
//! So each future that waits is held in a registry of the environment, which drops them all on teardown.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

type Boxed<R> = Pin<Box<dyn Future<Output = mlua::Result<R>>>>;
/// Empty once it was dropped by the registry.
type Shared<R> = Rc<RefCell<Option<Boxed<R>>>>;

/// The futures of one environment that wait.
#[derive(Default)]
pub(crate) struct Pending {
    next: Cell<u32>,
    slots: RefCell<BTreeMap<u32, Weak<dyn Slot>>>,
}

trait Slot {
    fn clear(&self);
}

impl<T> Slot for RefCell<Option<T>> {
    fn clear(&self) {
        // Not borrowed: teardown never happens while one of them is polled.
        if let Ok(mut slot) = self.try_borrow_mut() {
            let taken = slot.take();
            drop(slot);
            drop(taken);
        }
    }
}

impl Pending {
    /// Drops all of them.
    pub(crate) fn clear(&self) {
        let slots = std::mem::take(&mut *self.slots.borrow_mut());
        for slot in slots.values().filter_map(Weak::upgrade) {
            slot.clear();
        }
    }

    fn add(&self, slot: Weak<dyn Slot>) -> u32 {
        let key = self.next.get();
        self.next.set(key.wrapping_add(1));
        self.slots.borrow_mut().insert(key, slot);
        key
    }
}

/// A future that is put into the registry the first time it has to wait.
pub(crate) struct Held<R> {
    registry: Rc<Pending>,
    fresh: Option<Boxed<R>>,
    waiting: Option<(u32, Shared<R>)>,
}

impl<R: 'static> Held<R> {
    pub(crate) fn new(
        registry: &Rc<Pending>,
        future: impl Future<Output = mlua::Result<R>> + 'static,
    ) -> Held<R> {
        Held {
            registry: Rc::clone(registry),
            fresh: Some(Box::pin(future)),
            waiting: None,
        }
    }
}

impl<R> Unpin for Held<R> {}

impl<R: 'static> Future for Held<R> {
    type Output = mlua::Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(mut future) = self.fresh.take() {
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() {
                let slot = Rc::new(RefCell::new(Some(future)));
                let weak: Weak<dyn Slot> = Rc::downgrade(&(Rc::clone(&slot) as Rc<dyn Slot>));
                self.waiting = Some((self.registry.add(weak), slot));
            }
            return polled;
        }
        match &self.waiting {
            Some((_, slot)) => slot
                .borrow_mut()
                .as_mut()
                .map_or(Poll::Pending, |f| f.as_mut().poll(cx)),
            None => Poll::Pending,
        }
    }
}

impl<R> Drop for Held<R> {
    fn drop(&mut self) {
        if let Some((key, _)) = &self.waiting {
            let slot = self.registry.slots.borrow_mut().remove(key);
            drop(slot);
        }
    }
}
