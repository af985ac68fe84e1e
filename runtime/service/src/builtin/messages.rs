//! Messages that every service answers.

use gshell_wire::Message;
use serde::{Deserialize, Serialize};

/// Asks for a sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Ping", priority = "high")]
pub struct Ping {}

/// A sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Pong")]
pub struct Pong {}

/// Asks how busy a service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Load", priority = "high")]
pub struct Load {}

/// How busy a service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "gshell.LoadFigures")]
pub struct LoadFigures {
    /// CPUs of the machine.
    pub cpus: u32,
    /// Idle workers that are kept.
    pub resident: u32,
    /// Waiting requests for which one more worker is wanted.
    pub weight: u32,
    /// Requests that wait.
    pub queue_len: u32,
    /// Requests that may wait.
    pub queue_size: u32,
    /// Workers that handle something.
    pub busy: u32,
    /// Workers that could begin at once.
    pub idle: u32,
    /// Workers at most.
    pub workers: u32,
}
