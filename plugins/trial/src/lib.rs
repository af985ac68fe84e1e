//! For tests of shipped plugins: Lua code with the plugin in it, as `require` gives it, and the plugin's page.
//!
//! There is no group here: the modules `gshell.*` are missing, and functions that block run at once. Everything panics
//! when it fails, as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // only tests use it

use std::fmt::Write as _;
use std::sync::Once;

use gshell_plugin_host::{Noted, Plugin, Setup, abi, detached, find, lua, set_up};
use mlua::{Function, IntoLuaMulti, Lua, MultiValue, Table, Value};

/// Runs a piece of Lua with the plugin. A process tries one plugin only.
///
/// # Panics
/// When the code raises an error.
pub fn run(plugin: &'static abi::Plugin, source: &str) {
    state(plugin)
        .load(source)
        .exec()
        .unwrap_or_else(|error| panic!("{error}"));
}

/// The error that a piece of Lua raises: its code and its message; a plain error of Lua has no code.
///
/// # Panics
/// When it raises none.
pub fn error(plugin: &'static abi::Plugin, source: &str) -> (u32, String) {
    let lua = state(plugin);
    let catching = "local f = ... local ok, e = pcall(f) assert(not ok, 'no error')
                    if type(e) == 'table' then return e.code, e.message end return 0, tostring(e)";
    let function = lua.load(source).into_function().unwrap();
    lua.load(catching).call(function).unwrap()
}

/// Runs every example of a page in a state of its own, and sees that the page has a heading for every function.
///
/// # Panics
/// When an example fails, or a function is not told of.
pub fn page(plugin: &'static abi::Plugin, text: &str) {
    let found = examples(text);
    assert!(!found.is_empty(), "the page has no example");
    for (line, example) in found {
        let chunk = format!("{}{example}", "\n".repeat(line));
        let lua = state(plugin);
        lua.load(chunk)
            .set_name("@page")
            .exec()
            .unwrap_or_else(|error| panic!("{error}"));
    }
    let lua = state(plugin);
    let name = opened(plugin).name();
    let module: Table = lua.load(format!("return require {name:?}")).eval().unwrap();
    let mut missing = String::new();
    for pair in module.pairs::<String, Value>() {
        let (key, _) = pair.unwrap();
        let heads = |line: &str| line.starts_with('#') && line.contains(&format!("`{name}.{key}"));
        if !text.lines().any(heads) {
            write!(missing, " {name}.{key}").unwrap();
        }
    }
    assert!(missing.is_empty(), "no heading of the page names:{missing}");
}

/// Pieces of Lua in a page, with the line that each begins after.
fn examples(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in page.lines().enumerate() {
        match (&mut open, line) {
            (None, "```lua") => open = Some((index + 1, String::new())),
            (Some(_), "```") => found.extend(open.take()),
            (Some((_, text)), line) => writeln!(text, "{line}").unwrap(),
            _ => {}
        }
    }
    found
}

/// The plugin, checked as one that is linked into the program. Its name is that of the crate that is tested.
fn opened(plugin: &'static abi::Plugin) -> &'static Plugin {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let setup = Setup {
            built_in: vec![plugin].leak(),
            ..Setup::default()
        };
        assert_eq!(set_up(setup), []);
    });
    let name = std::env::var("CARGO_PKG_NAME").expect("cargo runs the test");
    let name = name
        .strip_prefix("gshell-plugin-")
        .expect("the crate of a plugin");
    find(name).unwrap().expect("the plugin is called as its crate")
}

/// A state in which `require` knows the plugin.
fn state(plugin: &'static abi::Plugin) -> Lua {
    let (lua, plugin) = (Lua::new(), opened(plugin));
    let error = "local code, text = ... return setmetatable({ code = code, message = text },
                 { __tostring = function(e) return e.message end })";
    let error = lua.load(error).into_function().unwrap();
    let raising = "local f = ... local function give(ok, ...) if ok then return ... end error((...), 0) end
                   return function(...) return give(f(...)) end";
    let raising = lua.load(raising).into_function().unwrap();
    let raise = error.clone();
    let blocking = move |lua: &Lua, function: detached::Blocking| {
        let error = raise.clone();
        let plain =
            lua.create_function(move |lua, args: MultiValue| outcome(lua, function, &args, &error))?;
        raising.call::<Function>(plain)
    };
    let hooks = lua::Hooks {
        error,
        blocking: &blocking,
    };
    let raw = lua::module(&lua, plugin, &hooks).unwrap();
    let face = plugin.lua();
    let module = match face.is_empty() {
        true => Value::Table(raw),
        false => lua
            .load(face)
            .set_name(format!("={}", plugin.name()))
            .call(raw)
            .unwrap(),
    };
    let package: Table = lua.globals().get("package").unwrap();
    let loaded: Table = package.get("loaded").unwrap();
    loaded.set(plugin.name().replace('/', "."), module).unwrap();
    lua
}

/// Runs a call on another thread, as a group does: `true` and its results, or `false` and the error. While the global
/// `ABANDON` is true, nobody waits for it from the begin on.
fn outcome(
    lua: &Lua,
    function: detached::Blocking,
    args: &MultiValue,
    error: &Function,
) -> mlua::Result<MultiValue> {
    let is_abandoned: bool = lua.globals().get::<Option<bool>>("ABANDON")?.unwrap_or(false);
    let done = function.job(lua, args).and_then(|(job, wanted)| {
        let _wanted = (!is_abandoned).then_some(wanted);
        std::thread::scope(|scope| scope.spawn(|| job.run()).join().unwrap())
    });
    match done {
        Ok(values) => (true, detached::results(lua, &values)?).into_lua_multi(lua),
        Err(Noted::Memory) => Err(mlua::Error::MemoryError("full".to_owned())),
        Err(Noted::Error { code, text }) => (false, error.call::<Value>((code, text))?).into_lua_multi(lua),
    }
}
