//! The side of a session that the peer drives: its hello and its frames.

use gshell_wire::{
    FEATURE_CANCEL, Fault, Frame, Hello, HelloError, Kind, MAGIC, Malformed, agree, decode_frame,
};

use crate::session::Phase;
use crate::streams::cost;
use crate::{CREDIT_MAX, Event, Head, Lie, Session, Side, Step};

impl Session {
    /// Takes the hello or at most one frame off the front of `buf`, which was read until `now_ms`. To be called again
    /// with the rest until it takes nothing. After a bye everything is taken and dropped.
    ///
    /// # Errors
    /// What the peer did wrong. It is told by a bye that is in the output then; the transport writes what is pending
    /// once and closes.
    pub fn input<'a>(&mut self, buf: &'a [u8], now_ms: u64) -> Result<Step<'a>, Lie> {
        if !buf.is_empty() {
            self.timers.heard(now_ms);
        }
        let step = match self.phase {
            Phase::Hello => self.hello(buf),
            Phase::Open => self.next_frame(buf),
            Phase::Closed => Ok(Step {
                used: buf.len(),
                event: None,
            }),
        };
        if let Ok(Step { used, .. }) = &step {
            self.counters.bytes_in += *used as u64;
        }
        step.inspect_err(|lie| self.bye(&lie.to_fault()))
    }

    fn hello<'a>(&mut self, buf: &[u8]) -> Result<Step<'a>, Lie> {
        let Some(bytes) = buf.first_chunk::<{ Hello::LEN }>() else {
            return early(buf);
        };
        let (ours, theirs) = (Hello::ours(self.side.role()), Hello::decode(bytes)?);
        let version = agree(&ours, &theirs)?;
        if theirs.role == ours.role {
            return Err(Lie::SameRole(theirs.role));
        }
        self.version = Some(version);
        self.features = ours.features & theirs.features;
        self.phase = Phase::Open;
        self.grant(0, 1);
        let event = Event::Ready {
            version,
            features: self.features,
        };
        Ok(Step {
            used: Hello::LEN,
            event: Some(event),
        })
    }

    fn next_frame<'a>(&mut self, buf: &'a [u8]) -> Result<Step<'a>, Lie> {
        match decode_frame(buf, &self.limits)? {
            Some((frame, used)) => Ok(Step {
                used,
                event: self.on_frame(frame)?,
            }),
            None => Ok(Step { used: 0, event: None }),
        }
    }

    fn on_frame<'a>(&mut self, frame: Frame<'a>) -> Result<Option<Event<'a>>, Lie> {
        match frame.kind {
            Kind::Message => self.on_message(frame),
            Kind::Credit => self.on_credit(frame),
            Kind::Error => self.on_error(frame),
            Kind::Open => self.on_open(frame.stream),
            Kind::End => self.on_end(frame.stream),
            Kind::Reset => self.on_reset(frame),
            Kind::Cancel => self.on_cancel(frame),
            Kind::Ping => {
                self.frame(Kind::Pong, 0, frame.payload);
                Ok(None)
            }
            Kind::Pong => Ok(None),
            Kind::Bye => {
                let fault = self.read_fault(frame)?;
                self.phase = Phase::Closed;
                Ok(Some(Event::Bye { fault }))
            }
        }
    }

    fn on_message<'a>(&mut self, frame: Frame<'a>) -> Result<Option<Event<'a>>, Lie> {
        let Frame {
            kind,
            stream,
            blocks,
            payload,
        } = frame;
        let key = blocks.key.ok_or(Malformed::MissingKey)?;
        let Some(entry) = self.streams.get_mut(stream) else {
            return self.late(stream, kind);
        };
        if entry.peer_ended {
            return Err(Lie::AfterEnd { stream, kind });
        }
        if entry.recv <= 0 {
            return Err(Lie::CreditOverrun { stream });
        }
        entry.recv -= cost(payload.len());
        self.counters.messages_in = self.counters.messages_in.wrapping_add(1);
        Ok(Some(Event::Message {
            stream,
            key,
            head: Head::of(&blocks),
            payload,
        }))
    }

    fn on_credit<'a>(&mut self, frame: Frame<'_>) -> Result<Option<Event<'a>>, Lie> {
        let Frame {
            kind,
            stream,
            payload,
            ..
        } = frame;
        let bytes = payload.first_chunk::<4>().ok_or(Malformed::BadCredit)?;
        let Some(entry) = self.streams.get_mut(stream) else {
            return self.crossed(stream, kind);
        };
        let before = entry.send;
        entry.send += i64::from(u32::from_be_bytes(*bytes));
        if entry.send > CREDIT_MAX {
            return Err(Lie::CreditOverflow { stream });
        }
        let again = before <= 0 && entry.send > 0 && !entry.ended;
        Ok(again.then_some(Event::Credit { stream }))
    }

    fn on_error<'a>(&mut self, frame: Frame<'_>) -> Result<Option<Event<'a>>, Lie> {
        let Frame {
            kind, stream, blocks, ..
        } = frame;
        match self.streams.get(stream) {
            None => self.late(stream, kind),
            Some(entry) if entry.peer_ended => Err(Lie::AfterEnd { stream, kind }),
            Some(_) => Ok(Some(Event::Error {
                stream,
                call: blocks.call,
                fault: self.read_fault(frame)?,
            })),
        }
    }

    fn on_open<'a>(&mut self, stream: u32) -> Result<Option<Event<'a>>, Lie> {
        if self.side == Side::Client {
            return Err(Lie::ServerOpened { stream });
        }
        let next = self.streams.next();
        if u64::from(stream) < next {
            return Err(Lie::OpenedTwice { stream });
        }
        if u64::from(stream) > next {
            return Err(Lie::OpenSkipped { stream, next });
        }
        self.streams.take_id();
        if self.is_full() {
            // The client may have a higher limit than this side; that is no lie, so only the stream is refused.
            self.refuse(stream, &self.full());
            return Ok(None);
        }
        self.streams.add(stream);
        self.grant(stream, 1);
        Ok(Some(Event::Opened { stream }))
    }

    fn on_end<'a>(&mut self, stream: u32) -> Result<Option<Event<'a>>, Lie> {
        let Some(entry) = self.streams.get_mut(stream) else {
            return self.late(stream, Kind::End);
        };
        if entry.peer_ended {
            return Err(Lie::DoubleEnd { stream });
        }
        entry.peer_ended = true;
        if entry.ended {
            self.streams.remove(stream);
        }
        Ok(Some(Event::Ended { stream }))
    }

    fn on_reset<'a>(&mut self, frame: Frame<'_>) -> Result<Option<Event<'a>>, Lie> {
        let stream = frame.stream;
        if self.streams.get(stream).is_none() {
            return self.crossed(stream, frame.kind);
        }
        let fault = self.read_fault(frame)?;
        self.streams.remove(stream);
        Ok(Some(Event::Reset { stream, fault }))
    }

    fn on_cancel<'a>(&self, frame: Frame<'_>) -> Result<Option<Event<'a>>, Lie> {
        let Frame {
            kind, stream, blocks, ..
        } = frame;
        if self.features & FEATURE_CANCEL == 0 {
            return Err(Lie::NotAgreed { kind });
        }
        let call = blocks.call.ok_or(Malformed::MissingCall)?;
        if self.streams.get(stream).is_none() {
            return self.crossed(stream, kind);
        }
        Ok(Some(Event::Cancelled { stream, call }))
    }

    /// A frame on a stream that is not open, of a kind that nobody sends after having ended: dropped if this side reset
    /// the stream, for the peer may not have known; a lie otherwise.
    fn late<'a>(&self, stream: u32, kind: Kind) -> Result<Option<Event<'a>>, Lie> {
        if !self.streams.was_opened(stream) {
            Err(Lie::UnknownStream { stream, kind })
        } else if self.streams.was_reset(stream) {
            Ok(None)
        } else if kind == Kind::End {
            Err(Lie::DoubleEnd { stream })
        } else {
            Err(Lie::AfterEnd { stream, kind })
        }
    }

    /// A frame on a stream that is not open, of a kind that may be sent after having ended: an end of this side may have
    /// crossed it.
    fn crossed<'a>(&self, stream: u32, kind: Kind) -> Result<Option<Event<'a>>, Lie> {
        if self.streams.was_opened(stream) {
            Ok(None)
        } else {
            Err(Lie::UnknownStream { stream, kind })
        }
    }

    fn read_fault(&self, frame: Frame<'_>) -> Result<Fault, Lie> {
        Fault::decode(frame.payload, &self.limits).map_err(|error| Lie::BadFault {
            kind: frame.kind,
            error,
        })
    }
}

/// A peer that speaks something else is not waited for: the bytes that are there have to fit.
fn early<'a>(buf: &[u8]) -> Result<Step<'a>, Lie> {
    let mut magic = MAGIC;
    for (byte, found) in magic.iter_mut().zip(buf) {
        *byte = *found;
    }
    if magic == MAGIC {
        Ok(Step { used: 0, event: None })
    } else {
        Err(Lie::Hello(HelloError::WrongMagic(magic)))
    }
}
