//! What honest peers do: streams, credit, ends that cross, keepalive.

mod common;

use common::{Seen, alone, carry, feed, frame, frames, pair, pair_with};
use gshell_session::{Head, MESSAGE_COST, SendError, Session, Side};
use gshell_wire::{Code, EncodeError, Fault, INITIAL_CREDIT, Kind, Limits, Message, Trace, decode};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Text")]
struct Text {
    text: String,
}

fn text(text: &str) -> Text {
    Text { text: text.into() }
}

fn stopped() -> Fault {
    Fault::new(Code::Stopped, "stopped").with_cause("told to")
}

fn message(stream: u32, payload: &[u8]) -> Seen {
    Seen::Message {
        stream,
        key: 7,
        call: None,
        payload: payload.to_vec(),
    }
}

#[test]
fn nothing_is_sent_before_the_hello() {
    let mut client = Session::new(Side::Client, Limits::default(), 0);
    assert_eq!(client.pending().len(), 16);
    assert_eq!(
        client.send_raw(0, 7, Head::default(), b""),
        Err(SendError::NoCredit)
    );
    assert_eq!(
        (client.credit(0), client.is_ready(), client.version()),
        (0, false, None)
    );
    assert_eq!(client.end(0), Err(SendError::Closed));
    assert!(
        client
            .open()
            .is_err_and(|fault| fault.code() == Some(Code::State))
    );
    assert_eq!(client.pending().len(), 16);
}

#[test]
fn messages_and_what_travels_with_them() {
    let (mut client, mut server) = pair();
    let trace = Some(Trace {
        id: [1; 16],
        span: [2; 8],
    });
    let head = Head {
        call: Some(9),
        deadline_ms: Some(100),
        trace,
    };
    client.send(0, head, &text("hi")).unwrap();
    let bytes = std::mem::take(client.output());
    let step = server.input(&bytes, 0).unwrap();
    let Some(gshell_session::Event::Message {
        stream,
        key,
        head: got,
        payload,
    }) = step.event
    else {
        panic!("no message")
    };
    assert_eq!((step.used, stream, key, got), (bytes.len(), 0, Text::KEY, head));
    assert_eq!(decode::<Text>(payload), Ok(text("hi")));
    server.send_error(0, Some(9), &stopped()).unwrap();
    server.send_error(0, None, &stopped()).unwrap();
    let error = |call| Seen::Error {
        stream: 0,
        call,
        fault: stopped(),
    };
    assert_eq!(carry(&mut server, &mut client), [error(Some(9)), error(None)]);
}

#[test]
fn streams_have_ids_of_their_own() {
    let (mut client, mut server) = pair();
    assert_eq!(
        (client.open(), client.open(), client.streams()),
        (Ok(1), Ok(2), 3)
    );
    client.send_raw(2, 7, Head::default(), b"two").unwrap();
    let seen = carry(&mut client, &mut server);
    assert_eq!(seen, [Seen::Opened(1), Seen::Opened(2), message(2, b"two")]);
    assert_eq!(server.streams(), 3);
    assert!(
        server
            .open()
            .is_err_and(|fault| fault.code() == Some(Code::State))
    );
}

#[test]
fn ids_are_not_used_again() {
    let (mut client, mut server) = pair();
    for id in 1..3000 {
        assert_eq!(client.open(), Ok(id));
        client.end(id).unwrap();
        carry(&mut client, &mut server);
        server.end(id).unwrap();
        assert_eq!(carry(&mut server, &mut client), [Seen::Ended(id)]);
        assert_eq!((client.streams(), server.streams()), (1, 1));
    }
}

#[test]
fn half_a_stream_can_still_answer() {
    let (mut client, mut server) = pair();
    client.open().unwrap();
    client.end(1).unwrap();
    assert_eq!(client.end(1), Err(SendError::Closed));
    assert_eq!(client.send(1, Head::default(), &text("")), Err(SendError::Closed));
    assert_eq!(client.send_error(1, None, &stopped()), Err(SendError::Closed));
    assert_eq!(client.credit(1), 0);
    assert_eq!(carry(&mut client, &mut server), [Seen::Opened(1), Seen::Ended(1)]);
    server.send_raw(1, 7, Head::default(), b"last").unwrap();
    server.end(1).unwrap();
    assert_eq!(
        carry(&mut server, &mut client),
        [message(1, b"last"), Seen::Ended(1)]
    );
    assert_eq!(client.end(1), Err(SendError::UnknownStream));
    assert_eq!(
        server.send_raw(1, 7, Head::default(), b""),
        Err(SendError::UnknownStream)
    );
}

