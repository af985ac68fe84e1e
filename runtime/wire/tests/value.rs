//! Values without a type of the program: what stands for what, what is refused and how that is said, what a hostile
//! shape and body can cost, and their text.

// The lints spare test functions, not their helpers.
#![allow(clippy::unwrap_used)]

use gshell_wire::{DecodeError, Shape, ShapeField, ShapeVariant, TREE_MAX, Value};

fn strukt(fields: &[(&str, Shape)]) -> Shape {
    let fields = fields.iter().map(|(name, shape)| ShapeField {
        name: (*name).into(),
        shape: shape.clone(),
        help: String::new(),
    });
    Shape::Struct {
        name: "Test".into(),
        fields: fields.collect(),
    }
}

fn choice() -> Shape {
    let variants = [("Off", Shape::Unit), ("On", Shape::U8)];
    let variants = variants.map(|(name, shape)| ShapeVariant {
        name: name.into(),
        shape,
        help: String::new(),
    });
    Shape::Enum {
        name: "Test".into(),
        variants: variants.into(),
    }
}

fn list(of: Shape) -> Shape {
    Shape::List(Box::new(of))
}

fn option(of: Shape) -> Shape {
    Shape::Option(Box::new(of))
}

fn text(text: &str) -> Value {
    Value::Str(text.into())
}

fn table(fields: &[(&str, Value)]) -> Value {
    Value::Struct(
        fields
            .iter()
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect(),
    )
}

fn map(fields: &[(&str, Value)]) -> Value {
    Value::Map(
        fields
            .iter()
            .map(|(name, value)| (text(name), value.clone()))
            .collect(),
    )
}

#[track_caller]
fn same(shape: &Shape, value: &Value, want: &[u8]) {
    let mut out = vec![7];
    value.encode(shape, &mut out).unwrap();
    assert_eq!(out[1..], *want);
}

#[track_caller]
fn refused(shape: &Shape, value: &Value, want: &str) {
    let mut out = vec![7];
    let error = value.encode(shape, &mut out).unwrap_err();
    assert_eq!((error.to_string().as_str(), out.as_slice()), (want, &[7][..]));
}

#[test]
fn ranges_are_checked() {
    same(&Shape::I8, &Value::Int(-128), &[0x80]);
    same(&Shape::U8, &Value::Uint(255), &[255]);
    same(&Shape::I16, &Value::Int(-1), &[1]);
    same(
        &Shape::U64,
        &Value::Uint(u64::MAX),
        &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
    );
    same(
        &Shape::I64,
        &Value::Int(i64::MIN),
        &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
    );
    refused(&Shape::I8, &Value::Int(128), "128 does not fit i8");
    refused(&Shape::U8, &Value::Int(-1), "-1 does not fit u8");
    refused(&Shape::U16, &Value::Uint(65536), "65536 does not fit u16");
    refused(&Shape::I32, &Value::Int(1 << 31), "2147483648 does not fit i32");
    refused(
        &Shape::I64,
        &Value::Uint(1 << 63),
        "9223372036854775808 does not fit i64",
    );
    refused(&Shape::F32, &Value::Float(1e300), "1e300 does not fit f32");
    refused(&Shape::I64, &Value::Float(1e300), "1e300 does not fit i64");
}

#[test]
fn what_stands_for_what() {
    same(&Shape::I32, &Value::Float(3.0), &[6]);
    refused(&Shape::I32, &Value::Float(3.5), "3.5 does not fit i32");
    refused(&Shape::I32, &Value::Float(f64::NAN), "NaN does not fit i32");
    same(&Shape::F32, &Value::Int(1), &1f32.to_le_bytes());
    same(&Shape::F64, &Value::Uint(1), &1f64.to_le_bytes());
    same(&Shape::Str, &Value::Bytes(b"hi".to_vec()), b"\x02hi");
    refused(
        &Shape::Str,
        &Value::Bytes(vec![0xff]),
        "expected string, got bytes that are not UTF-8",
    );
    same(&Shape::Bytes, &text("hi"), b"\x02hi");
    same(&option(Shape::U8), &Value::Unit, &[0]);
    same(&option(Shape::U8), &Value::Int(5), &[1, 5]);
    same(&Shape::U8, &Value::Option(Some(Box::new(Value::Int(5)))), &[5]);
    same(
        &Shape::Tuple(vec![Shape::U8, Shape::Bool]),
        &Value::List(vec![Value::Int(1), Value::Bool(true)]),
        &[1, 1],
    );
    let names = Shape::Map(Box::new(Shape::Str), Box::new(Shape::U8));
    same(&names, &table(&[("a", Value::Int(1))]), b"\x01\x01a\x01");
    same(&strukt(&[("a", Shape::U8)]), &map(&[("a", Value::Int(1))]), &[1]);
    for empty in [
        Value::List(vec![]),
        Value::Map(vec![]),
        Value::Struct(vec![]),
        Value::Tuple(vec![]),
    ] {
        same(&list(Shape::U8), &empty, &[0]);
        same(&names, &empty, &[0]);
        same(&strukt(&[("a", option(Shape::U8))]), &empty, &[0]);
        same(&strukt(&[]), &empty, &[]);
        same(&Shape::Unit, &empty, &[]);
    }
}

