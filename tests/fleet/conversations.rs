//! Every client calls every service: each architecture and language each, over TCP between the machines, and over the
//! socket of its own machine.

use gshell_tests::stdin::Fed;

use crate::examples;
use crate::machine::{LANGUAGES, Language, Machine, PATIENCE, fleet};
use crate::namespaces::inside;
use crate::table::{Row, publish};

/// What a client and a service of the fleet test say when all goes well: `tests/fleet/peer/client.rs` counts.
const MESSAGES: u32 = 135;

const HEAD: &str = include_str!("head.md");

#[test]
fn everybody_calls_everybody() {
    inside("conversations::everybody_calls_everybody", || {
        let mut machines = fleet();
        for machine in &mut machines {
            machine.serve();
        }
        let mut rows = Vec::new();
        for machine in &machines {
            rows.extend(from(machine, &machines));
        }
        rows.extend(examples::all(&mut machines));
        publish(&rows, HEAD);
        let wrong: Vec<_> = rows.iter().filter(|row| row.wrong > 0).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let count = |over| {
            rows.iter()
                .filter(|row| row.what == "fleet" && row.over == over)
                .count()
        };
        let (ends, nodes) = (machines.len() * 2, machines.len());
        assert_eq!((count("TCP"), count("unix socket")), (ends * ends, nodes * 4));
        assert!(
            rows.iter()
                .all(|row| row.what != "fleet" || row.right == MESSAGES),
            "{rows:#?}"
        );
    });
}

/// What the clients of one machine say with all services.
fn from(machine: &Machine, all: &[Machine]) -> Vec<Row> {
    let mut targets = Vec::new();
    for language in LANGUAGES {
        targets.push((machine.service_name(language), machine, language, "unix socket"));
        for other in all {
            targets.push((other.service(language), other, language, "TCP"));
        }
    }
    let names: Vec<_> = targets.iter().map(|(name, ..)| name.clone()).collect();
    let started = LANGUAGES.map(|language| (language, Fed::start(machine.client(language, &names))));
    let mut rows = Vec::new();
    for (language, mut client) in started {
        for (name, server, server_language, over) in &targets {
            let line = client.line_within(PATIENCE);
            let line = line.unwrap_or_else(|| panic!("{}: the client says nothing of {name}", machine.arch));
            let (right, wrong) = tally(&line, name);
            rows.push(Row {
                what: "fleet",
                client: (machine.arch.clone(), language.name()),
                server: (server.arch.clone(), Language::name(*server_language)),
                over,
                right,
                wrong,
            });
        }
        assert_eq!(client.wait_end(), Some(0), "{} {language:?}", machine.arch);
    }
    rows
}

/// Reads `TARGET right=N wrong=N`.
fn tally(line: &str, target: &str) -> (u32, u32) {
    let numbers = || {
        let (right, wrong) = line
            .strip_prefix(target)?
            .strip_prefix(" right=")?
            .split_once(" wrong=")?;
        Some((right.parse().ok()?, wrong.parse().ok()?))
    };
    numbers().unwrap_or_else(|| panic!("{target}: the client says {line:?}"))
}
