//! The services of this process: who is published in the scope of the process, and the way to each.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
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
    /// Who waits for a change, by a number.
    waiting: Vec<(u32, Waker)>,
    last: u32,
}

static SERVICES: Mutex<Services> = Mutex::new(Services {
    entries: Vec::new(),
    changes: 0,
    waiting: Vec::new(),
    last: 0,
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
    for (_, waker) in waiting {
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

/// Waits until the table has changed since it had changed `seen` times. What waits no longer leaves nothing behind.
pub(crate) struct Change {
    seen: u32,
    number: Option<u32>,
}

impl Change {
    pub(crate) fn since(seen: u32) -> Change {
        Change { seen, number: None }
    }
}

impl Future for Change {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut table = services();
        if table.changes != self.seen {
            return Poll::Ready(());
        }
        let number = *self.number.get_or_insert_with(|| {
            table.last = table.last.wrapping_add(1);
            table.last
        });
        let waker = context.waker().clone();
        let before = match table.waiting.iter_mut().find(|(of, _)| *of == number) {
            Some((_, known)) => Some(std::mem::replace(known, waker)),
            None => {
                table.waiting.push((number, waker));
                None
            }
        };
        drop(table);
        // Outside of the lock, as waking is.
        drop(before);
        Poll::Pending
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut table = services();
            let place = table.waiting.iter().position(|(of, _)| *of == number);
            let waker = place.map(|place| table.waiting.swap_remove(place));
            drop(table);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    struct Nothing;

    impl Wake for Nothing {
        fn wake(self: Arc<Nothing>) {}
    }

    #[test]
    fn who_waits_no_longer_for_a_change_is_forgotten() {
        let nothing = Arc::new(Nothing);
        let waker = Waker::from(nothing.clone());
        let mut context = Context::from_waker(&waker);
        let mut change = Change::since(changes());
        // Others of the process may publish meanwhile: then it is not waited for.
        while pin!(&mut change).poll(&mut context).is_ready() {
            change = Change::since(changes());
        }
        let kept = Arc::strong_count(&nothing);
        drop(change);
        assert_eq!((kept, Arc::strong_count(&nothing)), (3, 2));
    }
}
