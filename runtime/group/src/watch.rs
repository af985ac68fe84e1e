//! Who is told when an environment changes: the daemon, by a stream.
//!
//! A change is sent at once when the stream has credit, so it is on its way before the reply to the command
//! that made it. A watcher that does not keep up gets the latest state of what changed meanwhile, not every
//! step: the backlog holds IDs, so it is bounded by the environments.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

use gshell_control::Job;
use gshell_control::messages::groups::{Changed, Removed, Synced};
use gshell_service::Stream;
use gshell_small::Set;
use gshell_wire::Fault;

use crate::table::Group;

struct Watcher {
    stream: Stream,
    backlog: RefCell<Set<String>>,
    /// Something older is on its way and waits for credit: what is newer must not overtake it.
    busy: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// Everybody who watches.
#[derive(Default)]
pub struct Watchers {
    all: RefCell<Vec<Weak<Watcher>>>,
}

impl Watchers {
    pub(crate) fn changed(&self, job: &Job) {
        self.each(|watcher| {
            let sent = watcher.is_free() && watcher.stream.try_send(Changed { job: job.clone() }) == Ok(true);
            if !sent {
                watcher.postpone(&job.id);
            }
        });
    }

    pub(crate) fn removed(&self, id: &str) {
        self.each(|watcher| {
            let sent =
                watcher.is_free() && watcher.stream.try_send(Removed { id: id.to_owned() }) == Ok(true);
            if !sent {
                watcher.postpone(id);
            }
        });
    }

    fn each(&self, action: impl Fn(&Watcher)) {
        let mut all = self.all.borrow_mut();
        all.retain(|watcher| watcher.strong_count() > 0);
        let now: Vec<_> = all.iter().filter_map(Weak::upgrade).collect();
        drop(all);
        now.iter().for_each(|watcher| action(watcher));
    }
}

impl Watcher {
    fn is_free(&self) -> bool {
        !self.busy.get() && self.backlog.borrow().is_empty()
    }

    fn postpone(&self, id: &str) {
        self.backlog.borrow_mut().insert(id.to_owned());
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    async fn next(&self) -> String {
        std::future::poll_fn(|context| match self.backlog.borrow_mut().pop_first() {
            Some(id) => Poll::Ready(id),
            None => {
                *self.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}

/// Serves one watcher until it goes.
pub(crate) async fn serve(group: Rc<Group>, stream: Stream) -> Result<(), Fault> {
    // Everything is in the backlog at first, so the initial state and the changes are one sequence.
    let backlog: Set<String> = group.envs.borrow().keys().cloned().collect();
    let mut first = backlog.clone();
    let watcher = Rc::new(Watcher {
        stream,
        backlog: RefCell::new(backlog),
        busy: Cell::new(false),
        waker: RefCell::default(),
    });
    group.watchers.all.borrow_mut().push(Rc::downgrade(&watcher));
    let mut synced = false;
    loop {
        if first.is_empty() && !synced {
            synced = true;
            watcher.stream.send(Synced {}).await?;
        }
        let id = watcher.next().await;
        first.remove(&id);
        let job = group.envs.borrow().get(&id).map(|env| env.job_now());
        watcher.busy.set(true);
        let sent = match job {
            Some(job) => watcher.stream.send(Changed { job }).await,
            None => watcher.stream.send(Removed { id }).await,
        };
        watcher.busy.set(false);
        sent?;
    }
}
