//! From a message that came to a handler that runs: at once, or after a wait by priority or for the one before it.
//!
//! Who may be read: a connection is not read while [`MOST_TASKS`] of its requests are in progress or wait, nor while
//! the queue is full and some of what is in it is its own. A connection that has nothing in a full queue is read, so
//! whoever fills it does not lock the others out; the queue is then longer than its bound by one request for each
//! connection at most.

use std::rc::Rc;
use std::time::{Duration, Instant};

use gshell_net::rt;
use gshell_session::Head;
use gshell_wire::{Code, Fault, Priority};

use crate::blocking_handler::Answer;
use crate::builtin;
use crate::clock;
use crate::context::{Context, Known};
use crate::current::Scope;
use crate::entry::Kind;
use crate::handlers::Handlers;
use crate::hooks::Served;
use crate::job::{Job, expired};
use crate::link::Link;
use crate::payload::{Given, Payload};
use crate::pool::scale::{HIGH_RESERVE, IN_PROGRESS, Workers};
use crate::pool::threads::Threads;
use crate::pool::{Load, Pool, Spawned};
use crate::stats::{Outcome, count, uncount};
use crate::stream::{Claim, LAST_WORK, StreamState};
use crate::trace;

/// Requests of one connection that are in progress or wait, beyond which it is not read.
pub(crate) const MOST_TASKS: usize = 1024;
/// Handlers of one connection that have a stream to themselves, beyond which further ones are refused: they last as
/// long as the peer likes.
pub(crate) const MOST_SESSIONS: usize = 1024;
/// Requests that are started in one go before other tasks of the thread get a turn.
const STARTS_A_TURN: usize = 64;

/// A request that waits.
pub(crate) struct Waiting {
    pub context: Context,
    key: u64,
    payload: Payload,
    cost: u32,
    began: Instant,
    /// Set when it is its turn in its stream.
    line: Option<Rc<Served>>,
    claim: Claim,
}

impl Handlers {
    /// Starts the handler of a message, or gives it to the stream's reader.
    pub(crate) fn dispatch(
        self: &Rc<Self>,
        link: &Link,
        stream: u32,
        state: Rc<StreamState>,
        key: u64,
        head: &Head,
        given: Given<'_>,
    ) {
        let entry = match self.find(key) {
            Some(entry) => entry.clone(),
            None if builtin::handles(key) => self.builtin.clone(),
            None => return self.nobodys(link, stream, &state, key, head, given),
        };
        let began = clock::recent();
        count(&entry.counts.calls);
        let cost = given.cost();
        let kind = entry.kind;
        let deadline = head
            .deadline_ms
            .and_then(|ms| began.checked_add(Duration::from_millis(ms.into())));
        let context = Context::from(Known {
            number: self.pool.next_number(),
            entry,
            link: link.clone(),
            stream,
            state: state.clone(),
            call: head.call,
            scope: Scope {
                deadline,
                trace: head.trace,
            },
            handlers: self.clone(),
        });
        if head.trace.is_some() && kind != Kind::Builtin {
            trace::server_recv(&context, key, &given);
        }
        let claim = Claim::new(link, stream, state);
        let line = match kind {
            Kind::Builtin => None,
            _ => self.line(link, stream),
        };
        let waits = line.as_ref().is_some_and(|line| line.busy.replace(true));
        if !waits && self.may_start(&context) {
            return Job::new(context, cost, began, line, claim).begin(key, given);
        }
        if kind.takes_stream() && !waits {
            return self.too_many_sessions(&context, cost, line);
        }
        count(&context.entry.counts.queued);
        let priority = context.entry.priority;
        let mut waiting = Waiting {
            context,
            key,
            payload: given.into_payload(),
            cost,
            began,
            line: None,
            claim,
        };
        self.pool.with_load(link, |load| load.queued += 1);
        match line {
            Some(line) if waits => line.line.borrow_mut().push_back(waiting),
            line => {
                waiting.line = line;
                self.pool.queue.borrow_mut().push(priority, waiting);
            }
        }
        self.hold_back(link);
        // A request of high priority may pass those before it.
        self.schedule();
    }

