//! Service `gshell/daemon`: the node itself and the services that it knows.

use gshell_wire::{Message, Schema};
use serde::{Deserialize, Serialize};

/// List services. Answered by [`Services`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.List")]
pub struct List {
    /// Publisher, with `*` as wildcard; empty is all.
    pub publisher: String,
    /// Service, with `*` as wildcard; empty is all.
    pub service: String,
}

/// Scope bit: the same process.
pub const SCOPE_PROCESS: u8 = 0b0001;
/// Scope bit: the same machine.
pub const SCOPE_OS: u8 = 0b0010;
/// Scope bit: the local network.
pub const SCOPE_LAN: u8 = 0b0100;
/// Scope bit: beyond it.
pub const SCOPE_WAN: u8 = 0b1000;

/// One service of one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct ServiceEntry {
    /// Publisher.
    pub publisher: String,
    /// Service.
    pub service: String,
    /// ID of the node that offers it; `self` for this one.
    pub provider: String,
    /// Scopes in which it is offered, as bits `WLOP`: see [`SCOPE_PROCESS`] and its siblings.
    pub scopes: u8,
    /// Where it is reached: path of a socket, or host and port.
    pub address: String,
    /// Process that serves it; 0 when unknown.
    pub pid: i32,
}

/// Services, sorted by publisher, service and provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Services")]
pub struct Services {
    /// The services.
    pub entries: Vec<ServiceEntry>,
}

/// Describe the node. Answered by [`NodeInfo`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Info")]
pub struct Info {}

/// Describe the node's program. Answered by [`BuildInfo`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Build")]
pub struct Build {}

/// The node's program, as far as [`NodeInfo`] does not tell it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.BuildInfo")]
pub struct BuildInfo {
    /// `full`, `lean`, or `custom` for something between the two.
    pub flavour: String,
    /// C library that it runs on, with the version where it is the machine's.
    pub libc: String,
}

/// The node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.NodeInfo")]
pub struct NodeInfo {
    /// Version of the daemon.
    pub version: String,
    /// The node's ID.
    pub provider: String,
    /// The daemon's process.
    pub pid: i32,
    /// Wall time at which the daemon started, milliseconds since 1970.
    pub started_ms: i64,
    /// Target triple that it was built for.
    pub target: String,
    /// Features that it was built with.
    pub features: Vec<String>,
    /// Folder of the state that lasts.
    pub state_dir: String,
    /// Folder of sockets and logs.
    pub run_dir: String,
    /// Groups, running or idle.
    pub groups: u32,
    /// Environments, running or listed.
    pub environments: u32,
    /// What is wrong or was set aside: files that did not read, disk trouble.
    pub reports: Vec<String>,
    /// Why nothing is kept on disk; `None` when it is.
    pub volatile: Option<String>,
}

/// Ask for the node's ID. Answered by [`NodeId`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Id")]
pub struct Id {}

/// The node's ID.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.NodeId")]
pub struct NodeId {
    /// The ID.
    pub id: String,
}

/// End the daemon. Answered by [`ShuttingDown`], after which the connection closes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.Shutdown")]
pub struct Shutdown {
    /// End the groups too; otherwise they go on, and the next daemon adopts them.
    pub groups: bool,
}

/// The daemon is going to end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "gshell.ShuttingDown")]
pub struct ShuttingDown {}
