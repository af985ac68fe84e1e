//! One test for each way in which a peer can lie. Each names the lie, and the peer is told once.

// The lints spare test functions, not their helpers.
#![allow(clippy::unwrap_used)]

mod common;

use common::{alone, fault_payload, feed, frame, frames, pair};
use gshell_session::{HELLO_MS, Lie, MESSAGE_COST, Session, Side};
use gshell_wire::{
    Code, DecodeError, Fault, Hello, HelloError, INITIAL_CREDIT, Kind, Limits, MAGIC, Malformed, Role,
};

/// Feeds `bytes`, which must be found to be `want`; the session then says so and is deaf.
#[track_caller]
fn caught(mut session: Session, bytes: &[u8], want: Lie) {
    session.output().clear();
    assert_eq!(feed(&mut session, bytes), Err(want.clone()));
    let told = frames(&session);
    assert_eq!(told.len(), 1, "told once: {told:?}");
    let (kind, stream, payload) = &told[0];
    assert_eq!((*kind, *stream), (Kind::Bye, 0));
    assert_eq!(Fault::decode(payload, &Limits::default()), Ok(want.to_fault()));
    assert!(session.is_closed() && !session.is_ready());
    assert_eq!(feed(&mut session, bytes), Ok(vec![]), "what follows is dropped");
    assert_eq!(frames(&session).len(), 1);
}

fn fresh(side: Side) -> Session {
    Session::new(side, Limits::default(), 0)
}

fn fault() -> Vec<u8> {
    fault_payload(&Fault::new(Code::Cancelled, "enough"))
}

/// A server with stream 1 open.
fn server() -> Session {
    let mut session = alone(Side::Server);
    feed(&mut session, &frame(Kind::Open, 1, b"")).unwrap();
    session
}

#[test]
fn wrong_magic() {
    let get = *b"GET / HTTP/1.1\r\n";
    caught(
        fresh(Side::Server),
        &get,
        Lie::Hello(HelloError::WrongMagic(*b"GET ")),
    );
}

#[test]
fn wrong_magic_is_not_waited_for() {
    let mut session = fresh(Side::Server);
    for end in 0..=MAGIC.len() {
        assert_eq!(session.input(&MAGIC[..end], 0).unwrap().used, 0);
    }
    assert_eq!(
        session.input(b"gG", 0),
        Err(Lie::Hello(HelloError::WrongMagic(*b"gGh\x01")))
    );
}

#[test]
fn no_common_version_is_said_on_both_sides() {
    let later = Hello {
        min: 2,
        current: 2,
        ..Hello::ours(Role::Client)
    };
    let want = HelloError::NoOverlap {
        ours: (1, 1),
        theirs: (2, 2),
    };
    caught(fresh(Side::Server), &later.encode(), Lie::Hello(want));
    assert!(
        want.to_string()
            .contains("this side speaks 1 to 1, the peer speaks 2 to 2")
    );
    assert_eq!(Lie::Hello(want).to_fault().code(), Some(Code::Version));
}

#[test]
fn version_1_is_spoken_with_a_later_peer_that_still_knows_it() {
    let mut session = fresh(Side::Server);
    let later = Hello {
        min: 1,
        current: 2,
        features: 0xffff_ffff,
        ..Hello::ours(Role::Client)
    };
    feed(&mut session, &later.encode()).unwrap();
    assert_eq!((session.version(), session.is_ready()), (Some(1), true));
}

#[test]
fn same_role() {
    caught(
        fresh(Side::Client),
        &Hello::ours(Role::Client).encode(),
        Lie::SameRole(Role::Client),
    );
    caught(
        fresh(Side::Server),
        &Hello::ours(Role::Server).encode(),
        Lie::SameRole(Role::Server),
    );
}

#[test]
fn unknown_role_and_empty_window() {
    let mut bytes = Hello::ours(Role::Client).encode();
    bytes[8] = 9;
    caught(
        fresh(Side::Server),
        &bytes,
        Lie::Hello(HelloError::UnknownRole(9)),
    );
    let bytes = Hello {
        min: 3,
        current: 2,
        ..Hello::ours(Role::Client)
    }
    .encode();
    caught(
        fresh(Side::Server),
        &bytes,
        Lie::Hello(HelloError::EmptyWindow { min: 3, current: 2 }),
    );
}

