//! What a service does with each request type, and the options of the service.
//!
//! A handler's future is polled once where the request was read; one that is ready at once costs no task. One that has
//! to wait becomes a task of the same thread. A request of a key that has no handler is answered by an error that
//! names what the service knows, unless a stream handler reads the stream.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use futures_lite::future;
use gshell_wire::{Code, Fault, Message};

use crate::blocking_handler::{Caller, Made, blocking_work};
use crate::context::Context;
use crate::entry::{About, Described, Direct, Dynamic, Entry, Kind, Reply, Start};
use crate::hooks::{Admission, Hooks, StreamContext};
use crate::link::Peer;
use crate::payload::{Incoming, Typed};
use crate::pool::Pool;
use crate::pool::scale::Workers;
use crate::stats::{Counts, Totals};
use crate::stream::Stream;

/// Requests that wait for a worker at most, by default.
const QUEUE: usize = 1024;

/// Under what name a service is published.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Who publishes it.
    pub publisher: String,
    /// Its name.
    pub service: String,
    /// The node that provides it.
    pub provider: String,
}

impl Identity {
    /// `publisher/service`; empty when it has none.
    pub(crate) fn path(&self) -> String {
        match self.service.is_empty() {
            true => String::new(),
            false => format!("{}/{}", self.publisher, self.service),
        }
    }
}

pub(crate) struct Options {
    /// Requests of a stream are handled one after the other.
    pub ordered: bool,
    pub workers: Option<Workers>,
    pub queue: usize,
    /// A handler that began ends, also when nobody waits any more.
    pub finishing: bool,
}

/// The handlers of one service, by message key, its options, and while it is served what it is doing.
pub struct Handlers {
    /// Sorted by key.
    pub(crate) by_key: Vec<(u64, Rc<Entry>)>,
    last: Option<u64>,
    pub(crate) options: Options,
    pub(crate) hooks: Hooks,
    pub(crate) identity: RefCell<Identity>,
    pub(crate) pool: Pool,
    pub(crate) totals: Cell<Totals>,
    pub(crate) builtin: Rc<Entry>,
}

impl Default for Handlers {
    fn default() -> Handlers {
        Handlers {
            by_key: Vec::new(),
            last: None,
            options: Options {
                ordered: false,
                workers: None,
                queue: QUEUE,
                finishing: false,
            },
            hooks: Hooks::default(),
            identity: RefCell::default(),
            pool: Pool::default(),
            totals: Cell::default(),
            builtin: crate::builtin::entry(),
        }
    }
}

impl Handlers {
    /// No handlers yet.
    pub fn new() -> Handlers {
        Handlers::default()
    }

    /// Answers each `Q` with what `handler` returns.
    pub fn on<Q, R, F, W>(self, handler: F) -> Handlers
    where
        Q: Message,
        R: Message,
        F: Fn(Q, Context) -> W + 'static,
        W: Future<Output = Result<R, Fault>> + 'static,
    {
        let start: Start = Box::new(move |key, given, context| {
            let work = handler(given.read::<Q>(key)?, context.clone());
            Ok(Box::pin(async move {
                let reply = work.await?;
                context.reply(&mut Typed::new(reply)).await
            }))
        });
        self.add(About::of::<Q>(), Some(About::of::<R>()), Kind::Call, start)
    }

    /// As [`Handlers::on`], for a handler that may have nothing to answer, because it used the stream. While it runs,
    /// messages that have no handler of their own are for it to receive; it takes no worker.
    pub fn on_maybe<Q, R, F, W>(self, handler: F) -> Handlers
    where
        Q: Message,
        R: Message,
        F: Fn(Q, Context) -> W + 'static,
        W: Future<Output = Result<Option<R>, Fault>> + 'static,
    {
        let start: Start = Box::new(move |key, given, context| {
            let work = handler(given.read::<Q>(key)?, context.clone());
            Ok(Box::pin(async move {
                match work.await? {
                    Some(reply) => context.reply(&mut Typed::new(reply)).await,
                    None => Ok(()),
                }
            }))
        });
        self.add(About::of::<Q>(), Some(About::of::<R>()), Kind::Session, start)
    }

    /// Takes each `Q` without an answer; an error is sent.
    pub fn on_notice<Q, F, W>(self, handler: F) -> Handlers
    where
        Q: Message,
        F: Fn(Q, Context) -> W + 'static,
        W: Future<Output = Result<(), Fault>> + 'static,
    {
        let start: Start =
            Box::new(move |key, given, context| Ok(Box::pin(handler(given.read::<Q>(key)?, context))));
        self.add(About::of::<Q>(), None, Kind::Call, start)
    }

