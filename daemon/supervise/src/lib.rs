//! The life cycle of one group's process, decided without touching anything.
//!
//! The daemon feeds [`Supervisor::on`] with what happened and carries out what it answers; time is an argument. So
//! every order of events can be tested, also those that the machine never shows twice.
//!
//! What it promises: in every state but idle there is a live process or a deadline, so nothing waits for ever; and a
//! group in which something should run is never given up.

mod machine;
mod state;

pub use machine::Supervisor;
pub use state::{Action, Ended, Event, Stage};

#[cfg(test)]
mod tests;