#[test]
fn even_the_default_stream_can_end() {
    let (mut client, mut server) = pair();
    client.end(0).unwrap();
    server.end(0).unwrap();
    carry(&mut client, &mut server);
    carry(&mut server, &mut client);
    assert_eq!((client.streams(), server.streams()), (0, 0));
    assert_eq!(client.open(), Ok(1));
    assert_eq!(carry(&mut client, &mut server), [Seen::Opened(1)]);
}

#[test]
fn a_reset_drops_what_is_on_its_way() {
    let (mut client, mut server) = pair();
    client.open().unwrap();
    carry(&mut client, &mut server);
    server.send_raw(1, 7, Head::default(), b"late").unwrap();
    server.send_error(1, Some(1), &stopped()).unwrap();
    server.end(1).unwrap();
    client.reset(1, &stopped());
    client.reset(1, &stopped());
    assert_eq!(client.streams(), 1);
    assert_eq!(carry(&mut server, &mut client), []);
    assert_eq!(carry(&mut client, &mut server), [Seen::Reset(1, stopped())]);
    assert_eq!(server.streams(), 1);
}

#[test]
fn resets_may_cross() {
    let (mut client, mut server) = pair();
    client.open().unwrap();
    carry(&mut client, &mut server);
    client.reset(1, &stopped());
    server.reset(1, &stopped());
    assert_eq!(carry(&mut client, &mut server), []);
    assert_eq!(carry(&mut server, &mut client), []);
}

#[test]
fn credit_and_resets_may_cross_the_end() {
    for reset in [false, true] {
        let (mut client, mut server) = pair();
        client.open().unwrap();
        client
            .send_raw(1, 7, Head::default(), &vec![0; INITIAL_CREDIT as usize])
            .unwrap();
        carry(&mut client, &mut server);
        client.end(1).unwrap();
        server.end(1).unwrap();
        server.consumed(1, INITIAL_CREDIT);
        if reset {
            server.reset(1, &stopped());
        }
        let kinds = frames(&server)
            .into_iter()
            .map(|(kind, ..)| kind)
            .collect::<Vec<_>>();
        assert_eq!(kinds.get(..2), Some(&[Kind::End, Kind::Credit][..]));
        assert_eq!(carry(&mut server, &mut client), [Seen::Ended(1)]);
        carry(&mut client, &mut server);
        assert_eq!((client.streams(), server.streams()), (1, 1));
    }
}

#[test]
fn too_many_streams_are_refused_here() {
    let (mut client, _) = pair_with(
        Limits {
            streams: 3,
            ..Limits::default()
        },
        Limits::default(),
    );
    assert_eq!((client.open(), client.open()), (Ok(1), Ok(2)));
    let refused = client.open().expect_err("the limit");
    assert_eq!(refused.code(), Some(Code::Limit));
    client.reset(1, &stopped());
    assert_eq!(client.open(), Ok(3));
}

#[test]
fn too_many_streams_are_refused_there() {
    let (mut client, mut server) = pair_with(
        Limits::default(),
        Limits {
            streams: 2,
            ..Limits::default()
        },
    );
    client.open().unwrap();
    let refused = client.open().unwrap();
    client
        .send_raw(refused, 7, Head::default(), b"on its way")
        .unwrap();
    assert_eq!(carry(&mut client, &mut server), [Seen::Opened(1)]);
    let seen = carry(&mut server, &mut client);
    assert!(
        matches!(seen.as_slice(), [Seen::Reset(2, fault)] if fault.code() == Some(Code::Limit)),
        "{seen:?}"
    );
    client.reset(1, &stopped());
    client.open().unwrap();
    assert_eq!(
        carry(&mut client, &mut server),
        [Seen::Reset(1, stopped()), Seen::Opened(3)]
    );
}

