//! Scripts that no hook can stop: found, reported in a note, and ended together with their process.
//!
//! The note goes to a descriptor that was opened beforehand, because a signal handler can do little more than write
//! and exit. Whoever supervises the process reads it, and starts the process again without that environment.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use super::{ID_LEN, Shared, millis};

/// Length of a note: the ID, then the reason.
pub const NOTE_LEN: usize = ID_LEN + 1;

static LIMIT_MS: AtomicU32 = AtomicU32::new(0);
static NOTE_FD: AtomicI32 = AtomicI32::new(-1);
static EXIT_CODE: AtomicI32 = AtomicI32::new(0);

/// Why a script could not be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It was in C code (a pattern, a finalizer): the hook never fired.
    InC,
    /// It was in Lua code that cannot yield, and did not unwind when it got errors either.
    NotYieldable,
}

/// Where notes go, and with which code the process then exits. `fd` stays open for the rest of the process; it is
/// written at offset 0. A process without it never ends itself.
///
/// # Errors
/// When the descriptor cannot be written at an offset.
pub fn register_note(fd: OwnedFd, exit_code: i32) -> io::Result<()> {
    // SAFETY: a write of zero bytes from a valid pointer; it tells whether the descriptor takes positioned writes.
    let rc = unsafe { libc::pwrite(fd.as_raw_fd(), [0u8; 0].as_ptr().cast(), 0, 0) };
    if rc < 0 {
        return Err(io::Error::last_os_error());
    }
    EXIT_CODE.store(exit_code, Relaxed);
    // The previous one, if any, is left open: the handler of another thread may be using it.
    NOTE_FD.store(fd.into_raw_fd(), Relaxed);
    Ok(())
}

/// How long a script may go on past its slice before it counts as stuck; `None` (the start value): for ever. Set it
/// while there is anybody to protect, that is more than one environment. For the whole process.
pub fn set_stuck_limit(limit: Option<Duration>) {
    LIMIT_MS.store(limit.map_or(0, |d| millis(d).max(1)), Relaxed);
}

/// Reads a note: the environment and the reason; `None` when it is not one.
pub fn parse_note(bytes: &[u8]) -> Option<([u8; ID_LEN], Reason)> {
    let id = *bytes.first_chunk::<ID_LEN>()?;
    let reason = match bytes.get(ID_LEN) {
        Some(1) if bytes.len() == NOTE_LEN => Reason::InC,
        Some(2) if bytes.len() == NOTE_LEN => Reason::NotYieldable,
        _ => return None,
    };
    Some((id, reason))
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
        end(s, 1);
    } else if !s.condemned.swap(true, Relaxed) {
        // Time to unwind, counted from here.
        s.same.store(1, Relaxed);
        s.cpu_start.store(cpu_ms(), Relaxed);
    } else {
        end(s, 2);
    }
}

fn end(s: &Shared, reason: u8) {
    let fd = NOTE_FD.load(Relaxed);
    if fd < 0 {
        return;
    }
    let mut note = [reason; NOTE_LEN];
    note[..ID_LEN].copy_from_slice(&s.id.get());
    // SAFETY: pwrite and _exit are async-signal-safe; the buffer is valid for its length.
    unsafe {
        libc::pwrite(fd, note.as_ptr().cast(), NOTE_LEN, 0);
        libc::_exit(EXIT_CODE.load(Relaxed));
    }
}