    /// Whether a request that comes now need not wait for others.
    fn may_start(&self, context: &Context) -> bool {
        match context.entry.kind {
            Kind::Builtin | Kind::Blocking => true,
            Kind::Stream | Kind::Session => {
                let mut sessions = 0;
                self.pool
                    .with_load(&context.link, |load| sessions = load.sessions);
                sessions < MOST_SESSIONS
            }
            Kind::Call => {
                let (running, max) = (self.pool.running.get(), self.most_running());
                let high = context.entry.priority == Priority::High && running < max + HIGH_RESERVE;
                (high || running < max) && self.pool.queue.borrow().is_empty()
            }
        }
    }

    fn most_running(&self) -> usize {
        workers_of(self).most_running
    }

    /// A message that no handler is for.
    fn nobodys(
        &self,
        link: &Link,
        stream: u32,
        state: &StreamState,
        key: u64,
        head: &Head,
        given: Given<'_>,
    ) {
        if state.taken.get() {
            return link.table().for_reader(link, stream, key, given);
        }
        let mut totals = self.totals.get();
        totals.unknown = totals.unknown.wrapping_add(1);
        self.totals.set(totals);
        link.consumed(stream, state, given.cost());
        link.send_error(stream, head.call, &self.unknown(key));
    }

    fn unknown(&self, key: u64) -> Fault {
        let known: Vec<_> = self.entries().iter().map(|entry| entry.name.as_str()).collect();
        let text = format!(
            "unknown message with key {key:016x}; this service handles: {}",
            known.join(", ")
        );
        Fault::new(Code::UnknownMessage, text)
    }

    fn too_many_sessions(&self, context: &Context, cost: u32, line: Option<Rc<Served>>) {
        let text = format!("{MOST_SESSIONS} streams of this connection are in use, the limit");
        context.reply_error(&Fault::new(Code::Limit, text));
        context.entry.counts.ended(Outcome::Failed, 0);
        context.link.consumed(context.stream, &context.state, cost);
        if let Some(line) = line {
            self.advance(&line);
        }
    }

    /// The line of a stream whose requests are handled one after the other.
    fn line(&self, link: &Link, stream: u32) -> Option<Rc<Served>> {
        if self.options.ordered {
            return Some(self.served(link, stream));
        }
        let served = self.pool.served.borrow();
        if served.is_empty() {
            return None;
        }
        let served = served.get(&(link.place(), stream))?;
        served.ordered.get().then(|| served.clone())
    }

    /// What is kept of a stream; of one that is gone, something that nobody else has.
    pub(crate) fn served(&self, link: &Link, stream: u32) -> Rc<Served> {
        if link.table().find(stream).is_none() {
            return Rc::default();
        }
        let mut served = self.pool.served.borrow_mut();
        served.get_or((link.place(), stream), Rc::default).clone()
    }

    /// The next one in a stream's line has its turn, but for a worker it waits like all others.
    pub(crate) fn advance(&self, line: &Rc<Served>) {
        let next = line.line.borrow_mut().pop_front();
        match next {
            None => line.busy.set(false),
            Some(mut waiting) => {
                waiting.line = Some(line.clone());
                let priority = waiting.context.entry.priority;
                self.pool.queue.borrow_mut().push(priority, waiting);
            }
        }
    }

    /// Starts what waits, as far as there are workers.
    pub(crate) fn schedule(self: &Rc<Self>) {
        let pool = &self.pool;
        if pool.queue.borrow().is_empty() && pool.held.borrow().is_empty()
            || pool.closed.get()
            || pool.scheduling.replace(true)
        {
            return;
        }
        let max = self.most_running();
        for turn in 0.. {
            if turn == STARTS_A_TURN {
                self.schedule_later();
                break;
            }
            let running = pool.running.get();
            let next = match running < max {
                true => pool.queue.borrow_mut().pop(),
                false if running < max + HIGH_RESERVE => pool.queue.borrow_mut().pop_high(),
                false => None,
            };
            let Some(waiting) = next else { break };
            self.start(waiting);
        }
        pool.scheduling.set(false);
        self.read_on();
    }

