//! `gshell`: who the script is, time, tasks, timers, channels, and its end.

use std::rc::Rc;
use std::time::{Duration, Instant};

use gshell_service::rt;
use mlua::{Function, Lua, Table};

use crate::call::{Functions, Rest};
use crate::{Context, errors};

mod channel;
mod task;
mod timer;

/// Makes the module's table.
pub fn register(lua: &Lua, cx: &Rc<Context>) -> mlua::Result<Table> {
    let module = lua.create_table()?;
    let add = Functions { lua, table: &module };
    facts(&add, cx)?;
    time(&add, cx)?;
    ending(&add, cx)?;
    let cx2 = Rc::clone(cx);
    add.value("spawn", move |lua, (f, Rest(args)): (Function, Rest)| {
        task::spawn(lua, &cx2, &f, args)
    })?;
    let cx2 = Rc::clone(cx);
    add.value("every", move |lua, (period, f): (f64, Function)| {
        timer::every(lua, &cx2, seconds("every", period)?, f)
    })?;
    let cx2 = Rc::clone(cx);
    add.value("channel", move |_, (size,): (Option<u32>,)| {
        channel::Channel::new(&cx2, size.unwrap_or(1))
    })?;
    super::service::register(&add, cx)?;
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

fn facts(add: &Functions<'_>, cx: &Rc<Context>) -> mlua::Result<()> {
    let Functions { lua, table: module } = add;
    module.raw_set("id", cx.id.as_str())?;
    module.raw_set("group", cx.group.as_str())?;
    module.raw_set("name", cx.name.as_str())?;
    module.raw_set(
        "args",
        lua.create_sequence_from(cx.args.iter().skip(1).map(String::as_str))?,
    )?;
    let output = Rc::clone(&cx.output);
    add.value("terminal", move |lua, ()| {
        let Some((cols, rows)) = output.terminal() else {
            return Ok(None);
        };
        lua.create_table_from([("cols", cols), ("rows", rows)]).map(Some)
    })?;
    let cx = Rc::clone(cx);
    add.nothing("on_resize", move |_, (f,): (Function,)| {
        cx.on_resize.borrow_mut().push(f);
        Ok(())
    })
}

fn time(add: &Functions<'_>, cx: &Rc<Context>) -> mlua::Result<()> {
    let start = Instant::now();
    add.value("now", move |_, ()| Ok(start.elapsed().as_secs_f64()))?;
    add.waiting(cx, "sleep", |_, cx, (time,): (f64,)| async move {
        cx.wait(rt::sleep(seconds("sleep", time)?)).await
    })
}

fn ending(add: &Functions<'_>, cx: &Rc<Context>) -> mlua::Result<()> {
    let cx2 = Rc::clone(cx);
    add.nothing("on_stop", move |_, (f,): (Function,)| {
        cx2.on_stop.borrow_mut().push(f);
        Ok(())
    })?;
    let cx = Rc::clone(cx);
    add.value("stopping", move |_, ()| Ok(cx.is_stopping()))
}
