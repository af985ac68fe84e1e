//! `proc.usage`: the share of each kind of CPU time between two readings of `proc.cpus`.

use gshell_small::Map;
use mlua::{Lua, Result, Table};

use super::system::{self, CPU_FIELDS};
use super::tables;

type Counters = Map<Option<u32>, [u64; CPU_FIELDS.len()]>;

/// Compares two tables of `proc.cpus`. A CPU that only one of them knows went offline or came back: its
/// entry says `offline`, with all shares 0.
pub fn usage(lua: &Lua, before: &Table, now: &Table) -> Result<Table> {
    let (before, now) = (counters(before)?, counters(now)?);
    let mut numbers: Vec<Option<u32>> = before.keys().chain(now.keys()).copied().collect();
    gshell_small::sort(&mut numbers);
    numbers.dedup();
    let list = lua.create_table_with_capacity(numbers.len(), 1)?;
    for number in numbers {
        let entry = match (before.get(&number), now.get(&number)) {
            (Some(old), Some(new)) => {
                let (shares, busy) = system::usage(old, new);
                let entry = tables::cpu_fields(lua, &shares)?;
                entry.raw_set("busy", busy)?;
                entry
            }
            _ => {
                let entry = tables::cpu_fields(lua, &[0.0; CPU_FIELDS.len()])?;
                entry.raw_set("busy", 0.0)?;
                entry.raw_set("offline", true)?;
                entry
            }
        };
        tables::add_cpu(&list, number, entry)?;
    }
    Ok(list)
}

fn counters(list: &Table) -> Result<Counters> {
    let mut found = Counters::new();
    if let Some(all) = list.raw_get::<Option<Table>>("all")? {
        found.insert(None, tables::read_cpu_fields(&all)?);
    }
    for entry in list.sequence_values::<Table>() {
        let entry = entry?;
        let number: u32 = entry.raw_get("cpu")?;
        found.insert(Some(number), tables::read_cpu_fields(&entry)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Units;
    use super::super::system::SystemStat;
    use super::*;

    fn reading(lua: &Lua, text: &str) -> Table {
        let units = Units {
            hertz: 100,
            page: 4096,
            boot: 0,
        };
        tables::cpus(lua, &SystemStat::parse(text.as_bytes()).cpus, units).unwrap()
    }

    #[test]
    fn cpus_that_come_and_go_are_marked() {
        let lua = Lua::new();
        let before = reading(&lua, "cpu  300 0 0 300\ncpu0 100 0 0 100\ncpu1 200 0 0 200\n");
        let now = reading(&lua, "cpu  300 0 0 300\ncpu0 125 0 0 175\ncpu2 200 0 0 200\n");
        let list = usage(&lua, &before, &now).unwrap();
        let entry = |index: i64| list.get::<Table>(index).unwrap();
        assert_eq!(entry(1).get::<f64>("busy").unwrap(), 25.0);
        assert_eq!(entry(1).get::<Option<bool>>("offline").unwrap(), None);
        for (index, cpu) in [(2, 1), (3, 2)] {
            assert_eq!(entry(index).get::<i64>("cpu").unwrap(), cpu);
            assert_eq!(entry(index).get::<Option<bool>>("offline").unwrap(), Some(true));
        }
        assert_eq!(list.get::<Table>("all").unwrap().get::<f64>("busy").unwrap(), 0.0);
    }
}