    /// Hands each `Q` and its stream to `handler`, which sends and receives as it likes; when it returns,
    /// this side of the stream is ended, and an error is sent before that. It is dropped when the peer is gone.
    pub fn on_stream<Q, F, W>(self, handler: F) -> Handlers
    where
        Q: Message,
        F: Fn(Q, Stream, Context) -> W + 'static,
        W: Future<Output = Result<(), Fault>> + 'static,
    {
        let start: Start = Box::new(move |key, given, context| {
            let stream = context.stream();
            let work = handler(given.read::<Q>(key)?, stream.clone(), context.clone());
            Ok(Box::pin(accompany(Box::pin(work), stream, context)))
        });
        self.add(About::of::<Q>(), None, Kind::Stream, start)
    }

    /// Answers each `Q` with what `handler` returns, on a thread of its own: it may block and compute.
    pub fn on_blocking<Q, R, F>(self, handler: F) -> Handlers
    where
        Q: Message,
        R: Message,
        F: Fn(Q, Caller) -> Result<R, Fault> + Send + Sync + 'static,
    {
        let handler = std::sync::Arc::new(handler);
        let start: Start = Box::new(move |key, given, context| {
            let (request, handler) = (given.read::<Q>(key)?, handler.clone());
            let work = move |caller| {
                let payload = crate::payload::Payload::moved(handler(request, caller)?);
                let (key, name) = (R::KEY, R::NAME);
                Ok(Some(Made { key, name, payload }))
            };
            blocking_work(context, Box::new(work))
        });
        self.add(About::of::<Q>(), Some(About::of::<R>()), Kind::Blocking, start)
    }

    /// A message type that is made while the program runs. The handler gives a reply, or none when it used the stream.
    ///
    /// # Errors
    /// When the service has a handler for one of its keys already.
    pub fn on_dynamic<F, W>(self, message: Dynamic, handler: F) -> Result<Handlers, Fault>
    where
        F: Fn(Incoming, Context) -> W + 'static,
        W: Future<Output = Result<Option<Reply>, Fault>> + 'static,
    {
        self.add_dynamic(message, Direct::Never, handler)
    }

    /// As [`Handlers::on_dynamic`], for a handler that may be started within the poll of a caller of the same thread, as
    /// handlers in Rust are. `may` is asked for each such call whether it may be now: else the call takes the queue.
    ///
    /// # Errors
    /// As for [`Handlers::on_dynamic`].
    pub fn on_dynamic_within<F, W>(
        self,
        message: Dynamic,
        may: impl Fn() -> bool + 'static,
        handler: F,
    ) -> Result<Handlers, Fault>
    where
        F: Fn(Incoming, Context) -> W + 'static,
        W: Future<Output = Result<Option<Reply>, Fault>> + 'static,
    {
        let direct = match message.stream {
            true => Direct::Never,
            false => Direct::When(Box::new(may)),
        };
        self.add_dynamic(message, direct, handler)
    }

    fn add_dynamic<F, W>(mut self, message: Dynamic, direct: Direct, handler: F) -> Result<Handlers, Fault>
    where
        F: Fn(Incoming, Context) -> W + 'static,
        W: Future<Output = Result<Option<Reply>, Fault>> + 'static,
    {
        let takes_stream = message.stream;
        let start: Start = Box::new(move |key, given, context| {
            let payload = given.into_payload();
            let work = handler(Incoming { key, payload }, context.clone());
            let work = async move {
                match work.await? {
                    Some(mut reply) => context.reply(&mut *reply).await,
                    None => Ok(()),
                }
            };
            Ok(Box::pin(work))
        });
        let mut versions = vec![Described::made(&message.name, message.shape)];
        versions.extend(
            message
                .versions
                .into_iter()
                .map(|shape| Described::made(&message.name, shape)),
        );
        let known = |version: &Described| self.find(version.key).is_some();
        if versions.iter().any(known) {
            let text = format!("the service handles {} of this shape already", message.name);
            return Err(Fault::new(Code::Exists, text));
        }
        let replies = message.replies.into_iter();
        self.insert(Entry {
            name: message.name,
            versions,
            replies: replies
                .map(|(name, shape)| Described::made(&name, shape))
                .collect(),
            priority: message.priority,
            help: message.help,
            kind: if takes_stream { Kind::Session } else { Kind::Call },
            direct,
            start,
            more_replies: RefCell::default(),
            counts: Counts::default(),
        });
        Ok(self)
    }

    /// Without the types, so that it is compiled once.
    #[inline(never)]
    fn add(
        mut self,
        about: &'static About,
        reply: Option<&'static About>,
        kind: Kind,
        start: Start,
    ) -> Handlers {
        let mut versions = vec![about.described()];
        versions.extend(about.earlier.into_iter().flat_map(|earlier| earlier()));
        self.insert(Entry {
            name: about.name.to_owned(),
            versions,
            replies: reply.map(About::described).into_iter().collect(),
            priority: about.priority,
            help: about.help.to_owned(),
            kind,
            direct: Direct::from(kind),
            start,
            more_replies: RefCell::default(),
            counts: Counts::default(),
        });
        self
    }

