//! Waiting built-in functions, so that the end of an environment can end them.
//!
//! A future that waits sits inside the Lua state, and may itself keep the state alive: neither would ever be freed.
//! So each future that waits is held in a registry of the environment, which drops them all on teardown.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use gshell_small::Map;
use mlua::MultiValue;

use crate::limits::most_memory;

/// A future on its way to Lua.
pub(crate) type Boxed = Pin<Box<dyn Future<Output = mlua::Result<MultiValue>>>>;
/// Empty once it was dropped by the registry.
type Slot = RefCell<Option<Boxed>>;

/// A future that waits, and the coroutine that it was called in.
struct Waiting {
    group: u32,
    slot: Weak<Slot>,
}

/// What the coroutines of one environment share: the futures that wait, and their memory limit.
#[derive(Default)]
pub(crate) struct Pending {
    memory: u64,
    next: Cell<u32>,
    slots: RefCell<Map<u32, Waiting>>,
    groups: Cell<u32>,
    /// The coroutine that runs, with those that it resumes.
    current: Cell<u32>,
}

impl Pending {
    /// For an environment that may use so many bytes of Lua memory; 0 means without limit.
    pub(crate) fn new(memory: u64) -> Pending {
        Pending {
            memory,
            ..Pending::default()
        }
    }

    /// Whether a state that uses so many bytes uses more than it may.
    pub(crate) fn is_over(&self, used: usize) -> bool {
        self.memory != 0 && used as u64 > self.memory
    }

    /// Up to how many bytes a state may go that uses so many, without garbage; 0 means without limit.
    pub(crate) fn room(&self, used: usize) -> usize {
        match self.is_over(used) {
            true => used,
            false => most_memory(self.memory),
        }
    }

    /// Drops all of them.
    pub(crate) fn clear(&self) {
        let slots = std::mem::take(&mut *self.slots.borrow_mut());
        slots.values().for_each(Waiting::end);
    }

    /// A number for a coroutine that is about to run.
    pub(crate) fn group(&self) -> u32 {
        let group = self.groups.get().wrapping_add(1);
        self.groups.set(group);
        group
    }

    /// Until it is called with what this gives, futures that begin to wait belong to `group`.
    pub(crate) fn enter(&self, group: u32) -> u32 {
        self.current.replace(group)
    }

    /// Whether a coroutine runs, or waits for what it does in the midst of its run.
    pub(crate) fn is_running(&self) -> bool {
        self.current.get() != 0
    }

    /// Drops those of a coroutine that will not run any more: it is garbage, but when it is collected is not known.
    pub(crate) fn clear_group(&self, group: u32) {
        let slots = self.slots.borrow();
        let ended: Vec<_> = slots.values().filter(|waiting| waiting.group == group).collect();
        let ended: Vec<_> = ended.into_iter().map(|waiting| waiting.slot.clone()).collect();
        drop(slots);
        for slot in ended {
            Waiting { group, slot }.end();
        }
    }

    fn add(&self, slot: Weak<Slot>) -> u32 {
        let key = self.next.get();
        self.next.set(key.wrapping_add(1));
        let group = self.current.get();
        self.slots.borrow_mut().insert(key, Waiting { group, slot });
        key
    }
}

impl Waiting {
    fn end(&self) {
        // Not borrowed: nothing is ended while it is polled.
        if let Some(slot) = self.slot.upgrade()
            && let Ok(mut slot) = slot.try_borrow_mut()
        {
            let taken = slot.take();
            drop(slot);
            drop(taken);
        }
    }
}

/// A future that is put into the registry the first time it has to wait.
pub(crate) struct Held {
    registry: Option<Rc<Pending>>,
    now: Now,
}

/// What is to be polled.
enum Now {
    Fresh(Boxed),
    Waiting(u32, Rc<Slot>),
    Failed(mlua::Error),
    Over,
}

impl Held {
    /// Of the future and its registry; an error is what it gives at once.
    pub(crate) fn new(made: mlua::Result<(Rc<Pending>, Boxed)>) -> Held {
        match made {
            Ok((registry, future)) => Held {
                registry: Some(registry),
                now: Now::Fresh(future),
            },
            Err(error) => Held {
                registry: None,
                now: Now::Failed(error),
            },
        }
    }
}

impl Future for Held {
    type Output = mlua::Result<MultiValue>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Now::Waiting(_, slot) = &self.now {
            return slot
                .borrow_mut()
                .as_mut()
                .map_or(Poll::Pending, |future| future.as_mut().poll(cx));
        }
        match std::mem::replace(&mut self.now, Now::Over) {
            Now::Fresh(mut future) => {
                let polled = future.as_mut().poll(cx);
                if let (true, Some(registry)) = (polled.is_pending(), &self.registry) {
                    let slot = Rc::new(RefCell::new(Some(future)));
                    let key = registry.add(Rc::downgrade(&slot));
                    self.now = Now::Waiting(key, slot);
                }
                polled
            }
            Now::Failed(error) => Poll::Ready(Err(error)),
            Now::Waiting(..) | Now::Over => Poll::Pending,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let (Now::Waiting(key, _), Some(registry)) = (&self.now, &self.registry) {
            let slot = registry.slots.borrow_mut().remove(key);
            drop(slot);
        }
    }
}
