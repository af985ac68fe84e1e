//! `gshell id`: the ID of this node.

use gshell_control::messages::node::{Id, NodeId};

use serde::Serialize;

use super::args::{Command, Matches};
use super::failure::Outcome;
use super::link::{Absent, Global, Link, QUICK};
use super::output;
use crate::exit_codes::Status;

/// `gshell id`.
pub const COMMAND: Command = Command {
    examples: &["gshell id"],
    ..Command::new("id", "Print this node's ID", run)
};

#[derive(Serialize)]
struct Report<'a> {
    id: &'a str,
}

/// Prints the ID.
fn run(global: &Global, _: &Matches) -> Outcome {
    let mut link = Link::open(global, Absent::Start)?;
    let NodeId { id } = link.call("cannot ask for the node's ID", &Id {}, QUICK)?;
    match global.json {
        true => output::json(&Report { id: &id })?,
        false => drop(output::print(&format!("{id}\n"))?),
    }
    Ok(Status::Ok)
}
