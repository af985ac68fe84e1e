//! `gshell.proc`: CPUs, memory, processes and threads of this machine, from /proc.
//!
//! A process that has ended is not an error: what asks for one gives nil, what lists them leaves it out.

use std::cell::RefCell;
use std::rc::Rc;

use mlua::{Lua, MultiValue, Result, Table, Value};
use nix::unistd::{SysconfVar, sysconf};

use crate::Context;
use crate::errors::raise_io;

mod cpus;
mod parse;
mod procfs;
mod sample;
mod sampler;
mod system;
mod tables;
mod tree;

use procfs::Procfs;
use sampler::Row;

/// Where the kernel tells.
const ROOT: &str = "/proc";
/// Bytes of a process's name that the kernel keeps.
const COMM: usize = 15;

/// What turns the kernel's units into ours.
#[derive(Clone, Copy, Debug)]
pub struct Units {
    /// Clock ticks a second.
    pub hertz: u64,
    /// Bytes of a page.
    pub page: u64,
    /// Start of the machine, seconds since 1970.
    pub boot: u64,
}

impl Units {
    /// Those of this machine, with 100 ticks and 4 KiB where it does not say.
    fn of_machine(proc: &mut Procfs) -> Self {
        let ask = |var| sysconf(var).ok().flatten().and_then(|value| u64::try_from(value).ok());
        let hertz = ask(SysconfVar::CLK_TCK).filter(|hertz| *hertz > 0).unwrap_or(100);
        let page = ask(SysconfVar::PAGE_SIZE).unwrap_or(4096);
        let boot = proc.system().map_or(0, |stat| stat.boot);
        Self { hertz, page, boot }
    }

    /// Ticks as seconds.
    pub fn seconds(self, ticks: u64) -> f64 {
        ticks as f64 / self.hertz as f64
    }
}

/// What all functions of the module share.
struct Machine {
    proc: RefCell<Procfs>,
    units: Units,
}

/// Makes the module's table.
pub fn register(lua: &Lua, cx: &Rc<Context>) -> Result<Table> {
    let mut proc = Procfs::new(ROOT);
    let units = Units::of_machine(&mut proc);
    let machine = Rc::new(Machine { proc: RefCell::new(proc), units });
    let module = lua.create_table()?;
    machine_functions(lua, &module, &machine)?;
    process_functions(lua, &module, &machine)?;
    sample::register(lua, cx, &module, units)?;
    Ok(module)
}

type Function<A, R> = fn(&Lua, &Machine, A) -> Result<R>;

fn add<A, R>(lua: &Lua, module: &Table, machine: &Rc<Machine>, name: &str, body: Function<A, R>) -> Result<()>
where
    A: mlua::FromLuaMulti + 'static,
    R: mlua::IntoLuaMulti + 'static,
{
    let machine = Rc::clone(machine);
    module.raw_set(name, lua.create_function(move |lua, args: A| body(lua, &machine, args))?)
}

fn failed(what: &'static str) -> impl FnOnce(std::io::Error) -> mlua::Error {
    move |error| raise_io(&format!("read {ROOT}/{what}"), &error)
}

fn machine_functions(lua: &Lua, module: &Table, machine: &Rc<Machine>) -> Result<()> {
    add(lua, module, machine, "cpus", |lua, machine, ()| machine.cpus(lua))?;
    add(lua, module, machine, "usage", |lua, machine, (before, now): (Table, Option<Table>)| {
        let now = now.map_or_else(|| machine.cpus(lua), Ok)?;
        cpus::usage(lua, &before, &now)
    })?;
    add(lua, module, machine, "memory", |lua, machine, ()| {
        let fields = machine.proc.borrow_mut().memory().map_err(failed("meminfo"))?;
        lua.create_table_from(fields.into_iter().map(|(name, count)| (name, tables::bytes(count))))
    })?;
    add(lua, module, machine, "loadavg", |_, machine, ()| {
        let (averages, running, total) = machine.proc.borrow_mut().loadavg().map_err(failed("loadavg"))?;
        let [one, five, fifteen] = averages;
        Ok((one, five, fifteen, running, total))
    })?;
    add(lua, module, machine, "uptime", |_, machine, ()| {
        machine.proc.borrow_mut().uptime().map_err(failed("uptime"))
    })?;
    add(lua, module, machine, "boot_time", |_, machine, ()| Ok(machine.units.boot))
}

fn process_functions(lua: &Lua, module: &Table, machine: &Rc<Machine>) -> Result<()> {
    add(lua, module, machine, "pids", |lua, machine, ()| lua.create_sequence_from(machine.pids()?))?;
    add(lua, module, machine, "info", |lua, machine, pid: Option<i32>| machine.info(lua, pid))?;
    add(lua, module, machine, "pss", |_, machine, pid: Option<i32>| {
        let pid = pid.unwrap_or_else(own_pid);
        let found = machine.proc.borrow_mut().pss(pid);
        let bytes = found.map_err(|error| raise_io(&format!("read the memory of process {pid}"), &error))?;
        Ok(bytes.map(tables::bytes))
    })?;
    add(lua, module, machine, "threads", |lua, machine, pid: Option<i32>| machine.threads(lua, pid))?;
    add(lua, module, machine, "pidof", |lua, machine, names: MultiValue| {
        let names: Vec<mlua::LuaString> =
            names.into_iter().map(|name| lua.unpack(name)).collect::<Result<_>>()?;
        lua.create_sequence_from(machine.pidof(&names)?)
    })?;
    add(lua, module, machine, "tree", |lua, machine, what: Value| match what {
        Value::Table(rows) => {
            let rows = rows.sequence_values().collect::<Result<Vec<Table>>>()?;
            tree::link(lua, rows).map(Value::Table)
        }
        Value::Nil => tree::link(lua, machine.all(lua)?).map(Value::Table),
        pid => {
            let roots = tree::link(lua, machine.all(lua)?)?;
            Ok(tree::find(&roots, lua.unpack(pid)?)?.map_or(Value::Nil, Value::Table))
        }
    })
}

