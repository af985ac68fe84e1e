//! The frozen bytes of protocol version 1, read both ways: what is written today must be those bytes, and those bytes
//! must be read as the same values. The file is never edited; what a later version adds gets a file of its own.

// The lints spare test functions, not their helpers.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Debug;

use common::fixture;
use gshell_wire::{
    Blocks, Bytes, Code, Fault, Frame, Hello, Kind, Limits, Message, Role, Shape, Trace, Value, begin_frame,
    decode, decode_frame, encode, finish_frame,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const TRACE: Trace = Trace {
    id: *b"0123456789abcdef",
    span: *b"ABCDEFGH",
};

/// One of every shape.
#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "fixture.Everything")]
struct Everything {
    flag: bool,
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    f32: f32,
    f64: f64,
    text: String,
    bytes: Bytes,
    unit: (),
    list: Vec<u16>,
    map: BTreeMap<String, i8>,
    option: Option<u8>,
    tuple: (u8, String),
    variants: Vec<Choice>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, gshell_wire::Schema)]
enum Choice {
    /// Holds nothing.
    Unit,
    One(u16),
    Two(u8, u8),
    Named {
        num: i64,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "fixture.Empty")]
struct Empty;

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "fixture.Text")]
struct Text(String);

fn lows() -> Everything {
    Everything {
        flag: false,
        i8: i8::MIN,
        i16: i16::MIN,
        i32: i32::MIN,
        i64: i64::MIN,
        u8: 0,
        u16: 0,
        u32: 0,
        u64: 0,
        f32: -1.5,
        f64: f64::NEG_INFINITY,
        text: String::new(),
        bytes: Bytes::new(),
        unit: (),
        list: Vec::new(),
        map: BTreeMap::new(),
        option: None,
        tuple: (1, String::new()),
        variants: Vec::new(),
    }
}

fn highs() -> Everything {
    Everything {
        flag: true,
        i8: i8::MAX,
        i16: i16::MAX,
        i32: i32::MAX,
        i64: i64::MAX,
        u8: u8::MAX,
        u16: u16::MAX,
        u32: u32::MAX,
        u64: u64::MAX,
        f32: 0.1,
        f64: 0.1,
        text: "grüß dich".into(),
        bytes: Bytes::from(vec![0, 255, 128]),
        unit: (),
        list: vec![1, 127, 128, 300],
        map: BTreeMap::from([("a".into(), -1), ("b".into(), 1)]),
        option: Some(7),
        tuple: (2, "x".into()),
        variants: vec![
            Choice::Unit,
            Choice::One(500),
            Choice::Two(3, 4),
            Choice::Named { num: -1 },
        ],
    }
}

fn body<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let bytes = fixture(name);
    let mut out = Vec::new();
    encode(value, &mut out).unwrap();
    assert_eq!(out, bytes, "{name}: written");
    assert_eq!(&decode::<T>(&bytes).unwrap(), value, "{name}: read");
    for cut in 0..bytes.len() {
        assert!(
            decode::<T>(&bytes[..cut]).is_err(),
            "{name}: cut after {cut} bytes"
        );
    }
}

fn frame(name: &str, kind: Kind, stream: u32, blocks: Blocks, payload: &[u8]) {
    let bytes = fixture(name);
    let mut out = b"before".to_vec();
    let start = begin_frame(&mut out, kind, stream, &blocks);
    out.extend_from_slice(payload);
    finish_frame(&mut out, start, 0);
    assert_eq!(&out[6..], bytes, "{name}: written");
    let want = Frame {
        kind,
        stream,
        blocks,
        payload,
    };
    let limits = Limits::default();
    assert_eq!(
        decode_frame(&bytes, &limits),
        Ok(Some((want, bytes.len()))),
        "{name}: read"
    );
    for cut in 0..bytes.len() {
        assert_eq!(
            decode_frame(&bytes[..cut], &limits),
            Ok(None),
            "{name}: cut after {cut} bytes"
        );
    }
}

fn fault_bytes() -> Vec<u8> {
    let mut out = Vec::new();
    Fault::new(Code::NotFound, "no group a-1")
        .with_cause("gone")
        .encode(&mut out)
        .unwrap();
    out
}

