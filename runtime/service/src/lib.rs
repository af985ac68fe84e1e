//! Services: publish them, find them, call them.
//!
//! A [`Publisher`] publishes a service: [`Handlers`] by request type, in one or more [`Scopes`]. [`discover()`] finds it and
//! gives a [`Client`], whose calls may overlap, on as many [`Stream`]s as one likes. [`blocking::Client`] is the same for
//! programs without an executor (the command line). Inside a process messages move, between processes both sides drive
//! the same pure session machine.
//!
//! ```
//! use gshell_service::{Handlers, Node, PublishOptions, Publisher, Scopes, discover, rt};
//! use gshell_wire::{Fault, Message};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Message)]
//! #[message(name = "example.Hello")]
//! struct Hello {
//!     name: String,
//! }
//!
//! #[derive(Serialize, Deserialize, Message)]
//! #[message(name = "example.Greeting")]
//! struct Greeting {
//!     text: String,
//! }
//!
//! rt::block_on(async {
//!     let node = Node::at("/run/gshell");
//!     let handlers = Handlers::new().on(|hello: Hello, _| async move {
//!         let text = format!("hello, {}", hello.name);
//!         Ok(Greeting { text })
//!     });
//!     let publisher = Publisher::new(&node, "example")?;
//!     let _published = publisher.publish("hello", handlers, Scopes::PROCESS, &PublishOptions::default())?;
//!
//!     let client = discover(&node, "example", "hello").one().await?;
//!     let greeting: Greeting = client.call(Hello { name: "board".into() }).await?;
//!     assert_eq!(greeting.text, "hello, board");
//!     Ok::<(), Fault>(())
//! })?;
//! # Ok::<(), Fault>(())
//! ```

mod address;
pub mod blocking;
mod blocking_handler;
mod buffers;
pub mod builtin;
mod calls;
mod client;
mod clock;
mod conn;
mod context;
pub mod current;
mod direct;
mod discover;
mod dispatch;
mod entry;
mod gathered;
mod handlers;
mod hooks;
mod job;
mod lifecycle;
mod link;
mod local;
mod native;
mod node;
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
pub use native::{BlockingReply, ByteStream, DirectReply};
pub use node::{Node, UNKNOWN_ID};
pub use payload::{Encoded, Incoming, Outgoing, Payload, Tree, Typed};
pub use pool::scale::Workers;
pub use publish::{PublishOptions, Published, Publisher, admission};
pub use request::{CallOptions, Request};
pub use scope::Scopes;
pub use select::Select;
pub use server::{Admit, Server, ServerStats};
pub use stream::Stream;

use gshell_session::SendError;
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

/// What a refused send means to the one who sent.
fn send_fault(error: &SendError) -> Fault {
    let code = match error {
        SendError::TooLong { .. } => Code::Limit,
        SendError::NoCredit => Code::Busy,
        _ => Code::State,
    };
    Fault::new(code, error.to_string())
}
