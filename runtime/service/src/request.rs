//! Calls: a request with its options, and the wait for its reply.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use gshell_net::rt;
use gshell_session::Head;
use gshell_wire::{Code, Fault, Message, Shape, Trace};

use crate::builtin;
use crate::calls::Read;
use crate::client::Client;
use crate::current;
use crate::payload::{Incoming, Outgoing, Typed, read_early};
use crate::stream::Stream;
use crate::trace::{self, Expected};

/// How a call is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallOptions {
    /// Most time for the whole call, also for sending it. It travels with the request, so that nobody works for an
    /// answer that nobody waits for.
    pub timeout: Option<Duration>,
    /// The trace that the call belongs to; without one it is that of the handler that makes the call.
    pub trace: Option<Trace>,
    /// What is expected, for the text of a trace.
    pub reply: Option<Expected>,
}

impl CallOptions {
    /// For a call that is answered by an `R`.
    pub(crate) fn expecting<R: Message>() -> CallOptions {
        CallOptions {
            reply: Some(|| (R::NAME, Shape::of::<R>())),
            ..CallOptions::default()
        }
    }
}

/// What a request is sent on.
enum By<'a> {
    Stream(&'a Stream),
    Client(&'a Client),
}

/// A request that is not sent yet.
#[must_use = "a request does nothing until it is sent"]
pub struct Request<'a, Q> {
    by: By<'a>,
    message: Q,
    options: CallOptions,
}

impl<'a, Q: Message> Request<'a, Q> {
    pub(crate) fn by_client(client: &'a Client, message: Q) -> Request<'a, Q> {
        Request::new(By::Client(client), message)
    }

    pub(crate) fn by_stream(stream: &'a Stream, message: Q) -> Request<'a, Q> {
        Request::new(By::Stream(stream), message)
    }

    fn new(by: By<'a>, message: Q) -> Request<'a, Q> {
        Request {
            by,
            message,
            options: CallOptions::default(),
        }
    }

    /// Most time for the whole call; after it the call fails with the code `Timeout`, and its reply, should it still
    /// come, is dropped.
    pub fn timeout(mut self, limit: Duration) -> Request<'a, Q> {
        self.options.timeout = Some(limit);
        self
    }

    /// Makes the call part of a trace.
    pub fn trace(mut self, trace: Trace) -> Request<'a, Q> {
        self.options.trace = Some(trace);
        self
    }

    /// Sends it and waits for the reply. Dropping the future gives the call up: the service is told.
    pub async fn send<R: Message>(self) -> Result<R, Fault> {
        let mut message = Typed::new(self.message);
        let options = CallOptions {
            timeout: self.options.timeout,
            trace: self.options.trace,
            ..CallOptions::expecting::<R>()
        };
        let reply = self.by.call(&options, &mut message, read_early::<R>).await;
        reply?.decode()
    }
}

impl By<'_> {
    /// What a call does whatever the types of its messages are.
    async fn call(
        &self,
        options: &CallOptions,
        message: &mut dyn Outgoing,
        read: Read,
    ) -> Result<Incoming, Fault> {
        let reply = match self {
            By::Stream(stream) => stream.call_as(options, message, Some(read)).await,
            By::Client(client) => client.call_as(options, message, Some(read)).await,
        };
        match reply {
            Err(fault) if builtin::is_unknown(&fault) => Err(Box::pin(self.explain(message, fault)).await),
            reply => reply,
        }
    }

    async fn explain(&self, message: &dyn Outgoing, fault: Fault) -> Fault {
        let Some(shape) = message.shape() else {
            return fault;
        };
        match self {
            By::Stream(stream) => builtin::explain_shape(stream, fault, message.name(), shape).await,
            By::Client(client) => {
                builtin::explain_shape(&client.default_stream(), fault, message.name(), shape).await
            }
        }
    }
}

impl Stream {
    /// Sends a request of any kind and waits for its reply.
    pub async fn call_with(
        &self,
        options: &CallOptions,
        message: &mut dyn Outgoing,
    ) -> Result<Incoming, Fault> {
        self.call_as(options, message, None).await
    }

    /// As [`Stream::call_with`]; `read` is how the reply is read where it came.
    pub(crate) async fn call_as(
        &self,
        options: &CallOptions,
        message: &mut dyn Outgoing,
        read: Option<Read>,
    ) -> Result<Incoming, Fault> {
        let id = self.link.table().begin_call(self.id, read);
        let mut waiting = Waiting {
            stream: self,
            id,
            sent: false,
        };
        let timeout = inherited(options.timeout);
        let trace = trace::client_send(&|| self.link.peer().text.clone(), message, options.trace);
        let head = Head {
            call: Some(id),
            deadline_ms: timeout.map(millis),
            trace,
        };
        let mut timer = timeout.map(|limit| (limit, rt::sleep(limit)));
        let answer = std::future::poll_fn(|context| {
            if !waiting.sent {
                match self.poll_send(head, message, context) {
                    Poll::Ready(Ok(())) => waiting.sent = true,
                    Poll::Ready(Err(fault)) => return Poll::Ready(Err(fault)),
                    Poll::Pending => {}
                }
            }
            if let Poll::Ready(answer) = self.link.table().poll_call(id, context) {
                return Poll::Ready(answer);
            }
            if let Some((limit, timer)) = &mut timer
                && Pin::new(timer).poll(context).is_ready()
            {
                return Poll::Ready(Err(no_reply(message.name(), *limit)));
            }
            Poll::Pending
        })
        .await;
        if let Some(trace) = trace {
            let remote = || self.link.peer().text.clone();
            trace::client_recv(&remote, trace, options.reply, answer.as_ref());
        }
        answer
    }
}

/// The limit of a call, or what the handler that makes it has left if that is less.
pub(crate) fn inherited(timeout: Option<Duration>) -> Option<Duration> {
    match current::scope().left() {
        Some(left) => Some(timeout.map_or(left, |limit| limit.min(left))),
        None => timeout,
    }
}

/// The fault of a call that took too long.
pub(crate) fn no_reply(name: &str, limit: Duration) -> Fault {
    Fault::new(Code::Timeout, format!("no reply to {name} within {limit:?}"))
}

/// A limit as it travels: milliseconds, rounded up.
pub(crate) fn millis(limit: Duration) -> u32 {
    u32::try_from(limit.as_micros().div_ceil(1000)).unwrap_or(u32::MAX)
}

/// A call that waits; one that is given up is told to the peer.
struct Waiting<'a> {
    stream: &'a Stream,
    id: u32,
    sent: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.stream.link.table().end_call(self.id) && self.sent {
            self.stream.link.cancel(self.stream.id, self.id);
        }
    }
}
