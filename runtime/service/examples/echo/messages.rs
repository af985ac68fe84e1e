//! The messages of the echo service.

use gshell_wire::Message;
use serde::{Deserialize, Serialize};

/// Is echoed.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "echo.Request")]
pub struct Request {
    /// Comes back with an exclamation mark.
    pub msg: String,
    /// Comes back with one added.
    pub num: i32,
}

/// The echo.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "echo.Reply")]
pub struct Reply {
    pub msg: String,
    pub num: i32,
    /// Which stream of the service it was, counted from 1.
    pub signature: String,
}

/// Asks who is connected.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "echo.WhoElse")]
pub struct WhoElse {}

/// Who is connected.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "echo.Clients")]
pub struct Clients {
    /// Their addresses, with spaces between them.
    pub clients: String,
}

/// Subscribes to new connections, for as long as its stream lasts.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "echo.SubWhoElseEvent")]
pub struct SubWhoElseEvent {}

/// Whether the subscription was taken.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "echo.Subscribed")]
pub struct Subscribed {
    /// 0: it was.
    pub status: i32,
}

/// Somebody has connected.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "echo.Joined")]
pub struct Joined {
    /// Address of the new client.
    pub who: String,
}
