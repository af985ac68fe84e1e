//! Every type that functions take and give, and what becomes of values that do not fit, by way of the C ABI.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use gshell_plugin_sdk::testing::{self, call};
use gshell_plugin_sdk::{Code, Value};

#[gshell_plugin_sdk::plugin(name = "example.org/types", summary = "All types.", version = "2.0.1")]
mod plugin {
    use std::collections::BTreeMap;

    use gshell_plugin_sdk::{Call, Code, Error, Fields, Kind, Result, Value};

    #[function]
    fn integers(a: i8, b: i16, c: i32, d: u8, e: u16, f: u32) -> (i8, i16, i32, u8, u16, u32) {
        (a, b, c, d, e, f)
    }

    #[function]
    fn floats(a: f32, b: f64, c: bool) -> (f64, f32, bool) {
        (b, a, !c)
    }

    #[function]
    fn bytes(owned: Vec<u8>, lent: &[u8]) -> Vec<u8> {
        [&owned, lent].concat()
    }

    #[function]
    fn array() -> [u8; 3] {
        [7; 3]
    }

    #[function]
    fn nested(lists: Vec<Vec<u8>>, maybe: Option<Vec<bool>>) -> (Vec<Vec<u8>>, Option<Vec<bool>>) {
        (lists, maybe)
    }

    /// A list of what may be nil is the plugin's risk.
    #[function]
    fn listed(items: BTreeMap<u32, Value>) -> Vec<Value> {
        (1..=3)
            .map(|n| items.get(&n).cloned().unwrap_or_default())
            .collect()
    }

    #[function]
    fn swapped(map: BTreeMap<String, i32>) -> BTreeMap<i32, String> {
        map.into_iter().map(|(key, value)| (value, key)).collect()
    }

    #[derive(Fields)]
    pub struct Point {
        x: i32,
        #[field(name = "end")]
        y: Option<i32>,
        marks: Vec<Mark>,
    }

    #[derive(Fields)]
    pub struct Mark {
        text: String,
    }

    #[function]
    fn turned(mut point: Point) -> Point {
        std::mem::swap(&mut point.x, point.y.get_or_insert(0));
        point.marks.reverse();
        point
    }

    #[function]
    fn dynamic(call: &mut Call<'_>, first: Value) -> Result<u32> {
        for n in 2..=call.count() {
            if call.kind(n) == Kind::Object {
                return Err(call.misfit(n, "anything but an object"));
            }
        }
        call.buffer(3)?.copy_from_slice(b"abc");
        call.put_buffer(2)?;
        call.put(first)?;
        Ok(call.count())
    }

    #[function(name = "repeat")]
    fn r#loop(r#in: &str, mut _times: u8) -> String {
        _times += 1;
        r#in.repeat(_times.into())
    }

    #[function]
    fn borrowed<'a>(first: &'a str, _second: &'a str) -> Option<&'a str> {
        first.strip_prefix("a")
    }

    #[function]
    fn other_errors(path: &str) -> std::io::Result<u32> {
        Ok(std::fs::read(path)?.len() as u32)
    }

    #[function]
    fn nothing() {}

    #[function]
    fn formatted(a: u8) -> Result<()> {
        let message = format!("{a} and then");
        std::panic::panic_any(message);
    }

    #[function]
    fn odd_payload() -> Result<(), Error> {
        std::panic::panic_any(Code::Busy);
    }

    #[load]
    fn begin() -> Result<()> {
        Err(Error::new(Code::Unreachable, "no such hardware"))
    }

    #[constant]
    const YES: bool = true;
    #[constant(name = "min")]
    const MIN: i8 = i8::MIN;
    #[constant]
    const HALF: f32 = 0.5;
    #[constant]
    const NOISE: &[u8] = &[0, 255];
    #[constant]
    const MAGIC: &[u8; 4] = b"\x7fELF";
}

fn error(name: &str, arguments: &[Value]) -> String {
    call(&PLUGIN, name, arguments).unwrap_err().text().to_owned()
}

fn number(value: i64) -> Value {
    Value::Integer(value)
}

