//! Crashes of plugins: who was running, told by a note that a signal handler writes.
//!
//! Code of a plugin that aborts or follows a bad pointer takes its process along. Whoever calls such code says so
//! beforehand ([`mark`]); the mark is this thread's, costs a few stores, and is read by signal handlers. What stands in
//! it are texts that live as long as the process, because a handler must never find one that is gone.

mod handler;
mod line;

use std::cell::Cell;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed, Ordering::SeqCst, compiler_fence};

use crate::slice::ID_LEN;

pub use handler::{guard_thread, watch, watch_aloud};

/// Whose code it is.
#[derive(Debug)]
pub struct Owner {
    text: String,
}

impl Owner {
    /// An owner by this name, of which [`TEXT_MAX`] bytes are told. It stays for the rest of the process: make one for
    /// each owner, not for each mark.
    pub fn new(text: String) -> &'static Owner {
        Box::leak(Box::new(Owner { text }))
    }

    /// Its name.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Bytes of an owner's name, and of the name of a part, that a note tells.
pub const TEXT_MAX: usize = 110;

/// What runs on a thread.
struct Slot {
    /// Null: nobody's code. It says that `part` is whole, so it is taken away while that changes.
    owner: AtomicPtr<Owner>,
    part: Cell<&'static str>,
}

thread_local! {
    // Constant and without a destructor, so that a signal handler may read it at any moment.
    static SLOT: Slot = const { Slot { owner: AtomicPtr::new(std::ptr::null_mut()), part: Cell::new("") } };
    static BEHALF: Cell<Option<[u8; ID_LEN]>> = const { Cell::new(None) };
}

/// What ran before a [`mark`]: give it back to [`restore`].
#[derive(Clone, Copy, Debug)]
#[must_use = "what ran before runs again after it"]
pub struct Before {
    owner: *mut Owner,
    part: &'static str,
}

/// From here on, code of `owner` runs on this thread: its function or step `part`. Gives what ran before.
#[inline]
pub fn mark(owner: &'static Owner, part: &'static str) -> Before {
    SLOT.with(|slot| slot.set(std::ptr::from_ref(owner).cast_mut(), part))
}

/// Ends a mark. Also for a caller that code in between left by a long jump: then the marks inside end with it.
#[inline]
pub fn restore(before: Before) {
    let _ = SLOT.with(|slot| slot.set(before.owner, before.part));
}

impl Slot {
    #[inline]
    fn set(&self, owner: *mut Owner, part: &'static str) -> Before {
        let before = Before {
            owner: self.owner.load(Relaxed),
            part: self.part.get(),
        };
        // A handler sees nobody, or an owner with its whole part.
        self.owner.store(std::ptr::null_mut(), Relaxed);
        compiler_fence(SeqCst);
        self.part.set(part);
        compiler_fence(SeqCst);
        self.owner.store(owner, Relaxed);
        before
    }
}

/// What [`put_aside`] found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aside {
    before: Before,
    behalf: Option<[u8; ID_LEN]>,
}

/// From here until [`go_on`], this thread does something else: nobody's code yet, for whose script it runs.
pub(crate) fn put_aside() -> Aside {
    Aside {
        before: SLOT.with(|slot| slot.set(std::ptr::null_mut(), "")),
        behalf: on_behalf(None),
    }
}

/// What was put aside goes on.
pub(crate) fn go_on(aside: Aside) {
    restore(aside.before);
    on_behalf(aside.behalf);
}

/// Whose code runs on this thread, and which part of it. Async-signal-safe.
pub fn running() -> Option<(&'static Owner, &'static str)> {
    SLOT.with(|slot| {
        let owner = slot.owner.load(Relaxed);
        // SAFETY: it is null, or came from a reference that is valid for the rest of the process.
        let owner = unsafe { owner.as_ref() }?;
        compiler_fence(SeqCst);
        Some((owner, slot.part.get()))
    })
}

/// From here on, this thread works for this environment, or again for the one whose script it runs: for calls that block, which
/// are made on threads that run no scripts, and for handlers, which others' scripts call. Gives whom it worked for before.
pub fn on_behalf(id: Option<[u8; ID_LEN]>) -> Option<[u8; ID_LEN]> {
    BEHALF.replace(id)
}

/// Whom this thread works for, rather than the script that it runs. Async-signal-safe.
pub(crate) fn behalf() -> Option<[u8; ID_LEN]> {
    BEHALF.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Option<(&'static str, &'static str)> {
        running().map(|(owner, part)| (owner.text(), part))
    }

    #[test]
    fn marks_nest_and_end() {
        let (echo, hash) = (Owner::new("echo".to_owned()), Owner::new("hash".to_owned()));
        assert_eq!(names(), None);
        let outside = mark(echo, "say");
        assert_eq!(names(), Some(("echo", "say")));
        let inside = mark(hash, "sum");
        let _ = mark(hash, "left by a long jump");
        restore(inside);
        assert_eq!(names(), Some(("echo", "say")));
        restore(outside);
        assert_eq!(names(), None);
    }

    #[test]
    fn a_mark_is_of_its_thread() {
        let before = mark(Owner::new("echo".to_owned()), "say");
        std::thread::spawn(|| assert_eq!(names(), None)).join().unwrap();
        restore(before);
    }
}
