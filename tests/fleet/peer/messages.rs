//! The messages of the fleet test. `tests/fleet/peer_lua/messages.lua` declares the same.

use std::collections::BTreeMap;

use gshell_wire::{Bytes, Message, Schema};
use serde::{Deserialize, Serialize};

/// Variants without and with fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub enum Choice {
    Off,
    On(i32),
    At { x: i64, y: f32 },
}

/// A table inside of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Inner {
    pub name: String,
    pub value: Option<i32>,
}

/// Fields of all kinds; the answer is the message of the next number.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "fleet.All")]
pub struct All {
    /// What all other fields follow from.
    pub n: u64,
    pub flag: bool,
    pub i8: i8,
    pub i16: i16,
    pub i32: i32,
    pub i64: i64,
    pub u8: u8,
    pub u16: u16,
    pub u32: u32,
    pub u64: u64,
    pub f32: f32,
    pub f64: f64,
    pub text: String,
    pub bytes: Bytes,
    pub list: Vec<i64>,
    pub map: BTreeMap<String, u64>,
    pub ids: BTreeMap<u32, String>,
    pub option: Option<f64>,
    pub pair: (u8, String),
    pub choice: Choice,
    pub inner: Vec<Inner>,
}

/// One of many on a stream.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "fleet.Item")]
pub struct Item {
    pub body: All,
}

/// More than 100 KiB; the answer is the message of the next number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "fleet.Big")]
pub struct Big {
    pub n: u64,
    pub bytes: Bytes,
    pub text: String,
}

/// Asks for `count` items from number `from` on, on its stream, and promises as many.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "fleet.Exchange")]
pub struct Exchange {
    pub from: u64,
    pub count: u32,
}

/// What the service has received in an exchange.
#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "fleet.Total")]
pub struct Total {
    pub right: u32,
    pub wrong: u32,
}

/// Subscribes to the pokes of the same `who`.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "fleet.Watch")]
pub struct Watch {
    pub who: String,
}

/// The subscription has begun.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "fleet.Watching")]
pub struct Watching {}

/// Is told to whoever watches.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "fleet.Poke")]
pub struct Poke {
    pub who: String,
    pub n: u64,
}

/// How many were told.
#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "fleet.Poked")]
pub struct Poked {
    pub watchers: u32,
}

/// An event: there was a poke.
#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "fleet.Seen")]
pub struct Seen {
    pub n: u64,
}

/// Is answered with this error.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "fleet.Fail")]
pub struct Fail {
    pub code: String,
    pub message: String,
}

/// Is passed on to the first address of each branch, with the rest of the branch; to all of them at once.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "fleet.Relay")]
pub struct Relay {
    pub branches: Vec<Vec<String>>,
}

/// Who has passed it on, joined by `>`, for every way that it went.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "fleet.Relayed")]
pub struct Relayed {
    pub by: Vec<String>,
}
