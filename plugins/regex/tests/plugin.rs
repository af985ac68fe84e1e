//! Searches, positions, groups, replacements, bytes and bounds, by way of the C ABI and by Lua.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use gshell_plugin_regex::PLUGIN;
use gshell_plugin_sdk::testing::{self, Object, call};
use gshell_plugin_sdk::{Code, Value};

fn regex(pattern: &str, options: &[(&'static str, Value)]) -> Object {
    testing::object(
        &PLUGIN,
        "new",
        &[pattern.into(), Value::fields(options.iter().cloned())],
    )
    .unwrap()
}

fn done(regex: &Object, method: &str, arguments: &[Value]) -> Vec<Value> {
    let given: Vec<_> = arguments.iter().cloned().map(Into::into).collect();
    regex.call(method, &given).unwrap()
}

fn refused(name: &str, arguments: &[Value]) -> (Code, String) {
    let error = call(&PLUGIN, name, arguments).unwrap_err();
    (error.code(), error.text().to_owned())
}

#[test]
fn matches_have_positions_of_lua() {
    let digits = regex(r"\d+", &[]);
    assert_eq!(
        done(&digits, "find", &["ab 123 45".into()]),
        [4.into(), 6.into(), "123".into()]
    );
    assert_eq!(
        done(&digits, "find", &["ab 123 45".into(), 7.into()]),
        [8.into(), 9.into(), "45".into()]
    );
    assert_eq!(
        done(&digits, "find", &["ab".into()]),
        [Value::Nil, Value::Nil, Value::Nil]
    );
    assert_eq!(
        done(&digits, "find", &["1".into(), 3.into()])[0],
        Value::Nil,
        "behind the end"
    );
    assert_eq!(done(&digits, "is_match", &["a1".into(), 2.into()]), [true.into()]);
    assert_eq!(
        done(&digits, "is_match", &["a1b".into(), 3.into()]),
        [false.into()]
    );
    // Empty at the end, and a begin that is only at the begin.
    assert_eq!(
        done(&regex("$", &[]), "find", &["ab".into(), 3.into()])[..2],
        [3.into(), 2.into()]
    );
    assert_eq!(
        done(&regex("^b", &[]), "find", &["ab".into(), 2.into()])[0],
        Value::Nil
    );
    let error = digits
        .call("find", &[Value::from("a").into(), Value::from(0).into()])
        .unwrap_err();
    assert_eq!(error.text(), "positions begin at 1, not at 0");
    let error = digits
        .call("find", &[Value::from("ä").into(), Value::from(2).into()])
        .unwrap_err();
    assert_eq!(error.text(), "position 2 is within a character");
}

#[test]
fn groups_have_numbers_and_names() {
    let date = regex(r"(?<year>\d{4})-(\d\d)(?<day>-\d\d)?", &[]);
    let groups = done(&date, "captures", &["on 2024-05".into()]).remove(0);
    assert_eq!(groups.get(0), Some(&"2024-05".into()));
    assert_eq!(
        (groups.get(1), groups.get("year")),
        (Some(&"2024".into()), Some(&"2024".into()))
    );
    assert_eq!(
        (groups.get(2), groups.get(3), groups.get("day")),
        (Some(&"05".into()), None, None)
    );
    assert_eq!(done(&date, "captures", &["never".into()]), [Value::Nil]);
    assert_eq!(done(&date, "names", &[]), [Value::list(["year", "", "day"])]);
    assert_eq!(
        done(&date, "pattern", &[])[0].as_str(),
        Some(r"(?<year>\d{4})-(\d\d)(?<day>-\d\d)?")
    );
}

#[test]
fn lists_have_limits() {
    let word = regex(r"(\w)\w*", &[]);
    let all = done(&word, "find_all", &["one two three".into()]);
    assert_eq!(all, [Value::list(["one", "two", "three"]), false.into()]);
    let some = done(&word, "find_all", &["one two three".into(), 2.into()]);
    assert_eq!(some, [Value::list(["one", "two"]), true.into()]);
    let groups = done(&word, "captures_all", &["one two".into()]).remove(0);
    assert_eq!(groups.get(2).and_then(|found| found.get(1)), Some(&"t".into()));
    let many = "a ".repeat(10_001);
    let all = done(&word, "find_all", &[many.as_str().into()]);
    assert_eq!(
        (all[0].get(10_000).is_some(), all[0].get(10_001), &all[1]),
        (true, None, &true.into())
    );
}

#[test]
fn matches_are_replaced() {
    let pair = regex(r"(?<key>\w+)=(\w+)", &[]);
    let replaced =
        |template: &str, limit: Value| done(&pair, "replace", &["a=1, b=2".into(), template.into(), limit]);
    assert_eq!(replaced("$2=${key}", Value::Nil), ["1=a, 2=b".into(), 2.into()]);
    assert_eq!(replaced("$$", 1.into()), ["$, b=2".into(), 1.into()]);
    assert_eq!(replaced("x", 0.into()), ["a=1, b=2".into(), 0.into()]);
    let arguments: [Value; 2] = [
        "a".repeat(1000).as_str().into(),
        "b".repeat(20_000).as_str().into(),
    ];
    let given: Vec<_> = arguments.iter().cloned().map(Into::into).collect();
    assert_eq!(
        regex("a", &[]).call("replace", &given).unwrap_err().code(),
        Code::Limit
    );
}

#[test]
fn texts_are_split() {
    let comma = regex(r"\s*,\s*", &[]);
    assert_eq!(
        done(&comma, "split", &["a , b,c".into()]),
        [Value::list(["a", "b", "c"])]
    );
    assert_eq!(
        done(&comma, "split", &["a , b,c".into(), 2.into()]),
        [Value::list(["a", "b,c"])]
    );
    assert_eq!(done(&comma, "split", &["".into()]), [Value::list([""])]);
    let many: Value = ",".repeat(10_000).as_str().into();
    assert_eq!(
        comma.call("split", &[many.into()]).unwrap_err().code(),
        Code::Limit
    );
}

#[test]
fn bytes_are_searched_as_they_are() {
    let text = Value::Bytes(vec![0xff, b'a', 0x80, 0xfe, b'b']);
    let plain = regex("a", &[]);
    let error = plain.call("find", &[text.clone().into()]).unwrap_err();
    assert_eq!(
        error.text(),
        "the text is not UTF-8; compile the expression with { bytes = true }"
    );
    let bytes = |pattern: &str| regex(pattern, &[("bytes", true.into())]);
    let found = done(&bytes(r"[\x80-\xFE]+"), "find", std::slice::from_ref(&text));
    assert_eq!(found, [3.into(), 4.into(), Value::Bytes(vec![0x80, 0xfe])]);
    let found = done(&bytes("."), "find", &[text.clone(), 4.into()]);
    assert_eq!(found, [4.into(), 4.into(), Value::Bytes(vec![0xfe])]);
    let replaced = done(
        &bytes("(a)(.)"),
        "replace",
        &[text.clone(), Value::Bytes(vec![0xc3, b'$', b'2'])],
    );
    assert_eq!(replaced[0], Value::Bytes(vec![0xff, 0xc3, 0x80, 0xfe, b'b']));
    let replaced = done(&bytes("a"), "replace", &["xa".into(), Value::Bytes(vec![0xc3])]);
    assert_eq!(replaced[0], Value::Bytes(vec![b'x', 0xc3]));
    let pattern = [
        Value::Bytes(vec![0xff, b'a']),
        Value::fields([("bytes", true.into())]),
    ];
    let own = testing::object(&PLUGIN, "new", &pattern).unwrap();
    assert_eq!(done(&own, "find", &[text])[..2], [1.into(), 2.into()]);
    assert!(
        refused("new", &[Value::Bytes(vec![0xff])])
            .1
            .contains("not UTF-8: see the option bytes")
    );
}

#[test]
fn options_change_what_matches() {
    let is_match = |pattern: &str, option: &'static str, text: &str| {
        let without = done(&regex(pattern, &[]), "is_match", &[text.into()]);
        let with = done(
            &regex(pattern, &[(option, true.into())]),
            "is_match",
            &[text.into()],
        );
        (without[0].clone(), with[0].clone())
    };
    let changes = (false.into(), true.into());
    assert_eq!(is_match("abc", "ignore_case", "xABC"), changes);
    assert_eq!(is_match("^b$", "multi_line", "a\nb\nc"), changes);
    assert_eq!(is_match("a.b", "dot_all", "a\nb"), changes);
    assert_eq!(is_match("a b # both", "extended", "ab"), changes);
}

#[test]
fn expressions_are_bounded() {
    let (code, text) = refused("new", &["(".into()]);
    assert_eq!(code, Code::Invalid);
    assert!(text.starts_with("the expression (: "), "{text}");
    assert!(
        refused("new", &[r"(?:a{1000}){1000}".into()]).1.contains("size"),
        "too large"
    );
    let small = Value::fields([("size_limit", 100.into())]);
    assert!(call(&PLUGIN, "new", &[r"\w{50}".into(), small]).is_err());
    let (code, text) = refused("new", &["()".repeat(101).as_str().into()]);
    assert_eq!(code, Code::Limit, "{text}");
    let (_, text) = refused("new", &["(".repeat(1000).as_str().into()]);
    assert!(text.contains("nest"), "{text}");
    // What makes others take for ever.
    let evil = regex("^(a+)+$", &[]);
    let text = "a".repeat(5000) + "b";
    assert_eq!(done(&evil, "is_match", &[text.as_str().into()]), [false.into()]);
    assert_eq!(
        call(&PLUGIN, "escape", &["a.b*".into()]).unwrap(),
        [r"a\.b\*".into()]
    );
}

/// Those for long texts do the same.
#[test]
fn both_ways_give_the_same() {
    for (method, arguments) in [
        ("is_match", vec![]),
        ("find", vec![3.into()]),
        ("captures", vec![]),
        ("find_all", vec![2.into()]),
        ("captures_all", vec![]),
        ("replace", vec!["<$1>".into(), 2.into()]),
        ("split", vec![2.into()]),
    ] {
        let text: Value = "k=1 L=2 m=3".into();
        let near: Vec<Value> = [text.clone()].into_iter().chain(arguments.clone()).collect();
        let options = [("ignore_case", true.into())];
        let expected = done(&regex(r"([a-z])=\d", &options), method, &near);
        let far = [r"([a-z])=\d".into(), Value::fields(options), text];
        let far: Vec<Value> = far.into_iter().chain(arguments).collect();
        let name = format!("{method}_far");
        assert_eq!(call(&PLUGIN, &name, &far).unwrap(), expected, "{name}");
        assert!(testing::function(&PLUGIN, &name).is_blocking());
    }
}

#[test]
fn lua_takes_the_way_that_fits() {
    gshell_plugin_trial::run(
        &PLUGIN,
        r#"
        local regex = require "regex"
        local long = ("x"):rep(100000) .. "42" .. ("y"):rep(100000)
        local digits = regex.new "\\d+"
        assert(select(3, digits:find(long)) == "42" and digits:find(long) == 100001)
        assert(regex.find("\\d+", long) == 100001 and regex.find("\\d", "a1") == 2)
        assert(#digits:replace(long, "") == 200000)
        assert(tostring(digits) == "regex \\d+")
        "#,
    );
    let (_, text) = gshell_plugin_trial::error(&PLUGIN, "require 'regex'.new('a', { i = true })");
    assert!(text.contains("no option is called i"), "{text}");
}

#[test]
fn the_page_is_true() {
    gshell_plugin_trial::page(&PLUGIN, include_str!("../../../docs/plugins/regex.md"));
}
