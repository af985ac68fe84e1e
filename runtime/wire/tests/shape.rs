//! Shapes as values: the same keys as the compiler's, their text, what differs, their bytes, and one test for each way in
//! which those can lie.

// The lints spare test functions, not their helpers.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use gshell_wire::{
    Bytes, DEPTH_MAX, DecodeError, Message, SHAPE_BYTES_MAX, SHAPE_NODES_MAX, Schema, Shape, ShapeField,
    ShapeFlaw, ShapeVariant, key,
};
use serde::{Deserialize, Serialize};

/// Everything at once.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "test.All")]
struct All {
    /// On or off.
    flag: bool,
    ints: (i8, i16, i32, i64),
    uints: (u8, u16, u32, u64),
    floats: (f32, f64),
    text: String,
    bytes: Bytes,
    unit: (),
    list: Vec<Option<Choice>>,
    map: BTreeMap<String, u8>,
}

#[derive(Serialize, Deserialize, Schema)]
enum Choice {
    /// Nothing.
    Off,
    On(i32),
    Pair(u8, u8),
    Named {
        num: i32,
    },
}

fn bytes(shape: &Shape) -> Vec<u8> {
    let mut out = Vec::new();
    shape.write(&mut out);
    out
}

fn strukt(fields: &[(&str, Shape)]) -> Shape {
    Shape::Struct {
        name: "Test".into(),
        fields: fields
            .iter()
            .map(|(name, shape)| ShapeField {
                name: (*name).into(),
                shape: shape.clone(),
                help: String::new(),
            })
            .collect(),
    }
}

fn choice(variants: &[(&str, Shape)]) -> Shape {
    Shape::Enum {
        name: "Test".into(),
        variants: variants
            .iter()
            .map(|(name, shape)| ShapeVariant {
                name: (*name).into(),
                shape: shape.clone(),
                help: String::new(),
            })
            .collect(),
    }
}

fn list(of: Shape) -> Shape {
    Shape::List(Box::new(of))
}

fn option(of: Shape) -> Shape {
    Shape::Option(Box::new(of))
}

#[test]
fn keys_and_lengths_are_the_compilers() {
    let shape = Shape::of::<All>();
    assert_eq!(shape.key("test.All"), All::KEY);
    assert_eq!(shape.key("x"), key("x", &All::TYPE));
    assert_eq!(shape.min_len(), All::TYPE.min_len());
    assert_eq!(Shape::of::<Choice>().key("y"), key("y", &Choice::TYPE));
    let fields: Vec<_> = shape.fields().iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields[..2], ["flag", "ints"]);
    assert_eq!(shape.fields()[0].help, "On or off.");
}

#[test]
fn one_line_of_text() {
    let ints = "ints: (i8, i16, i32, i64), uints: (u8, u16, u32, u64), floats: (f32, f64)";
    let choice = "(Off | On(i32) | Pair(u8, u8) | Named { num: i32 })?";
    assert_eq!(
        Shape::of::<All>().to_string(),
        format!(
            "{{ flag: bool, {ints}, text: string, bytes: bytes, unit: (), list: [{choice}], map: map<string, u8> }}"
        )
    );
    assert_eq!(
        (strukt(&[]).to_string(), self::choice(&[]).to_string()),
        ("{}".into(), "!".into())
    );
}

#[test]
fn bytes_go_both_ways() {
    let shape = Shape::of::<All>();
    assert_eq!(shape.check(), Ok(()));
    assert_eq!(Shape::read(&bytes(&shape)), Ok(shape));
    assert_eq!(
        bytes(&strukt(&[("who", Shape::Str), ("num", option(Shape::I32))])),
        b"\x14\x04Test\x02\x03who\x00\x0c\x03num\x00\x12\x04"
    );
}

#[test]
fn what_differs_is_told_by_path() {
    let ours = strukt(&[("who", Shape::Str), ("num", Shape::I32)]);
    let told = |theirs: Shape| ours.difference(&theirs);
    assert_eq!(told(ours.clone()), None);
    assert_eq!(
        told(strukt(&[("who", Shape::Str), ("num", Shape::I64)])).unwrap(),
        "the service has num: i64, this side has num: i32"
    );
    assert_eq!(
        told(strukt(&[("who", Shape::Str)])).unwrap(),
        "this side has num: i32, the service does not"
    );
    assert_eq!(
        told(strukt(&[
            ("who", Shape::Str),
            ("num", Shape::I32),
            ("more", list(Shape::U8))
        ]))
        .unwrap(),
        "the service has more: [u8], this side does not"
    );
    assert_eq!(
        told(strukt(&[("num", Shape::I32), ("who", Shape::Str)])).unwrap(),
        "the service has the fields in the order num, who, this side who, num"
    );
    assert_eq!(
        told(Shape::Str).unwrap(),
        "the service has string, this side has { who: string, num: i32 }"
    );
}

