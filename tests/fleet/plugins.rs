//! One bundle for all architectures: each node takes its part, scripts use what is in it, and the compiled services of one
//! node's plugins answer the scripts of all others.

use std::path::{Path, PathBuf};

use gshell_tests::binary;
use gshell_tests::plugins::shipped;
use gshell_tests::stdin::Fed;
use serde_json::Value;

use crate::machine::{Machine, PATIENCE, fleet};
use crate::namespaces::inside;
use crate::table::{Row, render};

/// Requests of one client to one service: `tests/fleet/plugins.lua` sends as many, and each has an answer.
const REQUESTS: u32 = 40;

/// Where the services of the plugin `echo` listen.
const PORT: u16 = 7401;

#[test]
fn every_node_takes_its_part_of_a_bundle() {
    inside("plugins::every_node_takes_its_part_of_a_bundle", || {
        let mut machines = fleet();
        let bundles = bundles(&machines[0]);
        let names: Vec<_> = bundles.iter().map(|path| stem(path)).collect();
        assert!(names.contains(&"echo".to_owned()), "{names:?}");
        for machine in &machines {
            install(machine, &bundles, &names);
        }
        parts_of_others_are_refused(&machines);
        for machine in &mut machines {
            serve(machine);
        }
        let rows: Vec<_> = machines
            .iter()
            .flat_map(|one| call(one, &machines, &names))
            .collect();
        println!("{}", render(&rows));
        assert_eq!(rows.len(), machines.len() * machines.len());
        assert!(
            rows.iter().all(|row| row.wrong == 0 && row.right == 2 * REQUESTS),
            "{rows:#?}"
        );
    });
}

/// The bundles of `GSHELL_FLEET_BUNDLES`, or without it those of this machine's own plugins.
fn bundles(machine: &Machine) -> Vec<PathBuf> {
    if let Some(folder) = std::env::var_os("GSHELL_FLEET_BUNDLES") {
        return files(Path::new(&folder), "gplugins");
    }
    let pack = |file: PathBuf| {
        let bundle = machine.node.work_dir().join(format!("{}.gplugins", stem(&file)));
        machine
            .node
            .ok(&["plugin", "pack", text(&file), "--output", text(&bundle)]);
        bundle
    };
    files(Path::new(shipped()), "gplugin")
        .into_iter()
        .map(pack)
        .collect()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    found.retain(|path| path.extension().is_some_and(|it| it == extension));
    found.sort();
    found
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .and_then(|stem| stem.to_str())
        .expect("a name")
        .to_owned()
}

/// Installs all bundles on a node, which takes what is in them.
fn install(machine: &Machine, bundles: &[PathBuf], names: &[String]) {
    for bundle in bundles {
        machine.node.ok(&["plugin", "install", text(bundle)]);
    }
    let listed: Value = serde_json::from_str(&machine.node.ok(&["plugin", "list", "--json"])).expect("JSON");
    let listed = listed["plugins"].as_array().expect("a list");
    for name in names {
        let found = listed.iter().find(|plugin| plugin["name"] == name.as_str());
        let taken = found.is_some_and(|plugin| plugin["taken"] == true);
        assert!(taken, "{}: {name}: {found:#?}", machine.arch);
    }
}

/// A bundle with one part is refused by every node of another architecture, which says what there is.
fn parts_of_others_are_refused(machines: &[Machine]) {
    let maker = &machines[0];
    let bundle = maker.node.work_dir().join("lonely.gplugins");
    let part = maker.plugins().join("echo.gplugin");
    maker
        .node
        .ok(&["plugin", "pack", text(&part), "-o", text(&bundle)]);
    for machine in machines.iter().filter(|machine| machine.is_unlike(maker)) {
        let out = machine.node.cmd(&["plugin", "install", text(&bundle)]);
        assert_ne!(out.code, Some(0), "{}", machine.arch);
        assert!(
            out.stderr.contains(&maker.arch),
            "{}: {}",
            machine.arch,
            out.stderr
        );
    }
}

/// Runs the app of the plugin `echo`: its service, of which no line is a script's but the one that publishes it.
fn serve(machine: &Machine) {
    let tcp = format!("{}:{PORT}", machine.address);
    let id = machine.node.ok(&["run", "-g", "echo", "echo", "--tcp", &tcp]);
    machine.node.wait_log(&id, "echo serves");
}

/// What a script on one machine does with the plugins of its own, and says with the services of all.
fn call(machine: &Machine, all: &[Machine], names: &[String]) -> Vec<Row> {
    let script = binary::repository().join("tests/fleet/plugins.lua");
    let names = names.join(",");
    let targets: Vec<_> = all
        .iter()
        .map(|one| format!("tcp:{}:{PORT}", one.address))
        .collect();
    let mut words = vec!["run", "-i", "-g", "client", text(&script), &names];
    words.extend(targets.iter().map(String::as_str));
    let mut client = Fed::start(machine.node.command(words));
    let rows = all.iter().zip(&targets).map(|(server, target)| {
        let line = client
            .line_within(PATIENCE)
            .unwrap_or_else(|| panic!("{}: nothing of {target}", machine.arch));
        let right = line
            .strip_prefix(&format!("{target} right="))
            .and_then(|it| it.parse().ok());
        let right: u32 = right.unwrap_or_else(|| panic!("{}: {line:?}", machine.arch));
        Row {
            what: "echo-plugin",
            client: (machine.arch.clone(), "lua"),
            server: (server.arch.clone(), "plugin"),
            over: "TCP",
            right: 2 * right,
            wrong: REQUESTS - right,
        }
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!(client.wait_end(), Some(0), "{}", machine.arch);
    rows
}
