//! Tests of the safe parts; `tests/` has those with C programs.

use std::collections::BTreeMap;
use std::ffi::c_int;

use gshell_service::Scopes;
use gshell_wire::{Code, Fault};

use crate::border::Out;
use crate::message::Kind;
use crate::{client, export, guard, handler, stop};

/// The constants of the header: names and numbers.
fn constants() -> BTreeMap<String, i64> {
    let header = include_str!("../include/gshell.h");
    let of_enum = |line: &str| {
        let (name, value) = line.trim().split_once(" = ")?;
        let number = value.split([',', ' ']).next()?.parse().ok()?;
        name.starts_with("GSHELL_").then(|| (name.to_owned(), number))
    };
    let of_define = |line: &str| {
        let (name, value) = line.strip_prefix("#define ")?.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    header
        .lines()
        .filter_map(|line| of_enum(line).or_else(|| of_define(line)))
        .collect()
}

/// `BadMessage` as the header writes it.
fn upper(name: &str) -> String {
    let mut text = String::new();
    for (at, c) in name.char_indices() {
        if c.is_uppercase() && at > 0 {
            text.push('_');
        }
        text.extend(c.to_uppercase());
    }
    text
}

#[test]
fn the_header_has_the_numbers_of_the_library() {
    let mut header = constants();
    let mut expect = |name: &str, number: i64| {
        assert_eq!(header.remove(&format!("GSHELL_{name}")), Some(number), "{name}");
    };
    expect("ABI", export::ABI.into());
    expect("OK", guard::OK.into());
    expect("END", guard::END.into());
    for code in (1..=u16::MAX).map_while(Code::from_u16) {
        expect(&upper(code.name()), u16::from(code).into());
    }
    for (name, scope) in [
        ("PROCESS", Scopes::PROCESS),
        ("OS", Scopes::OS),
        ("LAN", Scopes::LAN),
        ("WAN", Scopes::WAN),
        ("ALL", Scopes::ALL),
    ] {
        expect(name, scope.bits().into());
    }
    for (name, flag) in [
        ("ON_THREADS", handler::THREADS),
        ("ON_STREAM", handler::STREAM),
        ("ON_HIGH", handler::HIGH),
        ("ON_LOW", handler::LOW),
    ] {
        expect(name, flag.into());
    }
    for kind in [
        Kind::None,
        Kind::Bool,
        Kind::Int,
        Kind::Uint,
        Kind::Double,
        Kind::String,
        Kind::Bytes,
        Kind::List,
        Kind::Map,
        Kind::Struct,
        Kind::Tuple,
        Kind::Enum,
    ] {
        expect(&format!("KIND_{}", upper(&format!("{kind:?}"))), kind as i64);
    }
    assert!(header.is_empty(), "only in the header: {header:?}");
}

#[test]
fn the_header_states_the_bounds_of_the_library() {
    let header = include_str!("../include/gshell.h");
    for text in [
        format!("A process has at most {}.", stop::MOST_SERVERS),
        format!("({} at most)", handler::MOST_THREADS),
    ] {
        assert!(header.contains(&text), "{text}");
    }
    let build = include_str!("../build.rs");
    assert!(build.contains(&format!("libgshell.so.{}", export::ABI)));
}

#[test]
fn a_panic_is_an_error() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let code = guard::run(&Out::none(), &mut || panic!("a mistake"));
    std::panic::set_hook(hook);
    assert_eq!(code, c_int::from(u16::from(Code::Internal)));
}

#[test]
fn a_peer_cannot_make_an_error_look_like_success() {
    let nothing = Fault::from(gshell_wire::FaultParts {
        code: 0,
        message: String::new(),
        cause: None,
    });
    let code = guard::run(&Out::none(), &mut || Err(nothing.clone()));
    assert!(code > 0);
}

#[test]
fn times_and_scopes_of_c() {
    assert_eq!(client::limit(-1), None);
    assert_eq!(client::limit(1500).map(|limit| limit.as_millis()), Some(1500));
    assert_eq!(client::scopes(0), Ok(Scopes::ALL));
    assert_eq!(client::scopes(3), Ok(Scopes::PROCESS | Scopes::OS));
    assert!(client::scopes(16).is_err());
}
