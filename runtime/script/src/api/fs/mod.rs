//! `gshell.fs`: files and folders. Paths are bytes, relative ones start at the process's folder; what can
//! take long runs on the blocking pool, so the neighbours go on.

use std::rc::Rc;

use mlua::{Lua, LuaString, Result, Table, Variadic};

use crate::Context;

mod content;
mod entries;
mod paths;
mod replace;
mod source;
mod temp;
mod walk;
mod watch;

/// Makes the module's table.
pub fn register(lua: &Lua, cx: &Rc<Context>) -> Result<Table> {
    let module = lua.create_table()?;
    names(lua, &module)?;
    content::register(lua, &module, cx)?;
    entries::register(lua, &module, cx)?;
    walk::register(lua, &module, cx)?;
    temp::register(lua, &module, cx)?;
    watch::register(lua, &module, cx)?;
    Ok(module)
}

fn names(lua: &Lua, module: &Table) -> Result<()> {
    let join = |lua: &Lua, parts: Variadic<LuaString>| {
        let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
        lua.create_string(paths::join(parts.iter().map(|part| &**part)))
    };
    module.raw_set("join", lua.create_function(join)?)?;
    let basename = |lua: &Lua, path: LuaString| lua.create_string(paths::basename(&path.as_bytes()));
    module.raw_set("basename", lua.create_function(basename)?)?;
    let dirname = |lua: &Lua, path: LuaString| lua.create_string(paths::dirname(&path.as_bytes()));
    module.raw_set("dirname", lua.create_function(dirname)?)
}
