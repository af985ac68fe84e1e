//! Lua tables of what was read, built field by field.

use mlua::{Lua, Result, Table};

use super::Units;
use super::sampler::Row;
use super::system::{CPU_FIELDS, Cpu};

/// A table of one process; `Units` turns ticks and pages into seconds and bytes.
pub fn process(lua: &Lua, row: &Row, units: Units) -> Result<Table> {
    let table = task(lua, row, units, 19)?;
    table.raw_set("ppid", row.ppid)?;
    table.raw_set("cmdline", lua.create_string(&row.cmdline)?)?;
    table.raw_set("kernel", row.kernel)?;
    table.raw_set("threads", row.thread_count)?;
    table.raw_set("rss", bytes(row.rss.saturating_mul(units.page)))?;
    table.raw_set("vsize", bytes(row.vsize))?;
    if let Some(pss) = row.pss {
        table.raw_set("pss", bytes(pss))?;
    }
    Ok(table)
}

/// A row of a sample: a process with its CPU use, and its threads where they were asked for.
pub fn sampled(lua: &Lua, row: &Row, units: Units, with_threads: bool) -> Result<Table> {
    let table = process(lua, row, units)?;
    table.raw_set("cpu", row.cpu)?;
    if with_threads {
        let list = lua.create_table_with_capacity(row.threads.len(), 0)?;
        for thread in &row.threads {
            let entry = self::thread(lua, thread, units)?;
            entry.raw_set("cpu", thread.cpu)?;
            list.raw_push(entry)?;
        }
        table.raw_set("tasks", list)?;
    }
    Ok(table)
}

/// A table of one thread.
pub fn thread(lua: &Lua, row: &Row, units: Units) -> Result<Table> {
    let table = task(lua, row, units, 12)?;
    table.raw_set("tid", row.pid)?;
    table.raw_set("pid", row.ppid)?;
    Ok(table)
}

/// What processes and threads have in common.
fn task(lua: &Lua, row: &Row, units: Units, fields: usize) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, fields)?;
    table.raw_set("pid", row.pid)?;
    table.raw_set("comm", lua.create_string(&row.comm)?)?;
    table.raw_set("state", lua.create_string([row.state])?)?;
    table.raw_set("priority", row.priority)?;
    table.raw_set("nice", row.nice)?;
    table.raw_set("processor", row.processor)?;
    table.raw_set("utime", units.seconds(row.times.0))?;
    table.raw_set("stime", units.seconds(row.times.1))?;
    table.raw_set("start", units.boot as f64 + units.seconds(row.start))?;
    Ok(table)
}

/// Counters of CPUs, in seconds: `all` for the sum, and one entry for each CPU that is online.
pub fn cpus(lua: &Lua, cpus: &[Cpu], units: Units) -> Result<Table> {
    let list = lua.create_table_with_capacity(cpus.len(), 1)?;
    for cpu in cpus {
        let seconds = cpu.ticks.map(|ticks| units.seconds(ticks));
        add_cpu(&list, cpu.number, cpu_fields(lua, &seconds)?)?;
    }
    Ok(list)
}

/// Puts the entry of a CPU, or the sum, into a list of CPUs.
pub fn add_cpu(list: &Table, number: Option<u32>, entry: Table) -> Result<()> {
    match number {
        None => list.raw_set("all", entry),
        Some(number) => {
            entry.raw_set("cpu", number)?;
            list.raw_push(entry)
        }
    }
}

/// A table with one field for each kind of CPU time.
pub fn cpu_fields(lua: &Lua, values: &[f64; CPU_FIELDS.len()]) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, CPU_FIELDS.len() + 3)?;
    for (name, value) in CPU_FIELDS.iter().zip(values) {
        table.raw_set(*name, *value)?;
    }
    Ok(table)
}

/// The kinds of CPU time of a table made by [`cpu_fields`], in milliseconds; absent ones are 0.
pub fn read_cpu_fields(table: &Table) -> Result<[u64; CPU_FIELDS.len()]> {
    let mut values = [0; CPU_FIELDS.len()];
    for (slot, name) in values.iter_mut().zip(CPU_FIELDS) {
        let seconds: Option<f64> = table.raw_get(name)?;
        // Counters are decimal fractions of seconds; milliseconds hold each tick exactly.
        *slot = (seconds.unwrap_or(0.0) * 1000.0).round().max(0.0) as u64;
    }
    Ok(values)
}

/// Bytes as Lua's integer: what exceeds it (no machine does) is cut.
pub fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
