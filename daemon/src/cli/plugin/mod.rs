//! `gshell plugin`: the plugins of this machine, as files.
//!
//! These commands read and write folders; none of them needs a node, and only those that say so open a plugin.

mod check;
mod gather;
mod info;
mod install;
mod list;
mod open;
mod page;
mod release;
mod remove;

use std::path::Path;

use gshell_plugin_host::file::{EXTENSION, Facts, Refusal};
use gshell_plugin_host::folders::walk;
use gshell_wire::Value;

use super::args::{Command, Matches, Positional, Values, nearest};
use super::failure::{Failure, Outcome};
use super::link::Global;
use super::tools;
use super::value::text;
use crate::exit_codes::Status;

/// `gshell plugin`.
pub const COMMAND: Command = Command {
    long: "A plugin is compiled code that scripts call: a file NAME.gplugin in one of the folders for plugins, or a part of \
           this program. The folders are those of --plugin-dir or GSHELL_PLUGIN_DIR, then a user's own \
           (~/.local/share/gshell/plugins), then /usr/lib/gshell/plugins; the first plugin of a name counts. A file that is \
           put there is found by the next 'require', without a restart.",
    commands: &[
        &list::COMMAND,
        &info::COMMAND,
        &check::COMMAND,
        &install::COMMAND,
        &remove::COMMAND,
        &release::COMMAND,
        &tools::PLUGIN_NEW,
        &tools::PLUGIN_PACK,
        &open::COMMAND,
    ],
    examples: &[
        "gshell plugin list",
        "gshell plugin check sum.gplugin",
        "gshell plugin install sum.gplugins",
    ],
    ..Command::new("plugin", "Make, check, install and list plugins", no_command)
};

/// The name of a plugin in the folders.
const NAME: Positional = Positional::new("NAME", "Name of the plugin").values(Values::Plugin);

/// Which of these is meant has to be said.
fn no_command(_: &Global, matches: &Matches) -> Outcome {
    let names = matches.command().commands.iter();
    let names: Vec<&str> = names
        .filter(|command| !command.hidden)
        .map(|command| command.name)
        .collect();
    Err(matches.wrong(&format!("no command given: {}", names.join(", "))))
}

/// These commands are about this machine's folders.
fn only_here(global: &Global, command: &str) -> Result<(), Failure> {
    match &global.provider {
        None => Ok(()),
        Some(node) => Err(Failure::usage(format!(
            "'gshell plugin {command}' works on this machine's folders, not on node {node}"
        ))),
    }
}

/// A file by its name, what is wrong with it, in one line.
fn line(path: &Path, refusal: &Refusal) -> String {
    format!("{}: {refusal}", path.display())
}

/// Whether a word means a file rather than the name of a plugin.
fn is_file(word: &str) -> bool {
    Path::new(word)
        .extension()
        .is_some_and(|extension| extension == EXTENSION)
}

/// Nobody has this name.
fn unknown(global: &Global, name: &str) -> Failure {
    let listing = walk(&global.plugin_folders());
    let facts = listing.found.iter().filter_map(|found| found.facts.as_ref().ok());
    let meant = nearest(name, &mut facts.map(|facts| facts.name.as_str()));
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean '{meant}'?"));
    let text = format!("no plugin in the folders is called {name} (see 'gshell plugin list'){meant}");
    Failure::new(Status::NotFound, text)
}

/// A plugin in words: `echo 1.2.3 for x86_64`.
fn words(facts: &Facts) -> String {
    let name = if facts.name.is_empty() {
        "a plugin"
    } else {
        &facts.name
    };
    let space = if facts.version.is_empty() { "" } else { " " };
    format!("{name}{space}{} for {}", facts.version, facts.machine)
}

/// The fields of a plugin in JSON; null where nothing is known.
fn fields(facts: Option<&Facts>) -> [(&'static str, Value); 5] {
    let known = |get: &dyn Fn(&Facts) -> Value| facts.map_or(Value::Unit, get);
    [
        ("name", known(&|facts| text(&facts.name))),
        ("version", known(&|facts| text(&facts.version))),
        ("machine", known(&|facts| text(facts.machine.to_string()))),
        (
            "abi",
            known(&|facts| text(format!("{}.{}", facts.abi, facts.needs))),
        ),
        ("size", known(&|facts| Value::Uint(facts.size))),
    ]
}
