//! The optional blocks between the header of a frame and its payload. A flag bit of the header says that a block is
//! there; the blocks follow each other in the order of their bits and have fixed sizes, so the header alone says how
//! long they are.
//!
//! | flag | block | bytes |
//! | --- | --- | --- |
//! | 1 | message key | 8 |
//! | 2 | call number | 4 |
//! | 4 | deadline in milliseconds | 4 |
//! | 8 | trace token: 16 of the trace, 8 of the span | 24 |

/// Flag of the message key.
pub(crate) const KEY: u8 = 1;
/// Flag of the call number.
pub(crate) const CALL: u8 = 2;
/// Flag of the deadline.
pub(crate) const DEADLINE: u8 = 4;
/// Flag of the trace token.
pub(crate) const TRACE: u8 = 8;
/// All flags that version 1 knows.
pub(crate) const KNOWN: u8 = KEY | CALL | DEADLINE | TRACE;
/// Bytes of all blocks together.
pub const BLOCKS_MAX: u32 = len_of(KNOWN);

/// Marks a message as part of a traced call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trace {
    /// The trace: the same in every message that the tagged call led to, on every node.
    pub id: [u8; 16],
    /// The step of the trace that sent this message.
    pub span: [u8; 8],
}

/// The optional blocks of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocks {
    /// Key of the message type, see [`key`](crate::key()).
    pub key: Option<u64>,
    /// Number of a call: chosen by the caller, repeated in the answer.
    pub call: Option<u32>,
    /// Milliseconds, from the moment of sending, after which nobody waits for the answer.
    pub deadline_ms: Option<u32>,
    /// Token of a traced call.
    pub trace: Option<Trace>,
}

/// Bytes of the blocks that `flags` announce.
pub(crate) const fn len_of(flags: u8) -> u32 {
    let key = if flags & KEY != 0 { 8 } else { 0 };
    let call = if flags & CALL != 0 { 4 } else { 0 };
    let deadline = if flags & DEADLINE != 0 { 4 } else { 0 };
    let trace = if flags & TRACE != 0 { 24 } else { 0 };
    key + call + deadline + trace
}

impl Blocks {
    /// The flag bits of the blocks that are present.
    pub(crate) fn flags(&self) -> u8 {
        let bit = |present: bool, flag: u8| if present { flag } else { 0 };
        bit(self.key.is_some(), KEY)
            | bit(self.call.is_some(), CALL)
            | bit(self.deadline_ms.is_some(), DEADLINE)
            | bit(self.trace.is_some(), TRACE)
    }

    /// Appends the blocks that are present.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        if let Some(key) = self.key {
            out.extend_from_slice(&key.to_be_bytes());
        }
        if let Some(call) = self.call {
            out.extend_from_slice(&call.to_be_bytes());
        }
        if let Some(deadline) = self.deadline_ms {
            out.extend_from_slice(&deadline.to_be_bytes());
        }
        if let Some(trace) = self.trace {
            out.extend_from_slice(&trace.id);
            out.extend_from_slice(&trace.span);
        }
    }

    /// Reads the blocks that `flags` announce off the front of `body`, which holds at least `len_of(flags)` bytes;
    /// gives them and the payload behind them. `None` if it does not.
    pub(crate) fn read(flags: u8, mut body: &[u8]) -> Option<(Blocks, &[u8])> {
        let mut blocks = Blocks::default();
        if flags & KEY != 0 {
            blocks.key = Some(u64::from_be_bytes(take(&mut body)?));
        }
        if flags & CALL != 0 {
            blocks.call = Some(u32::from_be_bytes(take(&mut body)?));
        }
        if flags & DEADLINE != 0 {
            blocks.deadline_ms = Some(u32::from_be_bytes(take(&mut body)?));
        }
        if flags & TRACE != 0 {
            blocks.trace = Some(Trace {
                id: take(&mut body)?,
                span: take(&mut body)?,
            });
        }
        Some((blocks, body))
    }
}

/// Takes `N` bytes off the front.
fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*head)
}
