//! `gshell`: who the script is, time, tasks, timers, channels, and its end.

use std::rc::Rc;
use std::time::{Duration, Instant};

use gshell_service::rt;
use mlua::{Function, Lua, MultiValue, Table};

use crate::{Context, errors};

mod channel;
mod task;
mod timer;

/// Makes the module's table.
pub fn register(lua: &Lua, cx: &Rc<Context>) -> mlua::Result<Table> {
    let module = lua.create_table()?;
    facts(lua, cx, &module)?;
    time(lua, cx, &module)?;
    ending(lua, cx, &module)?;
    let cx2 = Rc::clone(cx);
    let spawn = move |lua: &Lua, (f, args): (Function, MultiValue)| task::spawn(lua, &cx2, &f, args);
    module.raw_set("spawn", lua.create_function(spawn)?)?;
    let cx2 = Rc::clone(cx);
    let every =
        move |lua: &Lua, (period, f): (f64, Function)| timer::every(lua, &cx2, seconds("every", period)?, f);
    module.raw_set("every", lua.create_function(every)?)?;
    let cx2 = Rc::clone(cx);
    let channel = move |_: &Lua, size: Option<u32>| channel::Channel::new(&cx2, size.unwrap_or(1));
    module.raw_set("channel", lua.create_function(channel)?)?;
    Ok(module)
}

/// A number of seconds; fractions are allowed. `function` is named in the error.
pub(crate) fn seconds(function: &str, value: f64) -> mlua::Result<Duration> {
    // A thousand years and more: longer than any wait, and within what clocks can add.
    Duration::try_from_secs_f64(value.min(4e10)).map_err(|_| {
        errors::raise(
            "invalid",
            format!("gshell.{function}: the time is a number of seconds, 0 or more; got {value}"),
        )
    })
}

fn facts(lua: &Lua, cx: &Rc<Context>, module: &Table) -> mlua::Result<()> {
    module.raw_set("id", cx.id.as_str())?;
    module.raw_set("group", cx.group.as_str())?;
    module.raw_set("name", cx.name.as_str())?;
    module.raw_set(
        "args",
        lua.create_sequence_from(cx.args.iter().skip(1).map(String::as_str))?,
    )?;
    let output = Rc::clone(&cx.output);
    let terminal = move |lua: &Lua, ()| {
        let Some((cols, rows)) = output.terminal() else {
            return Ok(None);
        };
        lua.create_table_from([("cols", cols), ("rows", rows)]).map(Some)
    };
    module.raw_set("terminal", lua.create_function(terminal)?)?;
    let cx = Rc::clone(cx);
    let on_resize = move |_: &Lua, f: Function| {
        cx.on_resize.borrow_mut().push(f);
        Ok(())
    };
    module.raw_set("on_resize", lua.create_function(on_resize)?)
}

fn time(lua: &Lua, cx: &Rc<Context>, module: &Table) -> mlua::Result<()> {
    let start = Instant::now();
    module.raw_set(
        "now",
        lua.create_function(move |_, ()| Ok(start.elapsed().as_secs_f64()))?,
    )?;
    let cx2 = Rc::clone(cx);
    let sleep = cx.async_function(lua, move |_, time: f64| {
        let cx = Rc::clone(&cx2);
        async move { cx.wait(rt::sleep(seconds("sleep", time)?)).await }
    })?;
    module.raw_set("sleep", sleep)
}

fn ending(lua: &Lua, cx: &Rc<Context>, module: &Table) -> mlua::Result<()> {
    let cx2 = Rc::clone(cx);
    let on_stop = move |_: &Lua, f: Function| {
        cx2.on_stop.borrow_mut().push(f);
        Ok(())
    };
    module.raw_set("on_stop", lua.create_function(on_stop)?)?;
    let cx = Rc::clone(cx);
    module.raw_set(
        "stopping",
        lua.create_function(move |_, ()| Ok(cx.is_stopping()))?,
    )
}
