//! Transports, and the executor threads that move their bytes.
//!
//! One thread is one executor: a queue of tasks on an edge-triggered poller of its own, with the
//! timers in the same loop ([`rt`]). A message is read, handled and answered on the thread that
//! the poller woke, so no call pays for a hop between threads. [`unix`] is the transport between
//! processes of one machine, [`tcp`] the one between machines; a connection runs over a [`Socket`] of
//! either.

pub mod dirs;
pub mod rt;
mod socket;
pub mod tcp;
pub mod unix;

pub use socket::{Listener, Scope, Socket};
