//! Makes the Lua state of an environment: Lua's own library, without what reaches past the environment.

use std::rc::Rc;
use std::sync::OnceLock;

use gshell_sys::slice::{self, Protect};
use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, LuaOptions, LuaString, StdLib, Table, Value};

use crate::environment::Outcome;
use crate::limits::most_memory;
use crate::{Context, Stream, call, errors, package, require};

/// Registry name of the function in which every task runs.
const GUARD: &str = "gshell.guard";
static BASE: Prelude = Prelude::new(include_str!("lua/base.lua"));
static IO: Prelude = Prelude::new(include_str!("lua/io.lua"));

/// Lua source of ours. It is compiled once a process and kept without its debug information: loading that takes a
/// fifth of the time in each further state, and half the memory.
pub(crate) struct Prelude {
    source: &'static str,
    compiled: OnceLock<Vec<u8>>,
}

impl Prelude {
    pub(crate) const fn new(source: &'static str) -> Prelude {
        Prelude {
            source,
            compiled: OnceLock::new(),
        }
    }

    /// The chunk as a function.
    pub(crate) fn load(&self, lua: &Lua) -> mlua::Result<Function> {
        if self.compiled.get().is_none() {
            let function = lua.load(self.source).set_name("=gshell").into_function()?;
            // Two threads may both come here: they compile the same.
            let _ = self.compiled.set(function.dump(true));
        }
        let compiled = self.compiled.get().map(Vec::as_slice).unwrap_or_default();
        lua.load(compiled)
            .set_name("=gshell")
            .set_mode(ChunkMode::Binary)
            .into_function()
    }
}

/// A new state for `cx`, its memory limit set.
pub(crate) fn state(cx: &Rc<Context>) -> mlua::Result<Lua> {
    let lua = Lua::new_with(StdLib::ALL_SAFE, LuaOptions::new())?;
    let convert = call::value(&lua, |lua, (error,): (mlua::Error,)| {
        errors::to_value(lua, &error)
    })?;
    slice::install(
        &lua,
        &Protect {
            convert,
            memory: cx.limits.memory_message(),
        },
    )?;
    let host = host(&lua, cx)?;
    let guard: Function = BASE.load(&lua)?.call(&host)?;
    lua.set_named_registry_value(GUARD, guard)?;
    set_arg(&lua, &cx.args)?;
    set_warnings(&lua, cx);
    // Last, so that a limit below what the library itself takes is an error of the script.
    lua.set_memory_limit(most_memory(cx.limits.memory))?;
    Ok(lua)
}

/// The function in which tasks run: `guard(f, ...)` gives `true, ...` or `false, value, message, traceback`.
pub(crate) fn guard(lua: &Lua) -> mlua::Result<Function> {
    lua.named_registry_value(GUARD)
}

/// Compiles source text; `name` is its path as messages show it.
pub(crate) fn compile(lua: &Lua, name: &str, bytes: &[u8]) -> mlua::Result<Function> {
    if package::is_binary(bytes) {
        return Err(mlua::Error::runtime(format!(
            "{name}: compiled Lua is not run, only source text"
        )));
    }
    lua.load(package::source_text(bytes))
        .set_name(format!("@{name}"))
        .set_mode(ChunkMode::Text)
        .into_function()
}

/// Takes away everything that globals and modules hold, and collects it.
pub(crate) fn empty(lua: &Lua) {
    let globals = lua.globals();
    if let Ok(loaded) = globals
        .get::<Table>("package")
        .and_then(|p| p.get::<Table>("loaded"))
    {
        let _ = loaded.clear();
    }
    let _ = globals.clear();
    // The second collection frees what finalizers of the first let go.
    let _ = lua.gc_collect().and_then(|()| lua.gc_collect());
}

/// What the prelude gets.
fn host(lua: &Lua, cx: &Rc<Context>) -> mlua::Result<Table> {
    let host = lua.create_table()?;
    let helpers = slice::helpers(lua)?;
    host.raw_set("debug", helpers.debug)?;
    host.raw_set("line", helpers.line)?;
    host.raw_set("join", helpers.join)?;
    host.raw_set("object", helpers.object)?;
    host.raw_set("marker", Value::LightUserData(Lua::poll_pending()))?;
    streams(lua, cx, &host)?;
    host.raw_set("exit", exit(lua, cx)?)?;
    host.raw_set(
        "load_io",
        call::nothing(lua, |lua, (host,): (Table,)| IO.load(lua)?.call::<()>(host))?,
    )?;
    require::register(lua, cx, &host)?;
    Ok(host)
}

fn streams(lua: &Lua, cx: &Rc<Context>, host: &Table) -> mlua::Result<()> {
    let output = Rc::clone(&cx.output);
    let emit = move |_: &Lua, (stream, text): (u8, LuaString)| {
        let stream = if stream == 2 { Stream::Err } else { Stream::Out };
        output.write(stream, &text.as_bytes());
        Ok(output.congested())
    };
    host.raw_set("emit", call::value(lua, emit)?)?;
    let cx2 = Rc::clone(cx);
    let drained = cx.async_function(lua, move |_, ()| {
        let cx = Rc::clone(&cx2);
        async move { cx.wait(cx.output.drained()).await }
    })?;
    host.raw_set("drained", drained)?;
    let cx2 = Rc::clone(cx);
    let input = cx.async_function(lua, move |lua, ()| {
        let (cx, lua) = (Rc::clone(&cx2), lua.weak());
        async move {
            let bytes = cx.wait(cx.input.read()).await?;
            match (bytes, lua.try_upgrade()) {
                (Some(bytes), Some(lua)) => lua.create_string(bytes).map(Some),
                _ => Ok(None),
            }
        }
    })?;
    host.raw_set("input", input)
}

/// `exit(ok, code)`: the environment has its outcome; what runs is cut off where it is.
fn exit(lua: &Lua, cx: &Rc<Context>) -> mlua::Result<Function> {
    let cx = Rc::clone(cx);
    call::nothing(lua, move |_, (ok, code): (bool, Value)| {
        let code = match code {
            Value::Integer(code) => (code & 0xff) as i32,
            Value::Number(code) => (code as i64 & 0xff) as i32,
            _ => i32::from(!ok),
        };
        cx.ending.set(Outcome::Exit(code));
        slice::condemn();
        Ok(())
    })
}

fn set_arg(lua: &Lua, args: &[String]) -> mlua::Result<()> {
    let arg = lua.create_table_with_capacity(args.len(), 1)?;
    for (index, text) in args.iter().enumerate() {
        arg.raw_set(index, text.as_str())?;
    }
    lua.globals().raw_set("arg", arg)
}

/// Warnings (`warn`, errors in finalizers) go to the script's standard error, once it turned them on.
fn set_warnings(lua: &Lua, cx: &Rc<Context>) {
    let output = Rc::clone(&cx.output);
    let on = std::cell::Cell::new(false);
    let text = std::cell::RefCell::new(String::new());
    lua.set_warning_function(move |_, piece, more| {
        if text.borrow().is_empty()
            && !more
            && let Some(control) = piece.strip_prefix('@')
        {
            on.set(if control == "on" {
                true
            } else {
                control != "off" && on.get()
            });
            return Ok(());
        }
        text.borrow_mut().push_str(piece);
        if !more {
            let whole = text.take();
            if on.get() {
                output.write(Stream::Err, format!("Lua warning: {whole}\n").as_bytes());
            }
        }
        Ok(())
    });
}
