//! What a service does with each request type.
//!
//! A handler's future is polled once where the request was read; one that is ready at once costs no
//! task. One that has to wait becomes a task of the same thread. A request of a key that has no handler
//! is answered by an error that names what the service knows, unless a stream handler reads the stream.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Waker;

use futures_lite::future;
use gshell_net::rt;
use gshell_session::Head;
use gshell_wire::{Code, Fault, Message};

use crate::context::Context;
use crate::link::Link;
use crate::payload::{Given, Typed};
use crate::stream::Stream;

type Later = Pin<Box<dyn Future<Output = ()>>>;
type Handler = Box<dyn Fn(Context, Given<'_>) -> Later>;

struct Entry {
    name: &'static str,
    handler: Handler,
    takes_stream: bool,
}

/// The handlers of one service, by message key.
#[derive(Default)]
pub struct Handlers {
    by_key: BTreeMap<u64, Entry>,
}

impl Handlers {
    /// No handlers yet.
    pub fn new() -> Handlers {
        Handlers::default()
    }

    /// Answers each `Q` with what `handler` returns.
    pub fn on<Q, R, F, W>(mut self, handler: F) -> Handlers
    where
        Q: Message,
        R: Message,
        F: Fn(Q, Context) -> W + 'static,
        W: Future<Output = Result<R, Fault>> + 'static,
    {
        let handler: Handler = Box::new(move |context, given| match given.read::<Q>() {
            Ok(request) => Box::pin(answer(handler(request, context.clone()), context)),
            Err(fault) => refuse(context, fault),
        });
        self.add(Q::KEY, Q::NAME, handler, false);
        self
    }

    /// Hands each `Q` and its stream to `handler`, which sends and receives as it likes; when it returns,
    /// this side of the stream is ended, and an error is sent before that. It is dropped when the peer is gone.
    pub fn on_stream<Q, F, W>(mut self, handler: F) -> Handlers
    where
        Q: Message,
        F: Fn(Q, Stream, Context) -> W + 'static,
        W: Future<Output = Result<(), Fault>> + 'static,
    {
        let handler: Handler = Box::new(move |context, given| match given.read::<Q>() {
            Ok(request) => {
                let stream = context.stream();
                let work = handler(request, stream.clone(), context.clone());
                Box::pin(accompany(Box::pin(work), stream, context))
            }
            Err(fault) => refuse(context, fault),
        });
        self.add(Q::KEY, Q::NAME, handler, true);
        self
    }

    fn add(&mut self, key: u64, name: &'static str, handler: Handler, takes_stream: bool) {
        self.by_key.insert(
            key,
            Entry {
                name,
                handler,
                takes_stream,
            },
        );
    }

    /// Starts the handler of a message, or gives it to the stream's reader.
    pub(crate) fn dispatch(
        self: Rc<Self>,
        link: &Link,
        stream: u32,
        key: u64,
        head: &Head,
        given: Given<'_>,
    ) {
        let cost = given.cost();
        let state = link.state(stream);
        let Some(entry) = self.by_key.get(&key) else {
            if state.taken.get() {
                link.table().for_reader(link, stream, key, given);
            } else {
                link.consumed(stream, cost);
                link.send_error(stream, head.call, &self.unknown(key));
            }
            return;
        };
        if entry.takes_stream {
            state.taken.set(true);
        }
        let context = Context::new(link.clone(), stream, head, cost);
        let mut work = (entry.handler)(context, given);
        let mut at_once = std::task::Context::from_waker(Waker::noop());
        if work.as_mut().poll(&mut at_once).is_pending() {
            // Polled again by its task right away, which registers the waker that counts.
            rt::spawn(work).detach();
        }
    }

    /// The client opened a stream.
    pub(crate) fn opened(&self, _link: &Link, _stream: u32) {}

    /// A stream is no more: both sides ended it, or one dropped it.
    pub(crate) fn closed(&self, _link: &Link, _stream: u32) {}

    /// The client waits no longer for the answer to a call.
    pub(crate) fn cancelled(&self, _link: &Link, _stream: u32, _call: u32) {}

    /// The connection has ended, and with it all its streams.
    pub(crate) fn gone(&self, _link: &Link) {}

    fn unknown(&self, key: u64) -> Fault {
        let known: Vec<_> = self.by_key.values().map(|entry| entry.name).collect();
        let text = format!(
            "unknown message with key {key:016x}; this service handles: {}",
            known.join(", ")
        );
        Fault::new(Code::UnknownMessage, text)
    }
}

async fn answer<R: Message>(work: impl Future<Output = Result<R, Fault>>, context: Context) {
    match work.await {
        Ok(reply) => context.reply(&mut Typed::new(reply)).await,
        Err(fault) => context.reply_error(&fault),
    }
}

/// Runs the work on a stream until it is done or the stream is gone.
async fn accompany(work: Pin<Box<dyn Future<Output = Result<(), Fault>>>>, stream: Stream, context: Context) {
    let lost = async { Err(stream.drained().await) };
    if let Err(fault) = future::or(work, lost).await {
        context.reply_error(&fault);
    }
    stream.state.taken.set(false);
    stream.end();
}

fn refuse(context: Context, fault: Fault) -> Later {
    context.reply_error(&fault);
    Box::pin(future::ready(()))
}
