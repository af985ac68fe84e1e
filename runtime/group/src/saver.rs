//! Records on their way to the disk.
//!
//! A disk can take its time, so records are written on a helper thread, one at a time and always the latest
//! state of an environment. Who must know that a record is safe waits for it. A write that fails is shown
//! with the environment, reported, and tried again until it succeeds: the group runs on meanwhile.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use gshell_control::Job;
use gshell_service::rt;
use gshell_small::Set;

use crate::store::Store;
use crate::table::Group;

/// Time until a failed write is tried again.
const RETRY: Duration = Duration::from_secs(5);

enum Work {
    Save(Box<Job>),
    Remove,
}

#[derive(Default)]
struct Inner {
    /// In the order of the changes, one place an environment: what changes again while it waits keeps its place.
    work: RefCell<VecDeque<(String, Work)>>,
    writing: RefCell<Option<String>>,
    failed: RefCell<Set<String>>,
    /// A retry is on its way: one a record.
    retrying: RefCell<Set<String>>,
    wakers: RefCell<Vec<Waker>>,
    written: Cell<u32>,
    failures: Cell<u32>,
    volatile: bool,
}

/// The queue of records to write.
#[derive(Clone)]
pub struct Saver(Rc<Inner>);

impl Saver {
    /// Writes into `store`; without one nothing is kept.
    pub(crate) fn new(store: Option<Store>) -> Saver {
        let saver = Saver(Rc::new(Inner {
            volatile: store.is_none(),
            ..Inner::default()
        }));
        if let Some(store) = store {
            rt::spawn(saver.clone().run(store)).detach();
        }
        saver
    }

    pub(crate) fn save(&self, job: &Job) {
        self.add(&job.id, Work::Save(Box::new(job.clone())));
    }

    pub(crate) fn remove(&self, id: &str) {
        self.add(id, Work::Remove);
    }

    /// Records written since the start.
    pub(crate) fn written(&self) -> u32 {
        self.0.written.get()
    }

    /// Writes that failed since the start.
    pub(crate) fn failed(&self) -> u32 {
        self.0.failures.get()
    }

    fn add(&self, id: &str, work: Work) {
        if !self.0.volatile {
            let mut waiting = self.0.work.borrow_mut();
            match waiting.iter_mut().find(|(known, _)| known == id) {
                Some((_, place)) => *place = work,
                None => waiting.push_back((id.to_owned(), work)),
            }
            drop(waiting);
            self.wake();
        }
    }

    fn wake(&self) {
        for waker in self.0.wakers.take() {
            waker.wake();
        }
    }

    async fn until(&self, done: impl Fn(&Inner) -> bool) {
        std::future::poll_fn(|context| {
            if done(&self.0) {
                return Poll::Ready(());
            }
            self.0.wakers.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Waits until the record of `id` is on disk, or could not be written.
    pub(crate) async fn settled(&self, id: &str) {
        self.until(|inner| {
            !inner.work.borrow().iter().any(|(waiting, _)| waiting == id)
                && inner.writing.borrow().as_deref() != Some(id)
        })
        .await;
    }

    /// Waits until nothing is left to write.
    pub(crate) async fn all_settled(&self) {
        self.until(|inner| inner.work.borrow().is_empty() && inner.writing.borrow().is_none())
            .await;
    }

    async fn run(self, mut store: Store) {
        loop {
            self.until(|inner| !inner.work.borrow().is_empty()).await;
            let Some((id, work)) = self.0.work.borrow_mut().pop_front() else {
                continue;
            };
            *self.0.writing.borrow_mut() = Some(id.clone());
            let (back, result) = rt::unblock(move || {
                let result = match work {
                    Work::Save(job) => store.save(&job).map(|_| ()),
                    Work::Remove => store.remove(&id).map(|_| ()),
                };
                (store, result.map_err(|error| (id, error.to_string())))
            })
            .await;
            store = back;
            let id = self.0.writing.take();
            match result {
                Ok(()) => self.note_success(id),
                Err((id, error)) => self.note_failure(&id, error),
            }
            self.wake();
        }
    }

    fn note_success(&self, id: Option<String>) {
        self.0.written.set(self.0.written.get().wrapping_add(1));
        let Some(id) = id else { return };
        if self.0.failed.borrow_mut().remove(&id) {
            tell(&id, None);
        }
    }

    fn note_failure(&self, id: &str, error: String) {
        self.0.failures.set(self.0.failures.get().wrapping_add(1));
        let newly = self.0.failed.borrow_mut().insert(id.to_owned());
        if newly {
            tell(id, Some(error));
        }
        if !self.0.retrying.borrow_mut().insert(id.to_owned()) {
            return;
        }
        let (saver, id) = (self.clone(), id.to_owned());
        rt::spawn(async move {
            rt::sleep(RETRY).await;
            saver.0.retrying.borrow_mut().remove(&id);
            if Group::get().is_some_and(|group| group.ending.get()) {
                return;
            }
            let env = Group::get().and_then(|group| group.find(&id).ok());
            match env {
                Some(env) => saver.save(&env.job.borrow()),
                None => saver.remove(&id),
            }
        })
        .detach();
    }
}

/// Shows with the environment whether its record is safe.
fn tell(id: &str, unsaved: Option<String>) {
    let Some(group) = Group::get() else { return };
    let Ok(env) = group.find(id) else { return };
    env.job.borrow_mut().unsaved = unsaved;
    group.watchers.changed(&env.job.borrow());
}
