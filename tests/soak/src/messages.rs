//! The messages of the service that is soaked.

use gshell_wire::{Bytes, Message};
use serde::{Deserialize, Serialize};

/// Is given back.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "soak.Echo")]
pub struct Echo {
    pub n: u32,
    pub data: Bytes,
}

/// Answered after some time, by a handler that waits.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "soak.Wait")]
pub struct Wait {
    pub ms: u32,
}

/// Answered after some time, by a thread that blocks.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "soak.Block")]
pub struct Block {
    pub ms: u32,
}

/// Asks for items without end.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "soak.Down")]
pub struct Down {}

/// Items follow; they are counted.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "soak.Up")]
pub struct Up {}

/// One of many.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "soak.Item")]
pub struct Item {
    pub n: u32,
    pub data: Bytes,
}

/// How many items there were.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "soak.Total")]
pub struct Total {
    pub n: u32,
}

/// Asks what there is in the server at this moment.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "soak.Live")]
pub struct Live {}

/// That.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "soak.LiveFigures")]
pub struct LiveFigures {
    /// Handlers that exist.
    pub handlers: u32,
    /// Bytes that are allocated; 0 where nobody counts them.
    pub allocated: u64,
}
