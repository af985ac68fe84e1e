//! What the C library needs beside calls: messages of any type on any stream, each within a limit of its own, and credit
//! that is granted when somebody has taken a message and not when it was read.

use std::time::{Duration, Instant};

use gshell_session::Head;
use gshell_wire::{Code, Fault};

use super::{Client, Received};
use crate::payload::{Incoming, Outgoing};
use crate::request::{inherited, no_reply};
use crate::trace;

impl Client {
    /// From now on a message that came counts against the credit of its stream until [`Client::consumed`] is told of
    /// it: for programs that keep what came until somebody wants it.
    pub fn hold_credit(&mut self) {
        self.held = true;
    }

    /// A message of so many bytes that came on the stream is dealt with; the peer may send more.
    pub fn consumed(&mut self, stream: u32, bytes: u32) {
        self.session.consumed(stream, bytes);
    }

    /// Sends a request of any kind on a stream and waits for its reply; `limit` bounds the whole call. A call that takes
    /// longer is given up: the service is told, and a late reply is dropped.
    ///
    /// # Errors
    /// What the service answers, `Timeout`, or the loss of the stream or the connection.
    pub fn call_with(
        &mut self,
        stream: u32,
        request: &dyn Outgoing,
        limit: Option<Duration>,
    ) -> Result<Incoming, Fault> {
        let trace = trace::client_send(&|| self.socket.peer(), request, None);
        let limit = inherited(limit);
        let late = || no_reply(request.name(), limit.unwrap_or_default());
        let answer = self.ask(stream, request, limit, trace);
        let answer = answer.and_then(|answer| answer.ok_or_else(late));
        if let Some(trace) = trace {
            trace::client_recv_known(&|| self.socket.peer(), trace, None, answer.as_ref());
        }
        answer
    }

    /// Sends a message of any kind on a stream.
    ///
    /// # Errors
    /// `Timeout` when the service does not read; the loss of the stream or the connection.
    pub fn send_within(
        &mut self,
        stream: u32,
        message: &dyn Outgoing,
        limit: Option<Duration>,
    ) -> Result<(), Fault> {
        let trace = trace::client_send(&|| self.socket.peer(), message, None);
        let head = Head {
            trace,
            ..Head::default()
        };
        self.within(limit, |client| client.send_with(stream, head, message))
    }

    /// As [`Client::receive`], also while the service does not read.
    ///
    /// # Errors
    /// The loss of the connection.
    pub fn receive_within(&mut self, limit: Option<Duration>) -> Result<Option<Received>, Fault> {
        match self.within(limit, |client| client.receive(limit)) {
            Err(fault) if fault.code() == Some(Code::Timeout) => Ok(None),
            other => other,
        }
    }

    /// Gives a stream up for both sides; the peer is told why.
    pub fn reset(&mut self, stream: u32, fault: &Fault) {
        self.session.reset(stream, fault);
    }

    /// Does something that writes, within a limit.
    fn within<T>(
        &mut self,
        limit: Option<Duration>,
        work: impl FnOnce(&mut Client) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.call_by = limit.and_then(|limit| Instant::now().checked_add(limit));
        let done = work(self);
        self.call_by = None;
        done
    }
}
