//! `gshell schema`: what a service handles, and how its messages look.

use crate::cli::args::{Command, Many, Matches, Positional, Values};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::service::{self, Known, SCOPE, SERVICE, TCP, shape};
use crate::exit_codes::Status;

/// `gshell schema`.
pub const COMMAND: Command = Command {
    long: "Each message with its priority, its key, its help, its fields and what it is answered with. A type with \
           '?' may be left out (null in JSON).",
    options: &[SCOPE, TCP],
    positionals: &[
        SERVICE,
        Positional::new("TYPE", "Only this message type")
            .many(Many::Any)
            .values(Values::Message),
    ],
    examples: &[
        "gshell schema gshell/daemon",
        "gshell schema gshell/daemon gshell.Ps",
        "gshell schema --json --tcp localhost:4711 example/echo",
    ],
    ..Command::new("schema", "Show the messages that a service handles", run)
};

/// Prints them.
fn run(global: &Global, matches: &Matches) -> Outcome {
    let mut words = matches.texts(0).into_iter();
    let Some(name) = words.next() else {
        return Err(Failure::usage("no service given"));
    };
    let mut client = service::open(global, matches, &name)?;
    let known = Known::ask(&mut client, &name)?;
    let mut types = Vec::new();
    for wanted in words {
        types.extend(service::find_type(&known, &wanted)?);
    }
    if matches.words().len() < 2 {
        types.extend(&known.types);
    }
    match global.json {
        true => output::tree(&shape::json(&known, &types))?,
        false => drop(output::print(&text(&known, &types))?),
    }
    Ok(Status::Ok)
}

fn text(known: &Known, types: &[&service::Type]) -> String {
    let blocks: Vec<String> = types.iter().map(|ty| shape::types(&[ty], 0)).collect();
    format!(
        "{} on node {}, version {}, {} messages\n\n{}",
        known.name,
        match known.provider.as_str() {
            "" => "-",
            provider => provider,
        },
        known.version,
        known.types.len(),
        blocks.join("\n")
    )
}
