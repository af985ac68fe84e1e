//! `gshell plugin release`: a plugin that ended its group again and again is let in again.

use gshell_control::messages::plugins::{PluginReleased, ReleasePlugin};
use gshell_plugin_host::quarantine::THRESHOLD;
use gshell_wire::Value;

use super::NAME;
use crate::cli::args::{Command, Matches};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::{Absent, Global, Link, QUICK};
use crate::cli::output;
use crate::cli::value::{object, text};
use crate::exit_codes::Status;

/// `gshell plugin release`.
pub const COMMAND: Command = Command {
    long: "A plugin's file that ended its group three times is left out, until another one is installed in its place or this \
           command forgets what it did. 'gshell plugin list' shows such files.",
    positionals: &[NAME],
    examples: &["gshell plugin release sum"],
    ..Command::new("release", "Let a plugin in again that crashed too often", run)
};

fn run(global: &Global, matches: &Matches) -> Outcome {
    let name = matches.texts(0).concat();
    let mut link = Link::open(global, Absent::Start)?;
    let request = ReleasePlugin { name: name.clone() };
    let released: PluginReleased = link.call(&format!("cannot let plugin {name} in"), &request, QUICK)?;
    if !released.was_known {
        let text = format!("nothing is known against a plugin {name} (see 'gshell plugin list')");
        return Err(Failure::new(Status::NotFound, text));
    }
    if global.json {
        let was = Value::Bool(released.was_left_out);
        output::tree(&object([("name", text(&name)), ("was_left_out", was)]))?;
    } else {
        let said = match released.was_left_out {
            true => format!("{name} is let in again\n"),
            false => format!("{name} was not left out; its crashes, fewer than {THRESHOLD}, are forgotten\n"),
        };
        output::print(&said)?;
    }
    Ok(Status::Ok)
}
