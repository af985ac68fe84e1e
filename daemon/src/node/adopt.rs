//! What a daemon finds when it starts: groups that run, and groups that are only on disk.

use std::io::ErrorKind;
use std::rc::Rc;

use gshell_control::{Desired, GroupName, GroupSpec, State};
use gshell_group::store::{self, Store};
use gshell_service::{Client, unix};
use gshell_supervise::Event;
use gshell_sys::process;
use gshell_sys::signal::SIGKILL;

use super::Node;
use super::group::Group;

/// Connects to the groups that run and reads the records of the others.
pub async fn find_groups(node: &Rc<Node>) {
    let mut names: Vec<GroupName> = Vec::new();
    if let Some(state) = node.state_dir() {
        match store::groups(&state) {
            Ok(found) => names.extend(found),
            Err(error) => node.report(error.to_string()),
        }
    }
    for (publisher, service, path) in unix::published(&node.run_dir) {
        let Some(name) = GroupName::from_service(&service).filter(|_| publisher == "gshell") else {
            continue;
        };
        match unix::connect(&path) {
            Ok(socket) => match Client::over(socket) {
                Ok(client) => {
                    let group = known(node, &name);
                    node.log.info(&format!("group {name} runs: adopted"));
                    group.awaited.set(true);
                    // Before it answers, too: one that does not must be found, and not be started once more.
                    if let Some(pid) = gshell_group::process_of(&node.run_dir, &name.to_string()) {
                        node.feed(&group, Event::Adopted { pid });
                    }
                    node.use_link(&group, client, true);
                }
                Err(fault) => node.report(format!("group {name}: {fault}")),
            },
            // A killed group's leftover.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => {
                let _ = std::fs::remove_file(&path);
            }
            Err(error) => node.report(format!("group {name} does not take a connection: {error}")),
        }
    }
    for name in names {
        let group = known(node, &name);
        // Also of one that runs: what is here is corrected by what it says.
        read_records(node, &group);
    }
    sweep_leftovers(node);
}

fn known(node: &Rc<Node>, name: &GroupName) -> Rc<Group> {
    let mut groups = node.groups.borrow_mut();
    let group = groups.get_or(name.to_string(), || Group::new(name.clone(), GroupSpec::of(name)));
    let group = group.clone();
    drop(groups);
    if let Some(spec) = node.state_dir().and_then(|state| saved_spec(&state, name)) {
        *group.spec.borrow_mut() = spec;
    }
    group
}

fn saved_spec(state: &std::path::Path, name: &GroupName) -> Option<GroupSpec> {
    Store::at(state, &name.to_string()).ok()?.peek().ok()?.spec
}

/// Lists what is on disk of a group without process, so that `ps` is right from the first moment.
fn read_records(node: &Rc<Node>, group: &Rc<Group>) {
    let Some(state) = node.state_dir() else { return };
    let loaded = Store::at(&state, &group.name.to_string()).and_then(|store| store.peek());
    match loaded {
        Ok(loaded) => {
            loaded.reports.into_iter().for_each(|text| node.report(text));
            for mut job in loaded.jobs {
                job.pid = 0;
                if job.desired == Desired::Run {
                    job.state = State::Starting;
                } else if job.state.is_active() {
                    job.state = State::Exited;
                }
                group.note(job);
            }
        }
        Err(error) => node.report(error.to_string()),
    }
}

/// Starts the groups in which something should run, and forgets those in which nothing is left.
pub fn start_groups(node: &Rc<Node>) {
    let groups: Vec<_> = node.groups.borrow().values().cloned().collect();
    for group in groups {
        if group.link().is_none() {
            gshell_group::sweep_sessions(&node.run_dir, &group.name.to_string());
            node.update(&group);
        }
    }
}

/// Folders in the runtime dir of groups that are no more.
fn sweep_leftovers(node: &Rc<Node>) {
    for parent in ["groups", "log"] {
        let Ok(entries) = std::fs::read_dir(node.run_dir.join(parent)) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().and_then(|name| name.parse::<GroupName>().ok()) else {
                continue;
            };
            let name = name.to_string();
            if !node.groups.borrow().contains_key(&name) {
                gshell_group::sweep_sessions(&node.run_dir, &name);
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// A process of the group still runs, and nobody can reach it: its socket's file is that of the process `pid` which gave way
/// to it. The fork server may have died between making it and saying so. Its lock names it; what ran in it runs again in
/// the next one.
pub fn end_lost(node: &Node, group: &Group, pid: i32) {
    let holder = gshell_group::process_of(&node.run_dir, &group.name.to_string());
    let Some(lost) = holder.filter(|lost| *lost != pid && *lost > 1) else {
        return;
    };
    node.log.warn(&format!(
        "group {}: process {lost} of it still runs and cannot be reached: it is killed, and another one started",
        group.name
    ));
    let _ = process::kill(lost, SIGKILL);
}