    fn schedule_later(self: &Rc<Self>) {
        let handlers = self.clone();
        rt::spawn(async move { handlers.schedule() }).detach();
    }

    fn start(&self, waiting: Waiting) {
        self.leaves_queue(&waiting);
        let Waiting {
            context,
            key,
            payload,
            cost,
            began,
            line,
            claim,
        } = waiting;
        let late = context.scope.deadline.is_some_and(|at| at <= Instant::now());
        let job = Job::new(context.clone(), cost, began, line, claim);
        match late && !self.options.finishing {
            true => job.never_began(&expired(&context)),
            false => job.begin(key, Given::Owned(payload)),
        }
    }

    fn leaves_queue(&self, waiting: &Waiting) {
        uncount(&waiting.context.entry.counts.queued);
        self.pool.with_load(&waiting.context.link, |load| {
            load.queued = load.queued.saturating_sub(1);
        });
    }

    /// Forgets a request that waits: its caller does not.
    pub(crate) fn forget(&self, waiting: Waiting) {
        self.leaves_queue(&waiting);
        waiting.context.entry.counts.ended(Outcome::Cancelled, 0);
        let link = &waiting.context.link;
        link.consumed(waiting.context.stream, &waiting.context.state, waiting.cost);
        if let Some(line) = &waiting.line {
            self.advance(line);
        }
    }

    /// A reply waits for a peer that does not read: its worker is free for others.
    pub(crate) fn give_up_worker(self: &Rc<Self>, context: &Context) {
        let place = (context.link.place(), context.stream, context.number);
        let mut tasks = self.pool.tasks.borrow_mut();
        let Some(spawned) = tasks.get_mut(place) else {
            return;
        };
        if std::mem::replace(&mut spawned.counted, false) {
            self.pool.running.set(self.pool.running.get().saturating_sub(1));
            if !self.pool.queue.borrow().is_empty() {
                self.schedule_later();
            }
        }
    }

    /// The threads for handlers that block.
    pub(crate) fn threads(&self) -> &Threads<Answer> {
        let workers = self.options.workers.unwrap_or_default();
        self.pool.threads.get_or_init(|| Threads::new(workers))
    }

    /// Stops reading a connection that keeps the service too busy.
    pub(crate) fn hold_back(&self, link: &Link) {
        let bound = self.options.queue;
        let mut loads = self.pool.loads.borrow_mut();
        let Some(load) = loads.get_mut(&link.place()) else {
            return;
        };
        if !load.held && is_too_much(&self.pool, load, bound, MOST_TASKS) {
            load.held = true;
            self.pool.held.borrow_mut().push(link.place());
            let mut totals = self.totals.get();
            totals.held = totals.held.wrapping_add(1);
            self.totals.set(totals);
            link.hold();
        }
    }

    /// Reads the connections again for which there is room now: some more than a little, so that it does not go to and
    /// fro with each request.
    fn read_on(&self) {
        if self.pool.held.borrow().is_empty() {
            return;
        }
        let bound = self.options.queue.div_ceil(4) * 3;
        let mut free = Vec::new();
        {
            let mut loads = self.pool.loads.borrow_mut();
            self.pool.held.borrow_mut().retain(|place| {
                let Some(load) = loads.get_mut(place) else {
                    return false;
                };
                load.held = is_too_much(&self.pool, load, bound, MOST_TASKS / 4 * 3);
                if !load.held {
                    free.push(load.link.clone());
                }
                load.held
            });
        }
        for link in free {
            link.release();
        }
    }

    /// A connection was accepted.
    pub(crate) fn connected(&self, link: &Link) {
        let load = Load {
            link: link.clone(),
            tasks: 0,
            queued: 0,
            sessions: 0,
            held: false,
        };
        self.pool.loads.borrow_mut().insert(link.place(), load);
        self.opened(link, 0);
    }

