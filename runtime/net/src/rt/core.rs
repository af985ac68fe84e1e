//! The loop: run what is ready, then wait for descriptors, timers and other threads.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use async_executor::LocalExecutor;
use async_task::Task;
use gshell_sys::memory;
use gshell_sys::poll::{Events, Poller};

use super::child::Children;
use super::io::Sources;
use super::timer::Timers;

/// Longest single wait; a bound only so that a lost wake-up could never stall a node for ever.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Tasks that run between two looks at descriptors and timers.
const TICKS_A_TURN: u32 = 64;
/// Time after which descriptors and timers get a look even if tasks are ready: a script's slice alone is longer, so
/// with busy scripts every slice is followed by one.
const TURN: Duration = Duration::from_millis(1);

/// Idle time after which a thread gives back memory that it does not need for waiting.
const REST_AFTER: Duration = Duration::from_millis(500);
/// Waits after which that is worth doing again.
const TURNS_TO_REST: u32 = 1000;

/// What one executor thread owns.
pub(super) struct Core {
    executor: LocalExecutor<'static>,
    poller: Arc<Poller>,
    pub(super) sources: Sources,
    pub(super) timers: Timers,
    pub(super) children: Children,
    inbox: Arc<Inbox>,
    running: Cell<bool>,
    /// Waits until the next rest is worth it; 0: it rests at the next idle moment.
    turns_to_rest: Cell<u32>,
}

type Job = Box<dyn FnOnce() + Send>;

/// Closures that other threads handed over.
#[derive(Default)]
struct Inbox {
    jobs: Mutex<Vec<Job>>,
    filled: AtomicBool,
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

/// Sets a flag for the loop; from another thread it also ends the wait.
struct LoopWaker {
    woken: AtomicBool,
    thread: ThreadId,
    poller: Arc<Poller>,
}

impl Wake for LoopWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let before = self.woken.swap(true, Ordering::AcqRel);
        if !before && std::thread::current().id() != self.thread {
            self.poller.notify();
        }
    }
}

impl LoopWaker {
    fn take(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }

    fn set(&self) {
        self.woken.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }
}

impl Core {
    /// A waker that is set already, so that what it is for is polled once to begin with.
    fn waker(&self) -> (Arc<LoopWaker>, Waker) {
        let state = Arc::new(LoopWaker {
            woken: AtomicBool::new(true),
            thread: std::thread::current().id(),
            poller: self.poller.clone(),
        });
        (state.clone(), Waker::from(state))
    }

    fn new() -> std::io::Result<Rc<Core>> {
        let poller = Arc::new(Poller::new()?);
        Ok(Rc::new(Core {
            executor: LocalExecutor::new(),
            sources: Sources::new(poller.clone()),
            timers: Timers::default(),
            children: Children::new(poller.clone()),
            inbox: Arc::default(),
            running: Cell::new(false),
            turns_to_rest: Cell::new(0),
            poller,
        }))
    }

    /// The core of this thread, made at first use.
    ///
    /// # Panics
    /// When the kernel refuses an epoll or event descriptor: without them a thread cannot be an executor.
    pub(super) fn current() -> Rc<Core> {
        CURRENT.with(|slot| {
            let mut slot = slot.borrow_mut();
            if let Some(core) = &*slot {
                return core.clone();
            }
            #[allow(clippy::expect_used)] // nothing of the process can go on without a poller
            let core = Core::new().expect("epoll and eventfd descriptors for an executor thread");
            *slot = Some(core.clone());
            core
        })
    }

