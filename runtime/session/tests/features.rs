//! Peers of other versions, cancelled calls, and what is counted.

// The lints spare test functions, not their helpers.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Seen, alone, carry, feed, frame, frames, pair};
use gshell_session::{Event, Head, Lie, Session, Side};
use gshell_wire::{
    Blocks, Code, FEATURE_CANCEL, Fault, Hello, HelloError, Kind, Limits, Malformed, Role, agree,
    begin_frame, decode_frame, finish_frame,
};

fn fresh(side: Side) -> Session {
    Session::new(side, Limits::default(), 0)
}

/// What a peer of a made-up version 2 says first; it still speaks version 1 if `min` is 1.
fn version_2(role: Role, min: u16) -> Hello {
    Hello {
        min,
        current: 2,
        role,
        features: 0xffff_ffff,
    }
}

fn cancel(stream: u32, call: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let blocks = Blocks {
        call: Some(call),
        ..Blocks::default()
    };
    let start = begin_frame(&mut out, Kind::Cancel, stream, &blocks);
    finish_frame(&mut out, start, 0);
    out
}

/// A session whose peer is of before there were features.
fn with_old_peer(side: Side, peer: Role) -> Session {
    let mut session = fresh(side);
    let old = Hello {
        features: 0,
        ..Hello::ours(peer)
    };
    feed(&mut session, &old.encode()).unwrap();
    session.output().clear();
    session
}

#[test]
fn a_later_peer_that_still_knows_version_1_talks() {
    for (side, ours, peer) in [
        (Side::Server, Role::Server, Role::Client),
        (Side::Client, Role::Client, Role::Server),
    ] {
        let mut session = fresh(side);
        let theirs = version_2(peer, 1);
        // Both sides come to the same version.
        assert_eq!(agree(&theirs, &Hello::ours(ours)), Ok(1));
        let bytes = theirs.encode();
        let step = session.input(&bytes, 0).unwrap();
        let ready = Event::Ready {
            version: 1,
            features: FEATURE_CANCEL,
        };
        assert_eq!(
            step.event,
            Some(ready),
            "features that this side does not know are not used"
        );
        session.output().clear();
        let message = feed(&mut session, &frame(Kind::Message, 0, b"from version 2")).unwrap();
        assert!(
            matches!(message.as_slice(), [Seen::Message { payload, .. }] if payload == b"from version 2")
        );
        session
            .send_raw(0, 7, Head::default(), b"from version 1")
            .unwrap();
        assert_eq!(frames(&session), [(Kind::Message, 0, b"from version 1".to_vec())]);
        assert_eq!(feed(&mut session, &cancel(0, 1)), Ok(vec![Seen::Cancelled(0, 1)]));
    }
}

#[test]
fn a_later_peer_that_does_not_is_told_and_tells_the_same() {
    for (side, peer) in [(Side::Server, Role::Client), (Side::Client, Role::Server)] {
        let mut session = fresh(side);
        let theirs = version_2(peer, 2);
        let lie = feed(&mut session, &theirs.encode()).unwrap_err();
        assert_eq!(
            lie.to_string(),
            "no common protocol version: this side speaks 1 to 1, the peer speaks 2 to 2"
        );
        // What the peer has in hand: the hello of this side, from which it comes to the same, and a bye that says so.
        let sent = std::mem::take(session.output());
        let (hello, bye) = sent.split_first_chunk::<{ Hello::LEN }>().unwrap();
        let ours = Hello::decode(hello).unwrap();
        let seen = agree(&theirs, &ours).unwrap_err();
        assert!(matches!(seen, HelloError::NoOverlap { .. }));
        assert_eq!(
            seen.to_string(),
            "no common protocol version: this side speaks 2 to 2, the peer speaks 1 to 1"
        );
        let (frame, used) = decode_frame(bye, &Limits::default()).unwrap().unwrap();
        let fault = Fault::decode(frame.payload, &Limits::default()).unwrap();
        assert_eq!(
            (frame.kind, used, fault.code()),
            (Kind::Bye, bye.len(), Some(Code::Version))
        );
    }
}

