//! Where `require` finds modules: in the package, among the built-in ones and the plugins, then in the node's folders.

use std::fmt::Write as _;
use std::rc::Rc;

use mlua::{Lua, Table, Value};

use crate::{Context, api, call, plugins, sandbox};

/// Puts the searchers and the first `package.path` into `host`.
pub(crate) fn register(lua: &Lua, cx: &Rc<Context>, host: &Table) -> mlua::Result<()> {
    let cx2 = Rc::clone(cx);
    let from_package = move |lua: &Lua, (name,): (String,)| search_package(lua, &cx2, &name);
    host.raw_set("from_package", call::values(lua, from_package)?)?;
    let cx2 = Rc::clone(cx);
    let built_in = move |lua: &Lua, (name,): (String,)| search_built_in(lua, &cx2, &name);
    host.raw_set("from_built_in", call::values(lua, built_in)?)?;
    plugins::register(lua, cx, host)?;
    host.raw_set("path", lua_path(cx))
}

/// A searcher gives a loader and a value for it, or a text that says where it looked.
type Found = (Value, Option<String>);

fn text(lua: &Lua, text: &str) -> mlua::Result<Found> {
    Ok((Value::String(lua.create_string(text)?), None))
}

fn search_package(lua: &Lua, cx: &Context, name: &str) -> mlua::Result<Found> {
    let base = name.replace('.', "/");
    let mut tried = String::new();
    for path in [format!("{base}.lua"), format!("{base}/init.lua")] {
        // A script that is called as a plugin asks for the plugin, and not for itself again.
        if path == cx.package.main {
            let _ = write!(tried, "\n\tfile '{path}' is what runs, not a module");
            continue;
        }
        if let Some(bytes) = cx.package.files.get(&path) {
            let loader = sandbox::compile(lua, &path, bytes)
                .map_err(|e| mlua::Error::runtime(format!("error loading module '{name}': {e}")))?;
            return Ok((Value::Function(loader), Some(path)));
        }
        let _ = write!(tried, "\n\tno file '{path}' in the package");
    }
    text(lua, &tried)
}

fn search_built_in(lua: &Lua, cx: &Rc<Context>, name: &str) -> mlua::Result<Found> {
    let Some((name, register)) = api::MODULES.iter().find(|(n, _)| *n == name) else {
        return text(lua, &format!("\n\tno built-in module '{name}'"));
    };
    let cx = Rc::clone(cx);
    let loader = call::value(lua, move |lua, ()| register(lua, &cx))?;
    Ok((Value::Function(loader), Some(format!(":built-in:{name}"))))
}

/// `DIR/?.lua;DIR/?/init.lua` for each folder.
fn lua_path(cx: &Context) -> String {
    let dirs = cx.lua_path.iter().map(|d| d.display());
    dirs.map(|d| format!("{d}/?.lua;{d}/?/init.lua"))
        .collect::<Vec<_>>()
        .join(";")
}
