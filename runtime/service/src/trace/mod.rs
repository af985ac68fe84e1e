//! Tracing of messages through services.
//!
//! Each process has its tags and a bounded ring of records; any service of the process answers for both. A call that a
//! tag wants begins a trace; its token travels with the request, and calls that are made while handling it are its
//! children. While nothing is tagged, and for requests that belong to no trace, all of this is one flag test.

mod points;
pub mod record;
pub mod render;
mod state;
pub mod tags;
#[cfg(test)]
mod tests;
pub mod token;
pub mod tree;

pub use self::points::Expected;
pub(crate) use self::points::{
    client_recv, client_recv_known, client_send, server_error, server_recv, server_send, stream_send,
};
pub use self::state::{list, purge, read, set_process_name, tag, untag};
