//! Services: publish them, connect to them, call them.
//!
//! A [`Server`] answers the connections of one published service with handlers by request type, on
//! the thread that reads. A [`Client`] is the other end on an executor; [`blocking::Client`] is the
//! same for programs without one (the command line). Both drive the same pure session machine.

pub mod blocking;
mod client;
mod conn;
mod context;
pub mod current;
mod handlers;
mod pool;
mod server;
mod stats;
mod stream;
mod trace;

pub use client::Client;
pub use context::Context;
pub use gshell_net::{rt, unix};
pub use handlers::Handlers;
pub use server::{Admit, Server, ServerStats};
pub use stream::{Incoming, Stream};

use gshell_wire::{Code, Fault};

/// The fault that everybody gets who still waits when a connection goes.
fn lost(what: &str) -> Fault {
    Fault::new(Code::Unreachable, format!("connection lost: {what}"))
}