fn own_pid() -> i32 {
    nix::unistd::getpid().as_raw()
}

impl Machine {
    fn cpus(&self, lua: &Lua) -> Result<Table> {
        let stat = self.proc.borrow_mut().system().map_err(failed("stat"))?;
        tables::cpus(lua, &stat.cpus, self.units)
    }

    fn pids(&self) -> Result<Vec<i32>> {
        self.proc.borrow().pids().map_err(failed(""))
    }

    /// One process without its CPU use, `None` when there is none of this number.
    fn row(&self, pid: i32) -> Result<Option<Row>> {
        let mut proc = self.proc.borrow_mut();
        let failed = |error| raise_io(&format!("read process {pid}"), &error);
        let Some(stat) = proc.stat(pid).map_err(failed)? else { return Ok(None) };
        let mut row = Row::from_stat(pid, &stat);
        if !row.kernel {
            row.cmdline = proc.cmdline(pid).map_err(failed)?.unwrap_or_default();
        }
        Ok(Some(row))
    }

    fn info(&self, lua: &Lua, pid: Option<i32>) -> Result<Option<Table>> {
        let pid = pid.unwrap_or_else(own_pid);
        let Some(row) = self.row(pid)? else { return Ok(None) };
        let table = tables::process(lua, &row, self.units)?;
        if let Ok(Some(uid)) = self.proc.borrow().owner(pid) {
            table.raw_set("uid", uid)?;
        }
        Ok(Some(table))
    }

    fn all(&self, lua: &Lua) -> Result<Vec<Table>> {
        let rows = self.pids()?.into_iter().filter_map(|pid| self.row(pid).ok().flatten());
        rows.map(|row| tables::process(lua, &row, self.units)).collect()
    }

    fn threads(&self, lua: &Lua, pid: Option<i32>) -> Result<Option<Table>> {
        let pid = pid.unwrap_or_else(own_pid);
        let mut proc = self.proc.borrow_mut();
        let failed = |error| raise_io(&format!("read the threads of process {pid}"), &error);
        let Some(tids) = proc.tids(pid).map_err(failed)? else { return Ok(None) };
        let list = lua.create_table_with_capacity(tids.len(), 0)?;
        for tid in tids {
            let Some(stat) = proc.thread_stat(pid, tid).map_err(failed)? else { continue };
            let mut row = Row::from_stat(tid, &stat);
            row.ppid = pid;
            list.raw_push(tables::thread(lua, &row, self.units)?)?;
        }
        Ok(Some(list))
    }

    fn pidof(&self, names: &[mlua::LuaString]) -> Result<Vec<i32>> {
        let mut found = self.pids()?;
        found.retain(|pid| {
            let Ok(Some(row)) = self.row(*pid) else { return false };
            names.iter().any(|name| named(&row, &name.as_bytes()))
        });
        Ok(found)
    }
}

/// Whether a process has this name; one that the kernel had to cut is compared with the program's file.
fn named(row: &Row, name: &[u8]) -> bool {
    if name.len() <= COMM || row.kernel {
        return row.comm == name;
    }
    let program = row.cmdline.split(|&b| b == b' ').next().unwrap_or_default();
    let file = program.rsplit(|&b| b == b'/').next().unwrap_or_default();
    name.get(..COMM) == Some(row.comm.as_slice()) && file == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_compared_with_the_programs_file() {
        let row = |comm: &str, cmdline: &str| Row {
            comm: comm.into(),
            cmdline: cmdline.into(),
            ..Row::default()
        };
        assert!(named(&row("bash", "-bash"), b"bash"));
        assert!(!named(&row("bash", "/bin/bash"), b"bas"));
        let long = row("systemd-journal", "/usr/lib/systemd/systemd-journald");
        assert!(named(&long, b"systemd-journald") && named(&long, b"systemd-journal"));
        assert!(!named(&long, b"systemd-journalx"));
    }

    #[test]
    fn this_process_is_known() {
        let mut proc = Procfs::new(ROOT);
        let units = Units::of_machine(&mut proc);
        assert!(units.page >= 4096 && units.hertz > 0 && units.boot > 0);
        let machine = Machine { proc: RefCell::new(proc), units };
        assert!(machine.pids().unwrap().contains(&own_pid()));
        let lua = Lua::new();
        let info = machine.info(&lua, None).unwrap().unwrap();
        assert_eq!(info.get::<i32>("pid").unwrap(), own_pid());
        assert!(info.get::<i64>("rss").unwrap() > 0 && info.get::<i64>("threads").unwrap() >= 1);
        assert!(machine.info(&lua, Some(i32::MAX)).unwrap().is_none());
        assert!(machine.threads(&lua, Some(i32::MAX)).unwrap().is_none());
        assert!(!machine.threads(&lua, None).unwrap().unwrap().is_empty());
    }
}