#[test]
fn hello_too_late() {
    let mut session = Session::new(Side::Server, Limits::default(), 100);
    assert_eq!(session.next_tick(), Some(100 + HELLO_MS));
    assert_eq!(session.tick(99 + HELLO_MS), Ok(()));
    assert_eq!(
        session.tick(100 + HELLO_MS),
        Err(Lie::HelloTimeout { ms: HELLO_MS })
    );
    assert_eq!((session.next_tick(), session.tick(u64::MAX)), (None, Ok(())));
}

#[test]
fn malformed_frames() {
    let bad = |at: usize, value: u8, want| {
        let mut bytes = frame(Kind::Message, 0, b"hi");
        bytes[at] = value;
        caught(server(), &bytes, Lie::Malformed(want));
    };
    let max = Limits::default().message;
    bad(
        0,
        0xff,
        Malformed::TooLong {
            len: 0xff00_000a - 8,
            max,
        },
    );
    bad(3, 4, Malformed::BlocksCut { len: 4, need: 8 });
    bad(4, 99, Malformed::UnknownKind(99));
    bad(5, 0x41, Malformed::UnknownFlags(0x41));
    bad(5, 0, Malformed::MissingKey);
    bad(6, 1, Malformed::ReservedSet(0x100));
    caught(
        server(),
        &frame(Kind::Ping, 0, b"1234"),
        Lie::Malformed(Malformed::BadPing { len: 4 }),
    );
    caught(
        server(),
        &frame(Kind::Credit, 0, b"1"),
        Lie::Malformed(Malformed::BadCredit),
    );
    caught(
        server(),
        &frame(Kind::Credit, 0, &[0; 4]),
        Lie::Malformed(Malformed::BadCredit),
    );
    caught(
        server(),
        &frame(Kind::End, 1, b"x"),
        Lie::Malformed(Malformed::TooLong { len: 1, max: 0 }),
    );
    caught(
        server(),
        &frame(Kind::Bye, 1, &fault()),
        Lie::Malformed(Malformed::StreamSet {
            kind: Kind::Bye,
            stream: 1,
        }),
    );
}

#[test]
fn over_long_is_a_limit() {
    let limits = Limits {
        message: 10,
        ..Limits::default()
    };
    let mut session = Session::new(Side::Server, limits, 0);
    feed(&mut session, &Hello::ours(Role::Client).encode()).unwrap();
    feed(&mut session, &frame(Kind::Message, 0, &[0; 10])).unwrap();
    let want = Lie::Malformed(Malformed::TooLong { len: 11, max: 10 });
    assert_eq!(want.to_fault().code(), Some(Code::Limit));
    caught(session, &frame(Kind::Message, 0, &[0; 11]), want);
}

#[test]
fn bad_fault() {
    for kind in [Kind::Error, Kind::Reset, Kind::Bye] {
        let stream = if kind == Kind::Bye { 0 } else { 1 };
        let error = DecodeError::Short { at: 1 };
        caught(
            server(),
            &frame(kind, stream, &[4]),
            Lie::BadFault { kind, error },
        );
        let error = DecodeError::Trailing { at: 3, left: 1 };
        caught(
            server(),
            &frame(kind, stream, &[4, 0, 0, 0]),
            Lie::BadFault { kind, error },
        );
    }
}

#[test]
fn unknown_stream() {
    let credit = 1u32.to_be_bytes();
    for (kind, payload) in [
        (Kind::Message, &b""[..]),
        (Kind::Error, &fault()),
        (Kind::End, b""),
        (Kind::Reset, &fault()),
        (Kind::Credit, &credit),
    ] {
        caught(
            server(),
            &frame(kind, 2, payload),
            Lie::UnknownStream { stream: 2, kind },
        );
        caught(
            alone(Side::Client),
            &frame(kind, 1, payload),
            Lie::UnknownStream { stream: 1, kind },
        );
    }
}

#[test]
fn server_opened() {
    caught(
        alone(Side::Client),
        &frame(Kind::Open, 1, b""),
        Lie::ServerOpened { stream: 1 },
    );
}

