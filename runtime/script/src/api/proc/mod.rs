//! `gshell.proc`: CPUs, memory, processes and threads of this machine, from /proc.
//!
//! A process that has ended is not an error: what asks for one gives nil, what lists them leaves it out.

use std::rc::Rc;

use mlua::{Lua, Result, Table, Value};

use crate::Context;
use crate::call::{self, Arguments, Functions, Rest};
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
    let add = Functions { lua, table: &module };
    machine_functions(&add, &machine)?;
    process_functions(&add, &machine)?;
    sample::register(&add, cx, machine.units)?;
    Ok(module)
}

/// Adds a function that asks the machine for one value.
fn ask<A, R>(
    add: &Functions<'_>,
    machine: &Rc<Machine>,
    name: &str,
    body: fn(&Lua, &Machine, A) -> Result<R>,
) -> Result<()>
where
    A: Arguments + 'static,
    R: mlua::IntoLua + 'static,
{
    let machine = Rc::clone(machine);
    add.value(name, move |lua, args| body(lua, &machine, args))
}

fn machine_functions(add: &Functions<'_>, machine: &Rc<Machine>) -> Result<()> {
    ask(add, machine, "cpus", |lua, machine, ()| machine.cpus(lua))?;
    ask(
        add,
        machine,
        "usage",
        |lua, machine, (before, now): (Table, Option<Table>)| {
            let now = now.map_or_else(|| machine.cpus(lua), Ok)?;
            cpus::usage(lua, &before, &now)
        },
    )?;
    ask(add, machine, "memory", |lua, machine, ()| {
        let fields = machine.proc.borrow_mut().memory().map_err(failed("meminfo"))?;
        lua.create_table_from(
            fields
                .into_iter()
                .map(|(name, count)| (name, tables::bytes(count))),
        )
    })?;
    let own = Rc::clone(machine);
    add.values("loadavg", move |_, ()| {
        let (averages, running, total) = own.proc.borrow_mut().loadavg().map_err(failed("loadavg"))?;
        let [one, five, fifteen] = averages;
        Ok((one, five, fifteen, running, total))
    })?;
    ask(add, machine, "uptime", |_, machine, ()| {
        machine.proc.borrow_mut().uptime().map_err(failed("uptime"))
    })?;
    ask(add, machine, "boot_time", |_, machine, ()| Ok(machine.units.boot))
}

fn process_functions(add: &Functions<'_>, machine: &Rc<Machine>) -> Result<()> {
    ask(add, machine, "pids", |lua, machine, ()| {
        lua.create_sequence_from(machine.pids()?)
    })?;
    ask(add, machine, "info", |lua, machine, (pid,): (Option<i32>,)| {
        machine.info(lua, pid)
    })?;
    ask(add, machine, "pss", |_, machine, (pid,): (Option<i32>,)| {
        let pid = pid.unwrap_or_else(own_pid);
        let found = machine.proc.borrow_mut().pss(pid);
        let bytes = found.map_err(|error| raise_io(&format!("read the memory of process {pid}"), &error))?;
        Ok(bytes.map(tables::bytes))
    })?;
    ask(add, machine, "threads", |lua, machine, (pid,): (Option<i32>,)| {
        machine.threads(lua, pid)
    })?;
    ask(add, machine, "pidof", |lua, machine, Rest(names)| {
        let names = call::each::<mlua::LuaString>(names, lua)?;
        lua.create_sequence_from(machine.pidof(&names)?)
    })?;
    ask(
        add,
        machine,
        "tree",
        |lua, machine, (what,): (Value,)| match what {
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
