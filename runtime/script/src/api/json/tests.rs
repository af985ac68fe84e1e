//! Both directions, and what each refuses.

use super::*;
use crate::errors::raised;

fn style() -> Style {
    Style {
        indent: 0,
        sort: true,
        limit: LIMIT,
    }
}

fn lua() -> Lua {
    let lua = Lua::new();
    let module = lua.create_table().unwrap();
    name_null(&lua).unwrap();
    module.raw_set("null", Value::NULL).unwrap();
    module
        .raw_set(
            "array",
            call::value(&lua, |lua, (table,): (Option<Table>,)| mark(lua, table)).unwrap(),
        )
        .unwrap();
    lua.globals().set("json", module).unwrap();
    lua
}

fn text(lua: &Lua, code: &str) -> std::result::Result<String, String> {
    let value: Value = lua.load(code).eval().unwrap();
    encode(&value, style(), &array_metatable(lua).unwrap())
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .map_err(|error| raised(&error).unwrap().message.clone())
}

fn refused(lua: &Lua, json: &[u8]) -> String {
    raised(&decode(lua, json).unwrap_err()).unwrap().message.clone()
}

/// Decoding and encoding again gives the same text.
#[test]
fn texts_survive_the_round_trip() {
    let lua = lua();
    let array = array_metatable(&lua).unwrap();
    for json in [
        "null",
        "true",
        "[]",
        "{}",
        "[[],{},[{}]]",
        "[1,-7,9223372036854775807,-9223372036854775808]",
        "[0.1,1.0,-0.0,1e+300,2.2250738585072014e-308,1.7976931348623157e+308]",
        "{\"a\":[1,null,false],\"b\":{\"c\":\"\"},\"ü\":\"\\u0000\\n\\\"\\\\\"}",
        "[null,null]",
    ] {
        let value = decode(&lua, json.as_bytes()).unwrap();
        assert_eq!(
            String::from_utf8(encode(&value, style(), &array).unwrap()).unwrap(),
            json
        );
    }
}

#[test]
fn integers_stay_integers_and_large_ones_become_floats() {
    let lua = lua();
    let value = |json: &str| decode(&lua, json.as_bytes()).unwrap();
    assert_eq!(value("3"), Value::Integer(3));
    assert!(value("3.0").is_number() && value("1e2").is_number());
    assert_eq!(
        value("18446744073709551615"),
        Value::Number(18_446_744_073_709_551_615.0)
    );
    assert_eq!(value("\"\\ud83d\\ude00\"").to_string().unwrap(), "😀");
}

#[test]
fn errors_of_texts_name_line_and_column() {
    let lua = lua();
    assert_eq!(
        refused(&lua, b"{\n  \"a\": 1,\n  b\n}"),
        "json.decode: line 3, column 3: key must be a string"
    );
    for bad in [
        "",
        " ",
        "[1,]",
        "{\"a\"}",
        "[1 2]",
        "01",
        "nul",
        "\"\x01\"",
        "\"\\ud800\"",
        "1e999",
        "[] x",
    ] {
        let message = refused(&lua, bad.as_bytes());
        assert!(
            message.starts_with("json.decode: line 1, column "),
            "{bad}: {message}"
        );
    }
    refused(&lua, b"\"\xff\"");
}

#[test]
fn depth_is_bounded_both_ways() {
    let lua = lua();
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(decode(&lua, nested(MAX_DEPTH).as_bytes()).is_ok());
    for depth in [MAX_DEPTH + 1, 100_000] {
        let message = refused(&lua, nested(depth).as_bytes());
        assert!(
            message.ends_with("nested deeper than 127 arrays and objects"),
            "{message}"
        );
    }
    let code = |depth: usize| format!("{}{}", "{".repeat(depth), "}".repeat(depth));
    assert!(text(&lua, &code(MAX_DEPTH)).is_ok());
    assert!(
        text(&lua, &code(MAX_DEPTH + 1))
            .unwrap_err()
            .contains("nested deeper than 127")
    );
}

#[test]
fn tables_are_arrays_or_objects() {
    let lua = lua();
    for (code, expected) in [
        ("{}", "{}"),
        ("json.array()", "[]"),
        ("json.array {1, 'x'}", "[1,\"x\"]"),
        ("{1, 2, json.null}", "[1,2,null]"),
        ("{b = 1, a = {c = json.null}}", "{\"a\":{\"c\":null},\"b\":1}"),
        ("nil", "null"),
    ] {
        assert_eq!(text(&lua, code).as_deref(), Ok(expected), "{code}");
    }
    assert_eq!(lua.load("tostring(json.null)").eval::<String>().unwrap(), "null");
}

#[test]
fn what_json_cannot_hold_is_refused_with_its_place() {
    let lua = lua();
    for (code, expected) in [
        ("{a = {1, 0/0}}", "at value.a[2]: NaN is no JSON number"),
        ("1/0", "json.encode: inf is no JSON number"),
        ("{f = print}", "at value.f: a function cannot be JSON"),
        ("{[1] = 1, [3] = 3, [9] = 2}", "is no string"),
        ("{1, 2, x = 3}", "the key 1 is no string"),
        ("json.array {1, x = 1}", "an array has other keys"),
        ("{'\\xff'}", "the string is not UTF-8 (byte 1)"),
        (
            "(function() local t = {} t.x = {t} return t end)()",
            "at value.x[1]: the table contains itself",
        ),
    ] {
        let message = text(&lua, code).unwrap_err();
        assert!(message.contains(expected), "{code}: {message}");
    }
}

#[test]
fn shared_tables_are_written_each_time_up_to_the_limit() {
    let lua = lua();
    assert_eq!(
        text(&lua, "(function() local t = {1} return {t, t} end)()").unwrap(),
        "[[1],[1]]"
    );
    let value: Value = lua
        .load("local t = {1} for _ = 1, 60 do t = {t, t} end return t")
        .eval()
        .unwrap();
    let small = Style {
        limit: 10_000,
        ..style()
    };
    let error = encode(&value, small, &array_metatable(&lua).unwrap()).unwrap_err();
    assert_eq!(raised(&error).unwrap().code, "limit");
}

#[test]
fn indented_text_reads_well() {
    let lua = lua();
    let value: Value = lua.load("{a = {1, {}}, b = json.array()}").eval().unwrap();
    let indented = Style { indent: 2, ..style() };
    let bytes = encode(&value, indented, &array_metatable(&lua).unwrap()).unwrap();
    let expected = "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}";
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}
