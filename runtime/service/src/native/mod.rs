//! Handlers that get a request's bytes and write the reply's: for code that is not compiled with the program, such as
//! that of plugins. Nothing is decoded on the way.

mod blocking;
mod direct;
mod stream;

use gshell_session::Body;
use gshell_wire::{Code, EncodeError, Fault};

pub use blocking::BlockingReply;
pub use direct::DirectReply;
pub use stream::ByteStream;

use crate::entry::{Described, Direct, Dynamic, Entry, Kind, Start};
use crate::handlers::Handlers;
use crate::payload::{Given, Outgoing, Payload};
use crate::stats::Counts;

impl Handlers {
    /// Handles a message of bytes where it was read: `handler` answers before it returns, and does not wait.
    ///
    /// # Errors
    /// When the service has a handler for the message already.
    pub fn on_bytes<F>(self, message: Dynamic, handler: F) -> Result<Handlers, Fault>
    where
        F: Fn(&[u8], &mut DirectReply<'_>) -> Result<(), Fault> + 'static,
    {
        self.add_native(message, Kind::Call, direct::start(Box::new(handler)))
    }

    /// As [`Handlers::on_bytes`], on a thread of its own: `handler` may block and compute.
    ///
    /// # Errors
    /// As for [`Handlers::on_bytes`].
    pub fn on_bytes_blocking<F>(self, message: Dynamic, handler: F) -> Result<Handlers, Fault>
    where
        F: Fn(&[u8], &mut BlockingReply) -> Result<(), Fault> + Send + Sync + 'static,
    {
        let start = blocking::start(std::sync::Arc::new(handler));
        self.add_native(message, Kind::Blocking, start)
    }

    /// Hands the message and its stream to `handler`, which sends and receives on a thread of its own; when it returns, this
    /// side of the stream is ended, and an error is sent before that.
    ///
    /// # Errors
    /// As for [`Handlers::on_bytes`].
    pub fn on_bytes_stream<F>(self, message: Dynamic, handler: F) -> Result<Handlers, Fault>
    where
        F: Fn(&[u8], &mut ByteStream) -> Result<(), Fault> + Send + Sync + 'static,
    {
        let start = stream::start(std::sync::Arc::new(handler));
        self.add_native(message, Kind::Stream, start)
    }

    fn add_native(mut self, message: Dynamic, kind: Kind, start: Start) -> Result<Handlers, Fault> {
        let versions = vec![Described::made(&message.name, message.shape)];
        if versions.iter().any(|version| self.find(version.key).is_some()) {
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
            kind,
            direct: Direct::from(kind),
            start,
            more_replies: Default::default(),
            counts: Counts::default(),
        });
        Ok(self)
    }
}

/// A message as bytes that somebody else has.
struct Lent<'a> {
    key: u64,
    name: &'static str,
    bytes: &'a [u8],
}

impl Body for Lent<'_> {
    fn key(&self) -> u64 {
        self.key
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(self.bytes);
        Ok(())
    }
}

impl Outgoing for Lent<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn take(&mut self) -> Payload {
        Payload::Bytes(self.bytes.to_vec())
    }
}

/// The bytes of a request, to be kept.
fn kept(given: Given<'_>) -> Result<Vec<u8>, Fault> {
    given.into_payload().into_bytes()
}
