//! The loop: run what is ready, then wait for descriptors, timers and other threads.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::os::fd::AsFd;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use async_task::Task;
use gshell_sys::alarm::Alarm;
use gshell_sys::memory;
use gshell_sys::poll::{Events, Interest, Poller};

use super::child::Children;
use super::io::Sources;
use super::tasks::{Tasks, own_number};
use super::timer::Timers;

/// Idle time after which a thread gives back memory that it does not need for waiting.
const REST_AFTER: Duration = Duration::from_millis(500);
/// Waits after which that is worth doing again.
const TURNS_TO_REST: u32 = 1000;
/// Poller key of the alarm; descriptors count up from 0.
const ALARM: u32 = u32::MAX;

/// What one executor thread owns.
pub(super) struct Core {
    tasks: Tasks,
    poller: Arc<Poller>,
    pub(super) sources: Sources,
    pub(super) timers: Timers,
    pub(super) children: Children,
    inbox: Arc<Inbox>,
    running: Cell<bool>,
    alarm: Alarm,
    /// When the alarm rings; never later than anything that is waited for.
    rings_at: Cell<Option<Instant>>,
    rest: Rest,
}

/// When the thread gives back memory.
#[derive(Default)]
struct Rest {
    /// Waits until the next rest is worth it; 0: it rests when it has been idle.
    turns: Cell<u32>,
    /// Moment at which it rests if nothing comes before.
    at: Cell<Option<Instant>>,
    /// Something came since that moment was set.
    disturbed: Cell<bool>,
    /// What is freed then.
    frees: RefCell<Vec<fn()>>,
}

/// Times that [`leave`] drops tasks which the end of others has started.
const LEAVE_ROUNDS: u32 = 8;

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
    thread: u32,
    poller: Arc<Poller>,
}

impl Wake for LoopWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let before = self.woken.swap(true, Ordering::AcqRel);
        if !before && own_number() != self.thread {
            self.poller.notify();
        }
    }
}

