//! Many streams, peers that flood and peers that do not read: what they cost this side has a bound.

// The lints spare test functions, not their helpers.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{Seen, alone, carry, fault_payload, feed, frame, frames, pair_with};
use gshell_session::{Head, Lie, MESSAGE_COST, OUTPUT_HIGH, SendError, Session, Side};
use gshell_wire::{Blocks, Code, Fault, INITIAL_CREDIT, Kind, Limits, begin_frame, finish_frame};

/// Feeds frames of a peer that does not care for the answers; gives the events and the bytes that were answered.
fn flood(session: &mut Session, times: u32, make: impl Fn(u32) -> Vec<u8>) -> (usize, usize) {
    let (mut events, mut most) = (0, 0);
    for i in 0..times {
        events += feed(session, &make(i)).unwrap().len();
        most = most.max(session.pending().len());
        session.written(session.pending().len());
    }
    (events, most)
}

fn open(id: u32) -> Vec<u8> {
    frame(Kind::Open, id, b"")
}

#[test]
fn streams_without_end_are_refused_one_by_one() {
    let mut server = alone(Side::Server);
    let limit = Limits::default().streams as usize;
    let (events, most) = flood(&mut server, 200_000, |i| open(i + 1));
    assert_eq!(
        (events + 1, server.streams()),
        (limit, limit),
        "the default stream is one of them"
    );
    assert!(most < 100, "a refusal takes {most} bytes");
    // A frame on a stream that was refused long ago is dropped, not blamed: the peer may not have known.
    assert_eq!(
        feed(&mut server, &frame(Kind::Message, 1025, b"late")),
        Ok(vec![])
    );
    assert_eq!(
        feed(&mut server, &frame(Kind::Message, 200_000, b"late")),
        Ok(vec![])
    );
    let next = Lie::OpenedTwice { stream: 5 };
    assert_eq!(feed(&mut server, &open(5)), Err(next));
}

#[test]
fn opening_and_resetting_without_end_leaves_nothing_behind() {
    let mut server = alone(Side::Server);
    let reset = fault_payload(&Fault::new(Code::Cancelled, ""));
    flood(&mut server, 100_000, |i| {
        [open(i + 1), frame(Kind::Reset, i + 1, &reset)].concat()
    });
    assert_eq!(server.streams(), 1);
}

#[test]
fn what_a_flood_makes_this_side_answer_is_no_more_than_the_flood() {
    let cancel = |i: u32| {
        let mut out = Vec::new();
        let blocks = Blocks {
            call: Some(i),
            ..Blocks::default()
        };
        let start = begin_frame(&mut out, Kind::Cancel, 0, &blocks);
        finish_frame(&mut out, start, 0);
        out
    };
    let grant = |_| frame(Kind::Credit, 0, &1u32.to_be_bytes());
    let mut server = alone(Side::Server);
    assert_eq!(
        flood(&mut server, 10_000, |_| frame(Kind::Ping, 0, &[1; 8])),
        (0, 20)
    );
    assert_eq!(
        flood(&mut server, 10_000, |_| frame(Kind::Pong, 0, &[1; 8])),
        (0, 0)
    );
    assert_eq!(flood(&mut server, 10_000, cancel), (10_000, 0));
    assert_eq!(flood(&mut server, 10_000, grant), (0, 0));
}

#[test]
fn a_peer_that_does_not_stop_sending_runs_out_of_credit() {
    let mut server = alone(Side::Server);
    let most = INITIAL_CREDIT / MESSAGE_COST;
    for _ in 0..most {
        feed(&mut server, &frame(Kind::Message, 0, b"")).unwrap();
    }
    assert_eq!(
        feed(&mut server, &frame(Kind::Message, 0, b"")),
        Err(Lie::CreditOverrun { stream: 0 })
    );
}

