//! The side of a session that the application drives: open, send, end, consume, time.

use gshell_wire::{
    Blocks, Code, EncodeError, FAULT_PAYLOAD_MAX, FEATURE_CANCEL, Fault, Hello, INITIAL_CREDIT, Kind, Limits,
    Message, Parts, Role, begin_frame, finish_frame, gather,
};

use crate::outbox::Outbox;
use crate::streams::{Streams, cost};
use crate::timers::{Due, HELLO_MS, Timers};
use crate::{Body, Counters, Head, Lie, SendError};

/// Largest window, so that no grant can come near [`CREDIT_MAX`](crate::CREDIT_MAX).
const WINDOW_MAX: u32 = 1 << 30;

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Connected, opens streams.
    Client,
    /// Accepted.
    Server,
}

impl Side {
    pub(crate) fn role(self) -> Role {
        match self {
            Side::Client => Role::Client,
            Side::Server => Role::Server,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The peer has not said hello yet.
    Hello,
    Open,
    /// One of the two said bye.
    Closed,
}

/// One connection, seen from one side. See the crate for how a transport drives it.
#[derive(Debug)]
pub struct Session {
    pub(crate) side: Side,
    pub(crate) limits: Limits,
    pub(crate) phase: Phase,
    pub(crate) version: Option<u16>,
    /// Feature bits that both sides have; none before the peer's hello.
    pub(crate) features: u32,
    pub(crate) counters: Counters,
    pub(crate) streams: Streams,
    pub(crate) timers: Timers,
    out: Outbox,
    pings: u64,
}

impl Session {
    /// A fresh connection at the time `now_ms`; this side's hello is in the output.
    pub fn new(side: Side, limits: Limits, now_ms: u64) -> Session {
        let mut out = Outbox::default();
        out.end().extend_from_slice(&Hello::ours(side.role()).encode());
        let window = limits.window.clamp(INITIAL_CREDIT, WINDOW_MAX);
        Session {
            side,
            limits,
            phase: Phase::Hello,
            version: None,
            features: 0,
            counters: Counters::default(),
            streams: Streams::new(i64::from(window)),
            timers: Timers::new(now_ms),
            out,
            pings: 0,
        }
    }

    /// The output as a buffer that holds nothing but what is to be written, for transports that take it as a whole.
    /// Moves bytes if [`Session::written`] was told of a part of it.
    pub fn output(&mut self) -> &mut Vec<u8> {
        self.out.exact()
    }

    /// What is to be written first: all of it, unless long shared bytes are in between ([`Session::pieces`]). Empty when
    /// nothing is to be written.
    pub fn pending(&self) -> &[u8] {
        self.out.pending()
    }

    /// How many bytes are to be written.
    #[inline]
    pub fn pending_len(&self) -> usize {
        self.out.len()
    }

    /// What is to be written, in pieces, as far as `to` has room for them; how many there are. Long shared bytes
    /// ([`Bytes::shared`](gshell_wire::Bytes::shared)) are written from where they lie.
    pub fn pieces<'a>(&'a self, to: &mut [&'a [u8]]) -> usize {
        self.out.pieces(to)
    }

    /// Lets the output use the memory of `spare`, what is in which is dropped. So connections of one thread can share a
    /// buffer and cost none while nothing is pending; without, the output allocates its own and keeps it.
    pub fn lend(&mut self, spare: Vec<u8>) {
        self.out.lend(spare);
    }

    /// The memory of the output, if nothing is pending; empty otherwise.
    pub fn reclaim(&mut self) -> Vec<u8> {
        self.out.reclaim()
    }

    /// Takes the first `n` bytes off what is pending.
    pub fn written(&mut self, n: usize) {
        self.counters.bytes_out += n.min(self.out.len()) as u64;
        self.out.written(n);
    }

    /// Whether both said hello and none said bye.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether one of the two said bye, or the peer lied. What is pending is still to be written.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// The version that is spoken, once it is agreed on.
    pub fn version(&self) -> Option<u16> {
        self.version
    }

    /// Feature bits that both sides have; none before the peer said hello.
    pub fn features(&self) -> u32 {
        self.features
    }

    /// What went over the connection so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether more is pending than a peer that reads would leave ([`OUTPUT_HIGH`](crate::OUTPUT_HIGH)). Credit bounds each
    /// stream, but a thousand of them are a thousand windows: a transport keeps further messages back until this is
    /// over, and wakes whoever waits then.
    #[inline]
    pub fn is_congested(&self) -> bool {
        self.pending_len() > crate::OUTPUT_HIGH
    }

    /// Streams that are open, the default stream among them.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Whether the stream is open on at least one side.
    pub fn has(&self, stream: u32) -> bool {
        self.streams.get(stream).is_some()
    }

    /// Opens a stream (client only) and gives its id: 1, 2, 3 and so on, each once.
    ///
    /// # Errors
    /// `State` before the peer said hello, after a bye, and on a server; `Limit` at [`Limits::streams`] open ones.
    pub fn open(&mut self) -> Result<u32, Fault> {
        if self.side == Side::Server {
            return Err(Fault::new(Code::State, "a server cannot open a stream"));
        }
        if self.phase != Phase::Open {
            return Err(Fault::new(
                Code::State,
                "cannot open a stream: the connection is not open",
            ));
        }
        if self.is_full() {
            return Err(self.full());
        }
        let Some(id) = self.streams.take_id() else {
            return Err(Fault::new(
                Code::Limit,
                "cannot open a stream: the connection has used up all ids",
            ));
        };
        self.frame(Kind::Open, id, &[]);
        self.streams.add(id);
        self.grant(id, 1);
        Ok(id)
    }

    pub(crate) fn is_full(&self) -> bool {
        u32::try_from(self.streams.len()).unwrap_or(u32::MAX) >= self.limits.streams.max(1)
    }

    pub(crate) fn full(&self) -> Fault {
        Fault::new(
            Code::Limit,
            format!(
                "cannot open a stream: {} are open, the limit",
                self.limits.streams.max(1)
            ),
        )
    }

    /// Appends a message to the output.
    ///
    /// # Errors
    /// See [`SendError`]; nothing is in the output then.
    pub fn send<M: Message>(&mut self, stream: u32, head: Head, message: &M) -> Result<(), SendError> {
        self.send_body(stream, head, message)
    }

    /// As [`Session::send`], for a message of any type.
    ///
    /// # Errors
    /// See [`SendError`]; nothing is in the output then.
    pub fn send_body(&mut self, stream: u32, head: Head, body: &dyn Body) -> Result<(), SendError> {
        self.message(stream, &head.blocks(body.key()), &|out| body.write(out))
    }

    /// As [`Session::send`], for a body that is encoded already.
    ///
    /// # Errors
    /// See [`SendError`]; nothing is in the output then.
    pub fn send_raw(&mut self, stream: u32, key: u64, head: Head, payload: &[u8]) -> Result<(), SendError> {
        if self.limits.message < u32::try_from(payload.len()).unwrap_or(u32::MAX) {
            return Err(self.too_long(payload.len()));
        }
        self.message(stream, &head.blocks(key), &|out| {
            out.extend_from_slice(payload);
            Ok(())
        })
    }

    fn too_long(&self, len: usize) -> SendError {
        SendError::TooLong {
            len: u32::try_from(len).unwrap_or(u32::MAX),
            max: self.limits.message,
        }
    }

    fn message(
        &mut self,
        id: u32,
        blocks: &Blocks,
        write: &dyn Fn(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), SendError> {
        match self.phase {
            Phase::Open => {}
            Phase::Hello => return Err(SendError::NoCredit),
            Phase::Closed => return Err(SendError::Closed),
        }
        let stream = self.streams.get_mut(id).ok_or(SendError::UnknownStream)?;
        if stream.ended {
            return Err(SendError::Closed);
        }
        if stream.send <= 0 {
            return Err(SendError::NoCredit);
        }
        let out = self.out.end();
        let start = begin_frame(out, Kind::Message, id, blocks);
        let (written, parts) = gather(out, write);
        if let Err(error) = written {
            start.abandon(out);
            return Err(SendError::Encode(error));
        }
        let beside = parts.as_ref().map_or(0, sum);
        let len = start.payload_len(out) + beside;
        if u32::try_from(len).is_ok_and(|len| len <= self.limits.message) {
            finish_frame(out, start, beside);
            if let Some(parts) = parts {
                self.out.add(parts);
            }
            stream.send -= cost(len);
            self.counters.messages_out = self.counters.messages_out.wrapping_add(1);
            Ok(())
        } else {
            start.abandon(out);
            Err(self.too_long(len))
        }
    }

    /// Tells the peer that something did not work: as the answer to `call`, or else to its next receive. Needs no
    /// credit, so a service can always refuse; send one for a call or a stream at most.
    ///
    /// # Errors
    /// `UnknownStream` or `Closed`.
    pub fn send_error(&mut self, stream: u32, call: Option<u32>, fault: &Fault) -> Result<(), SendError> {
        self.writable(stream)?;
        self.fault(Kind::Error, stream, call, fault);
        Ok(())
    }

    /// Tells the peer that nobody waits for the answer to `call` any more. `false` if the peer cannot be told: it does not
    /// have the feature, or the stream is gone.
    pub fn cancel(&mut self, stream: u32, call: u32) -> bool {
        let told = self.phase == Phase::Open
            && self.features & FEATURE_CANCEL != 0
            && self.streams.get(stream).is_some();
        if told {
            let out = self.out.end();
            let blocks = Blocks {
                call: Some(call),
                ..Blocks::default()
            };
            let start = begin_frame(out, Kind::Cancel, stream, &blocks);
            finish_frame(out, start, 0);
        }
        told
    }

    /// Says that this side sends no more on the stream. When the peer has done so too, the stream is gone.
    ///
    /// # Errors
    /// `UnknownStream`, or `Closed` for the second time.
    pub fn end(&mut self, stream: u32) -> Result<(), SendError> {
        self.writable(stream)?;
        self.frame(Kind::End, stream, &[]);
        if let Some(entry) = self.streams.get_mut(stream) {
            entry.ended = true;
            if entry.peer_ended {
                self.streams.remove(stream);
            }
        }
        Ok(())
    }

    fn writable(&self, stream: u32) -> Result<(), SendError> {
        if self.phase != Phase::Open {
            return Err(SendError::Closed);
        }
        match self.streams.get(stream) {
            None => Err(SendError::UnknownStream),
            Some(entry) if entry.ended => Err(SendError::Closed),
            Some(_) => Ok(()),
        }
    }

    /// Drops the stream at once; the peer is told why. Does nothing if it is not open.
    pub fn reset(&mut self, stream: u32, fault: &Fault) {
        if self.phase == Phase::Open && self.streams.remove(stream) {
            self.refuse(stream, fault);
        }
    }

    /// Tells the peer that a stream is gone, and drops what it still sends on it.
    pub(crate) fn refuse(&mut self, stream: u32, fault: &Fault) {
        self.streams.note_reset(stream);
        self.fault(Kind::Reset, stream, None, fault);
    }

    /// Bytes that may still be sent on the stream; a message may be sent while it is above zero. 0 when nothing can be
    /// sent for another reason.
    pub fn credit(&self, stream: u32) -> i64 {
        match self.writable(stream) {
            Ok(()) => self.streams.get(stream).map_or(0, |entry| entry.send),
            Err(_) => 0,
        }
    }

    /// Notes that the application is done with a message of `bytes` payload bytes, so that the peer may send more.
    pub fn consumed(&mut self, stream: u32, bytes: u32) {
        let window = self.streams.window();
        if let Some(entry) = self.streams.get_mut(stream) {
            entry.consumed(i64::from(bytes) + i64::from(crate::MESSAGE_COST), window);
            self.grant(stream, window / 2);
        }
    }

    /// Grants what is due on the stream, if it is at least `batch` bytes.
    pub(crate) fn grant(&mut self, stream: u32, batch: i64) {
        if self.phase != Phase::Open {
            return;
        }
        if let Some(bytes) = self.streams.get_mut(stream).and_then(|entry| entry.grant(batch)) {
            self.frame(Kind::Credit, stream, &bytes.to_be_bytes());
        }
    }

    /// Ends the connection and tells the peer why. Nothing can be sent after it, and what the peer still sends is
    /// dropped. The transport writes what is pending and closes.
    pub fn bye(&mut self, fault: &Fault) {
        if self.phase != Phase::Closed {
            self.fault(Kind::Bye, 0, None, fault);
            self.phase = Phase::Closed;
        }
    }

    /// Asks a peer that was silent for `interval_ms` for a sign of life, and gives it up when it was silent for
    /// `deadline_ms`, which should be a few times as long. Off by default and with an interval of 0.
    pub fn keepalive(&mut self, interval_ms: u64, deadline_ms: u64) {
        self.timers.set_keepalive(interval_ms, deadline_ms);
    }

    /// Does what is due at the time `now_ms`; may add to the output.
    ///
    /// # Errors
    /// When the peer is overdue; the bye is in the output then.
    pub fn tick(&mut self, now_ms: u64) -> Result<(), Lie> {
        let lie = match self.phase {
            Phase::Hello if self.timers.hello_late(now_ms) => Lie::HelloTimeout { ms: HELLO_MS },
            Phase::Open => match self.timers.due(now_ms) {
                Due::Nothing => return Ok(()),
                Due::Ping => {
                    self.pings = self.pings.wrapping_add(1);
                    self.frame(Kind::Ping, 0, &self.pings.to_be_bytes());
                    return Ok(());
                }
                Due::Silent(ms) => Lie::Silent { ms },
            },
            _ => return Ok(()),
        };
        self.bye(&lie.to_fault());
        Err(lie)
    }

    /// When [`Session::tick`] is to be called next, if nothing comes before; in the milliseconds of `now_ms`.
    pub fn next_tick(&self) -> Option<u64> {
        match self.phase {
            Phase::Hello => Some(self.timers.hello_by()),
            Phase::Open => self.timers.next(),
            Phase::Closed => None,
        }
    }

    pub(crate) fn frame(&mut self, kind: Kind, stream: u32, payload: &[u8]) {
        let out = self.out.end();
        let start = begin_frame(out, kind, stream, &Blocks::default());
        out.extend_from_slice(payload);
        finish_frame(out, start, 0);
    }

    fn fault(&mut self, kind: Kind, stream: u32, call: Option<u32>, fault: &Fault) {
        let out = self.out.end();
        let start = begin_frame(
            out,
            kind,
            stream,
            &Blocks {
                call,
                ..Blocks::default()
            },
        );
        match fault.encode(out) {
            Ok(()) => {
                debug_assert!(start.payload_len(out) <= FAULT_PAYLOAD_MAX as usize);
                finish_frame(out, start, 0);
            }
            Err(_) => start.abandon(out),
        }
    }
}

#[cold]
fn sum(parts: &Parts) -> usize {
    parts.iter().map(|(_, part)| part.len()).sum()
}
