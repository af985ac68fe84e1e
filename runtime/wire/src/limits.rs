//! The bounds that a side sets on what its peer may make it do. A peer never states its own limits on the wire: each
//! side enforces what it was configured with, and answers a breach with a fault that names the bound.

/// Credit in bytes that each side of each stream starts with, on both sides and without a word on the wire.
///
/// It is part of the protocol: a side that wants a larger [`Limits::window`] grants the difference with a credit
/// frame, and a smaller window is not possible.
pub const INITIAL_CREDIT: u32 = 256 * 1024;

/// What one connection may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes in the payload of one message, both ways. Default 16 MiB; longer data goes as a stream of chunks.
    pub message: u32,
    /// Most streams that are open at once on a connection, the default stream among them. Default 1024.
    pub streams: u32,
    /// Bytes that the peer may send on a stream ahead of what was consumed, at least [`INITIAL_CREDIT`]. One message
    /// may go over it. Default 256 KiB.
    pub window: u32,
    /// Most bytes that are kept of each text of a fault that the peer sends. Default 4096.
    pub text: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message: 16 * 1024 * 1024,
            streams: 1024,
            window: INITIAL_CREDIT,
            text: 4096,
        }
    }
}
