//! Reads of this machine that answer at once, and the units they are in.

use std::cell::RefCell;

use mlua::{Lua, Result, Table};
use nix::unistd::{SysconfVar, sysconf};

use super::procfs::Procfs;
use super::sampler::Row;
use super::{ROOT, tables};
use crate::errors::raise_io;

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
        let ask = |var| {
            sysconf(var)
                .ok()
                .flatten()
                .and_then(|value| u64::try_from(value).ok())
        };
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
pub struct Machine {
    /// Its /proc.
    pub proc: RefCell<Procfs>,
    /// Its units.
    pub units: Units,
}

/// The error of a file below /proc.
pub fn failed(what: &'static str) -> impl FnOnce(std::io::Error) -> mlua::Error {
    move |error| raise_io(&format!("read {ROOT}/{what}"), &error)
}

/// The process that runs this.
pub fn own_pid() -> i32 {
    nix::unistd::getpid().as_raw()
}

impl Machine {
    /// The live one.
    pub fn live() -> Self {
        let mut proc = Procfs::new(ROOT);
        let units = Units::of_machine(&mut proc);
        Self {
            proc: RefCell::new(proc),
            units,
        }
    }

    /// Lua's `cpus`.
    pub fn cpus(&self, lua: &Lua) -> Result<Table> {
        let stat = self.proc.borrow_mut().system().map_err(failed("stat"))?;
        tables::cpus(lua, &stat.cpus, self.units)
    }

    /// Numbers of all processes.
    pub fn pids(&self) -> Result<Vec<i32>> {
        self.proc.borrow().pids().map_err(failed(""))
    }

    /// One process without its CPU use, `None` when there is none of this number.
    fn row(&self, pid: i32) -> Result<Option<Row>> {
        let mut proc = self.proc.borrow_mut();
        let failed = |error| raise_io(&format!("read process {pid}"), &error);
        let Some(stat) = proc.stat(pid).map_err(failed)? else {
            return Ok(None);
        };
        let mut row = Row::from_stat(pid, &stat);
        if !row.kernel {
            row.cmdline = proc.cmdline(pid).map_err(failed)?.unwrap_or_default();
        }
        Ok(Some(row))
    }

    /// Lua's `info`; without a number of the process that runs this.
    pub fn info(&self, lua: &Lua, pid: Option<i32>) -> Result<Option<Table>> {
        let pid = pid.unwrap_or_else(own_pid);
        let Some(row) = self.row(pid)? else {
            return Ok(None);
        };
        let table = tables::process(lua, &row, self.units)?;
        if let Ok(Some(uid)) = self.proc.borrow().owner(pid) {
            table.raw_set("uid", uid)?;
        }
        Ok(Some(table))
    }

    /// All processes without their CPU use.
    pub fn all(&self, lua: &Lua) -> Result<Vec<Table>> {
        let rows = self
            .pids()?
            .into_iter()
            .filter_map(|pid| self.row(pid).ok().flatten());
        rows.map(|row| tables::process(lua, &row, self.units)).collect()
    }

    /// Lua's `threads`; without a number of the process that runs this.
    pub fn threads(&self, lua: &Lua, pid: Option<i32>) -> Result<Option<Table>> {
        let pid = pid.unwrap_or_else(own_pid);
        let mut proc = self.proc.borrow_mut();
        let failed = |error| raise_io(&format!("read the threads of process {pid}"), &error);
        let Some(tids) = proc.tids(pid).map_err(failed)? else {
            return Ok(None);
        };
        let list = lua.create_table_with_capacity(tids.len(), 0)?;
        for tid in tids {
            let Some(stat) = proc.thread_stat(pid, tid).map_err(failed)? else {
                continue;
            };
            let mut row = Row::from_stat(tid, &stat);
            row.ppid = pid;
            list.raw_push(tables::thread(lua, &row, self.units)?)?;
        }
        Ok(Some(list))
    }

    /// Processes with one of these names.
    pub fn pidof(&self, names: &[mlua::LuaString]) -> Result<Vec<i32>> {
        let mut found = self.pids()?;
        found.retain(|pid| {
            let Ok(Some(row)) = self.row(*pid) else {
                return false;
            };
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
        let machine = Machine::live();
        let units = machine.units;
        assert!(units.page >= 4096 && units.hertz > 0 && units.boot > 0);
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
