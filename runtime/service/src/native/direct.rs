//! Handlers of bytes that answer at once.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use gshell_session::Head;
use gshell_wire::Fault;

use super::Lent;
use crate::context::Context;
use crate::entry::{Start, Work};
use crate::payload::{Encoded, Given};
use crate::trace;

type Handler = Box<dyn Fn(&[u8], &mut DirectReply<'_>) -> Result<(), Fault>>;

/// Where the answer goes.
pub struct DirectReply<'a> {
    context: &'a Context,
    /// An answer for which there was no credit.
    later: Option<Encoded<'static>>,
}

impl DirectReply<'_> {
    /// Answers the request; the bytes are on their way when this returns.
    ///
    /// # Errors
    /// When the peer is gone.
    pub fn send(&mut self, key: u64, name: &'static str, bytes: &[u8]) -> Result<(), Fault> {
        let mut reply = Lent { key, name, bytes };
        let context = self.context;
        if context.scope.trace.is_some() {
            trace::server_send(context, &reply);
        }
        let head = Head {
            call: context.call,
            ..Head::default()
        };
        let sent = context
            .link
            .try_send(context.stream, &context.state, head, &mut reply)?;
        if sent.is_none() {
            let bytes = bytes.to_vec();
            self.later = Some(Encoded { key, name, bytes });
        }
        Ok(())
    }
}

/// Work that is done: it takes no memory.
struct Done;

impl Future for Done {
    type Output = Result<(), Fault>;

    fn poll(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

pub(super) fn start(handler: Handler) -> Start {
    Box::new(move |_, given, context| {
        let mut reply = DirectReply {
            context: &context,
            later: None,
        };
        match given {
            Given::Bytes(bytes) => handler(bytes, &mut reply)?,
            Given::Owned(payload) => handler(&payload.into_bytes()?, &mut reply)?,
        }
        match reply.later {
            None => Ok(Box::pin(Done)),
            Some(later) => Ok(waiting(later, context.clone())),
        }
    })
}

/// An answer that waits for the peer to read.
#[cold]
fn waiting(mut reply: Encoded<'static>, context: Context) -> Work {
    Box::pin(async move { context.reply_waiting(&mut reply).await })
}
