//! What is known of all plugins: the program's own, the files in the folders, and what a node that runs tells of its groups.

use std::path::{Path, PathBuf};

use gshell_control::messages::plugins::{CrashedPlugin, NodePlugins, Plugins, PluginsOfGroup};
use gshell_group::store::{quarantine_path, read_quarantine};
use gshell_plugin_host::file::{Facts, Machine, names};
use gshell_plugin_host::folders::{Found, Listing, walk};
use gshell_plugin_host::quarantine::{Entry, LEFT_OUT, Quarantine};
use gshell_plugin_host::{Identity, Plugin, identity, linked_in};
use gshell_wire::Code;

use crate::builtin;
use crate::cli::failure::Failure;
use crate::cli::link::{Absent, Global, Link, QUICK};
use crate::cli::output;
use crate::exit_codes::Status;

/// A plugin, or a file that should be one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub name: Option<String>,
    pub version: Option<String>,
    pub machine: Option<String>,
    /// Of the file: ABI and what it needs of it.
    pub abi: Option<(u16, u16)>,
    pub size: Option<u64>,
    /// `None`: it is in the program.
    pub path: Option<PathBuf>,
    /// Why it is not taken, if it is not.
    pub reason: Option<String>,
    /// Groups that have opened it.
    pub groups: Vec<String>,
    /// Groups that were refused it when they asked for it last, each with the reason. It may be another file by now.
    pub refused: Vec<(String, String)>,
    /// Times that it ended its group.
    pub crashes: u32,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub rows: Vec<Row>,
    /// Where files were looked for.
    pub folders: Vec<PathBuf>,
    /// Folders that could not be read, and why.
    pub problems: Vec<(PathBuf, String)>,
}

/// Asks everybody. A node that does not run has no groups, and is not started for this.
pub fn gather(global: &Global) -> Result<Known, Failure> {
    let folders = global.plugin_folders();
    let node = ask(global)?;
    let mut rows = built_in();
    let listing = walk(&folders);
    let quarantine = match &node {
        Some(node) => quarantine_of(&node.crashed),
        None => read_quarantine(&quarantine_path(&global.dirs.run, Some(&global.dirs.state))),
    };
    rows.extend(files(&listing, &rows, &quarantine));
    for group in node.iter().flat_map(|node| &node.groups) {
        add_group(&mut rows, group);
    }
    if let Some(node) = &node {
        warn_of_folders(node, &folders);
    }
    Ok(Known {
        rows,
        folders,
        problems: listing.problems,
    })
}

/// What the node says; `None` when there is none, or one that is older than the question.
fn ask(global: &Global) -> Result<Option<NodePlugins>, Failure> {
    let mut link = match Link::open(global, Absent::Fail) {
        Ok(link) => link,
        Err(failure) if failure.status == Status::Unreachable && global.provider.is_none() => {
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    match link.client().call(&Plugins { groups: true }, Some(QUICK)) {
        Ok(node) => Ok(Some(node)),
        Err(fault) if fault.code() == Some(Code::UnknownMessage) => Ok(None),
        Err(fault) => Err(Failure::fault("cannot ask the node for its plugins", &fault)),
    }
}

fn built_in() -> Vec<Row> {
    let all = builtin::list().iter().map(|descriptor| linked_in(descriptor));
    let row = |plugin: Result<&Plugin, String>| match plugin {
        Ok(plugin) => Row {
            name: Some(plugin.name().to_owned()),
            version: Some(plugin.version().to_owned()),
            machine: Some(Machine::OWN.to_string()),
            ..Row::default()
        },
        Err(reason) => Row {
            reason: Some(reason),
            ..Row::default()
        },
    };
    all.map(row).collect()
}

fn quarantine_of(crashed: &[CrashedPlugin]) -> Quarantine {
    let entry = |crashed: &CrashedPlugin| Entry {
        name: crashed.name.clone(),
        identity: Identity {
            size: crashed.size,
            sum: crashed.sum,
        },
        crashes: crashed.crashes,
        last: crashed.last.clone(),
        last_ms: crashed.last_ms,
    };
    Quarantine {
        entries: crashed.iter().map(entry).collect(),
    }
}

/// The files, with what stands in their way besides what they are themselves.
fn files(listing: &Listing, built_in: &[Row], quarantine: &Quarantine) -> Vec<Row> {
    let row = |found: &Found| {
        let facts = found.facts.as_ref().ok();
        let name = facts
            .map(|facts| facts.name.clone())
            .filter(|name| !name.is_empty());
        let crashed = facts.and_then(|facts| crashed(&found.path, facts, quarantine));
        let reason = found.refusal.as_ref().map(|refusal| refusal.text.clone());
        let inside = || {
            let name = name.as_deref()?;
            is_there(built_in, name).then(|| format!("{name} is already there, built into the program"))
        };
        let left_out = || crashed.filter(|entry| entry.is_left_out()).map(Entry::reason);
        Row {
            version: facts
                .map(|facts| facts.version.clone())
                .filter(|version| !version.is_empty()),
            machine: facts.map(|facts| facts.machine.to_string()),
            abi: facts.map(|facts| (facts.abi, facts.needs)),
            size: facts.map(|facts| facts.size),
            path: Some(found.path.clone()),
            reason: reason.or_else(inside).or_else(left_out),
            crashes: crashed.map_or(0, |entry| entry.crashes),
            groups: Vec::new(),
            refused: Vec::new(),
            name,
        }
    };
    listing.found.iter().map(row).collect()
}

fn is_there(rows: &[Row], name: &str) -> bool {
    let module = names::module(name);
    let named = |row: &&Row| {
        row.name
            .as_deref()
            .is_some_and(|name| names::module(name) == module)
    };
    rows.iter().filter(named).any(|row| row.reason.is_none())
}

/// What is known of this very content of the file. Files are read as a whole only if something is known under their name.
fn crashed<'a>(path: &Path, facts: &Facts, quarantine: &'a Quarantine) -> Option<&'a Entry> {
    let mut entries = quarantine
        .entries
        .iter()
        .filter(|entry| entry.name == facts.name)
        .peekable();
    entries.peek()?;
    let identity = identity(path).ok()?;
    entries.find(|entry| entry.identity == identity)
}

