//! `gshell.process`: commands of the operating system. Waiting for them yields, what they print is bounded,
//! and they end with the environment.

use std::rc::Rc;

use mlua::{Lua, Result, Table};

use crate::Context;
use crate::call::Functions;

mod command;
mod handle;
mod run;
mod running;
mod stream;

use running::Leftovers;

/// Makes the module's table.
pub fn register(lua: &Lua, cx: &Rc<Context>) -> Result<Table> {
    let module = lua.create_table()?;
    let leftovers = Rc::new(Leftovers::default());
    let kept = Rc::clone(&leftovers);
    let add = Functions { lua, table: &module };
    add.waiting(cx, "run", move |lua, cx, args| {
        run::run(lua, cx, Rc::clone(&leftovers), args)
    })?;
    let cx = Rc::clone(cx);
    add.value("spawn", move |lua, args| handle::spawn(lua, &cx, &kept, args))?;
    Ok(module)
}
