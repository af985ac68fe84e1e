//! A call through services in both languages on every machine leaves a part of its trace on each; together they are one
//! tree, whatever the clocks and the order of bytes of the machines.

use std::collections::{BTreeMap, BTreeSet};

use gshell_tests::Out;
use serde_json::Value;

use crate::machine::{LANGUAGES, Language, Machine, fleet, peer_lua};
use crate::namespaces::inside;

#[test]
fn a_trace_goes_through_all_machines() {
    inside("traces::a_trace_goes_through_all_machines", || {
        let mut machines = fleet();
        for machine in &mut machines {
            machine.serve();
        }
        // From every machine once, so that each of them also begins a trace.
        for first in 0..machines.len() {
            machines.rotate_left(1);
            follow(&machines, first);
        }
    });
}

/// Service `at` of a way that visits all machines in turn: Rust and Lua alternate, and `shift` decides who begins.
fn stop(machines: &[Machine], at: usize, shift: usize) -> (&Machine, Language) {
    (&machines[at % machines.len()], LANGUAGES[(at + shift) % 2])
}

/// Sends a message from the first machine to a service, which passes it on along two ways through all machines at once.
fn follow(machines: &[Machine], shift: usize) {
    let root = stop(machines, 1, shift);
    let ways: Vec<Vec<(&Machine, Language)>> = (0..2)
        .map(|way| {
            (2..2 + machines.len())
                .map(|at| stop(machines, at, shift + way))
                .collect()
        })
        .collect();
    let addresses = |way: &[(&Machine, Language)]| {
        let all: Vec<_> = way
            .iter()
            .map(|(machine, language)| machine.service(*language))
            .collect();
        all.join(",")
    };
    let ways_text: Vec<_> = ways.iter().map(|way| addresses(way)).collect();
    let (client, peer) = (&machines[0].node, peer_lua());
    let first = addresses(&[root]);
    let words = [
        "run",
        "-g",
        "tracer",
        &peer,
        "trace",
        &first,
        &ways_text[0],
        &ways_text[1],
    ];
    let id = client.ok(&words);
    let log = client.wait_log(&id, "token ");
    let token = log
        .lines()
        .find_map(|line| line.strip_prefix("token "))
        .expect(&log)
        .trim();

    // Who should have called whom, from the outermost on: the root, and all beginnings of both ways.
    let name = |(machine, language): &(&Machine, Language)| machine.service_name(*language);
    let mut want = vec![vec![name(&root)]];
    for way in &ways {
        for end in 1..=way.len() {
            want.push([&root].into_iter().chain(&way[..end]).map(name).collect());
        }
    }
    want.sort();
    let passed: Vec<String> = ways
        .iter()
        .map(|way| {
            [&root]
                .into_iter()
                .chain(way)
                .map(name)
                .collect::<Vec<_>>()
                .join(">")
        })
        .collect();
    for by in &passed {
        assert!(log.contains(&format!("by {by}")), "{by} is missing: {log}");
    }

    let files = parts(machines, token);
    let mut from = vec!["mtrace", "show", "--keep"];
    for file in &files[1..] {
        from.extend(["--from", file]);
    }
    from.push(token);
    let shown = |form: &[&str]| -> Out { client.cmd(&[&from, form].concat()) };
    let records: Vec<Value> = serde_json::from_str(shown(&["--json"]).ok()).expect("JSON");
    assert_eq!(chains(&records), want);
    // Who called and who was called have noted the question and the answer.
    assert_eq!(records.len(), want.len() * 4);
    let nodes: BTreeSet<_> = records
        .iter()
        .map(|record| record["node"].as_str().unwrap())
        .collect();
    assert_eq!(nodes.len(), machines.len());
    assert_eq!(
        outline(shown(&[]).ok()),
        depth_first(&want),
        "{}",
        shown(&[]).stdout
    );
    let diagram = shown(&["--mermaid"]);
    for node in nodes {
        assert!(diagram.ok().contains(&format!("@{node}")), "{diagram:?}");
    }
    client.ok(&["kill", "-f", "tracer"]);
    println!(
        "{token}: {} calls through {} machines make one tree",
        want.len(),
        machines.len()
    );
}

/// What each machine tells of a trace, in files; each has a part, and none the whole.
fn parts(machines: &[Machine], token: &str) -> Vec<String> {
    let mut total = 0;
    let files = machines.iter().map(|machine| {
        let part = machine.node.ok(&["mtrace", "show", "--keep", "--json", token]);
        let records: Vec<Value> = serde_json::from_str(&part).expect("JSON");
        assert!(!records.is_empty(), "{} has no part", machine.arch);
        let own = machine.node.ok(&["id"]);
        assert!(
            records.iter().all(|record| record["node"] == own.as_str()),
            "{part}"
        );
        total += records.len();
        machine.node.script("part.json", &part)
    });
    let files: Vec<_> = files.collect();
    assert!(total >= machines.len() * 4);
    files
}

fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().unwrap()
}

/// For each request that a service received: the services around it, from the outermost on, by the parents of spans.
fn chains(records: &[Value]) -> Vec<Vec<String>> {
    let at = |point: &'static str| records.iter().filter(move |record| record["point"] == point);
    let parents: BTreeMap<&str, &str> = at("ClientSend")
        .map(|record| (text(record, "span"), text(record, "parent")))
        .collect();
    let servers: BTreeMap<&str, &str> = at("ServerRecv")
        .map(|record| (text(record, "span"), text(record, "who")))
        .collect();
    let mut found: Vec<Vec<String>> = at("ServerRecv")
        .map(|record| {
            let (mut span, mut names) = (text(record, "span"), Vec::new());
            while let Some(who) = servers.get(span) {
                names.push(short(who));
                span = parents.get(span).copied().unwrap_or_default();
            }
            names.reverse();
            names
        })
        .collect();
    found.sort();
    found
}

fn short(who: &str) -> String {
    let name = who.strip_prefix("example/fleet.").unwrap_or(who);
    name.split('@').next().unwrap_or_default().to_owned()
}

/// Who receives in the list for people, each with its depth, sorted; which of two ways is first is for the clocks to say.
fn outline(list: &str) -> Vec<(usize, String)> {
    let mut all: Vec<_> = list
        .lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once(' ')?;
            let (who, _) = rest.trim_start().split_once(" receives ")?;
            Some(((rest.len() - rest.trim_start().len()) / 4, short(who)))
        })
        .collect();
    all.sort();
    all
}

fn depth_first(chains: &[Vec<String>]) -> Vec<(usize, String)> {
    let mut all: Vec<_> = chains
        .iter()
        .map(|chain| (chain.len() - 1, chain.last().unwrap().clone()))
        .collect();
    all.sort();
    all
}
