//! What `cargo metadata` says about the workspace, reduced to what the rules ask.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// How one crate depends on another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// In the built program.
    Normal,
    /// While building.
    Build,
    /// Only for tests and examples.
    Dev,
}

/// A dependency as a manifest states it.
pub struct Edge {
    pub from: String,
    pub to: String,
    pub kind: Kind,
}

/// The workspace's dependencies, stated and resolved.
pub struct Metadata {
    root: Value,
}

impl Metadata {
    /// Asks the cargo that runs this test.
    pub fn load() -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked"])
            .current_dir(crate::sources::root())
            .output()
            .expect("cargo runs");
        assert!(
            output.status.success(),
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self {
            root: serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON"),
        }
    }

    /// The names of the workspace's own crates.
    pub fn members(&self) -> BTreeSet<String> {
        let ids: BTreeSet<&str> = array(&self.root["workspace_members"])
            .map(|id| id.as_str().unwrap())
            .collect();
        let packages = array(&self.root["packages"]).filter(|package| ids.contains(text(&package["id"])));
        packages
            .map(|package| text(&package["name"]).to_owned())
            .collect()
    }

    /// Every dependency that a manifest of the workspace states.
    pub fn edges(&self) -> Vec<Edge> {
        let members = self.members();
        let mut edges = Vec::new();
        for package in
            array(&self.root["packages"]).filter(|package| members.contains(text(&package["name"])))
        {
            for dependency in array(&package["dependencies"]) {
                let kind = match dependency["kind"].as_str() {
                    None => Kind::Normal,
                    Some("build") => Kind::Build,
                    Some(_) => Kind::Dev,
                };
                let (from, to) = (
                    text(&package["name"]).to_owned(),
                    text(&dependency["name"]).to_owned(),
                );
                edges.push(Edge { from, to, kind });
            }
        }
        edges
    }

    /// The names of all crates that end up in, or help to build, the crate `name`.
    pub fn closure(&self, name: &str) -> BTreeSet<String> {
        let names: BTreeMap<&str, &str> = array(&self.root["packages"])
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let nodes: BTreeMap<&str, &Value> = array(&self.root["resolve"]["nodes"])
            .map(|node| (text(&node["id"]), node))
            .collect();
        let start = names
            .iter()
            .find(|(_, found)| **found == name)
            .expect("the crate is in the graph")
            .0;
        let (mut seen, mut todo) = (BTreeSet::new(), vec![*start]);
        while let Some(id) = todo.pop() {
            if seen.insert(id) {
                todo.extend(
                    array(&nodes[id]["deps"])
                        .filter(|dep| is_used(dep))
                        .map(|dep| text(&dep["pkg"])),
                );
            }
        }
        seen.into_iter().map(|id| names[id].to_owned()).collect()
    }
}

/// Whether a resolved dependency is more than a test's, on Linux or anywhere.
fn is_used(dep: &Value) -> bool {
    array(&dep["dep_kinds"]).any(|kind| {
        let target = kind["target"].as_str().unwrap_or("");
        kind["kind"].as_str() != Some("dev")
            && !["windows", "wasm", "macos"].iter().any(|os| target.contains(os))
    })
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("an array").iter()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}