#[test]
fn what_differs_deep_inside_is_told_by_path() {
    let with = |held: Shape| {
        let inner = choice(&[("Off", Shape::Unit), ("On", strukt(&[("level", held)]))]);
        strukt(&[("jobs", list(option(inner)))])
    };
    assert_eq!(
        with(Shape::I32).difference(&with(Shape::Str)).unwrap(),
        "the service has jobs[].On.level: string, this side has jobs[].On.level: i32"
    );
    let pair = |a, b| Shape::Map(Box::new(a), Box::new(Shape::Tuple(vec![b, Shape::Bool])));
    assert_eq!(
        pair(Shape::Str, Shape::U8)
            .difference(&pair(Shape::U8, Shape::U16))
            .unwrap(),
        "the service has key: u8, this side has key: string; the service has [].1: u16, this side has [].1: u8"
    );
    assert_eq!(
        choice(&[("A", Shape::Unit)])
            .difference(&choice(&[("B", Shape::Unit)]))
            .unwrap(),
        "the service has B: (), this side does not; this side has A: (), the service does not"
    );
    assert!(
        Shape::Tuple(vec![Shape::U8])
            .difference(&Shape::Tuple(vec![]))
            .is_some()
    );
}

#[test]
fn many_and_long_differences_are_cut() {
    let all = |ty: Shape| {
        let names: Vec<_> = (0..50).map(|i| format!("field{i}")).collect();
        let fields: Vec<_> = names.iter().map(|name| (name.as_str(), ty.clone())).collect();
        strukt(&fields)
    };
    let told = all(Shape::U8).difference(&all(Shape::U16)).unwrap();
    assert!(told.ends_with("; and 47 more"), "{told}");
    let told = Shape::U8.difference(&all(Shape::U16)).unwrap();
    assert!(
        told.contains("..., this side has u8") && told.len() < 200,
        "{told}"
    );
}

#[track_caller]
fn lie(bytes: &[u8], want: DecodeError) {
    assert_eq!(Shape::read(bytes), Err(want.clone()));
    assert!(!want.to_string().is_empty());
}

fn flaw(at: u32, what: ShapeFlaw) -> DecodeError {
    assert!(!what.to_string().is_empty());
    DecodeError::BadShape { at, what }
}

#[test]
fn unknown_type() {
    for tag in [0x00, 0x0f, 0x16, 0xff] {
        lie(&[tag], flaw(0, ShapeFlaw::UnknownType(tag)));
        lie(&[0x10, tag], flaw(1, ShapeFlaw::UnknownType(tag)));
    }
}

#[test]
fn every_cut_is_an_error_and_so_is_more() {
    let whole = bytes(&Shape::of::<All>());
    for cut in 0..whole.len() {
        assert!(Shape::read(&whole[..cut]).is_err(), "{cut}");
    }
    lie(&[0x01, 0x01], DecodeError::Trailing { at: 1, left: 1 });
    lie(&[], DecodeError::Short { at: 0 });
}

#[test]
fn counts_that_cannot_be() {
    let many = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let count = u32::MAX;
    lie(
        &[&[0x13][..], &many].concat(),
        DecodeError::TooMany {
            at: 6,
            count,
            left: 0,
        },
    );
    lie(
        &[&[0x14, 0][..], &many].concat(),
        DecodeError::TooMany {
            at: 7,
            count,
            left: 0,
        },
    );
    lie(
        &[&[0x15, 0][..], &many].concat(),
        DecodeError::TooMany {
            at: 7,
            count,
            left: 0,
        },
    );
    // Two fields take six bytes.
    lie(
        &[0x14, 0, 2, 0, 0, 1, 0, 0],
        DecodeError::TooMany {
            at: 3,
            count: 2,
            left: 5,
        },
    );
    lie(
        &[&[0x13][..], &[0xff, 0xff, 0xff, 0xff, 0x1f]].concat(),
        DecodeError::BadNumber { at: 6 },
    );
}

#[test]
fn texts_that_cannot_be() {
    lie(&[0x14, 5, b'a'], DecodeError::Short { at: 1 });
    lie(&[0x14, 1, 0xff, 0], DecodeError::BadText { at: 1 });
    lie(&[0x14, 0, 1, 1, 0xff, 0, 1], DecodeError::BadText { at: 3 });
    lie(&[0x15, 0, 1, 0, 1, 0xff, 1], DecodeError::BadText { at: 4 });
}

