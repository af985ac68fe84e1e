//! `gshell.fs`: files and folders. Paths are bytes, relative ones start at the process's folder; what can
//! take long runs on the blocking pool, so the neighbours go on.

use std::rc::Rc;

use mlua::{Lua, LuaString, Result, Table};

use crate::Context;
use crate::call::{self, Functions, Rest};

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
    let add = Functions { lua, table: &module };
    names(&add)?;
    content::register(&add, cx)?;
    entries::register(&add, cx)?;
    walk::register(&add, cx)?;
    temp::register(&add, cx)?;
    watch::register(&add, cx)?;
    Ok(module)
}

fn names(add: &Functions<'_>) -> Result<()> {
    add.value("join", |lua, Rest(parts)| {
        let parts = call::each::<LuaString>(parts, lua)?;
        let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
        lua.create_string(paths::join(parts.iter().map(|part| &**part)))
    })?;
    add.value("basename", |lua, (path,): (LuaString,)| {
        lua.create_string(paths::basename(&path.as_bytes()))
    })?;
    add.value("dirname", |lua, (path,): (LuaString,)| {
        lua.create_string(paths::dirname(&path.as_bytes()))
    })
}
