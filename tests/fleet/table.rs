//! The table of who called whom, for people and for `docs/fleet.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// One conversation: all that one client said with one service.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was said, such as the name of an example.
    pub what: &'static str,
    /// Who called: architecture and language.
    pub client: (String, &'static str),
    /// Who was called.
    pub server: (String, &'static str),
    /// What it went over.
    pub over: &'static str,
    pub right: u32,
    pub wrong: u32,
}

/// All conversations, in a line for each client and a column for each service; what it went over is a table of its own.
pub fn render(rows: &[Row]) -> String {
    let mut out = String::new();
    let mut tables: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        tables.entry((row.what, row.over)).or_default().push(row);
    }
    for ((what, over), rows) in tables {
        let servers = ordered(rows.iter().map(|row| &row.server));
        let clients = ordered(rows.iter().map(|row| &row.client));
        let _ = writeln!(out, "\n### {what}, over {over}\n");
        let names: Vec<_> = servers
            .iter()
            .map(|(arch, language)| format!("{arch} {language}"))
            .collect();
        let _ = writeln!(out, "| who calls | {} |", names.join(" | "));
        let _ = writeln!(out, "| --- |{}", " --- |".repeat(servers.len()));
        for client in &clients {
            let _ = write!(out, "| {} {} |", client.0, client.1);
            for server in &servers {
                let found = rows
                    .iter()
                    .find(|row| row.client == **client && row.server == **server);
                let _ = match found {
                    None => write!(out, " |"),
                    Some(row) if row.wrong == 0 => write!(out, " {} |", row.right),
                    Some(row) => write!(out, " {}, **{} wrong** |", row.right, row.wrong),
                };
            }
            out.push('\n');
        }
        let sum = |of: fn(&Row) -> u32| rows.iter().map(|row| of(row)).sum::<u32>();
        let (right, wrong) = (sum(|row| row.right), sum(|row| row.wrong));
        let _ = writeln!(
            out,
            "\n{} conversations, {right} messages, {wrong} wrong.",
            rows.len()
        );
    }
    out
}

/// Each once, in the order in which they come.
fn ordered<'a>(all: impl Iterator<Item = &'a (String, &'static str)>) -> Vec<&'a (String, &'static str)> {
    let mut seen = BTreeSet::new();
    all.filter(|one| seen.insert(*one)).collect()
}

/// Prints the table, and writes it to the file of `GSHELL_FLEET_TABLE`.
pub fn publish(rows: &[Row], head: &str) {
    let text = render(rows);
    println!("{text}");
    if let Some(path) = std::env::var_os("GSHELL_FLEET_TABLE") {
        std::fs::write(&path, format!("{head}{text}")).expect("the file of GSHELL_FLEET_TABLE");
    }
}

#[test]
fn what_is_wrong_stands_out() {
    let row = |client: &str, server: &str, wrong| Row {
        what: "everything",
        client: (client.to_owned(), "rust"),
        server: (server.to_owned(), "lua"),
        over: "TCP",
        right: 7,
        wrong,
    };
    let text = render(&[row("mips", "armv7", 0), row("mips", "mips", 1)]);
    assert!(text.contains("| who calls | armv7 lua | mips lua |"), "{text}");
    assert!(text.contains("| mips rust | 7 | 7, **1 wrong** |"), "{text}");
    assert!(text.contains("2 conversations, 14 messages, 1 wrong."), "{text}");
}
