//! Threads for handlers that block.
//!
//! They start and end by the rule of [`scale`](super::scale); requests of high priority get a few threads beyond the
//! maximum, which take nothing else and end at once. A result goes back to the executor thread that waits for it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gshell_wire::Priority;

use super::queue::Queue;
use super::scale::{Figures, HIGH_RESERVE, Workers};

/// Idle time after which a thread that is one too many ends.
const IDLE_AFTER: Duration = Duration::from_secs(5);
/// Stack of a worker, in bytes; only what is touched costs memory.
const STACK: usize = 512 << 10;

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoResult {
    /// The handler panicked.
    Panic,
    /// The threads are gone.
    Closed,
}

/// Set when nobody waits for the result any more.
#[derive(Clone, Debug, Default)]
pub struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    /// Whether nobody waits.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

struct Slot<T> {
    result: Option<Result<T, NoResult>>,
    waker: Option<Waker>,
}

struct Job<T> {
    number: u32,
    work: Box<dyn FnOnce() -> T + Send>,
    slot: Arc<Mutex<Slot<T>>>,
}

impl<T> Job<T> {
    fn run(self) -> Done<T> {
        let Job { work, slot, .. } = self;
        let result = catch_unwind(AssertUnwindSafe(work)).map_err(|_| NoResult::Panic);
        (slot, result)
    }
}

/// A result, and where it goes.
type Done<T> = (Arc<Mutex<Slot<T>>>, Result<T, NoResult>);

fn deliver<T>((slot, result): Done<T>) {
    let waker = {
        let mut slot = lock(&slot);
        slot.result = Some(result);
        slot.waker.take()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
}

struct State<T> {
    queue: Queue<Job<T>>,
    idle: usize,
    threads: usize,
    /// Threads beyond the maximum, for high priority.
    reserve: usize,
    closed: bool,
    last: u32,
}

impl<T> State<T> {
    fn figures(&self) -> Figures {
        Figures {
            queued: self.queue.len(),
            idle: self.idle,
            threads: self.threads,
        }
    }
}

struct Shared<T> {
    workers: Workers,
    state: Mutex<State<T>>,
    /// There is something to do, or the end.
    told: Condvar,
    /// Length of the queue, to be looked at before each request that is read.
    queued: AtomicUsize,
}

/// The threads of one service. They end, after what they are doing, when this is dropped.
pub struct Threads<T>(Arc<Shared<T>>);

/// Waits for the result of one request. Dropping it gives the request up: if it waits it never runs.
pub struct Ticket<T> {
    shared: Arc<Shared<T>>,
    slot: Arc<Mutex<Slot<T>>>,
    number: u32,
    abandoned: Abandoned,
    done: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Send + 'static> Threads<T> {
    /// No threads yet.
    pub fn new(workers: Workers) -> Threads<T> {
        Threads(Arc::new(Shared {
            workers,
            state: Mutex::new(State {
                queue: Queue::new(),
                idle: 0,
                threads: 0,
                reserve: 0,
                closed: false,
                last: 0,
            }),
            told: Condvar::new(),
            queued: AtomicUsize::new(0),
        }))
    }

    /// Requests that wait.
    pub fn queued(&self) -> usize {
        self.0.queued.load(Ordering::Relaxed)
    }

    /// Queue and threads now.
    pub fn figures(&self) -> Figures {
        lock(&self.0.state).figures()
    }

    /// Hands `work` to a thread.
    pub fn run(
        &self,
        priority: Priority,
        work: impl FnOnce(&Abandoned) -> T + Send + 'static,
    ) -> std::io::Result<Ticket<T>> {
        let abandoned = Abandoned::default();
        let theirs = abandoned.clone();
        self.hand_over(priority, abandoned, Box::new(move || work(&theirs)))
    }

    fn hand_over(
        &self,
        priority: Priority,
        abandoned: Abandoned,
        work: Box<dyn FnOnce() -> T + Send>,
    ) -> std::io::Result<Ticket<T>> {
        let slot = Arc::new(Mutex::new(Slot {
            result: None,
            waker: None,
        }));
        let mut state = lock(&self.0.state);
        state.last = state.last.wrapping_add(1);
        let number = state.last;
        let job = Job {
            number,
            work,
            slot: slot.clone(),
        };
        state.queue.push(priority, job);
        let grown = self.0.grow(&mut state);
        if state.threads == 0
            && let Err(error) = grown
        {
            // With any thread at all it would only take longer.
            state.queue.remove(|job| job.number == number);
            return Err(error);
        }
        self.0.note(&state);
        drop(state);
        self.0.told.notify_one();
        Ok(Ticket {
            shared: self.0.clone(),
            slot,
            number,
            abandoned,
            done: false,
        })
    }
}

impl<T> Drop for Threads<T> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = lock(&self.0.state);
            state.closed = true;
            state.queue.remove_all(|_| true)
        };
        self.0.told.notify_all();
        for job in waiting {
            deliver((job.slot, Err(NoResult::Closed)));
        }
    }
}

