//! Frames: a header of 12 bytes in network byte order, the blocks that its flags announce, and a payload.
//!
//! | bytes | field | |
//! | --- | --- | --- |
//! | 0..4 | len | bytes after the header: blocks and payload |
//! | 4 | kind | [`Kind`] |
//! | 5 | flags | which blocks follow |
//! | 6..8 | reserved | zero; anything else is refused, so that a later version can use it |
//! | 8..12 | stream | 0 is the default stream; ping, pong and bye belong to the connection and say 0 |
//!
//! The header alone is enough to refuse a frame: a length is checked against what its kind may carry before a single
//! byte of the body is waited for.

use crate::blocks::{self, Blocks};
use crate::{Limits, Malformed};

/// Bytes of a frame's header.
pub const HEADER_LEN: usize = 12;
/// Most payload bytes of a frame that carries a fault. Senders cut the texts to
/// [`FAULT_TEXT_MAX`](crate::FAULT_TEXT_MAX), so an honest fault always fits.
pub const FAULT_PAYLOAD_MAX: u32 = 64 * 1024;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The client opens the stream. No payload.
    Open = 1,
    /// A message: its key as a block, its body as the payload.
    Message = 2,
    /// A fault: with a call block it answers that call, without one the peer's next receive returns it.
    Error = 3,
    /// This side sends no more on the stream. No payload. Once per side.
    End = 4,
    /// The stream is gone at once for both sides. The payload is a fault that says why.
    Reset = 5,
    /// Grants the peer more bytes on the stream: a `u32` that is not zero.
    Credit = 6,
    /// Asks for a sign of life: 8 bytes of the sender's choice, stream 0.
    Ping = 7,
    /// Answers a ping with its 8 bytes, stream 0.
    Pong = 8,
    /// The connection ends. The payload is a fault that says why. Stream 0.
    Bye = 9,
    /// The sender waits no longer for the answer to the call that the block names. No payload. Only when both sides
    /// have [`FEATURE_CANCEL`](crate::FEATURE_CANCEL).
    Cancel = 10,
}

impl Kind {
    fn from_u8(kind: u8) -> Option<Kind> {
        Some(match kind {
            1 => Kind::Open,
            2 => Kind::Message,
            3 => Kind::Error,
            4 => Kind::End,
            5 => Kind::Reset,
            6 => Kind::Credit,
            7 => Kind::Ping,
            8 => Kind::Pong,
            9 => Kind::Bye,
            10 => Kind::Cancel,
            _ => return None,
        })
    }

    /// Most payload bytes that a frame of this kind may carry.
    fn payload_max(self, limits: &Limits) -> u32 {
        match self {
            Kind::Message => limits.message,
            Kind::Error | Kind::Reset | Kind::Bye => FAULT_PAYLOAD_MAX,
            Kind::Ping | Kind::Pong => 8,
            Kind::Credit => 4,
            Kind::Open | Kind::End | Kind::Cancel => 0,
        }
    }

    /// The blocks that a frame of this kind may carry.
    fn allowed_flags(self) -> u8 {
        match self {
            Kind::Message => blocks::KNOWN,
            Kind::Error | Kind::Cancel => blocks::CALL,
            _ => 0,
        }
    }
}

/// A decoded frame that borrows its payload from the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the frame is for.
    pub kind: Kind,
    /// The stream that it belongs to.
    pub stream: u32,
    /// The optional blocks.
    pub blocks: Blocks,
    /// What follows the blocks.
    pub payload: &'a [u8],
}

struct Header {
    len: u32,
    kind: Kind,
    flags: u8,
    stream: u32,
}

