//! The tasks of one thread: those that are ready, in the order in which they became so.
//!
//! Nearly all wake-ups come from the thread itself, so these touch nothing that is shared: no lock, no atomic
//! read-modify-write beyond that of the task. A wake-up from another thread goes through a list behind a lock.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use async_task::{Runnable, Task};
use gshell_sys::clock;
use gshell_sys::poll::Poller;

/// Tasks that run between two looks at descriptors and timers.
const TICKS_A_TURN: u32 = 64;

/// Times in a row that busy tasks are passed over because another task took long before them.
const PASSED_MOST: u32 = 4;

/// Room that is kept for tasks which other threads wake.
const KEPT: usize = 16;

thread_local! {
    /// Number of the thread among those that have an executor; 0 has none.
    static OWN: Cell<u32> = const { Cell::new(0) };
    /// Emptied by who drops the executor, and not by the end of the thread: a task that is dropped then finds nothing of
    /// its thread any more.
    static READY: RefCell<ManuallyDrop<VecDeque<Runnable>>> =
        const { RefCell::new(ManuallyDrop::new(VecDeque::new())) };
}

/// Number of the calling thread among those that have an executor; 0 has none. A number is used once, also when the
/// thread has ended.
pub(super) fn own_number() -> u32 {
    OWN.get()
}

/// How a task that wakes up comes back to its thread.
struct Way {
    thread: u32,
    foreign: Mutex<Vec<Runnable>>,
    filled: AtomicBool,
    poller: Arc<Poller>,
}

impl Way {
    fn schedule(&self, task: Runnable) {
        if own_number() != self.thread {
            return self.hand_over(task);
        }
        READY.with_borrow_mut(|ready| ready.push_back(task));
    }

    #[cold]
    fn hand_over(&self, task: Runnable) {
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        foreign.push(task);
        // Under the lock: who takes what is there clears it under the lock as well.
        let first = !self.filled.swap(true, Ordering::AcqRel);
        drop(foreign);
        if first {
            self.poller.notify();
        }
    }
}

/// Tasks that have not ended, to be ended with the thread.
#[derive(Default)]
struct Living {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Living {
    fn place(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        })
    }
}

/// Takes a task that ends off the list.
struct Ends(Rc<RefCell<Living>>, usize);

impl Drop for Ends {
    fn drop(&mut self) {
        let waker = {
            let mut living = self.0.borrow_mut();
            let waker = living.wakers.get_mut(self.1).and_then(Option::take);
            living.free.push(self.1);
            if living.free.len() == living.wakers.len() {
                *living = Living::default();
            }
            waker
        };
        drop(waker);
    }
}

pub(super) struct Tasks {
    way: Arc<Way>,
    living: Rc<RefCell<Living>>,
    /// Tasks that are ready, and ran longer than a tick of the clock before: scripts that use up their slices. One of them
    /// runs between two looks at descriptors and timers, behind what is ready otherwise; so who waits for an event waits for
    /// one slice, however many such tasks there are.
    busy: RefCell<VecDeque<Runnable>>,
    /// How often they were passed over.
    passed: Cell<u32>,
}

impl Tasks {
    /// The tasks of the calling thread, which has none before.
    pub(super) fn new(poller: Arc<Poller>) -> Tasks {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let thread = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        OWN.set(thread);
        Tasks {
            way: Arc::new(Way {
                thread,
                foreign: Mutex::default(),
                filled: AtomicBool::new(false),
                poller,
            }),
            living: Rc::default(),
            busy: RefCell::default(),
            passed: Cell::new(0),
        }
    }

