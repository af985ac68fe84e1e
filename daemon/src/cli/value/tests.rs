//! All shapes there and back, and what does not fit.

use gshell_wire::{Shape, ShapeField, ShapeVariant, Value};

use super::{Chunks, compact, fit, parse, pretty};

fn field(name: &str, shape: Shape) -> ShapeField {
    ShapeField {
        name: name.to_owned(),
        shape,
        help: String::new(),
    }
}

fn record(fields: impl IntoIterator<Item = (&'static str, Shape)>) -> Shape {
    Shape::Struct {
        name: String::new(),
        fields: fields
            .into_iter()
            .map(|(name, shape)| field(name, shape))
            .collect(),
    }
}

fn choice() -> Shape {
    let variant = |name: &str, shape| ShapeVariant {
        name: name.to_owned(),
        shape,
        help: String::new(),
    };
    Shape::Enum {
        name: String::new(),
        variants: vec![
            variant("Off", Shape::Unit),
            variant("Level", Shape::U8),
            variant("Both", Shape::Tuple(vec![Shape::Bool, Shape::Bytes])),
            variant("Named", record([("who", Shape::Str)])),
        ],
    }
}

fn boxed(shape: Shape) -> Box<Shape> {
    Box::new(shape)
}

fn encoded(text: &str, shape: &Shape) -> Result<Vec<u8>, String> {
    let value = parse(text.as_bytes())?;
    let value = fit(value, shape).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    value
        .encode(shape, &mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[track_caller]
fn there_and_back(text: &str, shape: &Shape) {
    let bytes = encoded(text, shape).unwrap();
    let value = Value::decode(shape, &bytes).unwrap();
    assert_eq!(compact(&value, Some(shape)), text);
}

#[test]
fn all_shapes_there_and_back() {
    for (text, shape) in [
        ("true", Shape::Bool),
        ("-128", Shape::I8),
        ("-32768", Shape::I16),
        ("2147483647", Shape::I32),
        ("-9223372036854775808", Shape::I64),
        ("9223372036854775807", Shape::I64),
        ("255", Shape::U8),
        ("65535", Shape::U16),
        ("4294967295", Shape::U32),
        ("18446744073709551615", Shape::U64),
        ("9007199254740993", Shape::U64),
        ("0.1", Shape::F32),
        ("0.1", Shape::F64),
        ("1e300", Shape::F64),
        ("\"NaN\"", Shape::F64),
        ("\"-inf\"", Shape::F32),
        ("\"a \\\"b\\\" \\\\ \\n\\t\\u001b ä\"", Shape::Str),
        ("\"//79AA==\"", Shape::Bytes),
        ("null", Shape::Unit),
        ("[]", Shape::List(boxed(Shape::Str))),
        (
            "[[1],[],[2,3]]",
            Shape::List(boxed(Shape::List(boxed(Shape::U8)))),
        ),
        (
            "{\"a\":\"AQ==\"}",
            Shape::Map(boxed(Shape::Str), boxed(Shape::Bytes)),
        ),
        ("{}", Shape::Map(boxed(Shape::Str), boxed(Shape::U8))),
        ("[]", Shape::Map(boxed(Shape::U8), boxed(Shape::U8))),
        (
            "[[1,\"x\"],[2,\"y\"]]",
            Shape::Map(boxed(Shape::U8), boxed(Shape::Str)),
        ),
        ("null", Shape::Option(boxed(Shape::Bytes))),
        ("\"AQ==\"", Shape::Option(boxed(Shape::Bytes))),
        ("[0.5,\"x\"]", Shape::Tuple(vec![Shape::F32, Shape::Str])),
        (
            "{\"b\":\"AQ==\",\"n\":null}",
            record([("b", Shape::Bytes), ("n", Shape::Option(boxed(Shape::U8)))]),
        ),
        ("\"Off\"", choice()),
        ("{\"Level\":7}", choice()),
        ("{\"Both\":[true,\"AQ==\"]}", choice()),
        ("{\"Named\":{\"who\":\"you\"}}", choice()),
    ] {
        there_and_back(text, &shape);
    }
}

#[test]
fn what_may_be_left_out_or_written_otherwise() {
    let shape = record([("n", Shape::Option(boxed(Shape::U8))), ("f", Shape::F64)]);
    assert_eq!(
        encoded("{\"f\":1}", &shape),
        encoded("{\"n\":null,\"f\":1.0}", &shape)
    );
    assert_eq!(encoded("1e3", &Shape::I32), encoded("1000", &Shape::I32));
    let pairs = Shape::Map(boxed(Shape::Str), boxed(Shape::U8));
    assert_eq!(encoded("[[\"a\",1]]", &pairs), encoded("{\"a\":1}", &pairs));
}

#[test]
fn what_does_not_fit_is_named() {
    let who = record([
        ("who", Shape::Str),
        ("more", Shape::List(boxed(record([("b", Shape::Bytes)])))),
    ]);
    for (text, shape, want) in [
        (
            "{\"who\":1,\"more\":[]}",
            &who,
            "who: expected string, got number",
        ),
        (
            "{\"who\":\"\",\"more\":[{\"b\":\"\"},{\"b\":\"?\"}]}",
            &who,
            "more[2].b: expected bytes as base64",
        ),
        (
            "{\"who\":\"\",\"more\":[{\"b\":1}]}",
            &who,
            "more[1].b: expected bytes, got number",
        ),
        ("{\"more\":[]}", &who, "who: is missing"),
        (
            "{\"who\":\"\",\"more\":[],\"x\":1}",
            &who,
            "x: no such field; there are: who, more",
        ),
        (
            "{\"who\":\"\",\"who\":\"\",\"more\":[]}",
            &who,
            "who: is given twice",
        ),
        ("[1]", &who, "expected struct, got list"),
        ("256", &Shape::U8, "256 does not fit u8"),
        ("-1", &Shape::U64, "-1 does not fit u64"),
        ("18446744073709551616", &Shape::U64, "does not fit u64"),
        ("9223372036854775808", &Shape::I64, "does not fit i64"),
        ("1.5", &Shape::I32, "does not fit i32"),
        ("\"x\"", &Shape::F64, "expected number, got string"),
        ("\"On\"", &choice(), "On: no such variant; there are: Off, Level"),
        (
            "{\"Level\":\"x\"}",
            &choice(),
            "Level: expected number, got string",
        ),
        (
            "{\"Off\":null,\"Level\":1}",
            &choice(),
            "expected the name of a variant",
        ),
        (
            "{\"1\":1}",
            &Shape::Map(boxed(Shape::U8), boxed(Shape::U8)),
            "expected an array of pairs",
        ),
        (
            "[[1]]",
            &Shape::Map(boxed(Shape::U8), boxed(Shape::U8)),
            "[1]: expected a pair",
        ),
        (
            "[1,2,3]",
            &Shape::Tuple(vec![Shape::U8, Shape::U8]),
            "expected 2 values, got 3",
        ),
        ("{\"a\":", &Shape::Unit, "line 1 column 5"),
        ("{} {}", &Shape::Unit, "trailing characters"),
        ("", &Shape::Unit, "EOF"),
        ("\"\u{7}\"", &Shape::Str, "control character"),
    ] {
        let wrong = encoded(text, shape).unwrap_err();
        assert!(wrong.contains(want), "{text}: {wrong}");
    }
    let deep = "[".repeat(100_000);
    assert!(
        encoded(&deep, &Shape::Unit)
            .unwrap_err()
            .contains("recursion limit")
    );
}

#[test]
fn lines() {
    let value = parse(b"{\"a\":[1,{}],\"b\":[]}").unwrap();
    assert_eq!(
        pretty(&value),
        "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}\n"
    );
}

#[test]
fn values_come_one_a_line_or_as_a_whole() {
    let chunks = |text: &str| {
        let mut chunks = Chunks::new(text.as_bytes());
        let mut out = Vec::new();
        while let Some(chunk) = chunks.next().unwrap() {
            out.push(String::from_utf8(chunk).unwrap().trim().to_owned());
        }
        out
    };
    assert_eq!(chunks("{}\n\n {\"a\":1}\n3"), ["{}", "{\"a\":1}", "3"]);
    assert_eq!(
        chunks("{\n \"a\": \"}\\\"{\"\n}\n[\n]"),
        ["{\n \"a\": \"}\\\"{\"\n}", "[\n]"]
    );
    assert_eq!(chunks("\n \n"), [""; 0]);
    assert_eq!(
        chunks("\"open\n{}\n"),
        ["\"open", "{}"],
        "a string ends with its line"
    );
    assert_eq!(chunks("}}\n{}"), ["}}", "{}"]);
}
