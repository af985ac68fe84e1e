//! Native services: what a plugin offers as bytes for bytes, on whichever thread.
//!
//! `service` gives a plugin's services with the keys of their messages, and [`Handler::answer`] handles one request. How
//! an answer travels is not known here: that is for a [`Sink`].

mod request;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gshell_plugin_abi::{self as abi, HandlerFn, flags};
use gshell_wire::{Code, Priority, Shape};

use crate::{Noted, Plugin};

/// A message type of a plugin.
#[derive(Debug)]
pub struct Message {
    raw: *const abi::Message,
    /// Its name.
    pub name: &'static str,
    /// How it looks.
    pub shape: Shape,
    /// What name and shape make.
    pub key: u64,
    /// How urgent it is.
    pub priority: Priority,
    /// One line for people.
    pub help: &'static str,
}

/// A service of a plugin.
#[derive(Debug)]
pub struct Service {
    plugin: &'static Plugin,
    /// Who publishes it, unless somebody else does.
    pub publisher: &'static str,
    /// Its name.
    pub name: &'static str,
    /// One line for people.
    pub help: &'static str,
    /// What it handles.
    pub handlers: Vec<Handler>,
}

/// What handles one message type.
#[derive(Debug)]
pub struct Handler {
    plugin: &'static Plugin,
    /// What it takes.
    pub request: &'static Message,
    /// What it may answer, or send.
    pub replies: Vec<&'static Message>,
    /// It runs on a thread where it may block.
    pub blocking: bool,
    /// It sends and receives on the stream of its request.
    pub stream: bool,
    call: HandlerFn,
    all: &'static [Message],
}

/// All that a plugin says of messages.
#[derive(Debug)]
struct All {
    plugin: &'static Plugin,
    messages: &'static [Message],
    services: Vec<Service>,
}

// SAFETY: all of it is constant once it was made, and so is what the pointers point to, the descriptor.
unsafe impl Send for All {}
// SAFETY: as above.
unsafe impl Sync for All {}
// SAFETY: as above; handlers may be called on any thread by the header.
unsafe impl Send for Handler {}
// SAFETY: as above.
unsafe impl Sync for Handler {}

// SAFETY: as above; the pointer is only compared, and given to the plugin.
unsafe impl Send for Message {}
// SAFETY: as above.
unsafe impl Sync for Message {}

/// What becomes of a message that a handler waits for.
#[derive(Debug)]
pub enum Received {
    /// It came, with this key.
    Message(u64, Vec<u8>),
    /// The peer sends no more.
    End,
    /// None comes: it took too long, or the peer is gone.
    Failed(Noted),
}

/// Where a handler's answers go.
pub trait Sink {
    /// Answers the request.
    ///
    /// # Errors
    /// When nobody can be told any more.
    fn reply(&mut self, of: &'static Message, body: &[u8]) -> Result<(), Noted>;

    /// Whether nobody waits for the answer any more.
    fn cancelled(&self) -> bool;

    /// Sends on the stream, waiting for room.
    ///
    /// # Errors
    /// When the peer is gone, or the handler has no stream.
    fn send(&mut self, _of: &'static Message, _body: &[u8]) -> Result<(), Noted> {
        Err(Noted::new(
            Code::State,
            "the handler of this message has no stream",
        ))
    }

    /// Waits for a message on the stream; `None`: as long as the stream lives.
    fn receive(&mut self, _limit: Option<Duration>) -> Received {
        Received::Failed(Noted::new(
            Code::State,
            "the handler of this message has no stream",
        ))
    }
}

/// The messages of a plugin.
///
/// # Errors
/// When one of them cannot be described.
pub fn messages(plugin: &'static Plugin) -> Result<&'static [Message], Noted> {
    Ok(all(plugin)?.messages)
}

/// The services of a plugin.
///
/// # Errors
/// As for [`messages`].
pub fn services(plugin: &'static Plugin) -> Result<&'static [Service], Noted> {
    Ok(&all(plugin)?.services)
}

fn all(plugin: &'static Plugin) -> Result<&'static All, Noted> {
    static ALL: Mutex<Vec<&'static All>> = Mutex::new(Vec::new());
    let find = |plugin: &'static Plugin| {
        let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = all.iter();
        known.find(|known| std::ptr::eq(known.plugin, plugin)).copied()
    };
    if let Some(known) = find(plugin) {
        return Ok(known);
    }
    // Not under the lock: a plugin describes messages by code of its own. Two threads may both come here; what is left over
    // then stays unused.
    let made = plugin.messages().iter().map(|message| describe(plugin, message));
    let messages: &'static [Message] = made.collect::<Result<Vec<_>, _>>()?.leak();
    let all: &'static All = Box::leak(Box::new(All {
        plugin,
        messages,
        services: services_of(plugin, messages)?,
    }));
    ALL.lock().unwrap_or_else(PoisonError::into_inner).push(all);
    Ok(find(plugin).unwrap_or(all))
}

fn describe(plugin: &'static Plugin, message: &'static abi::Message) -> Result<Message, Noted> {
    let name = plugin.text(message.name);
    let shape = plugin.shape(message).map_err(|error| {
        let text = format!("plugin {}: {error}", plugin.name());
        Noted::new(Code::Internal, text)
    })?;
    Ok(Message {
        raw: message,
        name,
        key: shape.key(name),
        shape,
        priority: match message.priority {
            0 => Priority::Low,
            2 => Priority::High,
            _ => Priority::Normal,
        },
        help: plugin.text(message.help),
    })
}

fn services_of(plugin: &'static Plugin, all: &'static [Message]) -> Result<Vec<Service>, Noted> {
    let services = plugin.services().iter().map(|service| {
        let handlers = plugin.handlers(service).iter();
        Ok(Service {
            plugin,
            publisher: plugin.text(service.publisher),
            name: plugin.text(service.name),
            help: plugin.text(service.help),
            handlers: handlers
                .map(|handler| handler_of(plugin, handler, all))
                .collect::<Result<_, _>>()?,
        })
    });
    services.collect()
}

fn handler_of(
    plugin: &'static Plugin,
    handler: &'static abi::Handler,
    all: &'static [Message],
) -> Result<Handler, Noted> {
    // The check lets handlers have messages that the plugin's list does not have: those are described here.
    let known = |message: &'static abi::Message| -> Result<&'static Message, Noted> {
        match all.iter().find(|known| std::ptr::eq(known.raw, message)) {
            Some(known) => Ok(known),
            None => Ok(Box::leak(Box::new(describe(plugin, message)?))),
        }
    };
    let incomplete = || {
        Noted::new(
            Code::Internal,
            format!("plugin {}: a handler is none", plugin.name()),
        )
    };
    let request = plugin.request_of(handler).ok_or_else(incomplete)?;
    Ok(Handler {
        plugin,
        request: known(request)?,
        replies: plugin
            .replies_of(handler)
            .iter()
            .map(|reply| known(reply))
            .collect::<Result<_, _>>()?,
        blocking: handler.flags & flags::BLOCKING != 0,
        stream: handler.flags & flags::STREAM != 0,
        call: handler.call.ok_or_else(incomplete)?,
        all,
    })
}

impl Service {
    /// The plugin that it is of.
    pub fn plugin(&self) -> &'static Plugin {
        self.plugin
    }
}
