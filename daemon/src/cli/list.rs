//! `gshell list`: the services that this node knows.

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use gshell_control::messages::node::{
    List, SCOPE_LAN, SCOPE_OS, SCOPE_PROCESS, SCOPE_WAN, ServiceEntry, Services,
};
use gshell_control::names::PUBLISHER;
use gshell_service::{Address, unix};
use gshell_sys::peer;
use gshell_wire::Value;

use super::args::{Command, Matches, Opt};
use super::failure::{Failure, Outcome};
use super::link::{Absent, Global, Link, QUICK};
use super::output;
use super::service::{EACH, Known, shape};
use super::value::text;
use crate::exit_codes::Status;

/// Characters of a column for publisher or service; what is longer is cut.
const WIDTH: usize = 24;

/// Characters that are left of what is cut.
const CUT: usize = 21;

/// Spaces in front of messages.
const MESSAGES: usize = 2;

/// `gshell list`.
pub const COMMAND: Command = Command {
    options: &[
        Opt::flag(
            "verbose",
            "Everything about each service: its address, its process, and the messages that it handles",
        )
        .short('v'),
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
    let Services { mut entries } = link.call("cannot list services", &request, QUICK)?;
    entries.retain_mut(is_there);
    let verbose = matches.flag("verbose");
    let known: Vec<Option<Known>> = match verbose {
        true => entries.iter().map(ask).collect(),
        false => Vec::new(),
    };
    match (global.json, verbose) {
        (true, _) => output::tree(&json(&entries, &known))?,
        (false, false) => drop(output::print(&table(&entries))?),
        (false, true) => drop(output::print(&blocks(&entries, &known))?),
    }
    Ok(Status::Ok)
}

/// Whether somebody serves it. Where the node does not know who, the kernel does: the socket's owner is whoever made it.
fn is_there(entry: &mut ServiceEntry) -> bool {
    // Groups are the node's affair, and a socket that waits for one is not to be woken.
    if entry.pid > 0 || entry.publisher == PUBLISHER || !entry.address.starts_with('/') {
        return true;
    }
    match unix::connect_now(Path::new(&entry.address)) {
        Ok(socket) => {
            entry.pid = peer::credentials(socket.as_fd()).map_or(0, |peer| peer.pid);
            true
        }
        // What a program that was killed has left.
        Err(error) => error.kind() != ErrorKind::ConnectionRefused,
    }
}

/// What the service handles; one that does not answer is listed all the same.
fn ask(entry: &ServiceEntry) -> Option<Known> {
    let name = format!("{}/{}", entry.publisher, entry.service);
    let known = Address::parse(&entry.address)
        .and_then(|address| address.connect_blocking(Some(Instant::now() + EACH)))
        .map_err(|fault| Failure::fault(&format!("cannot reach {name}"), &fault))
        .and_then(|mut client| Known::ask(&mut client, &name));
    known.map_err(|failure| output::note(&failure.text)).ok()
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

fn blocks(entries: &[ServiceEntry], known: &[Option<Known>]) -> String {
    let mut blocks = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let pid = if entry.pid > 0 {
            entry.pid.to_string()
        } else {
            "-".to_owned()
        };
        let mut block = format!(
            "PUBLISHER: {}\nSERVICE  : {}\nPROVIDER : {}\nSCOPES   : {}\nADDRESS  : {}\nPID      : {pid}\n",
            entry.publisher,
            entry.service,
            entry.provider,
            scopes(entry.scopes).join(" "),
            entry.address
        );
        if let Some(known) = known.get(at).and_then(Option::as_ref) {
            let types: Vec<_> = known.types.iter().collect();
            block.push_str(&format!(
                "VERSION  : {}\nMESSAGES : {}\n",
                known.version,
                types.len()
            ));
            block.push_str(&shape::types(&types, MESSAGES));
        }
        blocks.push(block);
    }
    blocks.join("\n")
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

fn json(entries: &[ServiceEntry], known: &[Option<Known>]) -> Value {
    let one = |(at, entry): (usize, &ServiceEntry)| {
        let scopes = scopes(entry.scopes).into_iter().map(text);
        let mut fields = vec![
            ("publisher".to_owned(), text(&entry.publisher)),
            ("service".to_owned(), text(&entry.service)),
            ("provider".to_owned(), text(&entry.provider)),
            ("scopes".to_owned(), Value::List(scopes.collect())),
            ("address".to_owned(), text(&entry.address)),
            // Null when unknown.
            (
                "pid".to_owned(),
                match entry.pid {
                    0 => Value::Unit,
                    pid => Value::Int(pid.into()),
                },
            ),
        ];
        if let Some(known) = known.get(at) {
            let messages = known.as_ref().map_or(Value::Unit, |known| {
                shape::messages(&known.types.iter().collect::<Vec<_>>())
            });
            fields.push(("messages".to_owned(), messages));
        }
        Value::Struct(fields)
    };
    Value::List(entries.iter().enumerate().map(one).collect())
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
        let text = blocks(&entries()[..1], &[]);
        let want = "PUBLISHER: gshell\nSERVICE  : daemon\nPROVIDER : self\nSCOPES   : os process\n\
                    ADDRESS  : /run/gshell/svc/gshell_daemon.sock\nPID      : 7\n";
        assert_eq!(text, want);
    }

    #[test]
    fn json() {
        let entries = entries();
        let text = crate::cli::value::compact(&super::json(&entries[1..], &[]), None);
        let want = concat!(
            r#"[{"publisher":"gshell","service":"grg-a-very-long-name-0.1.0","provider":"self","scopes":["os"],"#,
            r#""address":"/run/gshell/svc/gshell_grg-a-very-long-name-0.1.0.sock","pid":null}]"#
        );
        assert_eq!(text, want);
    }
}
