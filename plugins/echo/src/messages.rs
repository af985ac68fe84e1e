//! The messages of the service `example/echo-plugin`.

use gshell_wire::Message;
use serde::{Deserialize, Serialize};

/// Is echoed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "echo.Request")]
pub struct Request {
    /// Comes back with an exclamation mark.
    pub msg: String,
    /// Comes back with one added.
    pub num: i32,
}

/// The echo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "echo.Reply")]
pub struct Reply {
    /// What was said, with an exclamation mark.
    pub msg: String,
    /// What was asked for, plus one.
    pub num: i32,
    /// Who answers.
    pub signature: String,
}

/// Asks for an echo that waits first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "echo.Slow")]
pub struct Slow {
    /// Is echoed as by [`Request`].
    pub msg: String,
    /// Milliseconds until then, a minute at most.
    pub wait: u32,
}

/// Is only counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "echo.Note")]
pub struct Note {
    /// Anything.
    pub msg: String,
}

/// Asks how many messages were handled, this one not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "echo.Count")]
pub struct Count {}

/// How many messages were handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "echo.Counted")]
pub struct Counted {
    /// Of all callers, since the first one.
    pub requests: u32,
}

/// Opens a stream on which every [`Request`] is answered by a [`Reply`], until its sender has no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "echo.Open")]
pub struct Open {}
