//! What the derives make of a type.

use std::collections::BTreeMap;

use gshell_wire::{Bytes, Field, Message, Priority, Schema, Type, Variant, decode_version, key};
use serde::{Deserialize, Serialize};

/// Runs something.
///
/// More about it.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "gshell.Run")]
struct Run {
    /// What to run.
    /// Second line.
    line: String,
    r#type: Option<Box<Kind>>,
    env: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize, Schema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// Nothing to it.
    Plain,
    Wrapped(Bytes),
    Pair(u8, i64),
    Named {
        /// On or off.
        on: bool,
    },
    Void {},
}

#[derive(Serialize, Deserialize, Schema)]
struct Wrapper(u32);

#[derive(Serialize, Deserialize, Schema)]
struct Pair(u32, Wrapper);

#[derive(Serialize, Deserialize, Schema)]
struct Nothing;

const fn field(name: &'static str, ty: &'static Type, help: &'static str) -> Field {
    Field { name, ty, help }
}

#[test]
fn structs() {
    let Type::Struct { name, fields } = Run::TYPE else {
        panic!("no struct")
    };
    assert_eq!(name, "Run");
    assert_eq!(fields[0], field("line", &Type::Str, "What to run."));
    assert_eq!(
        (fields[1].name, fields[1].ty),
        ("type", &Type::Option(&Kind::TYPE))
    );
    assert_eq!(fields[2], field("env", &Type::Map(&Type::Str, &Type::Str), ""));
    assert_eq!(Wrapper::TYPE, Type::U32);
    assert_eq!(Pair::TYPE, Type::Tuple(&[&Type::U32, &Type::U32]));
    assert_eq!(
        Nothing::TYPE,
        Type::Struct {
            name: "Nothing",
            fields: &[]
        }
    );
}

#[test]
fn enums() {
    let Type::Enum { name, variants } = Kind::TYPE else {
        panic!("no enum")
    };
    let variant = |name, ty, help| Variant { name, ty, help };
    assert_eq!(name, "Kind");
    assert_eq!(variants[0], variant("Plain", &Type::Unit, "Nothing to it."));
    assert_eq!(variants[1], variant("Wrapped", &Type::Bytes, ""));
    assert_eq!(
        variants[2],
        variant("Pair", &Type::Tuple(&[&Type::U8, &Type::I64]), "")
    );
    const NAMED: Type = Type::Struct {
        name: "Named",
        fields: &[field("on", &Type::Bool, "On or off.")],
    };
    assert_eq!(variants[3], variant("Named", &NAMED, ""));
    assert_eq!(
        variants[4],
        variant(
            "Void",
            &Type::Struct {
                name: "Void",
                fields: &[]
            },
            ""
        )
    );
    assert_eq!(variants.len(), 5);
}

#[test]
fn the_key_is_that_of_name_and_shape() {
    assert_eq!(Run::NAME, "gshell.Run");
    assert_eq!(Run::KEY, key("gshell.Run", &Run::TYPE));
}

/// The key of a message with one field.
fn key_of(
    message: &str,
    name: &'static str,
    field_name: &'static str,
    ty: &'static Type,
    help: &'static str,
) -> u64 {
    key(
        message,
        &Type::Struct {
            name,
            fields: Box::leak(Box::new([field(field_name, ty, help)])),
        },
    )
}

#[test]
fn what_counts_for_a_key() {
    let base = key_of("m", "A", "a", &Type::U8, "");
    assert_eq!(
        base,
        key_of("m", "Other", "a", &Type::U8, "help"),
        "names of structs and help do not count"
    );
    assert_ne!(
        base,
        key_of("n", "A", "a", &Type::U8, ""),
        "the name of the message counts"
    );
    assert_ne!(
        base,
        key_of("m", "A", "b", &Type::U8, ""),
        "names of fields count"
    );
    assert_ne!(
        base,
        key_of("m", "A", "a", &Type::I8, ""),
        "types of fields count"
    );
    let enums = |names: [&'static str; 2]| {
        let variants = names.map(|name| Variant {
            name,
            ty: &Type::Unit,
            help: "",
        });
        key(
            "m",
            &Type::Enum {
                name: "E",
                variants: Box::leak(Box::new(variants)),
            },
        )
    };
    assert_ne!(
        enums(["A", "B"]),
        enums(["B", "A"]),
        "names of variants and their order count"
    );
}

#[test]
fn neighbours_do_not_run_into_each_other() {
    let nested = Type::Tuple(&[&Type::Tuple(&[&Type::U8]), &Type::U8]);
    let flat = Type::Tuple(&[&Type::Tuple(&[&Type::U8, &Type::U8])]);
    assert_ne!(key("m", &nested), key("m", &flat));
    assert_ne!(key("ab", &Type::Unit), key("a", &Type::Unit));
}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "test.Echo")]
struct Echo1 {
    num: i32,
}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "test.OldEcho", priority = "normal")]
struct Echo2(String);

/// Sends back.
/// More.
#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Echo", priority = "low", earlier(Echo1, Echo2))]
struct Echo {
    text: String,
}

impl From<Echo1> for Echo {
    fn from(old: Echo1) -> Echo {
        Echo {
            text: old.num.to_string(),
        }
    }
}

impl From<Echo2> for Echo {
    fn from(Echo2(text): Echo2) -> Echo {
        Echo { text }
    }
}

#[test]
fn priority_and_help() {
    assert_eq!((Run::PRIORITY, Run::HELP), (Priority::Normal, "Runs something."));
    assert_eq!((Echo::PRIORITY, Echo::HELP), (Priority::Low, "Sends back."));
    assert_eq!((Echo1::PRIORITY, Echo1::HELP), (Priority::Normal, ""));
    assert!(Priority::High < Priority::Normal && Priority::Normal < Priority::Low);
    assert!(Run::EARLIER.is_empty());
}

#[test]
fn earlier_shapes_are_read() {
    let keys: Vec<_> = Echo::EARLIER
        .iter()
        .map(|earlier| (earlier.name, earlier.key))
        .collect();
    assert_eq!(keys, [("test.Echo", Echo1::KEY), ("test.OldEcho", Echo2::KEY)]);
    assert_eq!(Echo::EARLIER[1].ty, Type::Str);
    let read = |key, bytes: &[u8]| decode_version::<Echo>(key, bytes);
    let echo = |text: &str| Some(Ok(Echo { text: text.into() }));
    assert_eq!(read(Echo1::KEY, &[5]), echo("-3"));
    assert_eq!(read(Echo2::KEY, b"\x02hi"), echo("hi"));
    assert_eq!(read(Echo::KEY, b"\x02yo"), echo("yo"));
    assert_eq!(read(Echo::KEY + 1, b"\x02yo"), None);
    assert!(read(Echo1::KEY, &[]).is_some_and(|read| read.is_err()));
}
