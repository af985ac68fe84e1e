//! The messages of the service `platform/asbench`.

use gshell_wire::{Bytes, Message};
use serde::{Deserialize, Serialize};

/// Largest payload that a download may ask for.
pub const LARGEST: u32 = (16 << 20) - 64;

/// Asks for so many bytes.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "asbench.DownloadRequest")]
pub struct DownloadRequest {
    /// Who asks.
    pub name: String,
    /// Number of the caller.
    pub id: i32,
    /// Bytes that the reply is to have.
    pub size: u32,
}

/// The bytes.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "asbench.Download")]
pub struct Download {
    /// As many as were asked for, each 9.
    pub payload: Bytes,
}

/// Brings bytes.
#[derive(Clone, Debug, Serialize, Deserialize, Message)]
#[message(name = "asbench.UploadRequest")]
pub struct UploadRequest {
    /// Who brings them.
    pub name: String,
    /// Number of the caller.
    pub id: i32,
    /// The bytes.
    pub payload: Bytes,
}

/// They came.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, Message)]
#[message(name = "asbench.Upload")]
pub struct Upload {
    /// Always 0.
    pub code: i32,
}
