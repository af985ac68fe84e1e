//! Frozen bytes of the protocol, from `tests/fixtures/wire-v1*.txt`: what this build writes must be these, and from these
//! it must read the same.
//!
//! The unit tests hold all of the fixtures on the machine that builds; these few go to the machine that runs.

use gshell_control::messages::node::{Id, NodeId};
use gshell_service::builtin::messages::{Describe, Ping};
use gshell_wire::{
    Blocks, Frame, Hello, Kind, Limits, Message, Role, Shape, Trace, Value, begin_frame, decode_frame,
    finish_frame,
};

use super::expect;

const HELLO: &str = "67536801000100010100000000000001";
/// A request with everything that can travel beside it.
const FRAME: &str = "\
    0000002a020f000000000002010203040506070811121314000013883031323334353637383961626364656641424344\
    454647486869";
/// A message with a field of each kind, and the ends of the ranges in two bodies of it.
const SHAPE: &str = "\
    140a45766572797468696e671304666c6167000102693800020369313600030369333200040369363400050275380006\
    03753136000703753332000803753634000903663332000a03663634000b0474657874000c056279746573000d04756e\
    6974000e046c697374001007036d617000110c02066f7074696f6e001206057475706c65001302060c0876617269616e\
    74730010150643686f6963650404556e69740e486f6c6473206e6f7468696e672e0e034f6e6500070354776f00130206\
    06054e616d65640014054e616d656401036e756d0005";
const LOW: &str = "0080ffff03ffffffff0fffffffffffffffffff01000000000000c0bf000000000000f0ff0000000000010000";
const HIGH: &str = "\
    017ffeff03feffffff0ffeffffffffffffffff01ffffff03ffffffff0fffffffffffffffffff01cdcccc3d9a99999999\
    99b93f0b6772c3bcc39f20646963680300ff8004017f8001ac02020161ff0162010107020178040001f4030203040301";
const KEY: u64 = 0x290148cc5a06df7b;

/// Keys of messages that every node is asked.
const KEYS: [(&str, u64, u64); 4] = [
    ("gshell.Ping", Ping::KEY, 0x39d4_9a1f_3180_d101),
    ("gshell.Describe", Describe::KEY, 0x9349_ebb9_059f_fde0),
    ("gshell.Id", Id::KEY, 0x0f86_de3d_8807_c68c),
    ("gshell.NodeId", NodeId::KEY, 0x33d0_9335_7a99_ffad),
];

fn bytes(digits: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default() as u8;
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| pair.iter().fold(0, |sum, byte| sum << 4 | digit(byte)))
        .collect()
}

/// Hello and frame: fields of fixed width, highest byte first.
pub fn frames() -> Result<(), String> {
    let hello = Hello::ours(Role::Client);
    expect("an encoded hello", hello.encode().as_slice(), &bytes(HELLO))?;
    let blocks = Blocks {
        key: Some(0x0102_0304_0506_0708),
        call: Some(0x1112_1314),
        deadline_ms: Some(5000),
        trace: Some(Trace {
            id: *b"0123456789abcdef",
            span: *b"ABCDEFGH",
        }),
    };
    let mut written = Vec::new();
    let start = begin_frame(&mut written, Kind::Message, 2, &blocks);
    written.extend_from_slice(b"hi");
    finish_frame(&mut written, start, 0);
    expect("a frame", &written, &bytes(FRAME))?;
    let frame = Frame {
        kind: Kind::Message,
        stream: 2,
        blocks,
        payload: b"hi",
    };
    let read = decode_frame(&written, &Limits::default());
    expect("a frame that is read", read, Ok(Some((frame, written.len()))))
}

/// A message of all kinds of fields, by its description: integers of variable length, floats, everything else.
pub fn values() -> Result<(), String> {
    let told = bytes(SHAPE);
    let shape = Shape::read(&told).map_err(|flaw| flaw.to_string())?;
    let mut written = Vec::new();
    shape.write(&mut written);
    expect("a description", &written, &told)?;
    for body in [LOW, HIGH].map(bytes) {
        let value = Value::decode(&shape, &body).map_err(|error| error.to_string())?;
        written.clear();
        value
            .encode(&shape, &mut written)
            .map_err(|error| error.to_string())?;
        expect("an encoded message", &written, &body)?;
    }
    let low = Value::decode(&shape, &bytes(LOW)).map_err(|error| error.to_string())?;
    let high = Value::decode(&shape, &bytes(HIGH)).map_err(|error| error.to_string())?;
    for (value, path, want) in [
        (&low, "i64", Value::Int(i64::MIN)),
        (&low, "f32", Value::Float(-1.5)),
        (&low, "f64", Value::Float(f64::NEG_INFINITY)),
        (&high, "u64", Value::Uint(u64::MAX)),
        (&high, "f32", Value::Float(f64::from(0.1_f32))),
        (&high, "f64", Value::Float(0.1)),
        (&high, "text", Value::Str("gr\u{fc}\u{df} dich".to_owned())),
    ] {
        expect(path, value.at(path), Some(&want))?;
    }
    Ok(())
}

/// Keys: whoever computes another one is not understood.
pub fn keys() -> Result<(), String> {
    let shape = Shape::read(&bytes(SHAPE)).map_err(|flaw| flaw.to_string())?;
    expect("the key of a description", shape.key("fixture.Everything"), KEY)?;
    KEYS.iter()
        .try_for_each(|(name, key, want)| expect(name, *key, *want))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a fixture as digits.
    fn fixture(name: &str) -> String {
        let files = [
            include_str!("../../../../tests/fixtures/wire-v1.txt"),
            include_str!("../../../../tests/fixtures/wire-v1-features.txt"),
        ];
        let lines: Vec<_> = files.iter().flat_map(|file| file.lines()).collect();
        let at = lines
            .iter()
            .position(|line| line.split(':').next() == Some(name))
            .unwrap();
        let more = lines[at + 1..].iter().take_while(|line| line.starts_with(' '));
        let first = lines[at].split_once(':').unwrap().1;
        let digits = more.fold(first.to_owned(), |all, line| all + line);
        digits.split_whitespace().collect()
    }

    #[test]
    fn the_bytes_are_those_of_the_fixtures() {
        for (name, digits) in [
            ("hello.cancel.client", HELLO),
            ("frame.message.all", FRAME),
            ("shape.everything", SHAPE),
            ("body.everything.low", LOW),
            ("body.everything.high", HIGH),
            ("key.everything", &format!("{KEY:016x}")),
        ] {
            assert_eq!(digits, fixture(name), "{name}");
        }
    }
}
