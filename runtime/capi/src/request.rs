//! Requests as the handlers of the program see them.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use gshell_wire::{Code, Fault};

use crate::client::limit;
use crate::guard::c_text;
use crate::message::Message;
use crate::outbox::{Op, Outbox};
use crate::server::on_server_thread;
use crate::types::Types;

type Result<T> = std::result::Result<T, Fault>;

/// A request that the program answers.
pub struct Request {
    types: Arc<Types>,
    /// The name of its message.
    name: String,
    peer: CString,
    deadline: Option<Instant>,
    /// Its handler receives on the stream.
    uses_stream: bool,
    kept: AtomicBool,
    /// What goes between the program and the task of the request.
    pub outbox: Outbox,
}

impl Request {
    /// A request that came from `peer`.
    pub fn new(
        types: Arc<Types>,
        name: &str,
        peer: &str,
        deadline: Option<Instant>,
        uses_stream: bool,
    ) -> Request {
        Request {
            types,
            name: name.to_owned(),
            peer: c_text(peer),
            deadline,
            uses_stream,
            kept: AtomicBool::new(false),
            outbox: Outbox::default(),
        }
    }

    /// A message of a type of the server.
    ///
    /// # Errors
    /// `NotFound` when none of that name is declared.
    pub fn message(&self, name: &str) -> Result<Message> {
        match self.types.by_name(name) {
            Some(ty) => Ok(Message::new(ty)),
            None => Err(undeclared(name, &self.types)),
        }
    }

    /// Answers with a message.
    ///
    /// # Errors
    /// `BadMessage` when it is not complete, `State` after another answer, or why nobody waits for it.
    pub fn reply(&self, message: &mut Message) -> Result<()> {
        self.outbox.push(Op::Reply(message.sending()?), 0, false, None)
    }

    /// Answers with an error.
    ///
    /// # Errors
    /// As [`Request::reply`].
    pub fn fail(&self, code: i32, text: &str) -> Result<()> {
        let Some(code) = u16::try_from(code).ok().filter(|code| *code != 0) else {
            return Err(Fault::new(
                Code::Invalid,
                format!("{code} is no code of an error"),
            ));
        };
        let fault = Fault::from(gshell_wire::FaultParts {
            code,
            message: text.to_owned(),
            cause: None,
        });
        self.outbox.push(Op::Fail(fault), 0, false, None)
    }

    /// Sends a message on the stream of the request.
    ///
    /// # Errors
    /// As [`Request::reply`]; `Timeout` or `Busy` when the caller does not read.
    pub fn send(&self, message: &mut Message, ms: i32) -> Result<()> {
        let sending = message.sending()?;
        let size = message.encode()?.len();
        self.outbox
            .push(Op::Send(sending), size, !on_server_thread(), limit(ms))
    }

    /// Says that this side sends no more on the stream.
    ///
    /// # Errors
    /// As [`Request::reply`].
    pub fn end(&self) -> Result<()> {
        self.outbox.push(Op::End, 0, false, None)
    }

    /// The next message of the stream; `None` when the caller sends no more.
    ///
    /// # Errors
    /// `Timeout`, `State` on the server's thread, an error that the caller sent, or why the request is gone.
    pub fn receive(&self, ms: i32) -> Result<Option<Message>> {
        if !self.uses_stream {
            let text = format!(
                "the handler of {} was not added as one that uses the stream",
                self.name
            );
            return Err(Fault::new(Code::State, text));
        }
        if on_server_thread() {
            let text = "a handler on the server's thread cannot wait: add it as one with threads of its own";
            return Err(Fault::new(Code::State, text));
        }
        let Some(incoming) = self.outbox.receive(limit(ms))? else {
            return Ok(None);
        };
        let ty = self.types.by_key(incoming.key).cloned();
        Message::received(incoming, ty.as_deref()).map(Some)
    }

    /// Keeps the request beyond its handler: the program frees it.
    pub fn keep(&self) {
        self.kept.store(true, Ordering::SeqCst);
    }

    /// Whether the program keeps it.
    pub fn is_kept(&self) -> bool {
        self.kept.load(Ordering::SeqCst)
    }

    /// The program is through with it.
    pub fn finish(&self) {
        self.outbox.finish(self.uses_stream, || {
            Fault::new(
                Code::Internal,
                format!("the handler of {} gave no answer", self.name),
            )
        });
    }

    /// Milliseconds until nobody waits any more; -1 when there is no limit.
    pub fn left_ms(&self) -> i32 {
        match self.deadline {
            None => -1,
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                i32::try_from(left.as_millis()).unwrap_or(i32::MAX)
            }
        }
    }

    /// Who sent it.
    pub fn peer(&self) -> &CString {
        &self.peer
    }
}

/// The fault for a type that a server does not have.
pub fn undeclared(name: &str, types: &Types) -> Fault {
    let text = format!("no message {name} is declared; there are: {}", types.names());
    Fault::new(Code::NotFound, text)
}
