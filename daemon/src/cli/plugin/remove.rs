//! `gshell plugin rm`: a plugin's file is taken away.

use std::fs;

use gshell_plugin_host::folders::walk;
use gshell_sys::fsx;
use gshell_wire::Value;

use super::{NAME, only_here, unknown};
use crate::cli::args::{Command, Matches};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::value::{object, text};
use crate::exit_codes::Status;

/// `gshell plugin rm`.
pub const COMMAND: Command = Command {
    long: "The file that counts for the name is removed, and what counts then is said. Groups that have opened it go on with \
           it until they start again.",
    positionals: &[NAME],
    examples: &["gshell plugin rm sum", "gshell plugin rm example.org/sum"],
    ..Command::new("rm", "Remove a plugin's file", run)
};

fn run(global: &Global, matches: &Matches) -> Outcome {
    only_here(global, "rm")?;
    let name = matches.texts(0).concat();
    let folders = global.plugin_folders();
    let listing = walk(&folders);
    let Some(path) = listing.named(&name).map(|found| found.path.clone()) else {
        return Err(unknown(global, &name));
    };
    let failed = |error: std::io::Error| Failure::io(&format!("cannot remove {}", path.display()), &error);
    fs::remove_file(&path).map_err(failed)?;
    if let Some(folder) = path.parent() {
        fsx::sync_dir(folder).map_err(failed)?;
        // A name with slashes made a folder of its own, which goes with its last file.
        if !folders.iter().any(|top| top == folder) {
            let _ = fs::remove_dir(folder);
        }
    }
    let next = walk(&folders);
    let next = next.named(&name).map(|found| found.path.display().to_string());
    if global.json {
        let next = next.map_or(Value::Unit, text);
        let removed = text(path.display().to_string());
        output::tree(&object([
            ("name", text(&name)),
            ("removed", removed),
            ("next", next),
        ]))?;
    } else {
        let next = next.map_or_else(String::new, |next| format!("; {next} now counts for {name}"));
        output::print(&format!("removed {}{next}\n", path.display()))?;
    }
    Ok(Status::Ok)
}
