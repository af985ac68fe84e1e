//! Time slices for Lua: a busy script is made to yield from outside, and a script that is not busy pays nothing.
//!
//! A standing count hook makes tight loops several times slower, so none is installed. Instead each executor thread
//! has one timer, armed only while a script runs. When it expires in the same run in which it was armed, its signal
//! handler installs a count hook in the coroutine that runs at that moment (`lua_sethook` is made to be called from
//! a handler on the same thread). The hook yields, and is taken off again.
//!
//! - A *run* is one outermost [`enter`]: the time between an executor's poll of a script and the script's yield. A
//!   timer that finds another run than the one in which it was armed just goes on for another slice; one that finds
//!   no run stays disarmed. So a program that exchanges messages makes no system call for this per message.
//! - What is done in the midst of a run on behalf of another environment is a run of its own ([`watched`]).
//! - Lua that cannot yield (a comparator in `table.sort`, a `gsub` callback, a metamethod called from C) runs on
//!   until it can. While neighbours wait ([`set_stuck_limit`]) it gets an error instead once it overstays, repeated
//!   with every instruction until it has unwound to where it can yield, so that `pcall` does not hide it.
//! - What no hook reaches (C code: patterns, finalizers) is reported: the handler writes a note and ends the process,
//!   whose supervisor starts it again without the culprit ([`crate::note`]).
//! - Yields are per coroutine, so a script's own coroutines must pass a slice's end on to whoever resumed them:
//!   [`install`] replaces `coroutine.resume` and `coroutine.wrap` (and `pcall`, `xpcall`: see [`Protect`]).

mod coroutine;
mod hook;
mod lualib;
mod own;
mod protect;
mod stuck;
mod timer;

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, Ordering::Relaxed, Ordering::SeqCst, compiler_fence,
};
use std::time::Duration;

use mlua::{Lua, Thread};
use mlua_sys::lua_State;

pub use coroutine::install;
pub use lualib::{Helpers, helpers};
pub use own::{STACK, close, may_nest, watched};
pub use protect::Protect;
pub use stuck::{set_stuck_exit, set_stuck_limit};
pub use timer::init;

/// Length of an environment's ID in a note.
pub const ID_LEN: usize = 12;

/// Who is about to run.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    /// The environment's ID, written into the note if the script gets stuck.
    pub id: [u8; ID_LEN],
    /// How long it may run before its neighbours get their turn; at least 1 ms.
    pub slice: Duration,
}

/// What the slices of this thread did so far; they wrap around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Scripts made to yield.
    pub slices: u32,
    /// Slices that ended where Lua could not yield.
    pub overruns: u32,
    /// Expiries of the timer.
    pub expiries: u32,
    /// How often the timer was started from rest.
    pub starts: u32,
}

/// What a thread's signal handler and its normal code share. Only one thread ever touches one of these; atomics are
/// for the handler, which interrupts that same thread.
struct Shared {
    /// The innermost coroutine that runs; null between runs.
    current: AtomicPtr<lua_State>,
    /// Number of the run.
    run: AtomicU32,
    /// The number that was given last.
    runs: Cell<u32>,
    /// The run's slice is over.
    over: AtomicBool,
    /// The hook fired in this run where Lua could not yield.
    blocked: AtomicBool,
    /// Lua that cannot yield gets errors.
    condemned: AtomicBool,
    /// The coroutine that the hook made yield, until whoever resumed it has noticed.
    yielded: AtomicPtr<lua_State>,
    /// The run ended because its slice was over (also when a coroutine inside passed it on).
    sliced: AtomicBool,
    /// A Lua state is being freed: what runs are its finalizers, which no hook reaches, in a state that goes away.
    closing: AtomicBool,
    armed: AtomicBool,
    armed_run: AtomicU32,
    /// Expiries since the timer was armed in this run.
    same: AtomicU32,
    /// Processor time of this thread at the first of them, in milliseconds.
    cpu_start: AtomicU32,
    slice_ms: AtomicU32,
    timer: AtomicPtr<libc::c_void>,
    has_timer: AtomicBool,
    depth: Cell<u32>,
    /// Where on its stack the thread was when it began with scripts.
    base: Cell<usize>,
    /// Runs that are put aside, because one of its own began within them.
    aside: Cell<u32>,
    id: Cell<[u8; ID_LEN]>,
    slices: AtomicU32,
    overruns: AtomicU32,
    expiries: AtomicU32,
    starts: AtomicU32,
}

impl Shared {
    const fn new() -> Shared {
        Shared {
            current: AtomicPtr::new(ptr::null_mut()),
            run: AtomicU32::new(0),
            runs: Cell::new(0),
            over: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            condemned: AtomicBool::new(false),
            yielded: AtomicPtr::new(ptr::null_mut()),
            sliced: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            armed: AtomicBool::new(false),
            armed_run: AtomicU32::new(0),
            same: AtomicU32::new(0),
            cpu_start: AtomicU32::new(0),
            slice_ms: AtomicU32::new(10),
            timer: AtomicPtr::new(ptr::null_mut()),
            has_timer: AtomicBool::new(false),
            depth: Cell::new(0),
            base: Cell::new(0),
            aside: Cell::new(0),
            id: Cell::new([b'0'; ID_LEN]),
            slices: AtomicU32::new(0),
            overruns: AtomicU32::new(0),
            expiries: AtomicU32::new(0),
            starts: AtomicU32::new(0),
        }
    }

