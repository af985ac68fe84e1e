//! `gshell list`: the services that this node knows.

use gshell_control::messages::node::{
    List, SCOPE_LAN, SCOPE_OS, SCOPE_PROCESS, SCOPE_WAN, ServiceEntry, Services,
};
use serde::Serialize;

use super::args::{Command, Matches, Opt};
use super::failure::Outcome;
use super::link::{Absent, Global, Link, QUICK};
use super::output;
use crate::exit_codes::Status;

/// Characters of a column for publisher or service; what is longer is cut.
const WIDTH: usize = 24;

/// Characters that are left of what is cut.
const CUT: usize = 21;

/// `gshell list`.
pub const COMMAND: Command = Command {
    options: &[
        Opt::flag("verbose", "Everything about each service, its address too").short('v'),
        Opt::value("publisher", "PUBLISHER", "Only of this publisher, * for anything").default("*"),
        Opt::value("service", "SERVICE", "Only services of this name, * for anything").default("*"),
    ],
    examples: &[
        "gshell list",
        "gshell list -v",
        "gshell list --publisher gshell --service 'grg-*'",
    ],
    ..Command::new(
        "list",
        "List services, with the scopes in which each is offered (WLOP: WAN, LAN, OS, process)",
        run,
    )
};

/// Prints the services.
fn run(global: &Global, matches: &Matches) -> Outcome {
    let mut link = Link::open(global, Absent::Start)?;
    let request = List {
        publisher: matches.string("publisher").unwrap_or_default(),
        service: matches.string("service").unwrap_or_default(),
    };
    let Services { entries } = link.call("cannot list services", &request, QUICK)?;
    match (global.json, matches.flag("verbose")) {
        (true, _) => output::json(&entries.iter().map(Row::of).collect::<Vec<_>>())?,
        (false, false) => drop(output::print(&table(&entries))?),
        (false, true) => drop(output::print(&blocks(&entries))?),
    }
    Ok(Status::Ok)
}

fn table(entries: &[ServiceEntry]) -> String {
    let mut text = format!(
        "{:<WIDTH$} {:<WIDTH$} {:<12} WLOP(SCOPE)\n",
        "PUBLISHER", "SERVICE", "PROVIDER"
    );
    for entry in entries {
        let (publisher, service) = (shorten(&entry.publisher), shorten(&entry.service));
        let line = format!(
            "{publisher:<WIDTH$} {service:<WIDTH$} {:<12} {:>4b}\n",
            entry.provider, entry.scopes
        );
        text.push_str(&line);
    }
    text
}

fn shorten(name: &str) -> String {
    match name.chars().count() > WIDTH {
        true => name.chars().take(CUT).chain("...".chars()).collect(),
        false => name.to_owned(),
    }
}

fn blocks(entries: &[ServiceEntry]) -> String {
    let block = |entry: &ServiceEntry| {
        let pid = if entry.pid > 0 {
            entry.pid.to_string()
        } else {
            "-".to_owned()
        };
        format!(
            "PUBLISHER: {}\nSERVICE  : {}\nPROVIDER : {}\nSCOPES   : {}\nADDRESS  : {}\nPID      : {pid}\n",
            entry.publisher,
            entry.service,
            entry.provider,
            scopes(entry.scopes).join(" "),
            entry.address
        )
    };
    entries.iter().map(block).collect::<Vec<_>>().join("\n")
}

fn scopes(bits: u8) -> Vec<&'static str> {
    let names = [
        (SCOPE_WAN, "wan"),
        (SCOPE_LAN, "lan"),
        (SCOPE_OS, "os"),
        (SCOPE_PROCESS, "process"),
    ];
    names
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, name)| *name)
        .collect()
}

/// A service as JSON.
#[derive(Debug, Serialize)]
struct Row<'a> {
    publisher: &'a str,
    service: &'a str,
    provider: &'a str,
    scopes: Vec<&'static str>,
    address: &'a str,
    /// Null when unknown.
    pid: Option<i32>,
}

impl<'a> Row<'a> {
    fn of(entry: &'a ServiceEntry) -> Self {
        Self {
            publisher: &entry.publisher,
            service: &entry.service,
            provider: &entry.provider,
            scopes: scopes(entry.scopes),
            address: &entry.address,
            pid: (entry.pid > 0).then_some(entry.pid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<ServiceEntry> {
        let entry = |service: &str, scopes, pid| ServiceEntry {
            publisher: "gshell".into(),
            service: service.into(),
            provider: "self".into(),
            scopes,
            address: format!("/run/gshell/svc/gshell_{service}.sock"),
            pid,
        };
        vec![
            entry("daemon", SCOPE_OS | SCOPE_PROCESS, 7),
            entry("grg-a-very-long-name-0.1.0", SCOPE_OS, 0),
        ]
    }

    #[test]
    fn the_table() {
        let want = "\
PUBLISHER                SERVICE                  PROVIDER     WLOP(SCOPE)
gshell                   daemon                   self           11
gshell                   grg-a-very-long-name-... self           10
";
        assert_eq!(table(&entries()), want);
    }

    #[test]
    fn blocks_have_the_address() {
        let text = blocks(&entries()[..1]);
        let want = "PUBLISHER: gshell\nSERVICE  : daemon\nPROVIDER : self\nSCOPES   : os process\n\
                    ADDRESS  : /run/gshell/svc/gshell_daemon.sock\nPID      : 7\n";
        assert_eq!(text, want);
    }

    #[test]
    fn json() {
        let entries = entries();
        let text = serde_json::to_string(&Row::of(&entries[1])).unwrap();
        let want = concat!(
            r#"{"publisher":"gshell","service":"grg-a-very-long-name-0.1.0","provider":"self","scopes":["os"],"#,
            r#""address":"/run/gshell/svc/gshell_grg-a-very-long-name-0.1.0.sock","pid":null}"#
        );
        assert_eq!(text, want);
    }
}
