//! Services: publish them, connect to them, call them.
//!
//! A [`Server`] answers the connections of one published service with handlers by request type, on
//! the thread that reads. A [`Client`] is the other end on an executor; [`blocking::Client`] is the
//! same for programs without one (the command line). Both drive the same pure session machine.

mod address;
pub mod blocking;
mod blocking_handler;
mod buffers;
pub mod builtin;
mod client;
mod clock;
mod conn;
mod context;
pub mod current;
mod discover;
mod dispatch;
mod entry;
mod handlers;
mod hooks;
mod job;
mod lifecycle;
mod link;
mod local;
mod node;
mod pattern;
mod payload;
mod pool;
mod publish;
mod reconnect;
mod registry;
mod request;
mod scope;
mod select;
mod server;
mod stats;
mod stream;
mod table;
pub mod trace;

pub use address::Address;
pub use blocking_handler::Caller;
pub use client::Client;
pub use context::{Context, StreamVars};
pub use discover::{Discover, Found, Timeout, discover};
pub use entry::{Dynamic, Reply};
pub use gshell_net::{Listener, Scope, Socket, dirs, rt, tcp, unix};
pub use gshell_session::{Body, Head};
pub use handlers::{Handlers, Identity};
pub use hooks::{Admission, StreamContext, Vars};
pub use link::Peer;
pub use node::{Node, UNKNOWN_ID};
pub use pattern::matches;
pub use payload::{Encoded, Incoming, Outgoing, Payload, Tree, Typed};
pub use pool::scale::Workers;
pub use publish::{PublishOptions, Published, Publisher, admission};
pub use request::{CallOptions, Request};
pub use scope::Scopes;
pub use select::Select;
pub use server::{Admit, Server, ServerStats};
pub use stream::Stream;

use gshell_wire::{Code, Fault};

/// The fault that everybody gets who still waits when a connection goes.
fn lost(what: &str) -> Fault {
    Fault::new(Code::Unreachable, format!("connection lost: {what}"))
}

fn stream_gone() -> Fault {
    Fault::new(Code::State, "the stream is gone")
}

fn abandoned() -> Fault {
    Fault::new(Code::Cancelled, "nobody reads this stream any more")
}

fn no_answer() -> Fault {
    Fault::new(Code::State, "the service ended the stream without an answer")
}