#[test]
fn variants() {
    let held = |variant: &str, value| Value::Enum {
        variant: variant.into(),
        value: Box::new(value),
    };
    same(&choice(), &held("On", Value::Int(9)), &[1, 9]);
    same(&choice(), &text("Off"), &[0]);
    same(&choice(), &table(&[("On", Value::Int(9))]), &[1, 9]);
    same(&choice(), &map(&[("On", Value::Int(9))]), &[1, 9]);
    refused(
        &choice(),
        &text("Maybe"),
        "Maybe: no such variant; there are: Off, On",
    );
    refused(&choice(), &text("On"), "On: expected number, got nothing");
    refused(
        &choice(),
        &held("On", text("x")),
        "On: expected number, got string",
    );
    refused(
        &choice(),
        &Value::Int(1),
        "expected the name of a variant, got number",
    );
    refused(
        &choice(),
        &Value::List(vec![]),
        "expected the name of a variant, got list",
    );
}

#[test]
fn errors_name_the_path() {
    let job = strukt(&[
        ("name", Shape::Str),
        ("env", Shape::Map(Box::new(Shape::Str), Box::new(Shape::U8))),
    ]);
    let shape = strukt(&[("who", Shape::Str), ("jobs", list(job))]);
    let job = |name: Value| table(&[("name", name), ("env", map(&[("a", Value::Int(1))]))]);
    let with = |who: Value, jobs: Vec<Value>| table(&[("who", who), ("jobs", Value::List(jobs))]);
    refused(
        &shape,
        &with(Value::List(vec![Value::Unit]), vec![]),
        "who: expected string, got list",
    );
    refused(
        &shape,
        &with(text("x"), vec![job(text("a")), job(Value::Int(1))]),
        "jobs[2].name: expected string, got number",
    );
    let bad = table(&[("name", text("x")), ("env", map(&[("a", Value::Int(256))]))]);
    refused(
        &shape,
        &with(text("x"), vec![bad]),
        "jobs[1].env.\"a\": 256 does not fit u8",
    );
    refused(
        &shape,
        &table(&[("jobs", Value::List(vec![]))]),
        "who: is missing",
    );
    refused(&shape, &Value::Bool(true), "expected struct, got bool");
    refused(
        &shape,
        &table(&[
            ("who", text("x")),
            ("jobs", Value::List(vec![])),
            ("wo", text("y")),
        ]),
        "wo: no such field; there are: who, jobs",
    );
    refused(
        &Shape::Tuple(vec![Shape::U8]),
        &Value::List(vec![]),
        "expected 1 values, got 0",
    );
}

#[test]
fn a_shape_that_is_too_deep_ends() {
    let deep = (0..100).fold(Shape::U8, |shape, _| option(shape));
    refused(&deep, &Value::Int(1), "nested too deep");
    assert!(matches!(
        Value::decode(&deep, &[1; 101]),
        Err(DecodeError::TooDeep { .. })
    ));
}

#[test]
fn a_tree_is_bounded_whatever_shape_and_bytes_say() {
    // One byte of the body makes a thousand values, and each brings a long name along.
    let units = vec![("x".repeat(60), Shape::Unit); 1000];
    let mut fields: Vec<_> = units
        .iter()
        .map(|(name, shape)| (name.as_str(), shape.clone()))
        .collect();
    fields.push(("flag", Shape::Bool));
    let shape = list(strukt(&fields));
    let mut body = vec![0x80, 0x80, 0x04];
    body.resize(3 + (1 << 16), 0);
    assert!(matches!(
        Value::decode(&shape, &body),
        Err(DecodeError::TooLarge { max: TREE_MAX, .. })
    ));
    let body = [4, 0, 0, 0, 0];
    assert!(Value::decode(&shape, &body).is_ok());
    assert!(matches!(
        Value::decode_within(&shape, &body, 1000),
        Err(DecodeError::TooLarge { max: 1000, .. })
    ));
    assert!(size_of::<Value>() <= 48, "what a value counts for");
}