    fn run_inbox(&self) {
        if !self.inbox.filled.swap(false, Ordering::AcqRel) {
            return;
        }
        let jobs = std::mem::take(&mut *self.inbox.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        for job in jobs {
            job();
        }
    }

    /// How long the next wait may take: until the next timer, or until it is time to rest.
    fn patience(&self, busy: bool) -> Duration {
        if busy || self.inbox.filled.load(Ordering::Acquire) {
            return Duration::ZERO;
        }
        let most = if self.turns_to_rest.get() == 0 {
            REST_AFTER
        } else {
            LONGEST_WAIT
        };
        match self.timers.next() {
            Some(at) => at.saturating_duration_since(Instant::now()).min(most),
            None => most,
        }
    }

    /// Counts a wait; one that was long and brought nothing is the moment to rest.
    fn rest(&self, began: Option<Instant>, brought_nothing: bool) {
        match began {
            None => self.turns_to_rest.set(self.turns_to_rest.get() - 1),
            Some(began) if brought_nothing && began.elapsed() >= REST_AFTER => {
                memory::release();
                self.turns_to_rest.set(TURNS_TO_REST);
            }
            Some(_) => {}
        }
    }

    /// One wait and the delivery of what it brought.
    fn turn(&self, events: &mut Events, busy: bool) {
        let patience = self.patience(busy);
        // The clock is only looked at where it matters.
        let began = (self.turns_to_rest.get() == 0).then(Instant::now);
        // A failing wait (only possible with a broken descriptor) must not spin or end the node.
        if self.poller.wait(events, Some(patience)).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.rest(began, events.iter().next().is_none());
        for event in events.iter() {
            self.sources.deliver(event);
        }
        self.timers.fire();
        self.children.collect();
        self.run_inbox();
    }
}

/// Makes this thread an executor thread until `future` ends, and returns its result. Tasks that are
/// still there then stay parked until the next `block_on` of the thread.
///
/// # Panics
/// When called inside another `block_on` of the same thread: the inner loop would starve the outer.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let core = Core::current();
    assert!(
        !core.running.replace(true),
        "block_on inside block_on of the same thread"
    );
    let _reset = Reset(&core.running);
    let (main_woken, main_waker) = core.waker();
    let (task_woken, task_waker) = core.waker();
    let mut main_context = Context::from_waker(&main_waker);
    let mut task_context = Context::from_waker(&task_waker);
    let mut main = pin!(future);
    let mut tick = Box::pin(core.executor.tick());
    let mut events = Events::new();
    loop {
        if main_woken.take()
            && let Poll::Ready(value) = main.as_mut().poll(&mut main_context)
        {
            return value;
        }
        if task_woken.take() {
            let began = Instant::now();
            let mut ticks = 0;
            // Polled until it waits: only then does a task that wakes up end the wait below.
            while tick.as_mut().poll(&mut task_context).is_ready() {
                tick.set(core.executor.tick());
                ticks += 1;
                if ticks >= TICKS_A_TURN || began.elapsed() >= TURN {
                    task_woken.set();
                    break;
                }
            }
        }
        core.turn(&mut events, main_woken.is_set() || task_woken.is_set());
    }
}

struct Reset<'a>(&'a Cell<bool>);

impl Drop for Reset<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// Starts a task on this thread's executor. Dropping the handle cancels it, `detach` lets it run.
pub fn spawn<F: Future + 'static>(future: F) -> Task<F::Output>
where
    F::Output: 'static,
{
    // Boxed: the executor's code is then there once per result and not once per task, which is a tenth of the binary.
    let boxed: Pin<Box<dyn Future<Output = F::Output>>> = Box::pin(future);
    Core::current().executor.spawn(boxed)
}

/// Lets every other ready task of the thread run once.
pub async fn yield_now() {
    futures_lite::future::yield_now().await;
}

/// A way into an executor thread from any other.
#[derive(Clone)]
pub struct Handle {
    inbox: Arc<Inbox>,
    poller: Arc<Poller>,
}

/// The handle of the calling thread.
pub fn handle() -> Handle {
    let core = Core::current();
    Handle {
        inbox: core.inbox.clone(),
        poller: core.poller.clone(),
    }
}

impl Handle {
    /// Runs `job` on the handle's thread, in the order of the calls. A job of a thread that runs no
    /// executor any more waits for its next `block_on`.
    pub fn run(&self, job: Box<dyn FnOnce() + Send>) {
        self.inbox
            .jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(job);
        self.inbox.filled.store(true, Ordering::Release);
        self.poller.notify();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_of_a_thread_run_to_the_end() {
        let sum = block_on(async {
            let tasks: Vec<_> = (0..100u32)
                .map(|n| {
                    spawn(async move {
                        yield_now().await;
                        n
                    })
                })
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await;
            }
            sum
        });
        assert_eq!(sum, 4950);
    }

    #[test]
    fn another_thread_reaches_in() {
        let (send, receive) = async_channel::bounded::<u32>(1);
        let value = block_on(async {
            let here = handle();
            let other = std::thread::spawn(move || {
                here.run(Box::new(move || {
                    spawn(async move {
                        let _ = send.send(7).await;
                    })
                    .detach();
                }));
            });
            let value = receive.recv().await.unwrap();
            other.join().unwrap();
            value
        });
        assert_eq!(value, 7);
    }

    #[test]
    #[should_panic(expected = "block_on inside block_on")]
    fn nesting_is_refused() {
        block_on(async { block_on(async {}) });
    }
}