/// Adds what a group tells to the rows that it is about, and as rows of their own what is in none.
fn add_group(rows: &mut Vec<Row>, told: &PluginsOfGroup) {
    if let Some(error) = &told.error {
        output::note(&format!(
            "warning: group {} does not tell its plugins: {error}",
            told.group
        ));
    }
    for opened in &told.opened {
        let path = opened.path.as_deref().map(PathBuf::from);
        let same = |row: &&mut Row| row.path == path && row.name.as_ref() == Some(&opened.name);
        match rows.iter_mut().find(same) {
            Some(row) => row.groups.push(told.group.clone()),
            // A file that is gone by now, or in a folder of the node only.
            None => rows.push(Row {
                name: Some(opened.name.clone()),
                version: Some(opened.version.clone()),
                path,
                groups: vec![told.group.clone()],
                ..Row::default()
            }),
        }
    }
    for refused in &told.refused {
        let path = refused.path.as_deref().map(PathBuf::from);
        let row = rows.iter_mut().find(|row| row.path.is_some() && row.path == path);
        // Whether it is left out now, the quarantine says.
        if let Some(row) = row.filter(|_| !refused.reason.starts_with(LEFT_OUT)) {
            row.refused.push((told.group.clone(), refused.reason.clone()));
        }
    }
}

/// The groups look where their node was told to.
fn warn_of_folders(node: &NodePlugins, folders: &[PathBuf]) {
    let own: Vec<String> = folders
        .iter()
        .map(|folder| folder.to_string_lossy().into_owned())
        .collect();
    if node.folders != own {
        output::note(&format!(
            "warning: the node that runs looks for plugins in {}",
            node.folders.join(":")
        ));
    }
    if !node.can_load {
        output::note("warning: the node that runs is linked statically and cannot load files");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_control::messages::plugins::{OpenedPlugin, RefusedPlugin};

    fn row(name: &str, path: Option<&str>) -> Row {
        Row {
            name: Some(name.into()),
            path: path.map(PathBuf::from),
            ..Row::default()
        }
    }

    #[test]
    fn groups_are_named_where_their_plugins_are() {
        let opened = |name: &str, path: Option<&str>| OpenedPlugin {
            name: name.into(),
            path: path.map(str::to_owned),
            ..OpenedPlugin::default()
        };
        let told = PluginsOfGroup {
            group: "web-0.1.0".into(),
            opened: vec![
                opened("echo", None),
                opened("sum", Some("/p/sum.gplugin")),
                opened("gone", Some("/p/gone.gplugin")),
            ],
            refused: vec![RefusedPlugin {
                name: "bad".into(),
                path: Some("/p/bad.gplugin".into()),
                reason: "it cannot be loaded: undefined symbol: x".into(),
            }],
            error: None,
        };
        let mut rows = vec![
            row("echo", None),
            row("echo", Some("/p/echo.gplugin")),
            row("sum", Some("/p/sum.gplugin")),
            row("bad", Some("/p/bad.gplugin")),
        ];
        add_group(&mut rows, &told);
        let groups: Vec<usize> = rows.iter().map(|row| row.groups.len()).collect();
        assert_eq!(groups, [1, 0, 1, 0, 1]);
        assert_eq!(rows[4].name.as_deref(), Some("gone"));
        assert_eq!(rows[3].refused[0].0, "web-0.1.0");
        assert_eq!(rows[3].reason, None, "it may have been replaced since then");
    }

    #[test]
    fn what_is_built_in_has_its_name() {
        let rows = [row("example.org/echo", None)];
        assert!(is_there(&rows, "example.org.echo") && !is_there(&rows, "echo"));
    }
}