impl Header {
    fn read(bytes: &[u8; HEADER_LEN], limits: &Limits) -> Result<Header, Malformed> {
        let [l0, l1, l2, l3, kind, flags, r0, r1, s0, s1, s2, s3] = *bytes;
        let known = Kind::from_u8(kind);
        let len = u32::from_be_bytes([l0, l1, l2, l3]);
        let need = blocks::len_of(flags);
        let payload = len.saturating_sub(need);
        let max = known.map_or(limits.message, |kind| kind.payload_max(limits));
        if payload > max {
            return Err(match known {
                Some(Kind::Ping | Kind::Pong) => Malformed::BadPing { len: payload },
                Some(Kind::Credit) => Malformed::BadCredit,
                _ => Malformed::TooLong { len: payload, max },
            });
        }
        let kind = known.ok_or(Malformed::UnknownKind(kind))?;
        if flags & !blocks::KNOWN != 0 {
            return Err(Malformed::UnknownFlags(flags));
        }
        let reserved = u16::from_be_bytes([r0, r1]);
        if reserved != 0 {
            return Err(Malformed::ReservedSet(reserved));
        }
        if need > len {
            return Err(Malformed::BlocksCut { len, need });
        }
        let header = Header {
            len,
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]),
        };
        header.check(payload)?;
        Ok(header)
    }

    /// What the kind demands of the rest of the header.
    fn check(&self, payload: u32) -> Result<(), Malformed> {
        let (kind, flags, stream) = (self.kind, self.flags, self.stream);
        if flags & !kind.allowed_flags() != 0 {
            return Err(Malformed::UnexpectedBlocks { kind, flags });
        }
        match kind {
            Kind::Message if flags & blocks::KEY == 0 => Err(Malformed::MissingKey),
            Kind::Cancel if flags & blocks::CALL == 0 => Err(Malformed::MissingCall),
            Kind::Credit if payload != 4 => Err(Malformed::BadCredit),
            Kind::Ping | Kind::Pong if payload != 8 => Err(Malformed::BadPing { len: payload }),
            Kind::Ping | Kind::Pong | Kind::Bye if stream != 0 => Err(Malformed::StreamSet { kind, stream }),
            _ => Ok(()),
        }
    }
}

/// Reads the frame at the front of `buf`; gives it and the bytes that it took. `None` means that more bytes are
/// needed. Nothing is allocated.
///
/// # Errors
/// The lie, as soon as the header is there.
pub fn decode_frame<'a>(buf: &'a [u8], limits: &Limits) -> Result<Option<(Frame<'a>, usize)>, Malformed> {
    let Some((head, rest)) = buf.split_first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let Header {
        len,
        kind,
        flags,
        stream,
    } = Header::read(head, limits)?;
    let body_len = usize::try_from(len).unwrap_or(usize::MAX);
    let Some(body) = rest.get(..body_len) else {
        return Ok(None);
    };
    let cut = Malformed::BlocksCut {
        len,
        need: blocks::len_of(flags),
    };
    let (blocks, payload) = Blocks::read(flags, body).ok_or(cut)?;
    if kind == Kind::Credit && payload == [0; 4] {
        return Err(Malformed::BadCredit);
    }
    Ok(Some((
        Frame {
            kind,
            stream,
            blocks,
            payload,
        },
        HEADER_LEN + body_len,
    )))
}

/// Where a frame began that is still being written, see [`begin_frame`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a frame has no length until finish_frame, and is taken back with FrameStart::abandon"]
pub struct FrameStart {
    at: usize,
    body: usize,
}

impl FrameStart {
    /// Bytes of payload that were appended so far.
    pub fn payload_len(&self, out: &[u8]) -> usize {
        out.len().saturating_sub(self.body)
    }

    /// Takes the frame back: `out` is as it was before [`begin_frame`].
    pub fn abandon(self, out: &mut Vec<u8>) {
        out.truncate(self.at);
    }
}

/// Appends the header and the blocks of a frame to `out`. The caller appends the payload to the same buffer, and then
/// calls [`finish_frame`], so nothing is copied to learn the length.
pub fn begin_frame(out: &mut Vec<u8>, kind: Kind, stream: u32, blocks: &Blocks) -> FrameStart {
    let at = out.len();
    let [s0, s1, s2, s3] = stream.to_be_bytes();
    out.extend_from_slice(&[0, 0, 0, 0, kind as u8, blocks.flags(), 0, 0, s0, s1, s2, s3]);
    blocks.write(out);
    FrameStart { at, body: out.len() }
}

/// Writes the length of the frame into its header; `beside` bytes of its payload are not in `out`. The caller has checked
/// the payload against its limit; a body of 4 GiB or more cannot be stated and would be cut off by the peer.
pub fn finish_frame(out: &mut [u8], start: FrameStart, beside: usize) {
    let body = (out.len() + beside).saturating_sub(start.at + HEADER_LEN);
    let len = u32::try_from(body).unwrap_or(u32::MAX);
    if let Some(field) = out.get_mut(start.at..start.at + 4) {
        field.copy_from_slice(&len.to_be_bytes());
    }
}