    pub(super) fn spawn<T: 'static>(&self, future: Pin<Box<dyn Future<Output = T>>>) -> Task<T> {
        let place = self.living.borrow_mut().place();
        let ends = Ends(self.living.clone(), place);
        let whole = async move {
            let _ends = ends;
            future.await
        };
        let way = self.way.clone();
        let (task, handle) = async_task::spawn_local(whole, move |task| way.schedule(task));
        self.living.borrow_mut().wakers[place] = Some(task.waker());
        task.schedule();
        handle
    }

    /// Whether a task is ready.
    pub(super) fn is_ready(&self) -> bool {
        !none_is_ready() || !self.busy.borrow().is_empty() || self.way.filled.load(Ordering::Acquire)
    }

    fn take_foreign(&self) {
        if self.way.filled.load(Ordering::Acquire) {
            let mut foreign = self.way.foreign.lock().unwrap_or_else(PoisonError::into_inner);
            self.way.filled.store(false, Ordering::Release);
            READY.with_borrow_mut(|ready| ready.extend(foreign.drain(..)));
            foreign.shrink_to(KEPT);
        }
    }

    /// Runs what is ready, for a while, and then one of the busy tasks that were there before.
    pub(super) fn run(&self) {
        self.take_foreign();
        let busy = self.busy.borrow_mut().pop_front();
        let late = self.run_ready();
        let Some(task) = busy else { return };
        if late && self.passed.get() < PASSED_MOST {
            self.passed.set(self.passed.get() + 1);
            self.busy.borrow_mut().push_front(task);
        } else {
            self.passed.set(0);
            self.run_busy(task);
        }
    }

    /// Whether it ended because the last task took long.
    fn run_ready(&self) -> bool {
        let mut next = pop();
        if next.is_none() {
            return false;
        }
        let began = clock::Tick::now();
        let mut ticks = 0;
        while let Some(task) = next {
            let again = task.run();
            ticks += 1;
            if ticks >= TICKS_A_TURN || none_is_ready() {
                return false;
            }
            // A script's slice is longer than a tick of the clock, so with busy scripts each is followed by a look at
            // descriptors and timers.
            if clock::Tick::now() != began {
                self.set_aside(again);
                return true;
            }
            next = pop();
        }
        false
    }

    fn run_busy(&self, task: Runnable) {
        let began = clock::Tick::now();
        let again = task.run();
        if clock::Tick::now() != began {
            self.set_aside(again);
        }
    }

    /// Puts the task that ran last, and long, among the busy ones if it is ready `again`: then it is the last of the ready ones.
    fn set_aside(&self, again: bool) {
        if again && let Some(task) = READY.with_borrow_mut(|ready| ready.pop_back()) {
            self.busy.borrow_mut().push_back(task);
        }
    }
}

fn pop() -> Option<Runnable> {
    READY.with_borrow_mut(|ready| ready.pop_front())
}

fn none_is_ready() -> bool {
    READY.with_borrow(|ready| ready.is_empty())
}

impl Tasks {
    /// Whether all tasks have ended.
    pub(super) fn is_empty(&self) -> bool {
        self.living.borrow().wakers.iter().all(Option::is_none)
    }