#[test]
fn lies_in_a_body_are_named() {
    let many = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let count = u32::MAX;
    let claim = DecodeError::TooMany {
        at: 5,
        count,
        left: 0,
    };
    assert_eq!(Value::decode(&list(Shape::U8), &many), Err(claim.clone()));
    let map = Shape::Map(Box::new(Shape::U8), Box::new(Shape::U8));
    assert_eq!(Value::decode(&map, &many), Err(claim));
    // Entries of eight bytes: three cannot be in sixteen bytes.
    let mut body = vec![3];
    body.resize(17, 0);
    assert_eq!(
        Value::decode(&list(Shape::F64), &body),
        Err(DecodeError::TooMany {
            at: 1,
            count: 3,
            left: 16
        })
    );
    assert_eq!(
        Value::decode(&choice(), &[2]),
        Err(DecodeError::UnknownVariant {
            at: 0,
            found: 2,
            variants: 2
        })
    );
    assert_eq!(
        Value::decode(&Shape::Bool, &[2]),
        Err(DecodeError::BadMark { at: 0, found: 2 })
    );
    assert_eq!(
        Value::decode(&option(Shape::U8), &[3]),
        Err(DecodeError::BadMark { at: 0, found: 3 })
    );
    assert_eq!(
        Value::decode(&Shape::Str, &[2, b'x']),
        Err(DecodeError::Short { at: 0 })
    );
    assert_eq!(
        Value::decode(&Shape::Str, &[1, 0xff]),
        Err(DecodeError::BadText { at: 0 })
    );
    assert_eq!(
        Value::decode(&Shape::U16, &[0xff, 0xff, 4]),
        Err(DecodeError::BadNumber { at: 3 })
    );
    assert_eq!(
        Value::decode(&Shape::F32, &[0; 3]),
        Err(DecodeError::Short { at: 0 })
    );
    assert_eq!(
        Value::decode(&Shape::U8, &[1, 2]),
        Err(DecodeError::Trailing { at: 1, left: 1 })
    );
}

#[test]
fn one_line_of_text() {
    let value = table(&[
        ("who", text("you \"\n")),
        ("nums", Value::List(vec![Value::Int(-1), Value::Float(2.0)])),
        ("raw", Value::Bytes((0..20).collect())),
        ("none", Value::Option(None)),
        ("map", Value::Map(vec![(Value::Uint(1), Value::Bool(true))])),
        (
            "one",
            Value::Enum {
                variant: "On".into(),
                value: Box::new(Value::Int(1)),
            },
        ),
        (
            "two",
            Value::Enum {
                variant: "Pair".into(),
                value: Box::new(Value::Tuple(vec![Value::Int(1)])),
            },
        ),
        (
            "off",
            Value::Enum {
                variant: "Off".into(),
                value: Box::new(Value::Unit),
            },
        ),
        ("empty", Value::Struct(vec![])),
    ]);
    let whole = "{ who: \"you \\\"\\n\", nums: [-1, 2.0], raw: 20 bytes 000102030405060708090a0b0c0d0e0f.., none: none, \
                 map: { 1 = true }, one: On(1), two: Pair(1), off: Off, empty: {} }";
    assert_eq!(value.summary(500), whole);
    for max in 0..200 {
        let cut = value.summary(max);
        assert!(cut.len() <= max, "{max}: {cut}");
        assert!(cut == whole || cut.ends_with(&"..."[..max.min(3)]));
    }
    assert_eq!(text("äöü").summary(7), "\"ä...");
}

#[test]
fn parts_are_found_by_path() {
    let inner = Value::Option(Some(Box::new(map(&[("a", Value::Int(1))]))));
    let value = table(&[
        ("jobs", Value::List(vec![Value::Unit, inner])),
        ("who", text("x")),
    ]);
    assert_eq!(value.at("who"), Some(&text("x")));
    assert_eq!(value.at("jobs.2.a"), Some(&Value::Int(1)));
    assert_eq!(value.at(""), Some(&value));
    for none in ["nobody", "jobs.0", "jobs.3", "who.x", "jobs.2.b"] {
        assert_eq!(value.at(none), None, "{none}");
    }
}