#[test]
fn sending_stops_without_credit_and_goes_on_with_it() {
    let (mut client, mut server) = pair();
    let mut sent = 0;
    while client.credit(0) > 0 {
        client.send_raw(0, 7, Head::default(), &[0; 1000]).unwrap();
        sent += 1;
    }
    assert_eq!(sent, INITIAL_CREDIT.div_ceil(1000 + MESSAGE_COST));
    let before = client.pending().len();
    assert_eq!(
        client.send_raw(0, 7, Head::default(), b""),
        Err(SendError::NoCredit)
    );
    assert_eq!(client.pending().len(), before);
    client.send_error(0, None, &stopped()).unwrap();
    assert_eq!(carry(&mut client, &mut server).len() as u32, sent + 1);
    for taken in 1..=sent {
        server.consumed(0, 1000);
        let batch = INITIAL_CREDIT.div_ceil(2).div_ceil(1000 + MESSAGE_COST);
        assert_eq!(frames(&server).len() as u32, taken / batch, "after {taken}");
    }
    assert_eq!(carry(&mut server, &mut client), [Seen::Credit(0)]);
    assert!(client.credit(0) > 0);
}

#[test]
fn a_message_may_be_longer_than_the_window() {
    let (mut client, mut server) = pair();
    let long = vec![1; 4 * INITIAL_CREDIT as usize];
    for _ in 0..3 {
        client.send_raw(0, 7, Head::default(), &long).unwrap();
        assert!(client.credit(0) < 0);
        assert_eq!(carry(&mut client, &mut server), [message(0, &long)]);
        server.consumed(0, long.len() as u32);
        assert_eq!(carry(&mut server, &mut client), [Seen::Credit(0)]);
        assert_eq!(client.credit(0), i64::from(INITIAL_CREDIT));
    }
}

#[test]
fn a_wider_window_is_granted_at_once_and_a_narrower_one_is_not_possible() {
    let wide = Limits {
        window: 3 * INITIAL_CREDIT,
        ..Limits::default()
    };
    let narrow = Limits {
        window: 1,
        ..Limits::default()
    };
    let (mut client, mut server) = pair_with(narrow, wide);
    client.open().unwrap();
    carry(&mut client, &mut server);
    carry(&mut server, &mut client);
    for stream in [0, 1] {
        assert_eq!(client.credit(stream), i64::from(3 * INITIAL_CREDIT));
        assert_eq!(server.credit(stream), i64::from(INITIAL_CREDIT));
    }
}

#[test]
fn consuming_what_never_came_grants_nothing() {
    let (_, mut server) = pair();
    for _ in 0..100 {
        server.consumed(0, u32::MAX);
        server.consumed(77, 1);
    }
    assert_eq!(frames(&server), []);
}

#[test]
fn a_peer_that_sends_no_more_is_granted_no_more() {
    let (mut client, mut server) = pair();
    client
        .send_raw(0, 7, Head::default(), &vec![0; INITIAL_CREDIT as usize])
        .unwrap();
    client.end(0).unwrap();
    carry(&mut client, &mut server);
    server.consumed(0, INITIAL_CREDIT);
    assert_eq!(frames(&server), []);
}

#[test]
fn credit_is_news_only_to_who_ran_out_of_it() {
    let mut server = alone(Side::Server);
    let grant = frame(Kind::Credit, 0, &1000u32.to_be_bytes());
    assert_eq!(feed(&mut server, &grant), Ok(vec![]));
    assert_eq!(server.credit(0), i64::from(INITIAL_CREDIT + 1000));
    let all = vec![0; (INITIAL_CREDIT + 1000) as usize];
    server.send_raw(0, 7, Head::default(), &all).unwrap();
    assert_eq!(feed(&mut server, &grant), Ok(vec![Seen::Credit(0)]));
    assert_eq!(feed(&mut server, &grant), Ok(vec![]));
}

