//! Requests that are handled where they are made.
//!
//! When both ends of a connection inside the process are on one thread, and nothing waits between them, a call starts its
//! handler right away, and the reply of a handler that is ready at once is there when the call looks for it: no task is
//! woken. What else may come first decides: a packet goes directly only when the queue before it is empty, so nothing
//! passes anything. Calls that handlers make are nested so to a depth, and a thread's direct calls are bounded by number
//! and by time before other tasks get a turn; then the queue is taken. Handlers that are made while the program runs are
//! asked each time whether they may be started so.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Instant;

use gshell_small::Map;

use crate::clock;
use crate::local::End;

/// Handlers that are started within each other at most: each takes room on the thread's stack.
const DEEPEST: u32 = 4;
/// Direct calls of a thread before the others have a turn.
const CALLS_A_TURN: u32 = 64;
/// Microseconds of handling that count as much as a call: a turn has a millisecond or so.
const MICROS_A_CALL: u32 = 16;

thread_local! {
    /// Ends whose other end was not made on this thread yet, by their pipe.
    static ALONE: RefCell<Map<usize, Weak<End>>> = const { RefCell::new(Map::new()) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LEFT: Cell<u32> = const { Cell::new(CALLS_A_TURN) };
}

/// Brings the two ends of a pipe together when both are on this thread.
pub(crate) fn introduce(end: &Rc<End>) {
    let place = end.place();
    let other = ALONE.with_borrow_mut(|alone| alone.remove(&place));
    match other.and_then(|other| other.upgrade()) {
        Some(other) => {
            other.meet(Rc::downgrade(end));
            end.meet(Rc::downgrade(&other));
        }
        None => ALONE.with_borrow_mut(|alone| {
            alone.insert(place, Rc::downgrade(end));
        }),
    }
}

/// Forgets an end that goes and has met nobody.
pub(crate) fn forget(place: usize) {
    let _ = ALONE.try_with(|alone| alone.borrow_mut().remove(&place));
}

/// One call that is handled where it is made.
pub(crate) struct Turn {
    began: Instant,
    batch: Option<clock::Batch>,
}

impl Turn {
    /// `None` when it is the others' turn, or handlers are nested too deep.
    pub(crate) fn begin() -> Option<Turn> {
        let (depth, left) = (DEPTH.get(), LEFT.get());
        if left == 0 {
            LEFT.set(CALLS_A_TURN);
            return None;
        }
        if depth >= DEEPEST {
            return None;
        }
        DEPTH.set(depth + 1);
        let began = Instant::now();
        let batch = Some(clock::Batch::begin(began));
        Some(Turn { began, batch })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // The time at which the handler was done, as a rule: no further look at the clock.
        let took = clock::recent().saturating_duration_since(self.began);
        self.batch = None;
        let spent = match took.as_secs() {
            0 => took.subsec_micros() / MICROS_A_CALL + 1,
            _ => CALLS_A_TURN,
        };
        LEFT.set(LEFT.get().saturating_sub(spent));
        DEPTH.set(DEPTH.get() - 1);
    }
}