impl LoopWaker {
    fn take(&self) -> bool {
        self.is_set() && self.woken.swap(false, Ordering::AcqRel)
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
            thread: own_number(),
            poller: self.poller.clone(),
        });
        (state.clone(), Waker::from(state))
    }

    fn new() -> std::io::Result<Rc<Core>> {
        let (poller, alarm) = (Arc::new(Poller::new()?), Alarm::new()?);
        poller.add(alarm.as_fd(), ALARM, Interest::READ)?;
        Ok(Rc::new(Core {
            tasks: Tasks::new(poller.clone()),
            sources: Sources::new(poller.clone()),
            timers: Timers::default(),
            children: Children::new(poller.clone()),
            inbox: Arc::default(),
            running: Cell::new(false),
            alarm,
            rings_at: Cell::new(None),
            rest: Rest::default(),
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
        if !self.inbox.filled.load(Ordering::Acquire) || !self.inbox.filled.swap(false, Ordering::AcqRel) {
            return;
        }
        let jobs = std::mem::take(&mut *self.inbox.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        for job in jobs {
            job();
        }
    }

    /// Sees to it that the alarm rings when the first timer is due, or when it is time to rest. True if it is due already,
    /// which an alarm would tell only in a later turn, behind another slice of a busy script.
    fn set_alarm(&self) -> bool {
        let first = match (self.timers.next(), self.rest.next()) {
            (Some(timer), Some(rest)) => timer.min(rest),
            (timer, rest) => match timer.or(rest) {
                Some(first) => first,
                None => return false,
            },
        };
        // One that rings too early is set again then: cheaper than setting it for every timer that comes and goes.
        if self.rings_at.get().is_some_and(|at| at <= first) {
            return false;
        }
        let delay = first.saturating_duration_since(Instant::now());
        if delay.is_zero() {
            return true;
        }
        let set = self.alarm.set(delay).is_ok();
        self.rings_at.set(set.then_some(first));
        false
    }

    /// One wait and the delivery of what it brought.
    fn turn(&self, events: &mut Events, busy: bool) {
        let due = self.set_alarm();
        let at_once = due || busy || self.inbox.filled.load(Ordering::Acquire);
        // A failing wait (only possible with a broken descriptor) must not spin or end the node.
        if self
            .poller
            .wait(events, at_once.then_some(Duration::ZERO))
            .is_err()
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut rang = due;
        for event in events.iter() {
            if event.key == ALARM {
                self.rings_at.set(None);
                rang = true;
            } else {
                self.sources.deliver(event);
            }
        }
        if rang {
            self.timers.fire();
        }
        self.rest.waited(rang, !at_once && events.len() == 1);
        self.children.collect();
        self.run_inbox();
    }
}

impl Rest {
    /// The moment to rest, if it is worth it.
    fn next(&self) -> Option<Instant> {
        if self.turns.get() == 0 && self.at.get().is_none() {
            self.at.set(Some(Instant::now() + REST_AFTER));
            // By what comes after the wait that begins now.
            self.disturbed.set(false);
        }
        self.at.get()
    }

    /// Notes a wait; `rang`: the alarm is among what ended it, `alone`: and nothing else.
    fn waited(&self, rang: bool, alone: bool) {
        self.turns.set(self.turns.get().saturating_sub(1));
        let due = rang && self.at.get().is_some_and(|at| at <= Instant::now());
        if !due || !alone {
            self.disturbed.set(true);
        }
        if !due {
            return;
        }
        // Also when something else came with it: a moment that has passed would ring in each wait.
        self.at.set(None);
        if !self.disturbed.get() {
            self.frees.borrow().iter().for_each(|free| free());
            memory::release();
            self.turns.set(TURNS_TO_REST);
        }
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
    let mut main_context = Context::from_waker(&main_waker);
    let mut main = pin!(future);
    let mut events = Events::new();
    loop {
        if main_woken.take()
            && let Poll::Ready(value) = main.as_mut().poll(&mut main_context)
        {
            return value;
        }
        core.tasks.run();
        core.turn(&mut events, main_woken.is_set() || core.tasks.is_ready());
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
    Core::current().tasks.spawn(Box::pin(future))
}

/// Calls `free` whenever this thread has been idle for a while: what it holds only to be fast can go then.
pub fn on_rest(free: fn()) {
    Core::current().rest.frees.borrow_mut().push(free);
}

/// Ends this thread's executor: tasks that are parked on it are dropped, and its descriptors with theirs are closed. For
/// threads that go on with something else, and for those that end: a task that holds a descriptor keeps its executor.
/// Does nothing inside [`block_on`].
pub fn leave() {
    let core = CURRENT.with(|slot| slot.borrow().clone());
    let Some(core) = core.filter(|core| !core.running.get()) else {
        return;
    };
    // What a task's end starts is dropped in the next round; what starts itself anew is left.
    for _ in 0..LEAVE_ROUNDS {
        if core.tasks.is_empty() {
            break;
        }
        core.tasks.drop_all();
    }
    let kept = CURRENT.with(|slot| slot.borrow_mut().take());
    drop(kept);
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
    fn a_thread_that_leaves_keeps_nothing() {
        struct Sets(Rc<Cell<bool>>);
        impl Drop for Sets {
            fn drop(&mut self) {
                self.0.set(true);
                spawn(std::future::pending::<()>()).detach();
            }
        }
        let dropped = Rc::new(Cell::new(false));
        let sets = Sets(dropped.clone());
        let weak = block_on(async {
            let core = Core::current();
            let parked = core.clone();
            spawn(async move {
                let _kept = (sets, parked);
                std::future::pending::<()>().await;
            })
            .detach();
            leave(); // not while it runs
            yield_now().await;
            Rc::downgrade(&core)
        });
        assert!(!dropped.get());
        leave();
        assert!(dropped.get() && weak.upgrade().is_none());
        assert_eq!(block_on(async { 7 }), 7);
    }

    #[test]
    #[should_panic(expected = "block_on inside block_on")]
    fn nesting_is_refused() {
        block_on(async { block_on(async {}) });
    }
}