#[test]
fn integers_have_ranges() {
    let good = [
        -128,
        -32_768,
        i64::from(i32::MIN),
        255,
        65_535,
        i64::from(u32::MAX),
    ]
    .map(number);
    assert_eq!(call(&PLUGIN, "integers", &good).unwrap(), good);
    for (n, (beyond, expected)) in [
        (128, "an integer from -128 to 127"),
        (32_768, "an integer from -32768 to 32767"),
        (1 << 31, "an integer from -2147483648 to 2147483647"),
        (-1, "an integer from 0 to 255"),
        (65_536, "an integer from 0 to 65535"),
        (1 << 32, "an integer from 0 to 4294967295"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut bad = good.clone();
        bad[n] = number(beyond);
        assert_eq!(
            error("integers", &bad),
            format!("argument {}: {expected} expected, got an integer", n + 1)
        );
    }
    assert_eq!(
        error("integers", &good[..2]),
        "argument 3: an integer expected, got nothing"
    );
}

#[test]
fn values_of_every_kind_come_back() {
    let floats = [Value::Number(0.5), number(2), true.into()];
    assert_eq!(
        call(&PLUGIN, "floats", &floats).unwrap(),
        [2.0.into(), 0.5.into(), false.into()]
    );
    let bytes = [Value::Bytes(vec![0xff]), "b".into()];
    assert_eq!(
        call(&PLUGIN, "bytes", &bytes).unwrap(),
        [Value::Bytes(vec![0xff, b'b'])]
    );
    assert_eq!(call(&PLUGIN, "array", &[]).unwrap(), [Value::Bytes(vec![7; 3])]);
    let lists = Value::list(["ab", ""]);
    assert_eq!(
        call(&PLUGIN, "nested", &[lists.clone(), Value::list([true])]).unwrap(),
        [lists.clone(), Value::list([true])]
    );
    assert_eq!(
        call(&PLUGIN, "nested", std::slice::from_ref(&lists)).unwrap(),
        [lists, Value::Nil]
    );
    let map = Value::fields([("one", number(1))]);
    let swapped = Value::Table(vec![(number(1), "one".into())]);
    assert_eq!(call(&PLUGIN, "swapped", &[map]).unwrap(), [swapped]);
    assert_eq!(call(&PLUGIN, "nothing", &[number(1)]).unwrap(), []);
    assert_eq!(
        call(&PLUGIN, "repeat", &["ab".into(), number(1)]).unwrap(),
        ["abab".into()]
    );
    assert_eq!(
        call(&PLUGIN, "borrowed", &["ab".into(), "".into()]).unwrap(),
        ["b".into()]
    );
    assert_eq!(
        call(&PLUGIN, "borrowed", &["b".into(), "".into()]).unwrap(),
        [Value::Nil]
    );
}

fn point(x: i64, y: Value, marks: [&str; 2]) -> Value {
    let mark = |text: &str| Value::fields([("text", text.into())]);
    let marks = Value::list(marks.map(mark));
    Value::fields([("x", number(x)), ("end", y), ("marks", marks)])
}

#[test]
fn structs_are_tables() {
    let turned = call(&PLUGIN, "turned", &[point(1, Value::Nil, ["a", "b"])]).unwrap();
    assert_eq!(turned, [point(0, number(1), ["b", "a"])]);
    let turned = call(&PLUGIN, "turned", &[point(1, number(7), ["a", "b"])]).unwrap();
    assert_eq!(turned, [point(7, number(1), ["b", "a"])]);
    let without = Value::fields([("x", number(1))]);
    assert!(error("turned", &[without]).ends_with(": a table expected, got nil"));
    assert_eq!(
        error("turned", &[number(1)]),
        "argument 1: a table expected, got an integer"
    );
    assert_eq!(
        testing::function(&PLUGIN, "turned").signature(),
        "point: { x: integer, end: integer?, marks: [{ text: string }] } -> { x: integer, end: integer?, marks: [{ text: string }] }"
    );
}

#[test]
fn lists_have_no_holes() {
    let items = |values: [Value; 3]| Value::Table((1..).map(number).zip(values).collect());
    let whole = items([number(1), false.into(), "c".into()]);
    assert_eq!(
        call(&PLUGIN, "listed", std::slice::from_ref(&whole)).unwrap(),
        [whole]
    );
    assert_eq!(
        error("listed", &[items([number(1), Value::Nil, "c".into()])]),
        "item 2 of its result is nil, which a list cannot have"
    );
}

#[test]
fn tables_in_tables_have_an_end() {
    let deep = |depth: u32| (0..depth).fold(number(1), |inner, _| Value::Table(vec![(number(1), inner)]));
    assert_eq!(call(&PLUGIN, "dynamic", &[deep(64)]).unwrap()[1], deep(64));
    assert_eq!(
        error("dynamic", &[deep(65)]),
        "tables in tables, more than 64 deep"
    );
}

#[test]
fn a_call_can_be_looked_at() {
    let results = call(&PLUGIN, "dynamic", &["x".into(), Value::Nil, true.into()]).unwrap();
    assert_eq!(results, ["ab".into(), "x".into(), number(3)]);
    assert_eq!(
        testing::function(&PLUGIN, "dynamic").signature(),
        "first: any -> integer"
    );
}

#[test]
fn errors_keep_their_meaning() {
    let missing = call(&PLUGIN, "other_errors", &["/no/such/file".into()]).unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    assert_eq!(error("formatted", &[number(3)]), "it panicked: 3 and then");
    assert_eq!(error("odd_payload", &[]), "it panicked");
    let refused = testing::load(&PLUGIN).unwrap_err();
    assert_eq!(
        (refused.code(), refused.text()),
        (Code::Unreachable, "no such hardware")
    );
}

#[test]
fn the_descriptor_says_what_it_is() {
    let named = |name| testing::function(&PLUGIN, name).signature();
    assert_eq!(named("repeat"), "in: string, times: integer -> string");
    assert_eq!(
        named("swapped"),
        "map: map<string, integer> -> map<integer, string>"
    );
    assert_eq!(
        named("nested"),
        "lists: [bytes], maybe: [boolean]? -> [bytes], [boolean]?"
    );
    assert_eq!(
        testing::constants(&PLUGIN),
        [
            ("YES", true.into()),
            ("min", number(-128)),
            ("HALF", 0.5.into()),
            ("NOISE", Value::Bytes(vec![0, 255])),
            ("MAGIC", Value::Bytes(b"\x7fELF".to_vec())),
        ]
    );
    assert_eq!((PLUGIN.abi, PLUGIN.needs, PLUGIN.function_count), (1, 0, 15));
}
