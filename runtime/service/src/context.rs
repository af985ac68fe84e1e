//! What a handler knows of the request that it answers.

use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use gshell_session::Head;
use gshell_wire::{Fault, Trace};

use crate::current::Scope;
use crate::entry::Entry;
use crate::handlers::Handlers;
use crate::hooks::Served;
use crate::link::{Link, Peer};
use crate::payload::Outgoing;
use crate::stream::{Stream, StreamState};
use crate::trace;

/// The request behind a handler: who sent it, and where the reply goes.
#[derive(Clone)]
pub struct Context(Rc<Known>);

/// What is known of a request. Behind a pointer, because a context moves several times on the way to its handler.
pub struct Known {
    pub(crate) handlers: Rc<Handlers>,
    pub(crate) entry: Rc<Entry>,
    pub(crate) link: Link,
    pub(crate) stream: u32,
    pub(crate) state: Rc<StreamState>,
    pub(crate) call: Option<u32>,
    /// Number of the request among those of the service.
    pub(crate) number: u32,
    pub(crate) scope: Scope,
}

impl std::ops::Deref for Context {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.0
    }
}

impl From<Known> for Context {
    fn from(known: Known) -> Context {
        Context(Rc::new(known))
    }
}

impl Context {
    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        self.link.peer()
    }

    /// The stream that the request came on.
    pub fn stream(&self) -> Stream {
        Stream::new(self.link.clone(), self.stream)
    }

    /// Whether somebody waits for a reply: it was a call, not only sent.
    pub fn is_call(&self) -> bool {
        self.call.is_some()
    }

    /// Name of the request's type.
    pub fn message(&self) -> &str {
        &self.entry.name
    }

    /// When nobody waits for the reply any more.
    pub fn deadline(&self) -> Option<Instant> {
        self.scope.deadline
    }

    /// The trace that the request belongs to.
    pub fn trace(&self) -> Option<Trace> {
        self.scope.trace
    }

    /// Deadline and trace, for tasks that the handler starts: see [`current::scoped`](crate::current::scoped).
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Variables of the stream.
    pub fn vars(&self) -> StreamVars {
        StreamVars(self.handlers.served(&self.link, self.stream))
    }

    pub(crate) async fn reply(&self, reply: &mut dyn Outgoing) -> Result<(), Fault> {
        if self.scope.trace.is_some() {
            trace::server_send(self, reply);
        }
        let head = Head {
            call: self.call,
            ..Head::default()
        };
        if let Some(()) = self.link.try_send(self.stream, &self.state, head, reply)? {
            return Ok(());
        }
        // In a box: it hardly ever happens, and the future of every request would have room for it.
        Box::pin(self.reply_later(head, reply)).await
    }

    /// Sends a reply for which there was no credit, and of which traces know.
    pub(crate) async fn reply_waiting(&self, reply: &mut dyn Outgoing) -> Result<(), Fault> {
        let head = Head {
            call: self.call,
            ..Head::default()
        };
        self.reply_later(head, reply).await
    }

    async fn reply_later(&self, head: Head, reply: &mut dyn Outgoing) -> Result<(), Fault> {
        let stream = self.stream();
        std::future::poll_fn(|context| {
            let sent = stream.poll_send(head, reply, context);
            if matches!(sent, Poll::Pending) {
                // Waiting for a peer that does not read is not work.
                self.handlers.give_up_worker(self);
            }
            sent
        })
        .await
    }

    pub(crate) fn reply_error(&self, fault: &Fault) {
        if self.scope.trace.is_some() {
            trace::server_error(self, fault);
        }
        self.link.send_error(self.stream, self.call, fault);
    }
}

/// The variables of a request's stream.
pub struct StreamVars(Rc<Served>);

impl std::ops::Deref for StreamVars {
    type Target = crate::hooks::Vars;

    fn deref(&self) -> &Self::Target {
        &self.0.vars
    }
}
