//! Plugins as scripts see them: found by `require`, their functions called, those that block waited for.

use std::path::Path;
use std::rc::Rc;

use gshell_plugin_host::detached::{self, Blocking, Noted};
use gshell_plugin_host::lua::{self as direct, Hooks};
use gshell_plugin_host::{Plugin, serve};
use gshell_service::rt;
use gshell_sys::crash;
use gshell_sys::slice::ID_LEN;
use gshell_wire::{Code, Fault};
use mlua::chunk::ChunkMode;
use mlua::{Error, Function, Lua, LuaString, MultiValue, Result, Table, UserData, UserDataFields, Value};

use crate::call::{self, Functions, Rest};
use crate::{Context, errors};

/// A service of a plugin, which `server:publish` takes.
pub(crate) struct NativeService(pub &'static serve::Service);

type This = mlua::UserDataRef<NativeService>;

impl UserData for NativeService {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        let members = |add: &Functions<'_>| {
            add.value("publisher", |_, (this,): (This,)| Ok(this.0.publisher))?;
            add.value("name", |_, (this,): (This,)| Ok(this.0.name))?;
            add.value("help", |_, (this,): (This,)| Ok(this.0.help))
        };
        call::members(fields, members, |_| Ok(()));
        call::metamethod(fields, "__tostring", |lua| {
            call::value(lua, |_, (this,): (This,)| {
                Ok(format!("native service {}/{}", this.0.publisher, this.0.name))
            })
        });
    }
}

/// Puts what `require` asks for plugins and C modules into `host`.
pub(crate) fn register(lua: &Lua, cx: &Rc<Context>, host: &Table) -> Result<()> {
    let cx2 = Rc::clone(cx);
    let find = move |lua: &Lua, (name,): (String,)| find(lua, &cx2, &name);
    host.raw_set("find_plugin", call::values(lua, find)?)?;
    host.raw_set("open_c", call::values(lua, open_c)?)?;
    host.raw_set("cpath", c_path(cx))
}

/// What becomes of a name: text that says where it was looked for; or the raw table, the function that makes the module of
/// it, and where the plugin is; or `false`, and why the plugin cannot be had.
type Found = (Value, Option<Function>, Option<String>);

fn find(lua: &Lua, cx: &Rc<Context>, name: &str) -> Result<Found> {
    let plugin = match gshell_plugin_host::find(name) {
        Ok(Some(plugin)) => plugin,
        Ok(None) => {
            let text = lua.create_string(format!("\n\tno plugin '{name}'"))?;
            return Ok((Value::String(text), None, None));
        }
        Err(refused) => return Ok((Value::Boolean(false), None, Some(refused.to_string()))),
    };
    let raw = module(lua, cx, plugin)?;
    let face = match plugin.lua() {
        "" => None,
        source => Some(face(lua, plugin.name(), source)?),
    };
    Ok((Value::Table(raw), face, Some(plugin.origin().to_string())))
}

/// The Lua side of a plugin as a function of its raw table.
fn face(lua: &Lua, name: &str, source: &str) -> Result<Function> {
    lua.load(source)
        .set_name(format!("=plugin:{name}"))
        .set_mode(ChunkMode::Text)
        .into_function()
        .map_err(|error| Error::runtime(format!("error loading module '{name}': {error}")))
}

fn module(lua: &Lua, cx: &Rc<Context>, plugin: &'static Plugin) -> Result<Table> {
    let blocking = |lua: &Lua, function: Blocking| waiting(lua, cx, function);
    let error = call::value(lua, |lua, (code, text): (u32, LuaString)| {
        errors::to_table(lua, &code_name(code), &text.to_string_lossy())
    })?;
    let hooks = Hooks {
        error,
        blocking: &blocking,
    };
    let table = direct::module(lua, plugin, &hooks)?;
    describe(lua, plugin, &table)?;
    Ok(table)
}

