//! One test for each way in which a frame can lie. Each names the lie that must be found.

mod common;

use common::{all, fixture};
use gshell_wire::{BLOCKS_MAX, FAULT_PAYLOAD_MAX, HEADER_LEN, Kind, Limits, Malformed, decode_frame};

fn limits() -> Limits {
    Limits {
        message: 1000,
        ..Limits::default()
    }
}

/// A header; the body is not there, because no lie of a header may wait for it.
fn header(len: u32, kind: u8, flags: u8, reserved: u16, stream: u32) -> Vec<u8> {
    let mut out = len.to_be_bytes().to_vec();
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&reserved.to_be_bytes());
    out.extend_from_slice(&stream.to_be_bytes());
    out
}

#[track_caller]
fn lie(bytes: &[u8], want: Malformed) {
    assert_eq!(decode_frame(bytes, &limits()).err(), Some(want));
    assert!(!want.to_string().is_empty());
}

#[test]
fn too_long_is_found_before_the_body_and_before_anything_else() {
    lie(
        &header(1009, 2, 1, 0, 0),
        Malformed::TooLong { len: 1001, max: 1000 },
    );
    lie(
        &header(u32::MAX, 2, 1, 0xffff, 0),
        Malformed::TooLong {
            len: u32::MAX - 8,
            max: 1000,
        },
    );
    lie(
        &header(u32::MAX, 77, 0xff, 1, 0),
        Malformed::TooLong {
            len: u32::MAX - BLOCKS_MAX,
            max: 1000,
        },
    );
    assert_eq!(decode_frame(&header(1008, 2, 1, 0, 0), &limits()), Ok(None));
}

#[test]
fn each_kind_has_its_own_longest_payload() {
    for (kind, flags) in [(Kind::Open, 0), (Kind::End, 0), (Kind::Cancel, 2)] {
        let blocks = u32::from(flags) * 2;
        lie(
            &header(1 + blocks, kind as u8, flags, 0, 1),
            Malformed::TooLong { len: 1, max: 0 },
        );
    }
    for kind in [Kind::Error, Kind::Reset, Kind::Bye] {
        let max = FAULT_PAYLOAD_MAX;
        lie(
            &header(max + 1, kind as u8, 0, 0, 0),
            Malformed::TooLong { len: max + 1, max },
        );
    }
}

#[test]
fn unknown_kind() {
    lie(&header(0, 0, 0, 0, 0), Malformed::UnknownKind(0));
    lie(&header(0, 11, 0, 0, 0), Malformed::UnknownKind(11));
    lie(&header(0, 255, 0, 0, 0), Malformed::UnknownKind(255));
}

#[test]
fn unknown_flags() {
    lie(&header(100, 2, 0x11, 0, 0), Malformed::UnknownFlags(0x11));
    lie(&header(100, 2, 0x80, 0, 0), Malformed::UnknownFlags(0x80));
}

#[test]
fn reserved_set() {
    lie(&header(8, 2, 1, 1, 0), Malformed::ReservedSet(1));
    lie(&header(8, 2, 1, 0x8000, 0), Malformed::ReservedSet(0x8000));
}

#[test]
fn blocks_cut() {
    lie(&header(7, 2, 1, 0, 0), Malformed::BlocksCut { len: 7, need: 8 });
    lie(
        &header(39, 2, 15, 0, 0),
        Malformed::BlocksCut { len: 39, need: 40 },
    );
    lie(&header(3, 3, 2, 0, 0), Malformed::BlocksCut { len: 3, need: 4 });
}

#[test]
fn missing_key() {
    lie(&header(2, 2, 0, 0, 0), Malformed::MissingKey);
    lie(&header(10, 2, 6, 0, 0), Malformed::MissingKey);
}

#[test]
fn missing_call() {
    lie(&header(0, 10, 0, 0, 1), Malformed::MissingCall);
}

#[test]
fn unexpected_blocks() {
    lie(
        &header(12, 10, 3, 0, 0),
        Malformed::UnexpectedBlocks {
            kind: Kind::Cancel,
            flags: 3,
        },
    );
    lie(
        &header(40, 3, 1, 0, 0),
        Malformed::UnexpectedBlocks {
            kind: Kind::Error,
            flags: 1,
        },
    );
    for kind in [
        Kind::Open,
        Kind::End,
        Kind::Reset,
        Kind::Credit,
        Kind::Ping,
        Kind::Pong,
        Kind::Bye,
    ] {
        lie(
            &header(4, kind as u8, 2, 0, 0),
            Malformed::UnexpectedBlocks { kind, flags: 2 },
        );
    }
}

#[test]
fn bad_credit() {
    for len in [0, 3, 5] {
        lie(&header(len, 6, 0, 0, 1), Malformed::BadCredit);
    }
    let mut nothing = header(4, 6, 0, 0, 1);
    nothing.extend_from_slice(&[0; 4]);
    lie(&nothing, Malformed::BadCredit);
}

#[test]
fn bad_ping() {
    for (kind, len) in [(7, 0), (7, 7), (7, 9), (8, 4), (8, 1 << 30)] {
        lie(&header(len, kind, 0, 0, 0), Malformed::BadPing { len });
    }
}

#[test]
fn stream_set() {
    for (kind, len) in [(Kind::Ping, 8), (Kind::Pong, 8), (Kind::Bye, 8)] {
        lie(
            &header(len, kind as u8, 0, 0, 5),
            Malformed::StreamSet { kind, stream: 5 },
        );
    }
}

#[test]
fn frames_are_taken_one_by_one() {
    let (first, second) = (fixture("frame.message.all"), fixture("frame.end"));
    let both = [first.clone(), second.clone()].concat();
    let (_, used) = decode_frame(&both, &limits()).unwrap().unwrap();
    assert_eq!(used, first.len());
    let (frame, used) = decode_frame(&both[used..], &limits()).unwrap().unwrap();
    assert_eq!((frame.kind, used), (Kind::End, second.len()));
}

#[test]
fn no_byte_of_a_header_can_cause_a_panic() {
    for (name, bytes) in all().into_iter().filter(|(name, _)| name.starts_with("frame.")) {
        for at in 0..HEADER_LEN {
            for value in 0..=255 {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                if let Ok(Some((_, used))) = decode_frame(&bytes, &limits()) {
                    assert!(used <= bytes.len(), "{name}");
                }
            }
        }
    }
}
