//! Calls that block (a slow disk, a name server) run on a few helper threads that end when idle.

use std::any::Any;
use std::sync::OnceLock;

use async_channel::{Receiver, Sender, bounded};

/// Helper threads at most: they wait, they do not compute, and each costs a stack.
const MOST_THREADS: usize = 4;

/// Threads at most for calls of foreign code, which may wait for as long as they like.
const MOST_LONG: usize = 64;

type Permits = (Sender<()>, Receiver<()>);

fn permits() -> &'static Permits {
    static PERMITS: OnceLock<Permits> = OnceLock::new();
    PERMITS.get_or_init(|| bounded(MOST_THREADS))
}

fn long_permits() -> &'static Permits {
    static PERMITS: OnceLock<Permits> = OnceLock::new();
    PERMITS.get_or_init(|| bounded(MOST_LONG))
}

/// One of [`long_permits`], until the call has returned.
struct LongPermit;

impl Drop for LongPermit {
    fn drop(&mut self) {
        let _ = long_permits().1.try_recv();
    }
}

/// As [`unblock`], for calls of foreign code and others that may wait for long: they do not keep those of the program
/// itself waiting. A call that nobody waits for any more still runs to its end; one that waits for its turn does not.
pub async fn unblock_long<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    result(run_long(Box::new(move || Box::new(call()))).await)
}

struct Permit;

impl Drop for Permit {
    fn drop(&mut self) {
        let _ = permits().1.try_recv();
    }
}

/// Runs `call` off the executor thread; further calls than there are helper threads wait their turn.
pub async fn unblock<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    result(unblock_any(Box::new(move || Box::new(call()))).await)
}

/// What [`unblock_any`] gave, as the type that its call gives.
pub fn result<T: 'static>(made: Box<dyn Any + Send>) -> T {
    match made.downcast() {
        Ok(result) => *result,
        Err(_) => unreachable!("the call gives what it says"),
    }
}

/// A call without the type of its result.
pub type Call = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

/// As [`unblock`], without the type of the result: a task type of its own for each call would be much code.
pub async fn unblock_any(call: Call) -> Box<dyn Any + Send> {
    // The channel is never closed: both ends are static.
    let _ = permits().0.send(()).await;
    let _permit = Permit;
    blocking::unblock(call).await
}

async fn run_long(call: Call) -> Box<dyn Any + Send> {
    let _ = long_permits().0.send(()).await;
    let permit = LongPermit;
    let call: Call = Box::new(move || {
        let _permit = permit;
        call()
    });
    blocking::unblock(call).await
}

#[cfg(test)]
mod tests {
    use super::super::{block_on, spawn};
    use super::*;

    #[test]
    fn more_calls_than_threads_all_end() {
        let sum = block_on(async {
            let tasks: Vec<_> = (0..20u32).map(|n| spawn(unblock(move || n))).collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await;
            }
            sum
        });
        assert_eq!(sum, 190);
    }
}
