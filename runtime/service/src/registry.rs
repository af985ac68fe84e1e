//! The services of this process: who is published in the scope of the process, and the way to each.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use gshell_wire::{Code, Fault};

use crate::local::Pipe;
use crate::lost;

/// Connections that wait to be accepted; more are refused.
const BACKLOG: usize = 128;

/// What is said when a name is taken.
pub(crate) fn taken(publisher: &str, service: &str, wher: &str) -> Fault {
    Fault::new(
        Code::Exists,
        format!("service {publisher}/{service} is already published {wher}"),
    )
}

struct Entry {
    publisher: String,
    service: String,
    door: Arc<Door>,
}

#[derive(Default)]
struct Services {
    entries: Vec<Entry>,
    /// Counts the changes.
    changes: u32,
    waiting: Vec<Waker>,
}

static SERVICES: Mutex<Services> = Mutex::new(Services {
    entries: Vec::new(),
    changes: 0,
    waiting: Vec::new(),
});

fn services() -> MutexGuard<'static, Services> {
    SERVICES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct Queue {
    pipes: VecDeque<Pipe>,
    waker: Option<Waker>,
}

/// Where connections to a service wait for its thread.
#[derive(Default)]
struct Door(Mutex<Queue>);

impl Door {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knock(&self, pipe: Pipe) -> Result<(), Fault> {
        let mut queue = self.lock();
        if queue.pipes.len() >= BACKLOG {
            let text = format!("{BACKLOG} connections wait for the service already");
            return Err(Fault::new(Code::Busy, text));
        }
        queue.pipes.push_back(pipe);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

/// A service in the table; it goes with this.
pub(crate) struct Listing(Arc<Door>);

impl Listing {
    /// Puts a service into the table.
    ///
    /// # Errors
    /// `Exists` when the process has one of that name.
    pub(crate) fn publish(publisher: &str, service: &str) -> Result<Listing, Fault> {
        let mut table = services();
        let same = |entry: &Entry| entry.publisher == publisher && entry.service == service;
        if table.entries.iter().any(same) {
            return Err(taken(publisher, service, "in this process (scope process)"));
        }
        let door = Arc::<Door>::default();
        table.entries.push(Entry {
            publisher: publisher.to_owned(),
            service: service.to_owned(),
            door: door.clone(),
        });
        changed(table);
        Ok(Listing(door))
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> Pipe {
        std::future::poll_fn(|context| {
            let mut queue = self.0.lock();
            match queue.pipes.pop_front() {
                Some(pipe) => Poll::Ready(pipe),
                None => {
                    queue.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Listing {
    /// Takes the service out of the table; connections that wait are refused.
    pub(crate) fn withdraw(&self) {
        let mut table = services();
        table.entries.retain(|entry| !Arc::ptr_eq(&entry.door, &self.0));
        changed(table);
        // The last word for those who came too late.
        let left = std::mem::take(&mut self.0.lock().pipes);
        for pipe in left {
            pipe.refuse(lost("the service is not published any more"));
        }
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// Wakes whoever waits for a change; outside of the lock, because a waker may run anything.
fn changed(mut table: MutexGuard<'_, Services>) {
    table.changes = table.changes.wrapping_add(1);
    let waiting = std::mem::take(&mut table.waiting);
    drop(table);
    for waker in waiting {
        waker.wake();
    }
}

/// A connection to a service of this process; `None` when it has no such service.
pub(crate) fn connect(publisher: &str, service: &str) -> Option<Result<Pipe, Fault>> {
    let table = services();
    let mut entries = table.entries.iter();
    let entry = entries.find(|entry| entry.publisher == publisher && entry.service == service)?;
    let door = entry.door.clone();
    // Still in the table's lock: the listing cannot go between the look and the knock.
    let pipe = Pipe::new();
    Some(door.knock(pipe.clone()).map(|()| pipe))
}

/// The services of this process.
pub(crate) fn list() -> Vec<(String, String)> {
    let table = services();
    let names = |entry: &Entry| (entry.publisher.clone(), entry.service.clone());
    table.entries.iter().map(names).collect()
}

/// How often the table has changed.
pub(crate) fn changes() -> u32 {
    services().changes
}

/// Waits until the table has changed since it had changed `seen` times.
pub(crate) fn poll_change(seen: u32, context: &Context<'_>) -> Poll<()> {
    let mut table = services();
    if table.changes != seen {
        return Poll::Ready(());
    }
    if !table.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
        table.waiting.push(context.waker().clone());
    }
    Poll::Pending
}