    /// The client waits no longer for the answer to a call.
    pub(crate) fn cancelled(self: &Rc<Self>, link: &Link, stream: u32, call: u32) {
        let place = link.place();
        let wanted = |waiting: &Waiting| {
            let context = &waiting.context;
            context.link.place() == place && context.stream == stream && context.call == Some(call)
        };
        let waiting = self.pool.queue.borrow_mut().remove(wanted);
        let waiting = waiting.or_else(|| {
            let served = self.pool.served.borrow().get(&(place, stream))?.clone();
            let mut line = served.line.borrow_mut();
            let at = line.iter().position(wanted)?;
            line.remove(at)
        });
        if let Some(waiting) = waiting {
            self.forget(waiting);
            return self.schedule();
        }
        if self.options.finishing {
            return;
        }
        let task = {
            let mut tasks = self.pool.tasks.borrow_mut();
            let mut of_stream = tasks.of(place, Some(stream));
            of_stream
                .find(|spawned| spawned.call == Some(call))
                .and_then(|spawned| spawned.task.take())
        };
        drop(task);
    }

    /// Gives up what a stream, or with `None` a whole connection, still wants.
    pub(crate) fn give_up(self: &Rc<Self>, place: usize, stream: Option<u32>) {
        // Whoever sends without waiting for an answer, and goes, still wants it handled: that is given up after a while.
        let of = |waiting: &Waiting| {
            let context = &waiting.context;
            let same = stream.is_none_or(|stream| context.stream == stream);
            context.link.place() == place && same && context.call.is_some()
        };
        if !self.options.finishing {
            let waiting = self.pool.queue.borrow_mut().remove_all(of);
            for waiting in waiting {
                self.forget(waiting);
            }
            let (now, later): (Vec<_>, Vec<_>) = {
                let mut tasks = self.pool.tasks.borrow_mut();
                let task = |spawned: &mut Spawned| Some((spawned.call, spawned.task.take()?));
                tasks
                    .of(place, stream)
                    .filter_map(task)
                    .partition(|(call, _)| call.is_some())
            };
            drop(now);
            if !later.is_empty() {
                rt::spawn(async move {
                    rt::sleep(LAST_WORK).await;
                    drop(later);
                })
                .detach();
            }
        }
        self.schedule();
    }

    /// Whether calls are in progress or wait; handlers that have a stream to themselves do not count.
    pub(crate) fn is_busy(&self) -> bool {
        let threads = self.pool.threads.get().is_some_and(|threads| {
            let figures = threads.figures();
            figures.queued > 0 || figures.idle < figures.threads
        });
        threads || self.pool.running.get() > 0 || !self.pool.queue.borrow().is_empty()
    }

    /// Ends what is in progress: the service is no more.
    pub(crate) fn shut_down(self: &Rc<Self>) {
        self.pool.closed.set(true);
        let links: Vec<_> = {
            let loads = self.pool.loads.borrow();
            loads.values().map(|load| load.link.clone()).collect()
        };
        for link in links {
            self.gone(&link);
        }
        let waiting = self.pool.queue.borrow_mut().remove_all(|_| true);
        let tasks: Vec<_> = {
            let mut tasks = self.pool.tasks.borrow_mut();
            let all = tasks.all();
            all.filter_map(|spawned| spawned.task.take()).collect()
        };
        drop(waiting);
        match self.options.finishing {
            true => tasks.into_iter().for_each(|task| task.detach()),
            false => drop(tasks),
        }
    }
}

/// What holds for the workers of a service.
pub(crate) struct WorkersOf {
    pub set: Workers,
    /// Handlers in progress at most.
    pub most_running: usize,
}

pub(crate) fn workers_of(handlers: &Handlers) -> WorkersOf {
    let set = handlers.options.workers;
    WorkersOf {
        set: set.unwrap_or_default(),
        most_running: set.map_or(IN_PROGRESS, |workers| usize::from(workers.max.max(1))),
    }
}

/// Whether a connection has as much in a service as it may have.
fn is_too_much(pool: &Pool, load: &Load, bound: usize, most: usize) -> bool {
    let threads_full = pool
        .threads
        .get()
        .is_some_and(|threads| threads.queued() >= bound);
    load.tasks + load.queued >= most
        || (load.queued > 0 && pool.queue.borrow().len() >= bound)
        || (load.tasks > 0 && threads_full)
}
