//! What scripts and callers get from the plugin, by way of the C ABI.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use gshell_plugin_echo::PLUGIN;
use gshell_plugin_echo::messages::{Count, Counted, Note, Open, Reply, Request, Slow};
use gshell_plugin_sdk::testing::{self, Conversation, call};
use gshell_plugin_sdk::{Code, Value};

const SERVICE: &str = "example/echo-plugin";

fn refused(name: &str, arguments: &[Value]) -> (Code, String) {
    let error = call(&PLUGIN, name, arguments).unwrap_err();
    (error.code(), error.text().to_owned())
}

#[test]
fn functions_give_back() {
    let bytes = Value::Bytes(vec![0, 255, 7]);
    assert_eq!(
        call(&PLUGIN, "echo", std::slice::from_ref(&bytes)).unwrap(),
        [bytes]
    );
    assert_eq!(
        call(&PLUGIN, "add", &[2.into(), Value::Number(3.0)]).unwrap(),
        [5.into()]
    );
    assert_eq!(
        call(&PLUGIN, "sum", &[Value::list([1.5, 2.0])]).unwrap(),
        [3.5.into()]
    );
    let texts = Value::list(["a", "b"]);
    assert_eq!(
        call(&PLUGIN, "concat", std::slice::from_ref(&texts)).unwrap(),
        ["ab".into()]
    );
    assert_eq!(
        call(&PLUGIN, "concat", &[texts, "-".into()]).unwrap(),
        ["a-b".into()]
    );
    assert_eq!(
        call(&PLUGIN, "concat", &[Value::list([""; 0])]).unwrap(),
        ["".into()]
    );
    assert_eq!(
        call(&PLUGIN, "divide", &[(-7).into(), 2.into()]).unwrap(),
        [(-4).into(), 1.into()]
    );
    assert_eq!(call(&PLUGIN, "sleep", &[1.into()]).unwrap(), [1.into()]);
    let table = Value::fields([("a", Value::list([1, 2])), ("b", Value::Boolean(true))]);
    assert_eq!(
        call(&PLUGIN, "mirror", std::slice::from_ref(&table)).unwrap(),
        [table]
    );
}

#[test]
fn facts_are_a_table() {
    let facts = call(&PLUGIN, "facts", &["añ\nb".into()]).unwrap().remove(0);
    assert_eq!(facts.get("bytes"), Some(&Value::Integer(5)));
    assert_eq!(facts.get("characters"), Some(&Value::Integer(4)));
    assert_eq!(facts.get("lines"), Some(&Value::list(["añ", "b"])));
    assert_eq!(
        facts.get("letters").and_then(|letters| letters.get("ñ")),
        Some(&Value::Integer(1))
    );
}

#[test]
fn errors_and_panics_are_errors() {
    assert_eq!(refused("add", &[i64::MAX.into(), 1.into()]).0, Code::Limit);
    assert_eq!(
        refused("fail", &["no".into(), 4.into()]),
        (Code::NotFound, "no".to_owned())
    );
    assert_eq!(
        refused("fail", &["no".into(), 999.into()]),
        (Code::Invalid, "no error has this code".to_owned())
    );
    assert_eq!(
        refused("panic", &["oh".into()]),
        (Code::Internal, "it panicked: oh".to_owned())
    );
    assert_eq!(
        refused("divide", &[1.into(), 0.into()]).1,
        "1 cannot be divided by 0"
    );
    assert_eq!(refused("sleep", &[60_001.into()]).0, Code::Limit);
    let expected = "argument 1: an integer from 0 to 4294967295 expected, got an integer";
    assert_eq!(refused("sleep", &[(-1).into()]).1, expected);
    assert_eq!(
        refused("facts", &[Value::Bytes(vec![0xff])]).1,
        "argument 1: text in UTF-8 expected, got a string"
    );
}

#[test]
fn counters_are_objects() {
    let counter = testing::object(&PLUGIN, "counter", &[3.into()]).unwrap();
    let other = testing::object(&PLUGIN, "counter", &[]).unwrap();
    assert_eq!(counter.call("next", &[]).unwrap(), [3.into()]);
    assert_eq!(other.call("walk", &[2.into()]).unwrap(), [2.into()]);
    assert_eq!(counter.call("take", &[(&other).into()]).unwrap(), [5.into()]);
    assert_eq!(counter.call("value", &[]).unwrap(), [5.into()]);
    let error = counter.call("take", &[(&counter).into()]).unwrap_err();
    assert_eq!(
        error.text(),
        "one object is given twice to a function that changes it"
    );
    let error = counter.call("take", &[7.into()]).unwrap_err();
    assert_eq!(error.text(), "argument 2: Counter expected, got an integer");
}

#[test]
fn functions_say_what_they_take_and_give() {
    for (name, signature, blocking) in [
        ("echo", "bytes: bytes -> bytes", false),
        ("mirror", "value: any -> any", false),
        ("concat", "texts: [string], between: string? -> string", false),
        ("divide", "a: integer, b: integer -> integer, integer", false),
        ("sleep", "milliseconds: integer -> integer", true),
        ("panic", "text: string", false),
        ("abort", "", false),
        ("counter", "step: integer? -> Counter", false),
        (
            "facts",
            "text: string -> { bytes: integer, characters: integer, lines: [string], letters: map<string, integer> }",
            false,
        ),
    ] {
        let function = testing::function(&PLUGIN, name);
        assert_eq!(
            (function.signature(), function.is_blocking()),
            (signature, blocking),
            "{name}"
        );
    }
    assert_eq!(
        testing::function(&PLUGIN, "add").help(),
        "The sum of two integers."
    );
    let constants = testing::constants(&PLUGIN);
    assert_eq!(
        constants,
        [
            ("LONGEST", 60_000.into()),
            ("SIGNATURE", "yours echo plugin".into())
        ]
    );
}

#[test]
fn the_service_answers() {
    let request = |num| Request {
        msg: "ni hao".to_owned(),
        num,
    };
    let reply: Reply = testing::request(&PLUGIN, SERVICE, &request(4)).unwrap();
    assert_eq!((reply.msg.as_str(), reply.num), ("ni hao!", 5));
    let slow = |wait| Slow {
        msg: "so".to_owned(),
        wait,
    };
    let reply: Reply = testing::request(&PLUGIN, SERVICE, &slow(1)).unwrap();
    assert_eq!((reply.msg.as_str(), reply.num), ("so!", 2));
    let error = testing::request::<_, Reply>(&PLUGIN, SERVICE, &slow(70_000)).unwrap_err();
    assert_eq!(error.code(), Code::Limit);
    testing::notice(&PLUGIN, SERVICE, &Note { msg: "a".to_owned() }).unwrap();
    let counted: Counted = testing::request(&PLUGIN, SERVICE, &Count {}).unwrap();
    assert!(counted.requests >= 4, "{counted:?}");
    let talk = Conversation::new()
        .with(&request(1))
        .unwrap()
        .with(&request(2))
        .unwrap();
    let sent = talk.run(&PLUGIN, SERVICE, &Open {}).unwrap();
    let numbers: Vec<i32> = sent
        .messages::<Reply>()
        .unwrap()
        .iter()
        .map(|reply| reply.num)
        .collect();
    assert_eq!(numbers, [2, 3]);
}
