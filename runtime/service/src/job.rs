//! One request that is being handled: its first poll, its life as a task, its end, and what each of these costs whom.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Instant;

use gshell_net::rt;
use gshell_wire::{Code, Fault};

use crate::clock;
use crate::context::{Context, Known};
use crate::current;
use crate::entry::{Kind, Work};
use crate::handlers::Handlers;
use crate::hooks::Served;
use crate::payload::Given;
use crate::pool::{Place, Spawned};
use crate::stats::{Outcome, count, uncount};
use crate::stream::Claim;

/// The fault of a handler that panicked. What it said stays in this process.
pub(crate) fn panicked(context: &Context) -> Fault {
    Fault::new(
        Code::Internal,
        format!("the handler of {} panicked", context.message()),
    )
}

/// A request that a handler works on. When it goes, so do its claims: worker, credit, turn in the stream.
pub(crate) struct Job {
    context: Context,
    work: Option<Work>,
    cost: u32,
    began: Instant,
    /// It takes a worker.
    counted: bool,
    spawned: bool,
    ended: bool,
    /// The line of its stream, in which the next one waits for it.
    line: Option<Rc<Served>>,
    _claim: Claim,
}

impl Job {
    pub(crate) fn new(
        context: Context,
        cost: u32,
        began: Instant,
        line: Option<Rc<Served>>,
        claim: Claim,
    ) -> Job {
        let (pool, kind) = (&context.handlers.pool, context.entry.kind);
        count(&context.entry.counts.in_flight);
        let counted = kind == Kind::Call;
        if counted {
            pool.running.set(pool.running.get() + 1);
        }
        if kind.takes_stream() {
            context.state.taken.set(true);
            pool.sessions.set(pool.sessions.get() + 1);
            pool.with_load(&context.link, |load| load.sessions += 1);
        }
        Job {
            context,
            work: None,
            cost,
            began,
            counted,
            spawned: false,
            ended: false,
            line,
            _claim: claim,
        }
    }

    /// Starts the handler and polls it once; a task is only made of one that has to wait.
    pub(crate) fn begin(mut self, key: u64, given: Given<'_>) {
        let first = catch_unwind(AssertUnwindSafe(|| {
            let _entered = current::enter(self.context.scope);
            let context = self.context.clone();
            let mut work = match (self.context.entry.start)(key, given, context) {
                Ok(work) => work,
                Err(fault) => {
                    self.context.reply_error(&fault);
                    return (None, Poll::Ready(Outcome::Failed));
                }
            };
            // Polled again by its task right away, which registers the waker that counts.
            let mut at_once = TaskContext::from_waker(Waker::noop());
            let done = work.as_mut().poll(&mut at_once);
            (Some(work), done.map(|done| self.done(done)))
        }));
        match first {
            Ok((work, Poll::Pending)) => {
                self.work = work;
                self.spawn();
            }
            Ok((_, Poll::Ready(outcome))) => self.end(outcome),
            Err(_) => self.panic(),
        }
    }

    fn place(&self) -> Place {
        (
            self.context.link.place(),
            self.context.stream,
            self.context.number,
        )
    }

    fn spawn(mut self) {
        let handlers = self.context.handlers.clone();
        let (place, call, link) = (self.place(), self.context.call, self.context.link.clone());
        let timer = self.context.scope.deadline.map(rt::sleep_until);
        let timer = timer.filter(|_| !handlers.options.finishing);
        self.spawned = true;
        if !self.context.entry.kind.takes_stream() {
            handlers.pool.with_load(&link, |load| load.tasks += 1);
        }
        let spawned = Spawned {
            call,
            task: None,
            counted: self.counted,
        };
        handlers.pool.tasks.borrow_mut().insert(place, spawned);
        let task = rt::spawn(Running {
            job: Some(self),
            timer,
        });
        match handlers.pool.tasks.borrow_mut().get_mut(place) {
            Some(spawned) => spawned.task = Some(task),
            None => task.detach(),
        }
        handlers.hold_back(&link);
    }

