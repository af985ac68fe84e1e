//! Runs of their own in the midst of others: what one environment does at once because another one's script asked.
//!
//! Whose script waits for it meanwhile is not running: its run is put aside with all that belongs to it (who it is, its
//! slice, what it was condemned to), and is there again afterwards as it was. Only time has passed: if the timer expired
//! meanwhile, the run that was put aside has used up its slice as well, so nobody gets more than a slice or two by calling
//! others all the time.

use std::hint;
use std::ptr;
use std::sync::atomic::{Ordering::Relaxed, Ordering::SeqCst, compiler_fence};

use mlua::Lua;
use mlua_sys::lua_State;

use super::{ID_LEN, Running, SHARED, Shared, hook, timer};
use crate::crash;

/// Stack of a thread that runs scripts, in bytes, where it has not one that is larger; only what is touched is memory.
pub const STACK: usize = 2 << 20;
/// A script is started within another while no more than this is in use.
const MOST_USED: usize = STACK / 4;
/// Runs that are put aside at most: what they do not get done, others wait for.
const DEEPEST: u32 = 2;

/// Runs code that is no script and that nothing can interrupt, on behalf of `running` and as a run of its own: one that does not
/// return is found as a script is that got stuck in C. A script inside of it ([`super::enter`]) belongs to this run, and can be
/// interrupted.
///
/// It may be called in the midst of another run, which goes on afterwards.
pub fn watched<T>(running: &Running, work: impl FnOnce() -> T) -> T {
    struct Within(Aside);
    impl Drop for Within {
        fn drop(&mut self) {
            SHARED.with(|s| self.0.go_on(s));
        }
    }
    let _within = Within(SHARED.with(|s| Aside::begin(s, running)));
    work()
}

/// Drops `lua`. If that was the last reference, finalizers run: they are watched like a script that cannot be
/// interrupted, on behalf of `running`.
pub fn close(lua: Lua, running: &Running) {
    watched(running, || drop(lua));
}

/// Whether another script may run here and now, in the midst of this run if there is one: else it has to wait until that is
/// over.
///
/// Scripts within scripts share the stack of their thread: 16 KiB each, measured in the program, 40 KiB without optimization.
/// How deep one goes is bounded by Lua itself, at 200 calls of C, but how much those take is up to the script. Most took `gsub` with
/// itself as its callback (390 KiB, 400 without optimization), functions of Rust that read a table whose metamethods call
/// them again (190, 480) and texts of JSON nested deep (90, 400): three such scripts, one in the other, could fill [`STACK`].
/// So it is looked at what is in use: who starts here has three quarters of it, several times what any of these takes.
pub fn may_nest() -> bool {
    SHARED.with(|s| s.current.load(Relaxed).is_null() || s.aside.get() < DEEPEST && stack_used(s) < MOST_USED)
}

/// Bytes of the stack between where the thread began with scripts and here.
fn stack_used(s: &Shared) -> usize {
    s.base.get().saturating_sub(address())
}

/// Where on its stack the thread is.
#[inline(never)]
pub(super) fn address() -> usize {
    let here = 0_u8;
    ptr::from_ref(hint::black_box(&here)).addr()
}

/// A run that is put aside; with a null coroutine there is none.
struct Aside {
    current: *mut lua_State,
    run: u32,
    over: bool,
    blocked: bool,
    condemned: bool,
    sliced: bool,
    closing: bool,
    same: u32,
    cpu_start: u32,
    slice_ms: u32,
    depth: u32,
    id: [u8; ID_LEN],
    /// The timer was armed in this run.
    armed_here: bool,
    expiries: u32,
    mark: crash::Aside,
}

impl Aside {
    /// Puts aside what runs, if anything does, and begins a run. The signal handler sees nothing run in between.
    fn begin(s: &Shared, running: &Running) -> Aside {
        let expiries = s.expiries.load(Relaxed);
        let current = s.current.swap(ptr::null_mut(), Relaxed);
        compiler_fence(SeqCst);
        let run = s.run.load(Relaxed);
        let aside = Aside {
            current,
            run,
            over: s.over.load(Relaxed),
            blocked: s.blocked.load(Relaxed),
            condemned: s.condemned.load(Relaxed),
            sliced: s.sliced.load(Relaxed),
            closing: s.closing.load(Relaxed),
            same: s.same.load(Relaxed),
            cpu_start: s.cpu_start.load(Relaxed),
            slice_ms: s.slice_ms.load(Relaxed),
            depth: s.depth.replace(0),
            id: s.id.get(),
            armed_here: s.armed_run.load(Relaxed) == run,
            expiries,
            mark: crash::put_aside(),
        };
        s.aside.set(s.aside.get() + u32::from(!current.is_null()));
        s.closing.store(true, Relaxed);
        // Any pointer but null says that something runs; the handler does not follow it while closing.
        s.mark(ptr::dangling_mut(), running);
        aside
    }

    fn go_on(&self, s: &Shared) {
        s.unmark(ptr::null_mut());
        crash::go_on(self.mark);
        s.depth.set(self.depth);
        s.closing.store(self.closing, Relaxed);
        if self.current.is_null() {
            return;
        }
        let newly_over = self.restore(s);
        s.aside.set(s.aside.get().saturating_sub(1));
        compiler_fence(SeqCst);
        s.current.store(self.current, Relaxed);
        compiler_fence(SeqCst);
        if newly_over && !self.closing {
            hook::set(self.current);
        }
        if !s.armed.load(Relaxed) {
            timer::start(s);
        }
    }

    /// Whether the run's slice ended meanwhile.
    fn restore(&self, s: &Shared) -> bool {
        let expiries = s.expiries.load(Relaxed).wrapping_sub(self.expiries);
        // As in the handler: an expiry counts for the run in which the timer was armed.
        let used_up = expiries > u32::from(!self.armed_here);
        s.id.set(self.id);
        s.slice_ms.store(self.slice_ms, Relaxed);
        s.run.store(self.run, Relaxed);
        if expiries > 0 {
            s.armed_run.store(self.run, Relaxed);
        }
        s.same.store(self.same, Relaxed);
        s.cpu_start.store(self.cpu_start, Relaxed);
        s.over.store(self.over || used_up, Relaxed);
        s.blocked.store(self.blocked, Relaxed);
        s.condemned.store(self.condemned, Relaxed);
        s.sliced.store(self.sliced, Relaxed);
        used_up && !self.over
    }
}