#[test]
fn too_many_types() {
    let tuple = |n: u32| Shape::Tuple(vec![Shape::U8; n as usize]);
    let fits = tuple(SHAPE_NODES_MAX - 1);
    assert_eq!(fits.check(), Ok(()));
    assert_eq!(Shape::read(&bytes(&fits)), Ok(fits));
    let more = tuple(SHAPE_NODES_MAX);
    assert_eq!(more.check(), Err(ShapeFlaw::TooMany));
    lie(&bytes(&more), flaw(3, ShapeFlaw::TooMany));
    // The bound holds for all together, not for each.
    let parts = Shape::Tuple(vec![tuple(100); 41]);
    assert_eq!(parts.check(), Err(ShapeFlaw::TooMany));
    assert!(matches!(
        Shape::read(&bytes(&parts)),
        Err(DecodeError::BadShape {
            what: ShapeFlaw::TooMany,
            ..
        })
    ));
}

#[test]
fn too_long() {
    let long = strukt(&[(&"x".repeat(SHAPE_BYTES_MAX as usize), Shape::U8)]);
    assert_eq!(long.check(), Err(ShapeFlaw::TooLong));
    lie(&bytes(&long), flaw(SHAPE_BYTES_MAX, ShapeFlaw::TooLong));
}

#[test]
fn too_deep() {
    let deep = |levels: u8| (0..levels).fold(Shape::U8, |shape, _| option(shape));
    let fits = deep(DEPTH_MAX);
    assert_eq!(fits.check(), Ok(()));
    assert_eq!(Shape::read(&bytes(&fits)), Ok(fits));
    assert_eq!(deep(DEPTH_MAX + 1).check(), Err(ShapeFlaw::TooDeep));
    lie(&bytes(&deep(DEPTH_MAX + 1)), DecodeError::TooDeep { at: 65 });
    lie(&[0x12; 60_000], DecodeError::TooDeep { at: 65 });
}

#[test]
fn entries_that_take_no_bytes() {
    let nothing = Shape::Tuple(vec![Shape::Unit, strukt(&[])]);
    for shape in [
        list(Shape::Unit),
        list(nothing.clone()),
        Shape::Map(Box::new(Shape::Unit), Box::new(nothing)),
    ] {
        assert_eq!(shape.check(), Err(ShapeFlaw::EmptyEntries));
        lie(&bytes(&shape), flaw(0, ShapeFlaw::EmptyEntries));
    }
    for shape in [
        list(option(Shape::Unit)),
        Shape::Map(Box::new(Shape::Unit), Box::new(Shape::U8)),
    ] {
        assert_eq!(shape.check(), Ok(()));
        assert_eq!(Shape::read(&bytes(&shape)), Ok(shape));
    }
}

#[test]
fn names_that_nobody_can_read() {
    for name in ["", "\0", "a\nb", "\u{1b}[2J", "\u{9b}2J"] {
        for shape in [
            strukt(&[("a", Shape::U8), (name, Shape::U8)]),
            choice(&[(name, Shape::Unit)]),
        ] {
            assert_eq!(shape.check(), Err(ShapeFlaw::BadName), "{name:?}");
            lie(&bytes(&shape), flaw(0, ShapeFlaw::BadName));
        }
    }
    // Names of types tell less: they may be missing, but not draw on a terminal.
    let named = |name: &str| {
        let Shape::Enum { variants, .. } = choice(&[("A", Shape::Unit)]) else {
            unreachable!()
        };
        Shape::Enum {
            name: name.to_owned(),
            variants,
        }
    };
    assert_eq!(named("").check(), Ok(()));
    assert_eq!(named("\u{7}").check(), Err(ShapeFlaw::BadName));
    lie(&bytes(&named("\u{7}")), flaw(0, ShapeFlaw::BadName));
    // Found by fuzzing: an enum whose text was empty.
    lie(&[0x15, 1, 0, 1, 0, 0, 0x0e], flaw(0, ShapeFlaw::BadName));
}

#[test]
fn names_that_are_there_twice() {
    for shape in [
        strukt(&[("a", Shape::U8), ("b", Shape::U8), ("a", Shape::I8)]),
        choice(&[("A", Shape::Unit), ("A", Shape::Unit)]),
    ] {
        assert_eq!(shape.check(), Err(ShapeFlaw::SameName));
        lie(&bytes(&shape), flaw(0, ShapeFlaw::SameName));
        lie(&bytes(&option(shape)), flaw(1, ShapeFlaw::SameName));
    }
}

#[test]
fn no_byte_can_cause_a_panic() {
    let whole = bytes(&Shape::of::<All>());
    for at in 0..whole.len() {
        for value in 0..=255 {
            let mut bytes = whole.clone();
            bytes[at] = value;
            if let Ok(shape) = Shape::read(&bytes) {
                assert_eq!(shape.check(), Ok(()));
                assert!(!shape.to_string().is_empty());
            }
        }
    }
}
