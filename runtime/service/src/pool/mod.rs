//! Workers: what waits, how many handle it, and the threads of handlers that block.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use gshell_net::rt::Task;
use gshell_small::Map;

use self::queue::Queue;
use self::threads::Threads;
use crate::blocking_handler::Answer;
use crate::dispatch::Waiting;
use crate::hooks::Served;
use crate::link::Link;

pub mod queue;
pub mod scale;
pub mod threads;

/// A request that became a task.
pub(crate) struct Spawned {
    pub call: Option<u32>,
    /// Taken when it is given up.
    pub task: Option<Task<()>>,
    /// It takes a worker.
    pub counted: bool,
}

/// What one connection keeps a service busy with.
pub(crate) struct Load {
    pub link: Link,
    /// Requests that became tasks, sessions not among them.
    pub tasks: usize,
    /// Requests that wait for a worker, or for the one before them.
    pub queued: usize,
    /// Handlers that have a stream to themselves.
    pub sessions: usize,
    /// It is not read.
    pub held: bool,
}

/// Connection by its address, stream, number of the request.
pub(crate) type Place = (usize, u32, u32);

/// Requests that became tasks, by connection: one connection has a thousand at most, all of them may have many.
#[derive(Default)]
pub(crate) struct Running(Map<usize, Map<(u32, u32), Spawned>>);

impl Running {
    pub fn insert(&mut self, (link, stream, number): Place, spawned: Spawned) {
        self.0
            .get_or(link, Map::default)
            .insert((stream, number), spawned);
    }

    pub fn get_mut(&mut self, (link, stream, number): Place) -> Option<&mut Spawned> {
        self.0.get_mut(&link)?.get_mut(&(stream, number))
    }

    pub fn remove(&mut self, (link, stream, number): Place) -> Option<Spawned> {
        let of_link = self.0.get_mut(&link)?;
        let removed = of_link.remove(&(stream, number));
        if of_link.is_empty() {
            self.0.remove(&link);
        }
        removed
    }

    /// Those of a connection, or with a stream only those on it, in the order of stream and number.
    pub fn of(&mut self, link: usize, stream: Option<u32>) -> impl Iterator<Item = &mut Spawned> {
        let of_link = self.0.get_mut(&link).into_iter().flat_map(Map::iter_mut);
        let wanted = move |(on, _): &(u32, u32)| stream.is_none_or(|stream| stream == *on);
        of_link
            .filter(move |(key, _)| wanted(key))
            .map(|(_, spawned)| spawned)
    }

    pub fn all(&mut self) -> impl Iterator<Item = &mut Spawned> {
        self.0.values_mut().flat_map(Map::values_mut)
    }
}

/// What a service is doing.
pub(crate) struct Pool {
    /// Handlers in progress that take a worker.
    pub running: Cell<usize>,
    pub sessions: Cell<usize>,
    pub queue: RefCell<Queue<Waiting>>,
    /// Somebody is starting what waits.
    pub scheduling: Cell<bool>,
    pub tasks: RefCell<Running>,
    pub loads: RefCell<Map<usize, Load>>,
    /// Connections that are not read.
    pub held: RefCell<Vec<usize>>,
    pub served: RefCell<Map<(usize, u32), Rc<Served>>>,
    pub threads: OnceCell<Threads<Answer>>,
    pub last: Cell<u32>,
    /// The service has ended.
    pub closed: Cell<bool>,
}

impl Default for Pool {
    fn default() -> Pool {
        Pool {
            running: Cell::new(0),
            sessions: Cell::new(0),
            queue: RefCell::new(Queue::new()),
            scheduling: Cell::new(false),
            tasks: RefCell::default(),
            loads: RefCell::default(),
            held: RefCell::default(),
            served: RefCell::default(),
            threads: OnceCell::new(),
            last: Cell::new(0),
            closed: Cell::new(false),
        }
    }
}

impl Pool {
    pub(crate) fn next_number(&self) -> u32 {
        let number = self.last.get().wrapping_add(1);
        self.last.set(number);
        number
    }

    /// Requests that wait, for threads as well.
    pub(crate) fn queued(&self) -> usize {
        self.queue.borrow().len() + self.threads.get().map_or(0, Threads::queued)
    }

    pub(crate) fn with_load(&self, link: &Link, change: impl FnOnce(&mut Load)) {
        if let Some(load) = self.loads.borrow_mut().get_mut(&link.place()) {
            change(load);
        }
    }
}
