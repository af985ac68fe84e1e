//! Two sessions that talk to each other, and a way to see what a session does with hand-made bytes.

// The lints spare test functions, not their helpers; and not every test uses all of them.
#![allow(clippy::unwrap_used, dead_code)]

use gshell_session::{Event, Lie, Session, Side};
use gshell_wire::{Blocks, Fault, Frame, Hello, Kind, Limits, Role, begin_frame, decode_frame, finish_frame};

/// An event that owns what it holds.
#[derive(Debug, PartialEq)]
pub enum Seen {
    Ready(u16),
    Opened(u32),
    Message {
        stream: u32,
        key: u64,
        call: Option<u32>,
        payload: Vec<u8>,
    },
    Error {
        stream: u32,
        call: Option<u32>,
        fault: Fault,
    },
    Cancelled(u32, u32),
    Ended(u32),
    Reset(u32, Fault),
    Credit(u32),
    Bye(Fault),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Seen {
        match event {
            Event::Ready { version, .. } => Seen::Ready(version),
            Event::Opened { stream } => Seen::Opened(stream),
            Event::Message {
                stream,
                key,
                head,
                payload,
            } => Seen::Message {
                stream,
                key,
                call: head.call,
                payload: payload.to_vec(),
            },
            Event::Error { stream, call, fault } => Seen::Error { stream, call, fault },
            Event::Cancelled { stream, call } => Seen::Cancelled(stream, call),
            Event::Ended { stream } => Seen::Ended(stream),
            Event::Reset { stream, fault } => Seen::Reset(stream, fault),
            Event::Credit { stream } => Seen::Credit(stream),
            Event::Bye { fault } => Seen::Bye(fault),
        }
    }
}

/// Feeds all of `bytes`, gives what was seen.
pub fn feed(session: &mut Session, mut bytes: &[u8]) -> Result<Vec<Seen>, Lie> {
    let mut seen = Vec::new();
    while !bytes.is_empty() {
        let step = session.input(bytes, 0)?;
        assert!(step.used > 0, "a frame is cut: {bytes:02x?}");
        seen.extend(step.event.map(Seen::from));
        bytes = &bytes[step.used..];
    }
    Ok(seen)
}

/// Moves what is pending from one side to the other.
pub fn carry(from: &mut Session, to: &mut Session) -> Vec<Seen> {
    let bytes = std::mem::take(from.output());
    feed(to, &bytes).unwrap()
}

/// A client and a server that have said hello.
pub fn pair_with(client: Limits, server: Limits) -> (Session, Session) {
    let mut client = Session::new(Side::Client, client, 0);
    let mut server = Session::new(Side::Server, server, 0);
    assert_eq!(carry(&mut client, &mut server), [Seen::Ready(1)]);
    assert!(matches!(
        carry(&mut server, &mut client).as_slice(),
        [Seen::Ready(1), ..]
    ));
    carry(&mut client, &mut server);
    (client, server)
}

pub fn pair() -> (Session, Session) {
    pair_with(Limits::default(), Limits::default())
}

/// A session whose peer is played by the test.
pub fn alone(side: Side) -> Session {
    let mut session = Session::new(side, Limits::default(), 0);
    let peer = if side == Side::Client {
        Role::Server
    } else {
        Role::Client
    };
    feed(&mut session, &Hello::ours(peer).encode()).unwrap();
    session.output().clear();
    session
}

/// A frame as bytes.
pub fn frame(kind: Kind, stream: u32, payload: &[u8]) -> Vec<u8> {
    let key = (kind == Kind::Message).then_some(7);
    let mut out = Vec::new();
    let start = begin_frame(
        &mut out,
        kind,
        stream,
        &Blocks {
            key,
            ..Blocks::default()
        },
    );
    out.extend_from_slice(payload);
    finish_frame(&mut out, start, 0);
    out
}

/// A fault as the payload of a frame.
pub fn fault_payload(fault: &Fault) -> Vec<u8> {
    let mut out = Vec::new();
    fault.encode(&mut out).unwrap();
    out
}

/// The kinds and streams of the frames that are pending.
pub fn frames(session: &Session) -> Vec<(Kind, u32, Vec<u8>)> {
    let (mut bytes, mut found) = (session.pending(), Vec::new());
    while let Some((
        Frame {
            kind,
            stream,
            payload,
            ..
        },
        used,
    )) = decode_frame(bytes, &Limits::default()).unwrap()
    {
        found.push((kind, stream, payload.to_vec()));
        bytes = &bytes[used..];
    }
    assert!(bytes.is_empty());
    found
}