    /// Drops all tasks. A task is dropped by being ready and not run; one that is dropped may wake or drop others.
    pub(super) fn drop_all(&self) {
        let living: Vec<_> = {
            let mut living = self.living.borrow_mut();
            living.wakers.iter_mut().filter_map(Option::take).collect()
        };
        for waker in living {
            waker.wake();
        }
        loop {
            let foreign = || {
                let mut foreign = self.way.foreign.lock().unwrap_or_else(PoisonError::into_inner);
                foreign.pop()
            };
            let busy = || self.busy.borrow_mut().pop_front();
            match pop().or_else(busy).or_else(foreign) {
                Some(task) => drop(task),
                None => break,
            }
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.drop_all();
        OWN.set(0);
        READY.with_borrow_mut(|ready| ready.shrink_to_fit());
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;
    use std::time::{Duration, Instant};

    use super::super::{block_on, sleep, spawn, yield_now};
    use super::*;

    #[test]
    fn tasks_run_in_the_order_in_which_they_became_ready() {
        let order = block_on(async {
            let seen = Rc::new(RefCell::new(Vec::new()));
            let tasks: Vec<_> = (0..4)
                .map(|n| {
                    let seen = seen.clone();
                    spawn(async move {
                        for _ in 0..2 {
                            seen.borrow_mut().push(n);
                            yield_now().await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
            seen.take()
        });
        assert_eq!(order, [0, 1, 2, 3, 0, 1, 2, 3]);
    }

    /// Longer than a tick of the clock, by any kernel's setting.
    fn use_up_a_slice() {
        let (tick, began) = (clock::Tick::now(), Instant::now());
        while clock::Tick::now() == tick || began.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn who_waits_for_an_event_waits_for_one_slice_of_all_busy_tasks() {
        let order = block_on(async {
            let seen = Rc::new(RefCell::new(Vec::new()));
            let log = seen.clone();
            let sleeper = spawn(async move {
                sleep(Duration::from_millis(1)).await;
                log.borrow_mut().push("slept");
            });
            let busy: Vec<_> = (0..3)
                .map(|_| {
                    let log = seen.clone();
                    spawn(async move {
                        for _ in 0..3 {
                            use_up_a_slice();
                            log.borrow_mut().push("busy");
                            yield_now().await;
                        }
                    })
                })
                .collect();
            for task in busy {
                task.await;
            }
            sleeper.await;
            seen.take()
        });
        // The others were ready when the time was over; none of the busy ones comes a second time before it.
        let place = order.iter().position(|what| *what == "slept");
        assert!(place.is_some_and(|place| place <= 3), "{order:?}");
        assert_eq!(order.len(), 10);
    }

    #[test]
    fn busy_tasks_take_turns_and_go_on_beside_a_busy_queue() {
        let order = block_on(async {
            let (seen, done) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(0)));
            let (log, ended) = (seen.clone(), done.clone());
            let busy: Vec<_> = (0..2)
                .map(|n| {
                    let (seen, done) = (log.clone(), ended.clone());
                    spawn(async move {
                        for _ in 0..4 {
                            use_up_a_slice();
                            seen.borrow_mut().push(n);
                            yield_now().await;
                        }
                        done.set(done.get() + 1);
                    })
                })
                .collect();
            // Always ready, as two that send each other messages without end.
            spawn(async move {
                while done.get() < 2 {
                    yield_now().await;
                }
            })
            .await;
            for task in busy {
                task.await;
            }
            seen.take()
        });
        assert_eq!(order, [0, 1, 0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn other_threads_wake_tasks_and_each_wake_up_is_heard() {
        let (send, receive) = async_channel::bounded::<u32>(1);
        let other = std::thread::spawn(move || {
            for n in 0..10_000 {
                if send.send_blocking(n).is_err() {
                    return;
                }
            }
        });
        let sum: u64 = block_on(async {
            let reader = spawn(async move {
                let mut sum = 0;
                while let Ok(n) = receive.recv().await {
                    sum += u64::from(n);
                }
                sum
            });
            reader.await
        });
        assert_eq!(sum, 9999 * 10_000 / 2);
        other.join().unwrap();
    }

    #[test]
    fn tasks_end_with_their_thread() {
        let (send, receive) = async_channel::bounded::<u32>(1);
        let thread = std::thread::spawn(move || {
            block_on(async move {
                spawn(async move {
                    let _kept = send;
                    std::future::pending::<()>().await;
                })
                .detach();
                yield_now().await;
            });
        });
        thread.join().unwrap();
        assert!(receive.recv_blocking().is_err(), "the task is dropped");
    }

    #[test]
    fn a_waker_may_outlive_its_thread() {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            block_on(async move {
                spawn(std::future::poll_fn(move |context| {
                    let _ = send.send(context.waker().clone());
                    Poll::<()>::Pending
                }))
                .detach();
                yield_now().await;
            });
        })
        .join()
        .unwrap();
        let waker = receive.recv().unwrap();
        // This thread has an executor of its own, which must not take it for one of its tasks.
        block_on(async { spawn(async {}).await });
        waker.wake_by_ref();
        block_on(async { yield_now().await });
        drop(waker);
    }

    #[test]
    fn a_task_that_is_dropped_is_not_run() {
        let ran = Rc::new(Cell::new(false));
        let seen = ran.clone();
        block_on(async move {
            drop(spawn(async move { seen.set(true) }));
            yield_now().await;
        });
        assert!(!ran.get());
    }
}
