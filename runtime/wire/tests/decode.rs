//! The reader of bodies against postcard's own, and against what a peer may try.

use std::collections::BTreeMap;

use gshell_wire::{Bytes, DEPTH_MAX, DecodeError, decode, encode};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf(i16),
    Node(Vec<Tree>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Mixed {
    a: (bool, i8, u16, i32),
    b: Option<u64>,
    c: Vec<i64>,
    d: BTreeMap<u8, String>,
    e: Bytes,
    f: (f32, f64),
    g: Tree,
}

/// xorshift: the same numbers on every run and machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Small, large and negative numbers alike.
    fn number(&mut self) -> u64 {
        let shift = self.next() % 64;
        self.next() >> shift
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn tree(&mut self, depth: u32) -> Tree {
        match self.below(2) {
            1 if depth > 0 => Tree::Node((0..self.below(4)).map(|_| self.tree(depth - 1)).collect()),
            _ => Tree::Leaf(self.number() as i16),
        }
    }

    fn mixed(&mut self) -> Mixed {
        Mixed {
            a: (
                self.below(2) == 1,
                self.next() as i8,
                self.number() as u16,
                self.number() as i32,
            ),
            b: (self.below(2) == 1).then(|| self.number()),
            c: (0..self.below(5)).map(|_| self.number() as i64).collect(),
            d: (0..self.below(5))
                .map(|_| (self.next() as u8, "ü".repeat(self.below(9) as usize)))
                .collect(),
            e: (0..self.below(200))
                .map(|_| self.next() as u8)
                .collect::<Vec<_>>()
                .into(),
            f: (self.number() as f32, self.number() as f64),
            g: self.tree(4),
        }
    }
}

#[test]
fn round_trips_are_postcards() {
    let mut random = Random(1);
    for _ in 0..2000 {
        let value = random.mixed();
        let mut bytes = Vec::new();
        encode(&value, &mut bytes).unwrap();
        assert_eq!(bytes, postcard::to_allocvec(&value).unwrap());
        assert_eq!(decode::<Mixed>(&bytes).unwrap(), value);
    }
}

#[test]
fn what_postcard_reads_is_read_the_same() {
    let mut random = Random(2);
    for _ in 0..2000 {
        let mut bytes = postcard::to_allocvec(&random.mixed()).unwrap();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.next() as u8;
        }
        let theirs = postcard::take_from_bytes::<Mixed>(&bytes);
        match (decode::<Mixed>(&bytes), theirs) {
            (Ok(ours), Ok((theirs, []))) => assert_eq!(format!("{ours:?}"), format!("{theirs:?}")),
            (Err(DecodeError::Trailing { left, .. }), Ok((_, rest))) => assert_eq!(left as usize, rest.len()),
            (Err(_), Err(_)) => {}
            (ours, theirs) => panic!("{ours:?} but {theirs:?} of {bytes:02x?}"),
        }
    }
}

#[test]
fn every_cut_is_an_error() {
    let mut random = Random(3);
    for _ in 0..50 {
        let bytes = postcard::to_allocvec(&random.mixed()).unwrap();
        for cut in 0..bytes.len() {
            assert!(decode::<Mixed>(&bytes[..cut]).is_err());
        }
    }
}

#[test]
fn trailing_bytes() {
    assert_eq!(
        decode::<u8>(&[1, 2, 3]),
        Err(DecodeError::Trailing { at: 1, left: 2 })
    );
    assert_eq!(decode::<()>(&[0]), Err(DecodeError::Trailing { at: 0, left: 1 }));
}

/// `u32::MAX` as a length.
const MANY: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];

#[test]
fn a_list_cannot_claim_more_than_there_is() {
    let claim = DecodeError::TooMany {
        at: 5,
        count: u32::MAX,
        left: 0,
    };
    assert_eq!(decode::<Vec<u64>>(&MANY), Err(claim.clone()));
    assert_eq!(decode::<Vec<[u64; 32]>>(&MANY), Err(claim.clone()));
    assert_eq!(decode::<BTreeMap<u8, u8>>(&MANY), Err(claim));
    assert_eq!(
        decode::<Vec<u8>>(&[2, 7]),
        Err(DecodeError::TooMany {
            at: 1,
            count: 2,
            left: 1
        })
    );
    assert_eq!(decode::<Vec<u8>>(&[2, 7, 8]), Ok(vec![7, 8]));
    assert_eq!(decode::<String>(&MANY), Err(DecodeError::Short { at: 0 }));
    assert_eq!(decode::<Bytes>(&MANY), Err(DecodeError::Short { at: 0 }));
}

#[test]
fn a_list_of_nothing_keeps_nobody_busy() {
    let claim = DecodeError::TooMany {
        at: 5,
        count: u32::MAX,
        left: 0,
    };
    assert_eq!(decode::<Vec<()>>(&MANY), Err(claim.clone()));
    assert_eq!(decode::<BTreeMap<(), ()>>(&MANY), Err(claim));
}

#[test]
fn a_length_has_32_bits_everywhere() {
    let more = [0xff, 0xff, 0xff, 0xff, 0x1f];
    assert_eq!(decode::<String>(&more), Err(DecodeError::BadNumber { at: 5 }));
    let endless = [0x80; 12];
    assert_eq!(decode::<Vec<u8>>(&endless), Err(DecodeError::BadNumber { at: 5 }));
    assert_eq!(decode::<u64>(&endless), Err(DecodeError::BadNumber { at: 10 }));
}

#[test]
fn depth_is_bounded() {
    let deep = |levels: usize| {
        let mut bytes = [1, 1].repeat(levels);
        bytes.extend_from_slice(&[0, 2]);
        bytes
    };
    assert!(decode::<Tree>(&deep(10)).is_ok());
    assert!(decode::<Tree>(&deep(usize::from(DEPTH_MAX) / 2 - 1)).is_ok());
    assert!(matches!(
        decode::<Tree>(&deep(1_000_000)),
        Err(DecodeError::TooDeep { .. })
    ));
    let wide = Tree::Node((0..1000).map(Tree::Leaf).collect());
    assert_eq!(
        decode(&postcard::to_allocvec(&wide).unwrap()),
        Ok(wide),
        "breadth is not depth"
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    assert_eq!(
        decode::<(u8, bool)>(&[7, 2]),
        Err(DecodeError::BadMark { at: 1, found: 2 })
    );
    assert_eq!(
        decode::<(u8, Option<u8>)>(&[7, 3]),
        Err(DecodeError::BadMark { at: 1, found: 3 })
    );
    assert_eq!(
        decode::<(u8, String)>(&[7, 1, 0xff]),
        Err(DecodeError::BadText { at: 1 })
    );
    assert_eq!(decode::<(u8, u32)>(&[7, 0x80]), Err(DecodeError::Short { at: 2 }));
    assert!(decode::<Tree>(&[9]).is_err_and(|error| error.to_string().contains("variant")));
    assert_eq!(decode::<char>(b"\x01a"), Err(DecodeError::Unsupported("a char")));
}

#[test]
fn texts_and_bytes_can_be_borrowed() {
    let bytes = b"\x02hi\x02yo";
    let (text, raw) = decode::<(&str, &[u8])>(bytes).unwrap();
    assert_eq!((text, raw), ("hi", &b"yo"[..]));
    assert_eq!(text.as_ptr(), bytes[1..].as_ptr());
}
