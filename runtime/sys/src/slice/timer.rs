//! The timer of an executor thread, and its signal handler.
//!
//! It measures monotonic time and signals the thread that made it. It is one-shot: the handler starts it again as
//! long as scripts run, so an idle thread is never woken by it.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;

use super::{SHARED, Shared, bump, hook, own, stuck};
use crate::crash;

/// Deletes the thread's timer at its end.
struct Owner;

thread_local! {
    static OWNER: std::cell::RefCell<Option<Owner>> = const { std::cell::RefCell::new(None) };
}

/// Makes this thread's timer and its stack for the handlers of crashes, and installs the process's signal handler for it, if that has not been done yet.
///
/// # Errors
/// Says which call failed; a likely reason is the limit of pending signals (each timer reserves one).
pub fn init() -> io::Result<()> {
    install_handler()?;
    SHARED.with(|s| s.base.set(s.base.get().max(own::address())));
    if SHARED.with(|s| s.has_timer.load(Relaxed)) {
        return Ok(());
    }
    crash::guard_thread()?;
    let timer = create()?;
    SHARED.with(|s| {
        s.timer.store(timer, Relaxed);
        s.has_timer.store(true, Relaxed);
    });
    OWNER.with(|o| *o.borrow_mut() = Some(Owner));
    Ok(())
}

/// The signal of the timers: a real-time signal that nothing else here uses.
fn signal() -> libc::c_int {
    libc::SIGRTMIN() + 6
}

fn install_handler() -> io::Result<()> {
    static DONE: OnceLock<Result<(), i32>> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        // SAFETY: sigaction reads a fully initialised structure; all zero is a valid start for it. The handler is
        // async-signal-safe (see there), and the signal is used by nothing else in this program.
        let rc = unsafe {
            let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
            action.sa_sigaction = on_expiry as extern "C" fn(libc::c_int) as libc::sighandler_t;
            action.sa_flags = libc::SA_RESTART;
            libc::sigemptyset(&mut action.sa_mask);
            libc::sigaction(signal(), &action, ptr::null_mut())
        };
        if rc == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error().raw_os_error().unwrap_or(0))
        }
    });
    done.map_err(io::Error::from_raw_os_error)
}

fn create() -> io::Result<libc::timer_t> {
    let mut timer = MaybeUninit::<libc::timer_t>::uninit();
    // SAFETY: timer_create reads an initialised sigevent (all zero is a valid start) and writes the timer's ID on
    // success; gettid has no conditions.
    let rc = unsafe {
        let mut event: libc::sigevent = MaybeUninit::zeroed().assume_init();
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = signal();
        event.sigev_notify_thread_id = libc::syscall(libc::SYS_gettid) as libc::c_int;
        libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, timer.as_mut_ptr())
    };
    if rc != 0 {
        let error = io::Error::last_os_error();
        return Err(io::Error::new(
            error.kind(),
            format!("create the time slice timer: {error}"),
        ));
    }
    // SAFETY: timer_create succeeded, so it wrote the ID.
    Ok(unsafe { timer.assume_init() })
}

/// Starts the timer from rest, for the current run.
pub(super) fn start(s: &Shared) {
    if !s.has_timer.load(Relaxed) {
        return;
    }
    s.armed.store(true, Relaxed);
    s.armed_run.store(s.run.load(Relaxed), Relaxed);
    s.same.store(0, Relaxed);
    bump(&s.starts);
    arm(s);
}

/// One more slice. Async-signal-safe.
fn arm(s: &Shared) {
    let ms = s.slice_ms.load(Relaxed);
    // SAFETY: the timer was created by this thread and is deleted only at its end; timer_settime is
    // async-signal-safe and reads an initialised structure (all zero is a valid start).
    unsafe {
        let mut spec: libc::itimerspec = MaybeUninit::zeroed().assume_init();
        spec.it_value.tv_sec = (ms / 1000) as libc::time_t;
        spec.it_value.tv_nsec = ((ms % 1000) * 1_000_000) as libc::c_long;
        libc::timer_settime(s.timer.load(Relaxed), 0, &spec, ptr::null_mut());
    }
}

/// The signal handler. It touches this thread's [`Shared`] (constant initialiser, no destructor: no allocation on
/// first use), `lua_sethook`, `timer_settime`, and what [`stuck`] says; all are allowed in a handler.
extern "C" fn on_expiry(_: libc::c_int) {
    // SAFETY: errno belongs to this thread; the location is always valid.
    let errno = unsafe { *libc::__errno_location() };
    SHARED.with(expired);
    // SAFETY: as above; the interrupted code finds its errno unchanged.
    unsafe { *libc::__errno_location() = errno };
}

fn expired(s: &Shared) {
    bump(&s.expiries);
    let current = s.current.load(Relaxed);
    if current.is_null() {
        s.armed.store(false, Relaxed);
        return;
    }
    let run = s.run.load(Relaxed);
    if s.armed_run.swap(run, Relaxed) != run {
        s.same.store(0, Relaxed);
    } else {
        let same = s.same.load(Relaxed).saturating_add(1);
        s.same.store(same, Relaxed);
        if same == 1 {
            s.cpu_start.store(stuck::cpu_ms(), Relaxed);
        }
        s.over.store(true, Relaxed);
        stuck::judge(s, same);
        if !s.closing.load(Relaxed) {
            hook::set(current);
        }
    }
    arm(s);
}

impl Drop for Owner {
    fn drop(&mut self) {
        SHARED.with(|s| {
            if s.has_timer.swap(false, Relaxed) {
                // SAFETY: the timer was created by this thread, and nothing uses it after this.
                unsafe { libc::timer_delete(s.timer.load(Relaxed)) };
            }
        });
    }
}
