//! `gshell mtrace list`: what is tagged, and what can be.

use gshell_service::builtin::messages::{TraceList, TraceTagged, TraceTags};
use gshell_wire::Value;

use super::collect::processes;
use crate::cli::args::{Command, Matches};
use crate::cli::failure::Outcome;
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::service::{self, EACH, Known, table};
use crate::cli::value::{object, text, tree};
use crate::exit_codes::Status;

pub const COMMAND: Command = Command {
    examples: &["gshell mtrace list", "gshell mtrace list --json"],
    ..Command::new(
        "list",
        "List what is tagged, and all message types that services handle",
        run,
    )
};

/// Prints both.
fn run(global: &Global, _: &Matches) -> Outcome {
    let mut tags = Vec::new();
    for mut process in processes(global, &["*".to_owned()])? {
        match process.client.call::<_, TraceTags>(&TraceList {}, Some(EACH)) {
            Ok(set) => tags.extend(set.tags.into_iter().map(|tag| (process.name.clone(), tag))),
            Err(fault) => output::note(&format!("{} does not answer: {fault}", process.name)),
        }
    }
    let handled = handled(global);
    match global.json {
        true => output::tree(&json(&tags, &handled))?,
        false => drop(output::print(&page(&tags, &handled))?),
    }
    Ok(Status::Ok)
}

/// Names of message types, sorted, each with the services that handle it.
type Handled = [(String, Vec<String>)];

/// The message types of all services.
#[inline(never)]
fn handled(global: &Global) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for found in service::find(global, "*").unwrap_or_default() {
        let name = service::name_of(&found);
        let Ok(mut client) = service::connect_to(&found) else {
            continue;
        };
        for ty in Known::ask(&mut client, &name).map_or_else(|_| Vec::new(), |known| known.types) {
            match all.binary_search_by(|(known, _)| known.cmp(&ty.name)) {
                Err(at) => all.insert(at, (ty.name, vec![name.clone()])),
                Ok(at) if !all[at].1.contains(&name) => all[at].1.push(name.clone()),
                Ok(_) => {}
            }
        }
    }
    all
}

/// Whether a service handles a message type like this.
pub fn is_handled(global: &Global, pattern: &str) -> bool {
    handled(global)
        .iter()
        .any(|(name, _)| gshell_wire::matches(pattern, name))
}

fn page(tags: &[(String, TraceTagged)], handled: &Handled) -> String {
    let mut page = String::new();
    if !tags.is_empty() {
        let mut rows = vec![table::row([
            "TAGGED", "PROCESS", "FILTERS", "TOKEN", "LEFT", "TRACED",
        ])];
        for (process, tag) in tags {
            let filters = tag.filters.iter();
            let filters: Vec<_> = filters
                .map(|filter| format!("{}={}", filter.path, filter.pattern))
                .collect();
            let filters = if filters.is_empty() {
                "-".to_owned()
            } else {
                filters.join(" ")
            };
            let mut row = table::row([&tag.name, process, &filters, &tag.token]);
            row.extend([tag.left, tag.used].map(|count| count.to_string()));
            rows.push(row);
        }
        page = table::columns(&rows, 4) + "\n";
    }
    let mut rows = vec![table::row(["#", "MESSAGE", "HANDLED BY"])];
    for (at, (name, services)) in handled.iter().enumerate() {
        rows.push(table::row([&(at + 1).to_string(), name, &services.join(" ")]));
    }
    page + &table::columns(&rows, 3)
}

fn json(tags: &[(String, TraceTagged)], handled: &Handled) -> Value {
    let tags = tags
        .iter()
        .map(|(process, tag)| object([("process", text(process)), ("tag", tree(tag))]));
    let messages = handled.iter().map(|(name, services)| {
        let services = services.iter().map(text);
        object([
            ("name", text(name)),
            ("services", Value::List(services.collect())),
        ])
    });
    object([
        ("tags", Value::List(tags.collect())),
        ("messages", Value::List(messages.collect())),
    ])
}
