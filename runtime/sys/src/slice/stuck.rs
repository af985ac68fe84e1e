//! Scripts that no hook can stop: found, reported in a note, and ended together with their process.
//!
//! Whoever supervises the process reads the note ([`crate::note`]), and starts the process again without that environment.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use super::{Shared, millis};
use crate::note::{self, Reason};

static LIMIT_MS: AtomicU32 = AtomicU32::new(0);
static EXIT_CODE: AtomicI32 = AtomicI32::new(0);

/// With which code the process exits when a script cannot be stopped, once notes have a place ([`note::register`]): without
/// one, a process never ends itself.
pub fn set_stuck_exit(code: i32) {
    EXIT_CODE.store(code, Relaxed);
}

/// How long a script may go on past its slice before it counts as stuck; `None` (the start value): for ever. Set it
/// while there is anybody to protect, that is more than one environment. For the whole process.
pub fn set_stuck_limit(limit: Option<Duration>) {
    LIMIT_MS.store(limit.map_or(0, |d| millis(d).max(1)), Relaxed);
}

/// Processor time of this thread in milliseconds, wrapping. Async-signal-safe.
pub(super) fn cpu_ms() -> u32 {
    let mut now = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: clock_gettime is async-signal-safe and writes the structure, which is valid as all zero already.
    let now = unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, now.as_mut_ptr());
        now.assume_init()
    };
    (now.tv_sec as u32)
        .wrapping_mul(1000)
        .wrapping_add((now.tv_nsec / 1_000_000) as u32)
}

/// Called in the handler for the `same`th expiry of one run: condemns it, or ends the process. On a busy machine a
/// script may get little of the time that passed, so it must also have used half of its limit as processor time,
/// or have let four limits pass (blocked in a system call).
pub(super) fn judge(s: &Shared, same: u32) {
    let limit = LIMIT_MS.load(Relaxed);
    if limit == 0 {
        return;
    }
    let past = same.saturating_mul(s.slice_ms.load(Relaxed));
    let used = cpu_ms().wrapping_sub(s.cpu_start.load(Relaxed));
    if past < limit || (used < limit / 2 && past / 4 < limit) {
        return;
    }
    if !s.blocked.load(Relaxed) {
        end(s, Reason::InC);
    } else if !s.condemned.swap(true, Relaxed) {
        // Time to unwind, counted from here.
        s.same.store(1, Relaxed);
        s.cpu_start.store(cpu_ms(), Relaxed);
    } else {
        end(s, Reason::NotYieldable);
    }
}

fn end(s: &Shared, reason: Reason) {
    if !note::is_registered() {
        return;
    }
    note::leave(note::whom().or(Some(s.id.get())), reason);
    // SAFETY: _exit is async-signal-safe.
    unsafe { libc::_exit(EXIT_CODE.load(Relaxed)) };
}