#[test]
fn opened_twice() {
    caught(
        server(),
        &frame(Kind::Open, 1, b""),
        Lie::OpenedTwice { stream: 1 },
    );
    caught(
        server(),
        &frame(Kind::Open, 0, b""),
        Lie::OpenedTwice { stream: 0 },
    );
    let mut gone = server();
    gone.reset(1, &Fault::new(Code::Stopped, ""));
    caught(gone, &frame(Kind::Open, 1, b""), Lie::OpenedTwice { stream: 1 });
}

#[test]
fn open_skipped() {
    caught(
        server(),
        &frame(Kind::Open, 3, b""),
        Lie::OpenSkipped { stream: 3, next: 2 },
    );
    caught(
        server(),
        &frame(Kind::Open, u32::MAX, b""),
        Lie::OpenSkipped {
            stream: u32::MAX,
            next: 2,
        },
    );
}

#[test]
fn double_end() {
    let mut half = server();
    feed(&mut half, &frame(Kind::End, 1, b"")).unwrap();
    caught(half, &frame(Kind::End, 1, b""), Lie::DoubleEnd { stream: 1 });
    let mut gone = server();
    feed(&mut gone, &frame(Kind::End, 1, b"")).unwrap();
    gone.end(1).unwrap();
    caught(gone, &frame(Kind::End, 1, b""), Lie::DoubleEnd { stream: 1 });
}

#[test]
fn message_after_end() {
    for (kind, payload) in [(Kind::Message, Vec::new()), (Kind::Error, fault())] {
        let mut half = server();
        feed(&mut half, &frame(Kind::End, 1, b"")).unwrap();
        caught(half, &frame(kind, 1, &payload), Lie::AfterEnd { stream: 1, kind });
        let mut gone = server();
        feed(&mut gone, &frame(Kind::End, 1, b"")).unwrap();
        gone.end(1).unwrap();
        caught(gone, &frame(kind, 1, &payload), Lie::AfterEnd { stream: 1, kind });
    }
}

#[test]
fn message_after_reset_by_the_peer() {
    let mut gone = server();
    feed(&mut gone, &frame(Kind::Reset, 1, &fault())).unwrap();
    let kind = Kind::Message;
    caught(gone, &frame(kind, 1, b""), Lie::AfterEnd { stream: 1, kind });
}

#[test]
fn credit_overrun() {
    let mut session = server();
    let whole = vec![0; (INITIAL_CREDIT - MESSAGE_COST) as usize];
    feed(&mut session, &frame(Kind::Message, 1, &whole)).unwrap();
    feed(
        &mut session,
        &frame(Kind::Message, 0, b"the other stream has its own"),
    )
    .unwrap();
    caught(
        session,
        &frame(Kind::Message, 1, b""),
        Lie::CreditOverrun { stream: 1 },
    );
}

#[test]
fn empty_messages_need_credit_as_well() {
    let mut session = server();
    for _ in 0..INITIAL_CREDIT / MESSAGE_COST {
        feed(&mut session, &frame(Kind::Message, 1, b"")).unwrap();
    }
    caught(
        session,
        &frame(Kind::Message, 1, b""),
        Lie::CreditOverrun { stream: 1 },
    );
}

#[test]
fn credit_overflow() {
    caught(
        server(),
        &frame(Kind::Credit, 1, &u32::MAX.to_be_bytes()),
        Lie::CreditOverflow { stream: 1 },
    );
    let mut session = server();
    let most = i32::MAX as u32 - INITIAL_CREDIT;
    feed(&mut session, &frame(Kind::Credit, 1, &most.to_be_bytes())).unwrap();
    caught(
        session,
        &frame(Kind::Credit, 1, &1u32.to_be_bytes()),
        Lie::CreditOverflow { stream: 1 },
    );
}

#[test]
fn silence() {
    let (mut client, _) = pair();
    client.keepalive(100, 300);
    assert_eq!(client.tick(299), Ok(()));
    client.output().clear();
    assert_eq!(client.tick(300), Err(Lie::Silent { ms: 300 }));
    assert_eq!(frames(&client)[0].0, Kind::Bye);
}