#[test]
fn hellos() {
    // As they were before there was a feature; what is said today is in a file of its own.
    let plain = |role| Hello {
        features: 0,
        ..Hello::ours(role)
    };
    for (name, hello) in [
        ("hello.client", plain(Role::Client)),
        ("hello.server", plain(Role::Server)),
        ("hello.cancel.client", Hello::ours(Role::Client)),
        ("hello.cancel.server", Hello::ours(Role::Server)),
        (
            "hello.later",
            Hello {
                min: 2,
                current: 0x0304,
                role: Role::Client,
                features: 0x8000_0001,
            },
        ),
    ] {
        let bytes: [u8; 16] = fixture(name).try_into().unwrap();
        assert_eq!(hello.encode(), bytes, "{name}: written");
        assert_eq!(Hello::decode(&bytes), Ok(hello), "{name}: read");
    }
}

#[test]
fn frames() {
    let none = Blocks::default();
    let key = Blocks {
        key: Some(0x0102_0304_0506_0708),
        ..none
    };
    let call = Blocks {
        call: Some(0x1112_1314),
        ..key
    };
    let deadline = Blocks {
        deadline_ms: Some(5000),
        ..key
    };
    let all = Blocks {
        deadline_ms: Some(5000),
        trace: Some(TRACE),
        ..call
    };
    frame("frame.open", Kind::Open, 1, none, b"");
    frame("frame.message", Kind::Message, 0, key, b"hi");
    frame("frame.message.empty", Kind::Message, 0, key, b"");
    frame("frame.message.call", Kind::Message, 0x0102_0304, call, b"hi");
    frame("frame.message.deadline", Kind::Message, 0, deadline, b"hi");
    frame("frame.message.all", Kind::Message, 2, all, b"hi");
    frame("frame.error", Kind::Error, 3, none, &fault_bytes());
    frame(
        "frame.error.call",
        Kind::Error,
        3,
        Blocks {
            call: Some(9),
            ..none
        },
        &fault_bytes(),
    );
    frame("frame.end", Kind::End, 3, none, b"");
    frame("frame.reset", Kind::Reset, 3, none, &fault_bytes());
    frame("frame.credit", Kind::Credit, 3, none, &[0, 2, 0, 0]);
    frame("frame.ping", Kind::Ping, 0, none, b"12345678");
    frame("frame.pong", Kind::Pong, 0, none, b"12345678");
    frame("frame.bye", Kind::Bye, 0, none, &fault_bytes());
    let nine = Blocks {
        call: Some(9),
        ..none
    };
    frame("frame.cancel", Kind::Cancel, 3, nine, b"");
}

#[test]
fn bodies() {
    body("body.everything.low", &lows());
    body("body.everything.high", &highs());
    body("body.text", &Text("hi".into()));
    body(
        "body.fault",
        &Fault::new(Code::NotFound, "no group a-1").with_cause("gone"),
    );
    body(
        "body.fault.unknown-code",
        &Fault::from(gshell_wire::FaultParts {
            code: 999,
            message: "m".into(),
            cause: None,
        }),
    );
    assert_eq!(fixture("body.empty"), b"");
    assert_eq!(decode::<Empty>(b""), Ok(Empty));
}

#[test]
fn shapes() {
    for (name, shape) in [
        ("shape.everything", Shape::of::<Everything>()),
        ("shape.choice", Shape::of::<Choice>()),
        ("shape.empty", Shape::of::<Empty>()),
    ] {
        let mut written = Vec::new();
        shape.write(&mut written);
        assert_eq!(written, fixture(name), "{name}: {written:02x?}");
        assert_eq!(Shape::read(&written), Ok(shape), "{name}");
    }
}

#[test]
fn values_by_name_are_the_same_bytes() {
    let shape = Shape::of::<Everything>();
    for name in ["body.everything.low", "body.everything.high"] {
        let mut written = Vec::new();
        let value = Value::decode(&shape, &fixture(name)).unwrap();
        value.encode(&shape, &mut written).unwrap();
        assert_eq!(written, fixture(name), "{name}");
    }
}

#[test]
fn keys() {
    for (name, key) in [
        ("key.everything", Everything::KEY),
        ("key.empty", Empty::KEY),
        ("key.text", Text::KEY),
    ] {
        assert_eq!(key.to_be_bytes().to_vec(), fixture(name), "{name}: {key:016x}");
    }
}