impl<T: Send + 'static> Shared<T> {
    fn note(&self, state: &State<T>) {
        self.queued.store(state.queue.len(), Ordering::Relaxed);
    }

    /// Starts the threads that are missing.
    fn grow(self: &Arc<Self>, state: &mut State<T>) -> std::io::Result<()> {
        for _ in 0..self.workers.to_start(state.figures()) {
            let shared = self.clone();
            start(move || shared.work())?;
            state.threads += 1;
            state.idle += 1;
        }
        if state.queue.has_high() && state.idle == 0 && state.reserve < HIGH_RESERVE {
            let shared = self.clone();
            start(move || shared.work_high())?;
            state.reserve += 1;
        }
        Ok(())
    }

    fn work(self: Arc<Self>) {
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.queue.pop() {
                state.idle -= 1;
                self.note(&state);
                // A thread that cannot be started now is tried again with the next request.
                let _ = self.grow(&mut state);
                drop(state);
                let done = job.run();
                // Idle before anybody hears of the result: a next request that it leads to needs no further thread.
                lock(&self.state).idle += 1;
                deliver(done);
                state = lock(&self.state);
                continue;
            }
            if state.closed {
                break;
            }
            let (after, waited) = self
                .told
                .wait_timeout(state, IDLE_AFTER)
                .unwrap_or_else(PoisonError::into_inner);
            state = after;
            if waited.timed_out() && self.workers.may_end(state.figures()) {
                break;
            }
        }
        state.idle -= 1;
        state.threads -= 1;
    }

    fn work_high(self: Arc<Self>) {
        let mut state = lock(&self.state);
        while let Some(job) = state.queue.pop_high() {
            self.note(&state);
            drop(state);
            deliver(job.run());
            state = lock(&self.state);
        }
        state.reserve -= 1;
    }
}

fn start(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("gshell-worker".to_owned())
        .stack_size(STACK)
        .spawn(work)
        .map(drop)
}

impl<T> Future for Ticket<T> {
    type Output = Result<T, NoResult>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = lock(&self.slot);
        let Some(result) = slot.result.take() else {
            slot.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        drop(slot);
        self.done = true;
        Poll::Ready(result)
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        self.abandoned.0.store(true, Ordering::Release);
        let mut state = lock(&self.shared.state);
        let number = self.number;
        // What it captured is dropped without the lock.
        let job = state.queue.remove(|job| job.number == number);
        self.shared.queued.store(state.queue.len(), Ordering::Relaxed);
        drop(state);
        drop(job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use futures_lite::future::block_on;

    fn workers(resident: u16, max: u16) -> Workers {
        Workers {
            resident,
            max,
            weight: 8,
        }
    }

    /// Starts `n` requests that hold their thread until the sender goes.
    fn hold(threads: &Threads<u32>, n: u32) -> (Sender<()>, Vec<Ticket<u32>>) {
        let (release, held) = channel::<()>();
        let held: Arc<Mutex<Receiver<()>>> = Arc::new(Mutex::new(held));
        let (began, begun) = channel();
        let tickets = (0..n)
            .map(|n| {
                let (held, began) = (held.clone(), began.clone());
                threads
                    .run(Priority::Normal, move |_| {
                        let _ = began.send(());
                        let _ = lock(&held).recv();
                        n
                    })
                    .unwrap()
            })
            .collect();
        for _ in 0..n {
            begun.recv().unwrap();
        }
        (release, tickets)
    }

    #[test]
    fn blocked_handlers_do_not_stop_others() {
        let threads = Threads::new(workers(1, 20));
        let (release, tickets) = hold(&threads, 10);
        for n in 0..100 {
            assert_eq!(
                block_on(threads.run(Priority::Normal, move |_| n).unwrap()),
                Ok(n)
            );
        }
        let figures = threads.figures();
        assert!(figures.threads > 10 && figures.threads <= 13, "{figures:?}");
        drop(release);
        for (n, ticket) in tickets.into_iter().enumerate() {
            assert_eq!(block_on(ticket), Ok(n as u32));
        }
    }

    #[test]
    fn at_the_cap_only_high_priority_passes() {
        let threads = Threads::new(workers(1, 4));
        let (release, tickets) = hold(&threads, 4);
        let waits = threads.run(Priority::Normal, |_| 1).unwrap();
        assert_eq!((threads.queued(), threads.figures().threads), (1, 4));
        assert_eq!(block_on(threads.run(Priority::High, |_| 7).unwrap()), Ok(7));
        assert_eq!(threads.queued(), 1);
        drop(release);
        assert_eq!(block_on(waits), Ok(1));
        drop(tickets);
    }

    #[test]
    fn a_panic_costs_one_request() {
        let threads = Threads::new(workers(1, 1));
        let panics = threads.run(Priority::Normal, |_| panic!("on purpose")).unwrap();
        assert_eq!(block_on(panics), Err(NoResult::Panic));
        assert_eq!(block_on(threads.run(Priority::Normal, |_| 1u32).unwrap()), Ok(1));
        assert_eq!(threads.figures().threads, 1);
    }

    #[test]
    fn what_is_given_up_never_runs_or_is_told() {
        let threads = Threads::new(workers(0, 1));
        let (release, mut tickets) = hold(&threads, 1);
        let (ran, has_run) = channel::<()>();
        drop(threads.run(Priority::Normal, move |_| {
            let _ = ran.send(());
            0
        }));
        assert_eq!(threads.queued(), 0);
        assert!(has_run.recv().is_err());
        drop(release);
        assert_eq!(block_on(tickets.remove(0)), Ok(0));
        let (told, was_told) = channel();
        let ticket = threads
            .run(Priority::Normal, move |abandoned| {
                while !abandoned.is_set() {
                    std::thread::yield_now();
                }
                let _ = told.send(());
                0
            })
            .unwrap();
        while threads.queued() > 0 {
            std::thread::yield_now();
        }
        drop(ticket);
        was_told.recv().unwrap();
    }

    #[test]
    fn the_end_of_the_service_fails_what_waits() {
        let threads = Threads::new(workers(1, 1));
        let (release, tickets) = hold(&threads, 1);
        let waits = threads.run(Priority::Normal, |_| 1).unwrap();
        drop(threads);
        assert_eq!(block_on(waits), Err(NoResult::Closed));
        drop(release);
        for ticket in tickets {
            assert_eq!(block_on(ticket), Ok(0));
        }
    }
}