#[test]
fn a_cancelled_call_is_told() {
    let (mut client, mut server) = pair();
    assert_eq!(
        (client.features(), server.features()),
        (FEATURE_CANCEL, FEATURE_CANCEL)
    );
    client.open().unwrap();
    carry(&mut client, &mut server);
    assert!(client.cancel(1, 5) && client.cancel(0, u32::MAX));
    assert_eq!(
        carry(&mut client, &mut server),
        [Seen::Cancelled(1, 5), Seen::Cancelled(0, u32::MAX)]
    );
    // The other way round as well: who answers may call too.
    assert!(server.cancel(1, 6));
    assert_eq!(
        carry(&mut server, &mut client).last(),
        Some(&Seen::Cancelled(1, 6))
    );
}

#[test]
fn a_peer_of_before_is_not_told() {
    let mut session = with_old_peer(Side::Client, Role::Server);
    assert_eq!(session.features(), 0);
    assert!(!session.cancel(0, 5));
    assert_eq!(session.pending(), b"");
}

#[test]
fn a_cancel_that_was_not_agreed_on_is_a_lie() {
    let mut session = with_old_peer(Side::Server, Role::Client);
    let lie = feed(&mut session, &cancel(0, 5)).unwrap_err();
    assert_eq!(lie, Lie::NotAgreed { kind: Kind::Cancel });
    assert!(lie.to_string().contains("Cancel") && session.is_closed());
    assert_eq!(lie.to_fault().code(), Some(Code::Protocol));
}

#[test]
fn a_cancel_needs_a_stream_and_a_call() {
    let mut session = alone(Side::Server);
    assert_eq!(
        feed(&mut session, &frame(Kind::Cancel, 0, b"")),
        Err(Lie::Malformed(Malformed::MissingCall))
    );
    let mut session = alone(Side::Server);
    let unknown = Lie::UnknownStream {
        stream: 9,
        kind: Kind::Cancel,
    };
    assert_eq!(feed(&mut session, &cancel(9, 5)), Err(unknown));
    let mut client = fresh(Side::Client);
    assert!(!client.cancel(0, 5), "before the hello");
    let (mut client, _) = pair();
    assert!(!client.cancel(9, 5), "no such stream");
    client.bye(&Fault::new(Code::Stopped, "stop"));
    assert!(!client.cancel(0, 5), "after the bye");
}

#[test]
fn a_cancel_may_follow_the_end_and_cross_the_end_of_the_stream() {
    let (mut client, mut server) = pair();
    client.open().unwrap();
    client.end(1).unwrap();
    assert!(client.cancel(1, 5));
    assert_eq!(
        carry(&mut client, &mut server),
        [Seen::Opened(1), Seen::Ended(1), Seen::Cancelled(1, 5)]
    );
    assert!(client.cancel(1, 6));
    server.end(1).unwrap();
    assert_eq!(carry(&mut client, &mut server), []);
    client.open().unwrap();
    carry(&mut client, &mut server);
    assert!(client.cancel(2, 7));
    server.reset(2, &Fault::new(Code::Stopped, "stop"));
    assert_eq!(carry(&mut client, &mut server), []);
}

#[test]
fn messages_and_bytes_are_counted_on_both_sides_alike() {
    let (mut client, mut server) = pair();
    client.open().unwrap();
    for _ in 0..3 {
        client.send_raw(1, 7, Head::default(), &[0; 100]).unwrap();
    }
    let whole = client.pending().to_vec();
    assert_eq!(client.counters().messages_out, 3);
    let before = client.counters().bytes_out;
    client.written(10);
    client.written(whole.len() + 100);
    assert_eq!(
        client.counters().bytes_out - before,
        whole.len() as u64,
        "no more than there was"
    );
    let before = server.counters();
    feed(&mut server, &whole).unwrap();
    let after = server.counters();
    assert_eq!(after.messages_in - before.messages_in, 3);
    assert_eq!(after.bytes_in - before.bytes_in, whole.len() as u64);
    // What was refused did not go over the connection.
    assert!(client.send_raw(99, 7, Head::default(), b"").is_err());
    assert_eq!(client.counters().messages_out, 3);
}
