//! `proc.tree`: processes under their parents.

use gshell_small::{Map, Set};
use mlua::{Lua, Result, Table};

/// Links `rows` (tables with `pid` and `ppid`) by giving each a list `children`, and gives the list of
/// those without a parent among them, in the order of `rows`.
///
/// Rows that are each other's ancestors, as a number used again while reading can make them look, are
/// cut into a root at the smallest number, so that no row is lost and a walk always ends.
pub fn link(lua: &Lua, rows: Vec<Table>) -> Result<Table> {
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        let (pid, ppid): (i32, Option<i32>) = (row.raw_get("pid")?, row.raw_get("ppid")?);
        keys.push((pid, ppid.unwrap_or(0)));
    }
    let parents = parents(&keys);
    let mut by_pid = Map::new();
    for (row, (pid, _)) in rows.iter().zip(&keys) {
        row.raw_set("children", lua.create_table()?)?;
        by_pid.insert(*pid, row.clone());
    }
    let roots = lua.create_table()?;
    for (row, (pid, _)) in rows.iter().zip(&keys) {
        match parents.get(pid).and_then(|parent| by_pid.get(parent)) {
            Some(parent) => parent.raw_get::<Table>("children")?.raw_push(row)?,
            None => roots.raw_push(row)?,
        }
    }
    Ok(roots)
}

/// Parent of each process that has one among `keys`, without cycles.
fn parents(keys: &[(i32, i32)]) -> Map<i32, i32> {
    let known: Map<i32, i32> = keys.iter().copied().collect();
    let mut parents: Map<i32, i32> = keys
        .iter()
        .filter(|(pid, ppid)| pid != ppid && known.contains_key(ppid))
        .copied()
        .collect();
    let mut done = Set::new();
    for pid in known.keys().copied() {
        let mut path = Vec::new();
        let mut at = pid;
        while done.insert(at) {
            path.push(at);
            match parents.get(&at) {
                Some(parent) => at = *parent,
                None => break,
            }
        }
        // Back at a place of this very walk: a circle, cut at the walk's smallest number.
        if let Some(from) = path.iter().position(|seen| *seen == at)
            && parents.contains_key(&at)
            && let Some(smallest) = path.get(from..).and_then(|circle| circle.iter().min())
        {
            parents.remove(smallest);
        }
    }
    parents
}

/// The row of `pid` anywhere below `roots`.
pub fn find(roots: &Table, pid: i32) -> Result<Option<Table>> {
    let mut open: Vec<Table> = roots.sequence_values().collect::<Result<_>>()?;
    while let Some(row) = open.pop() {
        if row.raw_get::<i32>("pid")? == pid {
            return Ok(Some(row));
        }
        for child in row.raw_get::<Table>("children")?.sequence_values() {
            open.push(child?);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lua: &Lua, keys: &[(i32, i32)]) -> Vec<Table> {
        let row = |(pid, ppid): &(i32, i32)| lua.create_table_from([("pid", *pid), ("ppid", *ppid)]).unwrap();
        keys.iter().map(row).collect()
    }

    fn pids(list: &Table) -> Vec<i32> {
        list.sequence_values::<Table>()
            .map(|row| row.unwrap().get("pid").unwrap())
            .collect()
    }

    #[test]
    fn children_hang_under_their_parents_in_order() {
        let lua = Lua::new();
        let roots = link(
            &lua,
            rows(&lua, &[(1, 0), (2, 0), (7, 1), (8, 7), (9, 1), (30, 20)]),
        )
        .unwrap();
        assert_eq!(pids(&roots), [1, 2, 30]);
        let init = find(&roots, 1).unwrap().unwrap();
        assert_eq!(pids(&init.get("children").unwrap()), [7, 9]);
        assert_eq!(
            pids(&find(&roots, 7).unwrap().unwrap().get("children").unwrap()),
            [8]
        );
        assert!(find(&roots, 99).unwrap().is_none());
    }

    #[test]
    fn circles_are_cut() {
        let lua = Lua::new();
        let roots = link(&lua, rows(&lua, &[(5, 5), (6, 8), (7, 6), (8, 7), (9, 8)])).unwrap();
        assert_eq!(pids(&roots), [5, 6]);
        assert!(find(&roots, 9).unwrap().is_some());
    }
}
