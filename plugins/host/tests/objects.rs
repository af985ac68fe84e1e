//! Objects of a plugin in Lua: methods, identity, and their end. In a process of its own, as it counts them all.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::atomic::Ordering::SeqCst;

use common::{plugin::COUNTERS, run, state};

fn alive() -> u32 {
    COUNTERS.load(SeqCst)
}

/// One test, because the objects are counted over all states.
#[test]
fn objects_live_as_long_as_somebody_has_them() {
    methods_and_identity();
    assert_eq!(alive(), 0, "with their state");
    collected();
    closed();
    in_use();
    results_that_do_not_fit();
    assert_eq!(alive(), 0);
}

fn methods_and_identity() {
    let lua = state();
    run(
        &lua,
        r#"
        local c = try.counter(5)
        assert(c:step() == 6 and c:step(10) == 16 and c:b_step(1) == 17)
        assert(both("total", c, try.counter(3)) == 20)
        assert(getmetatable(c) == "try.Counter" and tostring(c):find "^try.Counter: ")
        assert(c.nothing == nil)
        local function is(text, f, ...)
          local ok, e = pcall(f, ...)
          assert(not ok and e.message == text, tostring(e))
        end
        is("bad object for 'try.Counter:step' (Counter expected, got nil); call it as object:method()", c.step, nil)
        is("bad object for 'try.Counter:step' (Counter expected, got userdata); call it as object:method()", c.step, io.stdout)
        is("bad argument #1 to 'try.Counter:step' (integer expected, got string)", c.step, c, "x")
        is("bad argument #1 to 'try.Counter:b_step' (integer expected, got string)", c.b_step, c, "x")
        is("bad argument #2 to 'try.total' (Counter expected, got table)", try.total, c, {})
        assert(#try.counters(10) == 10 and try.b_counters(3)[3]:step() == 4)
        kept = c
        "#,
    );
    assert!(alive() >= 1);
}

fn collected() {
    let lua = state();
    run(
        &lua,
        "kept = try.counter(1) for i = 1, 1000 do try.counter(i) try.b_counter(i) end collectgarbage() collectgarbage()",
    );
    assert_eq!(alive(), 1, "but for the one that is kept");
    // Its metatable is that of before when the module is made anew.
    run(
        &lua,
        "assert(kept:step() == 2) kept = nil collectgarbage() collectgarbage()",
    );
    assert_eq!(alive(), 0);
    // Whoever resurrects one in a finalizer finds it ended.
    run(
        &lua,
        r#"
        do
          local c = try.counter(1)
          setmetatable({ c }, { __gc = function(t) kept = t[1] end })
          setmetatable({ c }, { __gc = function(t) kept = t[1] end })
        end
        collectgarbage() collectgarbage()
        local ok, e = pcall(try.step, kept)
        assert(ok or e.message:find "an object that has ended" or e.message:find "got userdata", tostring(e))
        kept = nil
        collectgarbage() collectgarbage()
        "#,
    );
    assert_eq!(alive(), 0);
}

fn closed() {
    run(
        &state(),
        r#"
        local c
        do
          local own <close> = try.counter(1)
          c = own
        end
        -- The method gets the object alone, whatever error ends the block.
        assert(c:step() == -1000)
        pcall(function() local own <close> = c error "x" end)
        assert(c:step() == -1000)
        "#,
    );
}

fn in_use() {
    let lua = state();
    run(
        &lua,
        r#"
        local c = try.counter(1)
        assert(c:b_step(1) == 2, "it is free again after a call")
        local ok, e = pcall(c.b_step, c, "x")
        assert(not ok and c:step() == 3, "and after one that failed")
        assert(try.b_total(c, c) == 6, "a call may have it twice")
        "#,
    );
    let plugin = common::plugin();
    let hooks = |lua: &mlua::Lua, function: gshell_plugin_host::detached::Blocking| {
        lua.create_function(move |lua, args: mlua::MultiValue| {
            let (job, wanted) = function.job(lua, &args).unwrap();
            lua.set_named_registry_value("held", lua.create_any_userdata((job, wanted))?)
        })
    };
    let error = lua.load("return (select(2, ...))").into_function().unwrap();
    let hooks = gshell_plugin_host::lua::Hooks {
        error,
        blocking: &hooks,
    };
    let holding = gshell_plugin_host::lua::module(&lua, plugin, &hooks).unwrap();
    lua.globals().set("holding", holding).unwrap();
    run(
        &lua,
        r#"
        c = try.counter(1)
        holding.b_step(c)
        local busy = "'try.Counter:step': the Counter is in use by a call that has not returned yet"
        local ok, e = pcall(c.step, c)
        assert(not ok and e == busy, tostring(e))
        ok, e = pcall(try.b_total, c, c)
        assert(not ok and e.code == 9, tostring(e))
        c = nil
        collectgarbage() collectgarbage()
        "#,
    );
    assert_eq!(alive(), 1, "the call has it, although no script does");
    lua.unset_named_registry_value("held").unwrap();
    run(&lua, "collectgarbage() collectgarbage()");
    assert_eq!(alive(), 0);
}

fn results_that_do_not_fit() {
    let lua = state();
    let used = lua.used_memory();
    lua.set_memory_limit(used + 100_000).unwrap();
    run(&lua, "local ok = pcall(try.counters, 10000000) assert(not ok)");
    lua.set_memory_limit(0).unwrap();
    run(&lua, "collectgarbage() collectgarbage()");
    assert_eq!(alive(), 0, "those that were made before memory was full, too");
}
