//! Lua's memory runs out while a plugin makes its results: at every step, and the state is whole afterwards.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{run, state};
use mlua::{Error, Function};

fn is_memory(error: &Error) -> bool {
    match error {
        Error::MemoryError(_) => true,
        Error::CallbackError { cause, .. } => is_memory(cause),
        _ => false,
    }
}

/// Calls with limits that end it at every step; gives how many did.
fn starve(code: &str) -> u32 {
    let lua = state();
    let call: Function = lua.load(code).into_function().unwrap();
    call.call::<()>(()).unwrap();
    let mut starved = 0;
    for room in (0..6000).step_by(24) {
        lua.gc_collect().unwrap();
        lua.gc_stop();
        lua.set_memory_limit(lua.used_memory() + room).unwrap();
        let done = call.call::<()>(());
        lua.set_memory_limit(0).unwrap();
        lua.gc_restart();
        if let Err(error) = done {
            assert!(is_memory(&error), "{room}: {error}");
            starved += 1;
        }
        run(
            &lua,
            "assert(try.add(1, 2) == 3 and try.deep { inner = { list = { 1, 2 } } } == 2)",
        );
    }
    starved
}

#[test]
fn while_it_makes_strings_and_tables() {
    for code in [
        "local l = try.list(20, 50) assert(#l == 20)",
        "local t = try.shapes() assert(t.name)",
        "assert(#try.filled(2000) == 2000)",
        "local c = try.counters(20) assert(#c == 20)",
        "assert(try.walk { a = { b = { c = 1 } } } == 3)",
        "assert(select('#', try.many(200)) == 200)",
    ] {
        assert!(starve(code) > 5, "{code}");
    }
}

#[test]
fn while_it_tells_of_an_error() {
    let lua = state();
    let call: Function = lua
        .load("local ok, e = pcall(try.fail, 6, ('x'):rep(100)) assert(not ok) return type(e), tostring(e)")
        .into_function()
        .unwrap();
    let mut texts = std::collections::BTreeSet::new();
    for room in (0..4000).step_by(24) {
        lua.gc_collect().unwrap();
        lua.gc_stop();
        lua.set_memory_limit(lua.used_memory() + room).unwrap();
        if let Ok((kind, text)) = call.call::<(String, String)>(()) {
            texts.insert((kind, text.chars().take(17).collect::<String>()));
        }
        lua.set_memory_limit(0).unwrap();
        lua.gc_restart();
    }
    let texts: Vec<_> = texts.iter().map(|(_, text)| text.as_str()).collect();
    assert!(texts.contains(&"xxxxxxxxxxxxxxxxx"), "{texts:?}");
    assert!(texts.contains(&"not enough memory"), "{texts:?}");
}
