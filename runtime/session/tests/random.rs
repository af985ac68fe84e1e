//! Long random conversations of two honest sessions, cut at random places; and every frame of the fixtures, cut at
//! every byte.

// The lints spare test functions, not their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "../../wire/tests/common/mod.rs"]
mod fixtures;

use std::collections::BTreeMap;

use common::alone;
use gshell_session::{Event, Head, SendError, Session, Side};
use gshell_wire::{Code, Fault, Hello, Limits};

#[test]
fn every_cut_of_every_frame_needs_more() {
    for (name, bytes) in fixtures::all() {
        for cut in 0..bytes.len() {
            let mut session = match name.split('.').next() {
                Some("hello") => Session::new(Side::Server, Limits::default(), 0),
                Some("frame") => alone(Side::Server),
                _ => continue,
            };
            let step = session.input(&bytes[..cut], 0).unwrap();
            assert_eq!((step.used, step.event), (0, None), "{name} cut after {cut} bytes");
        }
    }
    assert_eq!(fixtures::fixture("hello.client").len(), Hello::LEN);
}

/// xorshift: the same numbers on every run and machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// One side of the conversation with what it expects of the other.
struct End {
    session: Session,
    /// Bytes that the other side has written and this one has not read.
    wire: Vec<u8>,
    /// Numbers of the messages that came, by stream; they have to rise.
    last: BTreeMap<u32, u32>,
    /// Messages that were received and not consumed.
    held: Vec<(u32, u32)>,
    ready: bool,
    received: u32,
    /// The stream that was opened last.
    newest: u32,
}

impl End {
    fn new(side: Side) -> End {
        let limits = Limits {
            streams: 20,
            window: 300_000,
            ..Limits::default()
        };
        End {
            session: Session::new(side, limits, 0),
            wire: Vec::new(),
            last: BTreeMap::new(),
            held: Vec::new(),
            ready: false,
            received: 0,
            newest: 0,
        }
    }

    /// Sends, opens, ends or resets something.
    fn act(&mut self, random: &mut Random, count: &mut u32) {
        let stream = match random.below(4) {
            0 => 0,
            _ => self.newest.saturating_sub(random.below(30) as u32),
        };
        match random.below(20) {
            0 => self.newest = self.session.open().unwrap_or(self.newest),
            1 if stream > 0 => drop(self.session.end(stream)),
            2 if stream > 0 && random.below(4) == 0 => {
                self.session.reset(stream, &Fault::new(Code::Cancelled, "random"))
            }
            3 => drop(
                self.session
                    .send_error(stream, Some(1), &Fault::new(Code::Busy, "random")),
            ),
            4..8 => {
                for (stream, bytes) in self.held.drain(..) {
                    self.session.consumed(stream, bytes);
                }
            }
            _ => {
                *count += 1;
                let size = if random.below(50) == 0 {
                    400_000
                } else {
                    4 + random.below(5000)
                };
                let mut payload = count.to_be_bytes().to_vec();
                payload.resize(size, 0);
                let credit = self.session.credit(stream);
                let sent = self.session.send_raw(stream, 7, Head::default(), &payload);
                assert_eq!(sent.is_ok(), credit > 0);
                assert!(!matches!(
                    sent,
                    Err(SendError::TooLong { .. } | SendError::Encode(_))
                ));
            }
        }
    }

    /// Writes some of what is pending to the other side.
    fn write(&mut self, random: &mut Random, to: &mut End) {
        let pending = self.session.pending();
        let n = pending.len().min(random.below(20_000));
        to.wire.extend_from_slice(&pending[..n]);
        self.session.written(n);
    }

    fn read(&mut self) {
        let mut at = 0;
        loop {
            let step = self.session.input(&self.wire[at..], 0).unwrap();
            at += step.used;
            match step.event {
                Some(Event::Ready { .. }) => self.ready = true,
                Some(Event::Message { stream, payload, .. }) => {
                    let number = u32::from_be_bytes(*payload.first_chunk().unwrap());
                    assert!(self.last.insert(stream, number).is_none_or(|last| last < number));
                    self.received += 1;
                    self.held.push((stream, payload.len() as u32));
                }
                Some(Event::Opened { stream }) => self.newest = stream,
                Some(Event::Bye { fault }) => panic!("bye: {fault}"),
                Some(_) => {}
                None if step.used == 0 => break,
                None => {}
            }
        }
        self.wire.drain(..at);
    }
}

#[test]
fn honest_sides_never_catch_each_other_lying() {
    let mut messages = 0;
    for seed in 1..=20 {
        let mut random = Random(seed);
        let (mut client, mut server) = (End::new(Side::Client), End::new(Side::Server));
        let mut count = 0;
        for _ in 0..5000 {
            client.act(&mut random, &mut count);
            server.act(&mut random, &mut count);
            client.write(&mut random, &mut server);
            server.write(&mut random, &mut client);
            if random.below(3) > 0 {
                server.read();
            }
            if random.below(3) > 0 {
                client.read();
            }
        }
        assert!(client.ready && server.ready);
        messages += client.received + server.received;
    }
    assert!(
        messages > 20_000,
        "the conversations are worth the name: {messages}"
    );
}