#[test]
fn what_cannot_be_sent_leaves_no_trace() {
    struct Never;
    impl Serialize for Never {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }
    impl<'de> Deserialize<'de> for Never {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Never, D::Error> {
            Err(serde::de::Error::custom("never"))
        }
    }
    impl gshell_wire::Schema for Never {
        const TYPE: gshell_wire::Type = gshell_wire::Type::Unit;
    }
    impl Message for Never {
        const NAME: &'static str = "test.Never";
    }
    let (mut client, _) = pair_with(
        Limits {
            message: 10,
            ..Limits::default()
        },
        Limits::default(),
    );
    let credit = client.credit(0);
    assert_eq!(
        client.send(0, Head::default(), &Never),
        Err(SendError::Encode(EncodeError::Refused))
    );
    let long = SendError::TooLong { len: 11, max: 10 };
    assert_eq!(client.send(0, Head::default(), &text("0123456789")), Err(long));
    assert_eq!(client.send_raw(0, 7, Head::default(), &[0; 11]), Err(long));
    assert_eq!((client.pending(), client.credit(0)), (&b""[..], credit));
    client.send(0, Head::default(), &text("012345678")).unwrap();
}

#[test]
fn a_ping_is_answered_with_its_bytes() {
    let mut server = alone(Side::Server);
    assert_eq!(feed(&mut server, &frame(Kind::Ping, 0, b"8 bytes!")), Ok(vec![]));
    assert_eq!(frames(&server), [(Kind::Pong, 0, b"8 bytes!".to_vec())]);
}

#[test]
fn keepalive_lasts_while_the_peer_answers() {
    let (mut client, mut server) = pair();
    client.keepalive(100, 250);
    for now in (100..10_000).step_by(100) {
        assert_eq!(client.next_tick(), Some(now));
        client.tick(now).unwrap();
        assert_eq!(carry(&mut client, &mut server), []);
        let pong = std::mem::take(server.output());
        assert!(
            client
                .input(&pong, now)
                .is_ok_and(|step| step.used == 20 && step.event.is_none())
        );
    }
    client.keepalive(0, 0);
    assert_eq!((client.next_tick(), client.tick(u64::MAX)), (None, Ok(())));
}

#[test]
fn nothing_comes_after_a_bye() {
    let (mut client, mut server) = pair();
    client.send_raw(0, 7, Head::default(), b"first").unwrap();
    client.bye(&stopped());
    client.bye(&stopped());
    assert_eq!(
        client.send_raw(0, 7, Head::default(), b""),
        Err(SendError::Closed)
    );
    client.reset(0, &stopped());
    server.send_raw(0, 7, Head::default(), b"crossed").unwrap();
    assert_eq!(carry(&mut server, &mut client), []);
    assert_eq!(
        carry(&mut client, &mut server),
        [message(0, b"first"), Seen::Bye(stopped())]
    );
    for session in [&mut client, &mut server] {
        assert!(session.is_closed() && session.pending().is_empty());
        assert_eq!(session.next_tick(), None);
        assert_eq!(session.end(0), Err(SendError::Closed));
    }
}

#[test]
fn texts_of_a_peers_fault_are_cut() {
    let (mut client, mut server) = pair_with(
        Limits::default(),
        Limits {
            text: 4,
            ..Limits::default()
        },
    );
    client.bye(&stopped());
    let cut = Fault::new(Code::Stopped, "stop").with_cause("told");
    assert_eq!(carry(&mut client, &mut server), [Seen::Bye(cut)]);
}

#[test]
fn the_hot_path_does_not_grow_the_output() {
    let (mut client, mut server) = pair();
    let turn = |from: &mut Session, to: &mut Session| {
        from.send_raw(
            0,
            7,
            Head {
                call: Some(1),
                ..Head::default()
            },
            &[0; 100],
        )
        .unwrap();
        assert!(to.input(from.pending(), 0).unwrap().event.is_some());
        from.written(from.pending().len());
        to.consumed(0, 100);
        let credit = to.pending().to_vec();
        feed(from, &credit).unwrap();
        to.written(credit.len());
    };
    turn(&mut client, &mut server);
    turn(&mut server, &mut client);
    let capacity = (client.output().capacity(), server.output().capacity());
    for _ in 0..10_000 {
        turn(&mut client, &mut server);
        turn(&mut server, &mut client);
    }
    assert_eq!((client.output().capacity(), server.output().capacity()), capacity);
}