/// Adds the services, and the shapes of the messages by name. A plugin that has functions of these names keeps them.
fn describe(lua: &Lua, plugin: &'static Plugin, table: &Table) -> Result<()> {
    let messages = serve::messages(plugin).map_err(raised)?;
    let services = serve::services(plugin).map_err(raised)?;
    if !messages.is_empty() && !table.contains_key("messages")? {
        let shapes = lua.create_table_with_capacity(0, messages.len())?;
        for message in messages {
            shapes.raw_set(message.name, message.shape.to_string())?;
        }
        table.raw_set("messages", shapes)?;
    }
    if !services.is_empty() && !table.contains_key("services")? {
        let named = lua.create_table_with_capacity(0, services.len())?;
        for service in services {
            named.raw_set(service.name, NativeService(service))?;
        }
        table.raw_set("services", named)?;
    }
    Ok(())
}

/// The source of a plugin's own app.
///
/// # Errors
/// Code `NotFound` when nobody has the name, else why the plugin cannot be had, or that it has no app.
pub fn app(name: &str) -> std::result::Result<&'static str, Fault> {
    match gshell_plugin_host::find(name) {
        Ok(None) => Err(Fault::new(Code::NotFound, format!("no plugin '{name}'"))),
        Err(refused) => Err(Fault::new(Code::State, refused.to_string())),
        Ok(Some(plugin)) if plugin.app().is_empty() => {
            let text = format!("plugin {name} has no app of its own: a script can require it");
            Err(Fault::new(Code::Invalid, text))
        }
        Ok(Some(plugin)) => Ok(plugin.app()),
    }
}

/// The function of a script for one that blocks.
fn waiting(lua: &Lua, cx: &Rc<Context>, function: Blocking) -> Result<Function> {
    let own = Rc::clone(cx);
    cx.async_function(lua, move |lua, Rest(args): Rest| {
        let (cx, weak) = (Rc::clone(&own), lua.weak());
        let job = function.job(&lua, &args);
        drop((lua, args));
        async move {
            // When this is given up, so is what `wanted` stands for: the function can ask.
            let (job, _wanted) = job.map_err(raised)?;
            let id = cx.running().id;
            let done = cx
                .wait(rt::unblock_long(move || on_behalf(id, || job.run())))
                .await?;
            let values = done.map_err(raised)?;
            match weak.try_upgrade() {
                Some(lua) => detached::results(&lua, &values),
                None => Ok(MultiValue::new()),
            }
        }
    })
}

/// Runs `call` on a thread that is nobody's, for this environment: a crash is told with its name.
pub(crate) fn on_behalf<T>(id: [u8; ID_LEN], call: impl FnOnce() -> T) -> T {
    let before = crash::on_behalf(Some(id));
    let done = call();
    crash::on_behalf(before);
    done
}

/// The error that a script gets.
#[cold]
fn raised(noted: Noted) -> Error {
    match noted {
        Noted::Memory => Error::MemoryError("not enough memory".to_owned()),
        Noted::Error { code, text } => errors::raise(&code_name(code), text),
    }
}

/// What scripts call a code.
fn code_name(code: u32) -> String {
    let known = u16::try_from(code).ok().and_then(Code::from_u16);
    known.map_or_else(|| format!("fault_{code}"), crate::api::code_name)
}

/// `open_c(file, name)`: the function that makes the module; nothing when the file has none of that name; `false` and why.
fn open_c(lua: &Lua, (file, name): (String, String)) -> Result<(Value, Option<String>)> {
    Ok(match direct::c_module(lua, Path::new(&file), &name) {
        Ok(Some(opener)) => (Value::Function(opener), None),
        Ok(None) => (Value::Nil, None),
        Err(why) => (Value::Boolean(false), Some(why)),
    })
}

/// `DIR/?.so` for each folder.
fn c_path(cx: &Context) -> String {
    let dirs = cx.c_path.iter().map(|d| d.display());
    dirs.map(|d| format!("{d}/?.so")).collect::<Vec<_>>().join(";")
}