    fn poll(&mut self, context: &mut TaskContext<'_>) -> Poll<()> {
        let Some(mut work) = self.work.take() else {
            return Poll::Ready(());
        };
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let _entered = current::enter(self.context.scope);
            match work.as_mut().poll(context) {
                Poll::Pending => Some(work),
                Poll::Ready(done) => {
                    let outcome = self.done(done);
                    self.end(outcome);
                    None
                }
            }
        }));
        match polled {
            Ok(Some(work)) => {
                self.work = Some(work);
                return Poll::Pending;
            }
            Ok(None) => {}
            Err(_) => self.panic(),
        }
        Poll::Ready(())
    }

    fn done(&self, done: Result<(), Fault>) -> Outcome {
        match done {
            Ok(()) => Outcome::Answered,
            Err(fault) => {
                // Who has the stream has told it before ending the stream.
                if self.context.entry.kind != Kind::Stream {
                    self.context.reply_error(&fault);
                }
                match self.was_left(&fault) {
                    true => Outcome::Cancelled,
                    false => Outcome::Failed,
                }
            }
        }
    }

    /// Whether a handler of a stream ended with `fault` because the other side has left, as it may at any time: what comes of
    /// sending to it, or waiting for it, is no mistake of the handler.
    fn was_left(&self, fault: &Fault) -> bool {
        let gone = || self.context.link.gone().is_some();
        self.context.entry.kind.takes_stream() && (fault.code() == Some(Code::Cancelled) || gone())
    }

    fn panic(&mut self) {
        self.context.reply_error(&panicked(&self.context));
        if self.context.entry.kind == Kind::Stream {
            self.context.link.end(self.context.stream);
        }
        self.end(Outcome::Panicked);
    }

    /// Counts the end; a second time does nothing.
    fn end(&mut self, outcome: Outcome) {
        if !std::mem::replace(&mut self.ended, true) {
            let took = clock::now().saturating_duration_since(self.began);
            let seconds = u32::try_from(took.as_secs()).unwrap_or(u32::MAX);
            let micros = seconds
                .saturating_mul(1_000_000)
                .saturating_add(took.subsec_micros());
            self.context.entry.counts.ended(outcome, micros);
        }
    }

    /// Answers a request without starting its handler.
    pub(crate) fn never_began(mut self, fault: &Fault) {
        self.context.reply_error(fault);
        self.end(Outcome::Expired);
    }

    fn expire(&mut self) {
        self.work = None;
        self.context.reply_error(&expired(&self.context));
        self.end(Outcome::Expired);
    }
}

/// The fault of a request whose deadline passed.
pub(crate) fn expired(context: &Context) -> Fault {
    Fault::new(
        Code::Timeout,
        format!("{} was not done by its deadline", context.message()),
    )
}

impl Drop for Job {
    fn drop(&mut self) {
        // Before anything else: what the handler holds may be what the next one waits for.
        self.work = None;
        self.end(Outcome::Cancelled);
        let Known {
            handlers,
            entry,
            link,
            stream,
            state,
            ..
        } = &*self.context;
        let pool = &handlers.pool;
        uncount(&entry.counts.in_flight);
        let mut counted = self.counted;
        if self.spawned {
            let spawned = pool.tasks.borrow_mut().remove(self.place());
            if let Some(spawned) = spawned {
                counted = spawned.counted;
                if let Some(task) = spawned.task {
                    // This very task: it ends here, so its handle only has to go.
                    task.detach();
                }
            }
        }
        if counted {
            pool.running.set(pool.running.get().saturating_sub(1));
        }
        let (kind, spawned) = (entry.kind, self.spawned);
        if kind.takes_stream() {
            pool.sessions.set(pool.sessions.get().saturating_sub(1));
            pool.with_load(link, |load| load.sessions = load.sessions.saturating_sub(1));
            state.taken.set(false);
        } else if spawned {
            pool.with_load(link, |load| load.tasks = load.tasks.saturating_sub(1));
        }
        // The request's bytes count against the stream's credit until its handler is done.
        link.consumed(*stream, state, self.cost);
        if let Some(line) = self.line.take() {
            handlers.advance(&line);
        }
        handlers.schedule();
    }
}

/// A request as a task.
struct Running {
    job: Option<Job>,
    timer: Option<rt::Sleep>,
}

impl Future for Running {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<()> {
        let Some(job) = &mut self.job else {
            return Poll::Ready(());
        };
        if job.poll(context).is_pending() {
            let Some(timer) = &mut self.timer else {
                return Poll::Pending;
            };
            if Pin::new(timer).poll(context).is_pending() {
                return Poll::Pending;
            }
            if let Some(job) = &mut self.job {
                job.expire();
            }
        }
        self.job = None;
        Poll::Ready(())
    }
}

impl Handlers {
    /// Counts a panic that was caught elsewhere.
    pub(crate) fn note_panic(&self, context: &Context) {
        count(&context.entry.counts.panics);
    }
}
