//! The executor threads of a group, and how an environment gets onto one.
//!
//! A Lua state never leaves the thread that made it, so everything that is done to a running environment is
//! a closure that runs on its thread. The group's first thread is the first executor; another thread starts
//! only when all there are have something to run, because each costs a stack.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::thread;

use gshell_service::rt;
use gshell_small::Map;
use gshell_sys::slice;

use crate::runner::{Ended, Order, Runner};

thread_local! {
    static RUNNING: RefCell<Map<u32, Rc<dyn Runner>>> = RefCell::default();
}

/// A thread that panics takes the process with it: its environments would look alive for ever, and the group comes back
/// without that.
struct EndTogether;

impl Drop for EndTogether {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}

/// One executor thread.
pub struct Worker {
    handle: rt::Handle,
    load: Cell<u32>,
}

impl Worker {
    /// The calling thread.
    pub fn here() -> Rc<Worker> {
        Rc::new(Worker {
            handle: rt::handle(),
            load: Cell::new(0),
        })
    }

    fn spawn(index: usize) -> io::Result<Rc<Worker>> {
        let (made, caller) = (Arc::new(OnceLock::new()), thread::current());
        let own = made.clone();
        thread::Builder::new()
            .name(format!("grg-{index}"))
            .stack_size(slice::STACK)
            .spawn(move || {
                let _guard = EndTogether;
                rt::block_on(async move {
                    let _ = own.set(rt::handle());
                    caller.unpark();
                    std::future::pending::<()>().await;
                });
            })?;
        // A thread that ends without a handle ends the process.
        let handle = loop {
            match made.get() {
                Some(handle) => break rt::Handle::clone(handle),
                None => thread::park(),
            }
        };
        Ok(Rc::new(Worker {
            handle,
            load: Cell::new(0),
        }))
    }

    /// Runs `action` on run `key`, if it still runs.
    pub fn with(&self, key: u32, action: impl FnOnce(&Rc<dyn Runner>) + Send + 'static) {
        self.handle.run(Box::new(move || {
            let runner = RUNNING.with(|running| running.borrow().get(&key).cloned());
            if let Some(runner) = runner {
                action(&runner);
            }
        }));
    }

    /// Starts a run; `done` is called on the thread of `back` when it has ended.
    pub fn start(&self, key: u32, order: Order, back: rt::Handle, done: fn(u32, Ended)) {
        self.load.set(self.load.get() + 1);
        self.handle.run(Box::new(move || {
            let runner = match order.prepare() {
                Ok(runner) => runner,
                Err(ended) => return back.run(Box::new(move || done(key, ended))),
            };
            RUNNING.with(|running| running.borrow_mut().insert(key, runner.clone()));
            rt::spawn(async move {
                let ended = runner.run().await;
                RUNNING.with(|running| running.borrow_mut().remove(&key));
                drop(runner);
                back.run(Box::new(move || done(key, ended)));
            })
            .detach();
        }));
    }

    /// A run of this thread has ended.
    pub fn ended(&self) {
        self.load.set(self.load.get().saturating_sub(1));
    }
}

/// All executor threads of the group.
pub struct Workers {
    all: RefCell<Vec<Rc<Worker>>>,
    most: usize,
}

impl Workers {
    /// At most `most` threads, of which the calling one is the first.
    pub fn new(most: usize) -> Workers {
        Workers {
            all: RefCell::new(vec![Worker::here()]),
            most: most.max(1),
        }
    }

    /// The thread for the next environment: the one with the fewest, or a new one while all are taken and
    /// there may be more. A thread that cannot be made is done without.
    pub fn pick(&self) -> Rc<Worker> {
        let mut all = self.all.borrow_mut();
        let mut best = all[0].clone();
        for worker in &all[1..] {
            if worker.load.get() < best.load.get() {
                best = worker.clone();
            }
        }
        if best.load.get() > 0
            && all.len() < self.most
            && let Ok(worker) = Worker::spawn(all.len())
        {
            all.push(worker.clone());
            return worker;
        }
        best
    }

    /// Whether something runs on the first thread.
    pub fn first_is_used(&self) -> bool {
        self.all
            .borrow()
            .first()
            .is_some_and(|first| first.load.get() > 0)
    }

    /// Executor threads at most.
    pub fn most(&self) -> usize {
        self.most
    }
}
