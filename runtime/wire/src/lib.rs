//! Everything that leaves a gshell process as bytes: the first bytes of a connection, frames, message bodies, the
//! schema and key of a message type, faults, limits and names.
//!
//! This crate is pure: no I/O, no clock, no threads. What it writes is the same on every architecture: integers of a
//! frame are in network byte order, a body is postcard, and nothing depends on the width of a pointer.
//!
//! ```
//! use gshell_wire::{Message, decode, encode};
//! use serde::{Deserialize, Serialize};
//!
//! /// Asks for a number back.
//! #[derive(Serialize, Deserialize, Message)]
//! #[message(name = "echo.Request")]
//! struct Request {
//!     /// The number.
//!     num: i32,
//! }
//!
//! let mut bytes = Vec::new();
//! encode(&Request { num: -3 }, &mut bytes)?;
//! assert_eq!(bytes, [5]);
//! assert_eq!(decode::<Request>(&bytes)?.num, -3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

extern crate self as gshell_wire;

mod blocks;
mod bytes;
mod de;
mod error;
mod fault;
mod frame;
mod hello;
mod impls;
mod key;
mod limits;
mod malformed;
mod message;
mod name;
mod pattern;
mod reader;
mod schema;
mod ser;
mod shape;
mod value;
mod writer;

pub use blocks::{BLOCKS_MAX, Blocks, Trace};
pub use bytes::{Bytes, Lending, Part, Parts, SHARE_FROM, gather, lend};
pub use de::{decode, decode_seed};
pub use error::{DecodeError, EncodeError, ShapeFlaw};
pub use fault::{Code, FAULT_TEXT_MAX, Fault, FaultParts};
pub use frame::{
    FAULT_PAYLOAD_MAX, Frame, FrameStart, HEADER_LEN, Kind, begin_frame, decode_frame, finish_frame,
};
pub use gshell_wire_derive::{Message, Schema};
pub use hello::{FEATURE_CANCEL, Hello, HelloError, MAGIC, Role, VERSION, VERSION_MIN, agree};
pub use key::key;
pub use limits::{INITIAL_CREDIT, Limits};
pub use malformed::Malformed;
pub use message::{Earlier, Message, Priority, decode_version};
pub use name::{NAME_MAX, NameError, check_name};
pub use pattern::{is_wild, matches};
pub use reader::{DEPTH_MAX, Reader, Width};
pub use schema::{Field, Schema, Type, Variant};
pub use ser::{Sink, encode, encode_to};
pub use shape::{SHAPE_BYTES_MAX, SHAPE_NODES_MAX, Shape, ShapeField, ShapeVariant};
pub use value::{TREE_MAX, Value, ValueError};
pub use writer::Writer;
