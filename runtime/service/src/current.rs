//! What the code that runs now is part of: the deadline and the trace of the request that it handles.
//!
//! Each poll of a handler's future sets it for the thread, and so does a handler on a thread of its own; calls read it.
//! A task that a handler starts is not polled by the handler any more: wrap it in [`scoped`] to take it along.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use gshell_wire::Trace;

/// Deadline and trace that calls inherit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// When nobody waits any longer for what is done now.
    pub deadline: Option<Instant>,
    /// The step of a trace that this is; calls are its children.
    pub trace: Option<Trace>,
}

impl Scope {
    /// Time that is left; zero when it is over, `None` when there is no deadline.
    pub fn left(&self) -> Option<Duration> {
        self.deadline
            .map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// The same with this deadline, if it is earlier.
    #[must_use]
    pub fn by(self, at: Instant) -> Scope {
        let deadline = Some(self.deadline.map_or(at, |known| known.min(at)));
        Scope { deadline, ..self }
    }
}

thread_local! {
    static CURRENT: Cell<Scope> = const { Cell::new(Scope { deadline: None, trace: None }) };
}

/// What the calling code is part of; empty outside of handlers.
pub fn scope() -> Scope {
    CURRENT.get()
}

/// Puts the scope before it back when it goes, also when what runs panics.
pub(crate) struct Entered(Scope);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

pub(crate) fn enter(scope: Scope) -> Entered {
    Entered(CURRENT.replace(scope))
}

/// Runs `work` as part of `scope`.
pub fn within<T>(scope: Scope, work: impl FnOnce() -> T) -> T {
    let _entered = enter(scope);
    work()
}

/// Polls `future` as part of `scope`, whatever polls it: for tasks, and for coroutines of a script.
pub async fn scoped<F: Future>(scope: Scope, future: F) -> F::Output {
    let mut future = pin!(future);
    std::future::poll_fn(|context| within(scope, || future.as_mut().poll(context))).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_net::rt;

    fn traced(n: u8) -> Scope {
        let trace = Some(Trace {
            id: [n; 16],
            span: [n; 8],
        });
        Scope {
            deadline: None,
            trace,
        }
    }

    #[test]
    fn tasks_that_take_turns_keep_their_own() {
        rt::block_on(async {
            let tasks: Vec<_> = (1..5)
                .map(|n| {
                    rt::spawn(scoped(traced(n), async move {
                        for _ in 0..3 {
                            assert_eq!(scope(), traced(n));
                            rt::yield_now().await;
                        }
                    }))
                })
                .collect();
            for task in tasks {
                task.await;
            }
            assert_eq!(scope(), Scope::default());
        });
    }

    #[test]
    fn a_panic_leaves_nothing_behind() {
        let caught = std::panic::catch_unwind(|| within(traced(1), || panic!("on purpose")));
        assert!(caught.is_err());
        assert_eq!(scope(), Scope::default());
    }

    #[test]
    fn the_earlier_deadline_counts() {
        let now = Instant::now();
        let later = now + Duration::from_secs(9);
        assert_eq!(Scope::default().by(later).by(now).deadline, Some(now));
        assert_eq!(Scope::default().by(now).by(later).left(), Some(Duration::ZERO));
    }
}
