//! `gshell.proc`: CPUs, memory, processes and threads of this machine, from /proc.
//!
//! A process that has ended is not an error: what asks for one gives nil, what lists them leaves it out.

use std::rc::Rc;

use mlua::{Lua, MultiValue, Result, Table, Value};

use crate::Context;
use crate::errors::raise_io;

mod cpus;
mod machine;
mod parse;
mod procfs;
mod sample;
mod sampler;
mod system;
mod tables;
mod tree;

use machine::{Machine, Units, failed, own_pid};

/// Where the kernel tells.
const ROOT: &str = "/proc";

/// Makes the module's table.
pub fn register(lua: &Lua, cx: &Rc<Context>) -> Result<Table> {
    let machine = Rc::new(Machine::live());
    let module = lua.create_table()?;
    machine_functions(lua, &module, &machine)?;
    process_functions(lua, &module, &machine)?;
    sample::register(lua, cx, &module, machine.units)?;
    Ok(module)
}

type Function<A, R> = fn(&Lua, &Machine, A) -> Result<R>;

fn add<A, R>(lua: &Lua, module: &Table, machine: &Rc<Machine>, name: &str, body: Function<A, R>) -> Result<()>
where
    A: mlua::FromLuaMulti + 'static,
    R: mlua::IntoLuaMulti + 'static,
{
    let machine = Rc::clone(machine);
    module.raw_set(
        name,
        lua.create_function(move |lua, args: A| body(lua, &machine, args))?,
    )
}

fn machine_functions(lua: &Lua, module: &Table, machine: &Rc<Machine>) -> Result<()> {
    add(lua, module, machine, "cpus", |lua, machine, ()| machine.cpus(lua))?;
    add(
        lua,
        module,
        machine,
        "usage",
        |lua, machine, (before, now): (Table, Option<Table>)| {
            let now = now.map_or_else(|| machine.cpus(lua), Ok)?;
            cpus::usage(lua, &before, &now)
        },
    )?;
    add(lua, module, machine, "memory", |lua, machine, ()| {
        let fields = machine.proc.borrow_mut().memory().map_err(failed("meminfo"))?;
        lua.create_table_from(
            fields
                .into_iter()
                .map(|(name, count)| (name, tables::bytes(count))),
        )
    })?;
    add(lua, module, machine, "loadavg", |_, machine, ()| {
        let (averages, running, total) = machine.proc.borrow_mut().loadavg().map_err(failed("loadavg"))?;
        let [one, five, fifteen] = averages;
        Ok((one, five, fifteen, running, total))
    })?;
    add(lua, module, machine, "uptime", |_, machine, ()| {
        machine.proc.borrow_mut().uptime().map_err(failed("uptime"))
    })?;
    add(lua, module, machine, "boot_time", |_, machine, ()| {
        Ok(machine.units.boot)
    })
}

fn process_functions(lua: &Lua, module: &Table, machine: &Rc<Machine>) -> Result<()> {
    add(lua, module, machine, "pids", |lua, machine, ()| {
        lua.create_sequence_from(machine.pids()?)
    })?;
    add(lua, module, machine, "info", |lua, machine, pid: Option<i32>| {
        machine.info(lua, pid)
    })?;
    add(lua, module, machine, "pss", |_, machine, pid: Option<i32>| {
        let pid = pid.unwrap_or_else(own_pid);
        let found = machine.proc.borrow_mut().pss(pid);
        let bytes = found.map_err(|error| raise_io(&format!("read the memory of process {pid}"), &error))?;
        Ok(bytes.map(tables::bytes))
    })?;
    add(
        lua,
        module,
        machine,
        "threads",
        |lua, machine, pid: Option<i32>| machine.threads(lua, pid),
    )?;
    add(
        lua,
        module,
        machine,
        "pidof",
        |lua, machine, names: MultiValue| {
            let names: Vec<mlua::LuaString> = names
                .into_iter()
                .map(|name| lua.unpack(name))
                .collect::<Result<_>>()?;
            lua.create_sequence_from(machine.pidof(&names)?)
        },
    )?;
    add(
        lua,
        module,
        machine,
        "tree",
        |lua, machine, what: Value| match what {
            Value::Table(rows) => {
                let rows = rows.sequence_values().collect::<Result<Vec<Table>>>()?;
                tree::link(lua, rows).map(Value::Table)
            }
            Value::Nil => tree::link(lua, machine.all(lua)?).map(Value::Table),
            pid => {
                let roots = tree::link(lua, machine.all(lua)?)?;
                Ok(tree::find(&roots, lua.unpack(pid)?)?.map_or(Value::Nil, Value::Table))
            }
        },
    )
}