    fn begin(&self, running: &Running) {
        self.id.set(running.id);
        self.slice_ms.store(millis(running.slice).max(1), Relaxed);
        self.over.store(false, Relaxed);
        self.blocked.store(false, Relaxed);
        self.condemned.store(false, Relaxed);
        self.sliced.store(false, Relaxed);
        // Never that of a run that is put aside, nor one in which the timer was armed.
        self.runs.set(self.runs.get().wrapping_add(1));
        self.run.store(self.runs.get(), Relaxed);
    }

    /// From here on `state` runs; gives what ran before. The fences keep the handler from seeing half of it.
    fn mark(&self, state: *mut lua_State, running: &Running) -> *mut lua_State {
        let depth = self.depth.get();
        if depth == 0 {
            self.begin(running);
        }
        self.depth.set(depth + 1);
        compiler_fence(SeqCst);
        let previous = self.current.swap(state, Relaxed);
        compiler_fence(SeqCst);
        if !self.armed.load(Relaxed) {
            timer::start(self);
        }
        previous
    }

    fn unmark(&self, previous: *mut lua_State) {
        compiler_fence(SeqCst);
        self.current.store(previous, Relaxed);
        compiler_fence(SeqCst);
        self.depth.set(self.depth.get().saturating_sub(1));
    }
}

thread_local! {
    // Constant and without a destructor, so that a signal handler may read it at any moment.
    static SHARED: Shared = const { Shared::new() };
}

fn bump(counter: &AtomicU32) {
    counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
}

fn millis(d: Duration) -> u32 {
    u32::try_from(d.as_millis()).unwrap_or(u32::MAX)
}

/// Marks a coroutine as running on this thread until it is dropped. Keeps the Lua state alive.
pub struct Guard<'a> {
    thread: &'a Thread,
    previous: *mut lua_State,
    closing: bool,
    _lua: Option<Lua>,
}

/// Says that `thread` (or its Lua state's finalizers) is about to be run by this thread, on behalf of `running`.
///
/// Nesting is allowed (a built-in function that runs a callback): the inner coroutine belongs to the outer's run, so it is one
/// of the same environment; anything else is [`watched`].
/// Without a previous [`init`] on this thread nothing is ever sliced.
pub fn enter<'a>(thread: &'a Thread, running: &Running) -> Guard<'a> {
    // A thread whose Lua state is gone is never marked: its pointer must not reach the signal handler.
    let lua = thread.weak_lua().try_upgrade();
    let state = if lua.is_some() {
        thread.state()
    } else {
        ptr::null_mut()
    };
    SHARED.with(|s| {
        let previous = s.mark(state, running);
        // Only now: the handler follows the pointer from here on.
        let closing = s.closing.swap(false, Relaxed);
        Guard {
            thread,
            previous,
            closing,
            _lua: lua,
        }
    })
}

impl Guard<'_> {
    /// Ends the marking; true if the script yields because its slice was over. (mlua has then woken its task.)
    /// Not calling it after a poll leaves a hook behind that mlua would take for its own.
    pub fn finish(self) -> bool {
        let sliced = SHARED.with(|s| {
            let by_hook = s.yielded.load(Relaxed) == self.thread.state();
            if by_hook {
                s.yielded.store(ptr::null_mut(), Relaxed);
            }
            s.sliced.swap(false, Relaxed) || by_hook
        });
        if sliced {
            // Tells mlua that the coroutine sits in a hook, and leaves it without one.
            self.thread.remove_hook();
        }
        sliced
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        SHARED.with(|s| {
            s.closing.store(self.closing, Relaxed);
            s.unmark(self.previous);
        });
    }
}

/// The environment whose script (or finalizers) this thread runs at this moment. Async-signal-safe.
pub(crate) fn running_id() -> Option<[u8; ID_LEN]> {
    SHARED.with(|s| (!s.current.load(Relaxed).is_null()).then(|| s.id.get()))
}

/// Expiries of this thread's timer so far: as long as it does not change, less than a slice has passed. Cheaper
/// than a clock.
pub fn expiries() -> u32 {
    SHARED.with(|s| s.expiries.load(Relaxed))
}

/// What happened on this thread so far.
pub fn counts() -> Counts {
    SHARED.with(|s| Counts {
        slices: s.slices.load(Relaxed),
        overruns: s.overruns.load(Relaxed),
        expiries: s.expiries.load(Relaxed),
        starts: s.starts.load(Relaxed),
    })
}

/// Ends the running slice of this thread at the next instruction, and makes Lua that cannot yield unwind by errors
/// that no `pcall` can stop. For `os.exit` in such a place; does nothing when no script runs.
pub fn condemn() {
    SHARED.with(|s| {
        s.condemned.store(true, Relaxed);
        s.over.store(true, Relaxed);
        if !s.closing.load(Relaxed) {
            hook::set(s.current.load(Relaxed));
        }
    });
}
