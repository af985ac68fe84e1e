//! A Lua state with the plugin of these tests in it.
#![allow(dead_code, clippy::unwrap_used)]

pub mod plugin;

use std::sync::Once;

use gshell_plugin_host::{Noted, Plugin, Setup, detached, find, lua, set_up};
use mlua::{Lua, MultiValue};

/// The plugin as this process has it.
pub fn plugin() -> &'static Plugin {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let refused = set_up(Setup {
            built_in: vec![plugin::PLUGIN.get()].leak(),
            ..Setup::default()
        });
        assert_eq!(refused, []);
    });
    find("try").unwrap().unwrap()
}

/// A state whose global `try` is the plugin. Errors are tables; functions that block run at once.
pub fn state() -> Lua {
    let lua = Lua::new();
    let error = lua
        .load("local code, text = ... return setmetatable({ code = code, message = text }, { __tostring = function(e) return e.message end })")
        .into_function()
        .unwrap();
    let blocking = |lua: &Lua, function: detached::Blocking| {
        let error = lua.named_registry_value::<mlua::Function>("error")?;
        lua.create_function(move |lua, args: MultiValue| {
            let done = function.job(lua, &args).and_then(|(job, _wanted)| {
                // Elsewhere indeed.
                std::thread::scope(|scope| scope.spawn(|| job.run()).join().unwrap())
            });
            match done {
                Ok(values) => (true, detached::results(lua, &values)?).into_lua_multi(lua),
                Err(Noted::Memory) => Err(mlua::Error::MemoryError("full".to_owned())),
                Err(Noted::Error { code, text }) => {
                    (false, error.call::<mlua::Value>((code, text))?).into_lua_multi(lua)
                }
            }
        })
    };
    use mlua::IntoLuaMulti;
    lua.set_named_registry_value("error", &error).unwrap();
    let wrapping = |lua: &Lua, function: detached::Blocking| {
        let raising = "local f = ... local function give(ok, ...) if ok then return ... end error((...), 0) end \
                       return function(...) return give(f(...)) end";
        lua.load(raising).call::<mlua::Function>(blocking(lua, function)?)
    };
    let hooks = lua::Hooks {
        error,
        blocking: &wrapping,
    };
    let module = lua::module(&lua, plugin(), &hooks).unwrap();
    lua.globals().set("try", module).unwrap();
    lua.load(PRELUDE).exec().unwrap();
    lua
}

/// `both(name, ...)` calls a function and the one that blocks: results, or code and message, which must be the same but for
/// the name.
const PRELUDE: &str = r#"
    local function outcome(ok, ...)
      if ok then return table.pack(...) end
      local e = ...
      return { code = e.code, message = e.message, n = 0 }
    end
    local function show(v)
      if type(v) ~= "table" then return type(v) == "userdata" and "object" or math.type(v) == "float" and string.format("%a", v) or tostring(v) end
      local parts = {}
      for k, w in pairs(v) do parts[#parts + 1] = show(k) .. "=" .. show(w) end
      table.sort(parts)
      return "{" .. table.concat(parts, " ") .. "}"
    end
    function both(name, ...)
      local one, other = outcome(pcall(try[name], ...)), outcome(pcall(try["b_" .. name], ...))
      if other.message then other.message = other.message:gsub("b_" .. name, name) end
      assert(show(one) == show(other), name .. ": " .. show(one) .. " / " .. show(other))
      if one.message then error(one, 0) end
      return table.unpack(one, 1, one.n)
    end
    function fails(name, ...)
      local ok, e = pcall(both, name, ...)
      assert(not ok, name .. " did not fail")
      return e.message, e.code
    end
"#;

/// Runs it; errors of assertions are the test's.
pub fn run(lua: &Lua, code: &str) {
    if let Err(error) = lua.load(code).set_name("=test").exec() {
        panic!("{error}");
    }
}