#[test]
fn a_peer_that_does_not_read_stops_this_side() {
    let (mut client, _) = pair_with(Limits::default(), Limits::default());
    for _ in 0..10 {
        client.open().unwrap();
    }
    let long = [0; 16 * 1024];
    let mut sent = 0;
    for stream in 0..=10 {
        while client.send_raw(stream, 7, Head::default(), &long).is_ok() {
            sent += 1;
        }
        let refused = client.send_raw(stream, 7, Head::default(), &long);
        assert_eq!(refused, Err(SendError::NoCredit));
    }
    let bound = 11 * (INITIAL_CREDIT as usize + long.len() + 1024);
    assert!(sent > 11 * 15 && client.pending().len() <= bound);
    // The transport knows when it is time to keep further messages back.
    assert!(client.is_congested() && client.pending().len() > OUTPUT_HIGH);
    client.written(client.pending().len());
    assert!(!client.is_congested());
}

#[test]
fn a_slow_stream_does_not_hold_up_its_neighbours() {
    let (mut client, mut server) = pair_with(Limits::default(), Limits::default());
    let streams = [client.open().unwrap(), client.open().unwrap()];
    carry(&mut client, &mut server);
    // Nobody takes what comes on the first stream.
    while client.credit(streams[0]) > 0 {
        client
            .send_raw(streams[0], 7, Head::default(), &[0; 1000])
            .unwrap();
    }
    carry(&mut client, &mut server);
    for _ in 0..1000 {
        client
            .send_raw(streams[1], 7, Head::default(), &[1; 1000])
            .unwrap();
        let seen = carry(&mut client, &mut server);
        assert!(matches!(seen.as_slice(), [Seen::Message { stream, .. }] if *stream == streams[1]));
        server.consumed(streams[1], 1000);
        carry(&mut server, &mut client);
    }
    assert!(client.credit(streams[0]) <= 0);
}

/// Messages there and back on each of `streams` streams, `rounds` times; the shortest time of a few runs.
fn time(streams: u32, rounds: u32) -> Duration {
    let limits = Limits {
        streams: 1100,
        ..Limits::default()
    };
    let (mut client, mut server) = pair_with(limits, limits);
    for _ in 1..streams {
        client.open().unwrap();
    }
    carry(&mut client, &mut server);
    let turn = |from: &mut Session, to: &mut Session| {
        for stream in 0..streams {
            from.send_raw(stream, 7, Head::default(), &[0; 32]).unwrap();
            let used = to.input(from.pending(), 0).unwrap().used;
            from.written(used);
            to.consumed(stream, 32);
            let credit = to.pending().to_vec();
            if !credit.is_empty() {
                feed(from, &credit).unwrap();
                to.written(credit.len());
            }
        }
    };
    (0..5)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..rounds {
                turn(&mut client, &mut server);
                turn(&mut server, &mut client);
            }
            started.elapsed()
        })
        .min()
        .unwrap()
}

#[test]
fn a_message_on_one_of_a_thousand_streams_costs_little_more_than_on_one() {
    let one = time(1, 20_000);
    let thousand = time(1000, 20);
    println!(
        "a message: {} ns on one stream, {} ns on one of 1000",
        one.as_nanos() / 40_000,
        thousand.as_nanos() / 40_000
    );
    // A walk through the table would be thirty times as long; other processes are allowed for.
    assert!(thousand < one * 10, "{one:?} and {thousand:?} for 40000 messages");
}

#[test]
fn a_thousand_streams_come_and_go() {
    let (mut client, mut server) = pair_with(Limits::default(), Limits::default());
    for _ in 0..5 {
        let ids: Vec<_> = (0..1000).map(|_| client.open().unwrap()).collect();
        carry(&mut client, &mut server);
        assert_eq!((client.streams(), server.streams()), (1001, 1001));
        // From the middle outwards, so that no order of closing is special.
        for i in 0..500 {
            for at in [500 + i, 499 - i] {
                client.end(ids[at]).unwrap();
                server.end(ids[at]).unwrap();
            }
        }
        carry(&mut client, &mut server);
        carry(&mut server, &mut client);
        assert_eq!((client.streams(), server.streams()), (1, 1));
    }
    assert_eq!(frames(&client), []);
}

/// The figures in the crate's documentation.
#[test]
fn a_connection_and_a_stream_take_what_the_documentation_says() {
    assert!(size_of::<Session>() <= 304, "{}", size_of::<Session>());
}