    pub(crate) fn insert(&mut self, entry: Entry) {
        let entry = Rc::new(entry);
        self.last = entry.versions.first().map(|version| version.key);
        for (at, version) in entry.versions.iter().enumerate() {
            match self.by_key.binary_search_by_key(&version.key, |(key, _)| *key) {
                Err(place) => self.by_key.insert(place, (version.key, entry.clone())),
                Ok(place) if at == 0 => self.by_key[place].1 = entry.clone(),
                // A handler of its own comes before being read as an earlier shape of another.
                Ok(_) => {}
            }
        }
    }

    /// Says that the handler that was added last sends `R`, for those who ask what the service does.
    #[must_use]
    pub fn sends<R: Message>(self) -> Handlers {
        self.sends_also(About::of::<R>())
    }

    fn sends_also(mut self, about: &'static About) -> Handlers {
        let reply = about.described();
        let last = self.last;
        let places = self.by_key.iter_mut().map(|(_, entry)| entry);
        // Nobody else has it before the service is served, but each version has a place.
        let entries: Vec<_> = places
            .filter(|entry| entry.versions.first().map(|version| version.key) == last)
            .collect();
        if let Some(entry) = entries.first() {
            entry.more_replies.borrow_mut().push(reply);
        }
        self
    }

    /// Handles the requests of each stream one after the other, in the order in which they came.
    #[must_use]
    pub fn ordered(mut self) -> Handlers {
        self.options.ordered = true;
        self
    }

    /// How many handlers run at once, and how many threads there are for those that block.
    #[must_use]
    pub fn workers(mut self, workers: Workers) -> Handlers {
        self.options.workers = Some(workers);
        self
    }

    /// How many requests wait for a worker; whoever sends more is not read until there is room.
    #[must_use]
    pub fn queue(mut self, bound: usize) -> Handlers {
        self.options.queue = bound.max(1);
        self
    }

    /// Lets handlers that began end, also when their caller gave up, is gone, or their deadline has passed: for
    /// handlers that change something in several steps.
    #[must_use]
    pub fn finishing(mut self) -> Handlers {
        self.options.finishing = true;
        self
    }

    /// Decides about each connection before anything is read from it.
    #[must_use]
    pub fn on_connect(mut self, hook: impl Fn(&Peer) -> Admission + 'static) -> Handlers {
        self.hooks.connect = Some(Box::new(hook));
        self
    }

    /// Called when a connection that was accepted is gone.
    #[must_use]
    pub fn on_disconnect(mut self, hook: impl Fn(&Peer) + 'static) -> Handlers {
        self.hooks.disconnect = Some(Box::new(hook));
        self
    }

    /// Called for each new stream, the default stream of a connection among them, before its first request.
    #[must_use]
    pub fn on_stream_open(mut self, hook: impl Fn(&StreamContext) + 'static) -> Handlers {
        self.hooks.open = Some(Box::new(hook));
        self
    }

    /// Called when a stream is no more.
    #[must_use]
    pub fn on_stream_close(mut self, hook: impl Fn(&StreamContext) + 'static) -> Handlers {
        self.hooks.close = Some(Box::new(hook));
        self
    }

    /// Says under what name the service is published; for descriptions and traces.
    pub fn identify(&self, identity: Identity) {
        *self.identity.borrow_mut() = identity;
    }

    pub(crate) fn find(&self, key: u64) -> Option<&Rc<Entry>> {
        let place = self.by_key.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.by_key.get(place).map(|(_, entry)| entry)
    }

    /// Each message type once, by name.
    pub(crate) fn entries(&self) -> Vec<&Rc<Entry>> {
        let mut entries: Vec<_> = self
            .by_key
            .iter()
            .filter(|(key, entry)| entry.versions.first().is_some_and(|first| first.key == *key))
            .map(|(_, entry)| entry)
            .collect();
        gshell_small::sort_by(&mut entries, |a, b| a.name.cmp(&b.name));
        entries
    }
}

/// Runs the work on a stream until it is done or the stream is gone.
pub(crate) async fn accompany(
    work: Pin<Box<dyn Future<Output = Result<(), Fault>>>>,
    stream: Stream,
    context: Context,
) -> Result<(), Fault> {
    let lost = async { Err(stream.drained().await) };
    let done = future::or(work, lost).await;
    if let Err(fault) = &done {
        context.reply_error(fault);
    }
    stream.state.taken.set(false);
    stream.end();
    done
}
