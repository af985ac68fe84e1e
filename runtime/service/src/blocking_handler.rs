//! Handlers that run on threads of their own.

use std::time::Instant;

use gshell_wire::{Code, Fault, Trace};

use crate::context::Context;
use crate::current::{self, Scope};
use crate::entry::Work;
use crate::link::{Link, Peer};
use crate::payload::{Encoded, MovedReply, Payload};
use crate::pool::threads::{Abandoned, NoResult};

/// What a handler on its own thread knows of the request that it answers.
#[derive(Clone, Debug)]
pub struct Caller {
    peer: Peer,
    stream: u32,
    scope: Scope,
    abandoned: Abandoned,
}

impl Caller {
    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The stream that the request came on.
    pub fn stream(&self) -> u32 {
        self.stream
    }

    /// When nobody waits for the reply any more.
    pub fn deadline(&self) -> Option<Instant> {
        self.scope.deadline
    }

    /// The trace that the request belongs to.
    pub fn trace(&self) -> Option<Trace> {
        self.scope.trace
    }

    /// Whether nobody waits for the reply any more: a thread cannot be stopped from outside, so a handler that takes
    /// long looks at this now and then.
    pub fn is_cancelled(&self) -> bool {
        self.abandoned.is_set()
    }
}

/// An answer that a thread made.
pub(crate) struct Made {
    /// Key and name of its type.
    pub key: u64,
    pub name: &'static str,
    pub payload: Payload,
}

/// What a thread gives: nothing where there is nothing to answer.
pub(crate) type Answer = Result<Option<Made>, Fault>;
type Call = Box<dyn FnOnce(Caller) -> Answer + Send>;

/// The work on a request that a thread does.
pub(crate) fn blocking_work(context: Context, call: Call) -> Result<Work, Fault> {
    let scope = context.scope;
    let (peer, stream) = (context.link.peer().clone(), context.stream);
    // Over a socket the thread also encodes; inside the process the value moves on.
    let encoded = matches!(context.link, Link::Socket(_));
    let job = move |abandoned: &Abandoned| {
        let caller = Caller {
            peer,
            stream,
            scope,
            abandoned: abandoned.clone(),
        };
        let Some(mut made) = current::within(scope, || call(caller))? else {
            return Ok(None);
        };
        if encoded {
            made.payload = Payload::Bytes(made.payload.into_bytes()?);
        }
        Ok(Some(made))
    };
    let threads = context.handlers.threads();
    let ticket = threads.run(context.entry.priority, job).map_err(|error| {
        Fault::new(Code::Busy, "no thread for this request can be started").with_cause(error)
    })?;
    Ok(Box::pin(async move {
        let made = match ticket.await {
            Ok(result) => result?,
            Err(NoResult::Panic) => {
                context.handlers.note_panic(&context);
                return Err(crate::job::panicked(&context));
            }
            Err(NoResult::Closed) => return Err(Fault::new(Code::Stopped, "the service has ended")),
        };
        let Some(Made { key, name, payload }) = made else {
            return Ok(());
        };
        match payload {
            Payload::Bytes(bytes) => context.reply(&mut Encoded { key, name, bytes }).await,
            moved => context.reply(&mut MovedReply::new(key, name, moved)).await,
        }
    }))
}
