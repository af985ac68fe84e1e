//! Transports, and the executor threads that move their bytes.
//!
//! One thread is one executor: a `LocalExecutor` on an edge-triggered poller of its own, with the
//! timers in the same loop ([`rt`]). A message is read, handled and answered on the thread that
//! the poller woke, so no call pays for a hop between threads. [`unix`] is the transport between
//! processes of one machine.

pub mod rt;
pub mod unix;
