//! Requests whose type is only known at run time, over a blocking connection: those of the command line.

use std::time::{Duration, Instant};

use gshell_session::Head;
use gshell_wire::{Fault, Shape, Trace};

use super::Client;
use crate::payload::{Incoming, Outgoing};
use crate::request::{inherited, millis};
use crate::trace;

/// A request that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Number of the call; what answers it carries it.
    pub call: u32,
    /// The trace that it belongs to.
    pub trace: Option<Trace>,
}

impl Client {
    /// Sends a request of any kind on `stream`; its answer, and what else comes, is up to [`Client::receive`].
    /// `limit` travels with it, so that nobody works for an answer that nobody waits for. One waits at a time: what
    /// answers an earlier one is dropped.
    pub fn request(
        &mut self,
        stream: u32,
        message: &dyn Outgoing,
        limit: Option<Duration>,
    ) -> Result<Sent, Fault> {
        let trace = trace::client_send(&|| self.socket.peer(), message, None);
        self.last_call = self.last_call.wrapping_add(1);
        let head = Head {
            call: Some(self.last_call),
            deadline_ms: inherited(limit).map(millis),
            trace,
        };
        self.waiting = head.call;
        self.call_by = limit.and_then(|limit| Instant::now().checked_add(limit));
        let sent = self.send_with(stream, head, message);
        self.call_by = None;
        sent?;
        Ok(Sent {
            call: self.last_call,
            trace,
        })
    }

    /// Notes what a request of [`Client::request`] came to, if it is traced; `known` is name and shape of the answer.
    pub fn answered(&self, sent: &Sent, known: Option<(&str, &Shape)>, answer: Result<&Incoming, &Fault>) {
        if let Some(trace) = sent.trace {
            trace::client_recv_known(&|| self.socket.peer(), trace, known, answer);
        }
    }
}
