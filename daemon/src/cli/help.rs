//! `gshell help`: the same as `--help` behind a command.

use super::args::help::{Style, help};
use super::args::{Command, Many, Matches, Positional, Stop, Values};
use super::failure::{Failure, Outcome};
use super::link::Global;
use super::{PROGRAM, output};
use crate::exit_codes::Status;

/// `gshell help`.
pub const COMMAND: Command = Command {
    positionals: &[
        Positional::new("COMMAND", "The command; without one, the program")
            .many(Many::Any)
            .values(Values::Command),
    ],
    examples: &["gshell help run", "gshell help daemon stop"],
    ..Command::new("help", "Print help about a command", run)
};

fn run(_: &Global, matches: &Matches) -> Outcome {
    let mut meant = Matches::new(&PROGRAM);
    match meant.read(matches.words().to_vec()) {
        Ok(()) if meant.words().is_empty() => {}
        Err(Stop::Wrong(failure)) => return Err(failure),
        _ => return Err(Failure::usage("'gshell help' takes the name of a command")),
    }
    output::print(&help(meant.path(), true, Style::of_stdout())).map(|_| Status::Ok)
}
