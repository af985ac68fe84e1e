//! Between a request's task on the server's thread and the threads of the program that answer it.
//!
//! What the program sends waits here until the task has sent it, and what comes on the stream waits until the program
//! receives it. Both are bounded; whoever waits for room is woken, with a limit.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use gshell_service::Incoming;
use gshell_wire::{Code, Fault};

use crate::message::Sending;

type Result<T> = std::result::Result<T, Fault>;

/// Messages that wait to be sent.
const MOST_OUT: usize = 64;
/// Bytes of them; one message may be larger.
const MOST_BYTES: usize = 1 << 20;
/// Messages that wait to be received; the peer's credit bounds those behind them.
const MOST_IN: usize = 16;

/// What the program wants done.
#[derive(Debug)]
pub enum Op {
    /// Send on the stream.
    Send(Sending),
    /// Say that this side of the stream sends no more.
    End,
    /// Answer; the last of them.
    Reply(Sending),
    /// Answer with an error; the last of them.
    Fail(Fault),
    /// No answer: the stream was used; the last of them.
    Done,
}

#[derive(Default)]
struct State {
    out: VecDeque<Op>,
    bytes: usize,
    inbox: VecDeque<Result<Incoming>>,
    ended: bool,
    waker: Option<Waker>,
    /// Why nothing can be sent or received any more.
    closed: Option<Fault>,
    answered: bool,
    used: bool,
}

/// The two queues of a request.
#[derive(Default)]
pub struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for another thread to change something; `false` when the time is over.
    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, State>, bool) {
        let Some(at) = deadline else {
            let state = self.changed.wait(state);
            return (state.unwrap_or_else(PoisonError::into_inner), true);
        };
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return (state, false);
        }
        let waited = self.changed.wait_timeout(state, left);
        (waited.unwrap_or_else(PoisonError::into_inner).0, true)
    }

    /// Hands something to the task. `size` are the bytes of a message; with `may_wait` it waits so long for room.
    ///
    /// # Errors
    /// `State` after an answer, `Timeout` and `Busy` when the peer does not read, or why the request is gone.
    pub fn push(&self, op: Op, size: usize, may_wait: bool, limit: Option<Duration>) -> Result<()> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = self.state();
        loop {
            if state.answered {
                return Err(Fault::new(Code::State, "this request was answered before"));
            }
            if let Some(fault) = &state.closed {
                return Err(fault.clone());
            }
            let full = state.out.len() >= MOST_OUT || (state.bytes > 0 && state.bytes + size > MOST_BYTES);
            if !full || !matches!(op, Op::Send(_)) {
                break;
            }
            if !may_wait {
                let text = "the caller reads too slowly, and a handler on the server's thread cannot wait for it";
                return Err(Fault::new(Code::Busy, text));
            }
            let (again, in_time) = self.wait(state, deadline);
            state = again;
            if !in_time {
                return Err(Fault::new(Code::Timeout, "the caller does not read"));
            }
        }
        match op {
            Op::Send(_) | Op::End => state.used = true,
            _ => state.answered = true,
        }
        state.bytes += size;
        state.out.push_back(op);
        wake(&mut state);
        Ok(())
    }

    /// Ends a request whose handler is through: one that neither answered nor used the stream has failed.
    pub fn finish(&self, uses_stream: bool, failed: impl FnOnce() -> Fault) {
        let mut state = self.state();
        if state.answered || state.closed.is_some() {
            return;
        }
        state.answered = true;
        let op = match state.used || uses_stream {
            true => Op::Done,
            false => Op::Fail(failed()),
        };
        state.out.push_back(op);
        wake(&mut state);
    }

    /// The next thing to do, for the task.
    pub fn poll(&self, context: &Context<'_>) -> Poll<Op> {
        let mut state = self.state();
        let Some(op) = state.out.pop_front() else {
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        // The size of what goes is not kept beside it: with the last one all are gone.
        if state.out.is_empty() {
            state.bytes = 0;
        }
        self.changed.notify_all();
        Poll::Ready(op)
    }

    /// Whether the task should receive more.
    pub fn wants(&self) -> bool {
        let state = self.state();
        state.inbox.len() < MOST_IN && !state.ended
    }

    /// Something came on the stream; `None` is its end.
    pub fn deliver(&self, next: Result<Option<Incoming>>) {
        let mut state = self.state();
        match next {
            Ok(Some(incoming)) => state.inbox.push_back(Ok(incoming)),
            Ok(None) => state.ended = true,
            Err(fault) => {
                // A stream that is lost fails at each look.
                state.ended |= state.inbox.len() + 1 >= MOST_IN;
                state.inbox.push_back(Err(fault));
            }
        }
        self.changed.notify_all();
    }

    /// The next message of the stream; `None` at its end.
    ///
    /// # Errors
    /// `Timeout`, an error that the caller sent, or why the request is gone.
    pub fn receive(&self, limit: Option<Duration>) -> Result<Option<Incoming>> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = self.state();
        state.used = true;
        loop {
            if let Some(next) = state.inbox.pop_front() {
                wake(&mut state);
                return next.map(Some);
            }
            if state.ended {
                return Ok(None);
            }
            if let Some(fault) = &state.closed {
                return Err(fault.clone());
            }
            let (again, in_time) = self.wait(state, deadline);
            state = again;
            if !in_time {
                let text = format!("no message within {:?}", limit.unwrap_or_default());
                return Err(Fault::new(Code::Timeout, text));
            }
        }
    }

    /// Nothing more is sent or received.
    pub fn close(&self, fault: Fault) {
        let mut state = self.state();
        state.closed.get_or_insert(fault);
        state.out.clear();
        self.changed.notify_all();
    }

    /// Whether nobody waits for an answer any more.
    pub fn is_closed(&self) -> bool {
        self.state().closed.is_some()
    }
}

/// Wakes the task. The lock is held: the waker only marks the task as ready.
fn wake(state: &mut State) {
    if let Some(waker) = state.waker.take() {
        waker.wake();
    }
}
