//! `gshell plugin install`: a plugin's file, or what fits of a bundle, into the first folder.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use gshell_plugin_host::bundle::{Bundle, FILE_BYTES};
use gshell_plugin_host::file::{EXTENSION, Facts, Kind, Refusal, fits, inspect, inspect_bytes};
use gshell_plugin_host::folders::walk;
use gshell_sys::fsx;
use gshell_wire::Value;
use nix::fcntl::{Flock, FlockArg};

use super::{line, only_here, words};
use crate::cli::args::{Command, Matches, Positional, Values};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::value::{object, text};
use crate::exit_codes::Status;

/// Everybody may read a plugin; code that a group runs is not to be changed by it.
const MODE: u32 = 0o644;

/// `gshell plugin install`.
pub const COMMAND: Command = Command {
    long: "Of a bundle, the file for this machine is taken, after its hash and its own description were compared with the \
           manifest. A file of the same name is replaced as a whole; a loss of power leaves the old one or the new one. Groups \
           that have opened the old one go on with it until they start again.",
    positionals: &[
        Positional::new("FILE", "A plugin (.gplugin) or a bundle (.gplugins)").values(Values::File),
    ],
    examples: &[
        "gshell plugin install sum.gplugins",
        "gshell plugin install --plugin-dir /opt/plugins sum.gplugin",
    ],
    ..Command::new(
        "install",
        "Put a plugin, or the part of a bundle that fits, into the first folder for plugins",
        run,
    )
};

/// What was there before.
enum Before {
    Nothing,
    /// The very same bytes.
    Same,
    /// Something else; what, as far as it can be told.
    Other(Option<Facts>),
}

fn run(global: &Global, matches: &Matches) -> Outcome {
    only_here(global, "install")?;
    let from = matches.words().first().map_or(Path::new(""), Path::new);
    let refused = |refusal: Refusal| {
        Failure::new(
            Status::Refused,
            format!("cannot install {}", line(from, &refusal)),
        )
    };
    let (facts, data) = load(from).map_err(refused)?;
    let folders = global.plugin_folders();
    let Some(folder) = folders.first() else {
        return Err(Failure::error("there is no folder for plugins"));
    };
    let to = folder.join(format!("{}.{EXTENSION}", facts.name));
    let before = put(folder, &to, &data)
        .map_err(|error| Failure::io(&format!("cannot write {}", to.display()), &error))?;
    say(global, &facts, &to, &before)?;
    // Something in the way is said, though what was asked for is done.
    let listing = walk(&folders);
    let mine = listing.found.iter().find(|found| found.path == to);
    if let Some(refusal) = mine.and_then(|found| found.refusal.as_ref()) {
        output::note(&format!("warning: it is not taken: {refusal}"));
    }
    Ok(Status::Ok)
}

/// What is to be installed, after everything about it was checked.
fn load(from: &Path) -> Result<(Facts, Vec<u8>), Refusal> {
    let data = match inspect(from) {
        Ok(facts) => {
            fits(&facts)?;
            whole(from, &facts)?
        }
        Err(refusal) if refusal.kind == Kind::Bundle => {
            let bundle = Bundle::open(from)?;
            bundle.read(bundle.pick()?)?
        }
        Err(refusal) => return Err(refusal),
    };
    // What is written is what was checked, whatever happens to the file meanwhile.
    let facts = inspect_bytes(&data)?;
    fits(&facts).map(|()| (facts, data))
}

fn whole(from: &Path, facts: &Facts) -> Result<Vec<u8>, Refusal> {
    if facts.size > FILE_BYTES.into() {
        let text = format!("larger than {} MiB", FILE_BYTES >> 20);
        return Err(Refusal::new(Kind::Damaged, text));
    }
    fs::read(from).map_err(|error| Refusal::io(&error))
}

/// Writes the file, unless it is there already.
fn put(folder: &Path, to: &Path, data: &[u8]) -> io::Result<Before> {
    let inside = to.parent().unwrap_or(folder);
    make_folders(inside)?;
    // Two that install at once do it one after the other.
    let _turn = Flock::lock(File::open(folder)?, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
    let before = match fs::read(to) {
        Ok(old) if old == data => return Ok(Before::Same),
        Ok(old) => Before::Other(inspect_bytes(&old).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Before::Nothing,
        Err(error) => return Err(error),
    };
    fsx::write_atomic(to, data, MODE)?;
    Ok(before)
}

/// Makes a folder and those above it, so that they last.
fn make_folders(folder: &Path) -> io::Result<()> {
    let missing: Vec<PathBuf> = folder
        .ancestors()
        .take_while(|folder| !folder.exists())
        .map(Path::to_owned)
        .collect();
    fs::create_dir_all(folder)?;
    missing
        .iter()
        .filter_map(|made| made.parent())
        .try_for_each(fsx::sync_dir)
}

fn say(global: &Global, facts: &Facts, to: &Path, before: &Before) -> Result<(), Failure> {
    if global.json {
        let (changed, old) = match before {
            Before::Nothing => (true, None),
            Before::Same => (false, Some(facts)),
            Before::Other(old) => (true, old.as_ref()),
        };
        return output::tree(&object([
            ("name", text(&facts.name)),
            ("version", text(&facts.version)),
            ("machine", text(facts.machine.to_string())),
            ("path", text(to.display().to_string())),
            ("changed", Value::Bool(changed)),
            ("before", old.map_or(Value::Unit, |old| text(&old.version))),
        ]));
    }
    let (plugin, to) = (words(facts), to.display());
    let said = match before {
        Before::Nothing => format!("installed {plugin} as {to}"),
        Before::Same => format!("{plugin} is already there, the same file: {to}"),
        Before::Other(None) => format!("installed {plugin} as {to}, in place of a file that was no plugin"),
        Before::Other(Some(old)) => {
            let how = match order(&facts.version, &old.version) {
                Ordering::Less => ", which is newer",
                Ordering::Equal if facts.version == old.version => ", with other content",
                _ => "",
            };
            format!("installed {plugin} as {to}, in place of {}{how}", old.version)
        }
    };
    output::print(&format!("{said}\n")).map(drop)
}

/// Which of two versions is older: by their numbers; what follows a `-` comes before the same version without.
fn order(one: &str, other: &str) -> Ordering {
    let parts = |version: &str| {
        let version = version.split('+').next().unwrap_or_default().to_owned();
        let (numbers, rest) = match version.split_once('-') {
            Some((numbers, rest)) => (numbers.to_owned(), Some(rest.to_owned())),
            None => (version, None),
        };
        let numbers: Vec<u64> = numbers
            .split('.')
            .map(|number| number.parse().unwrap_or(0))
            .collect();
        (numbers, rest.is_none(), rest)
    };
    parts(one).cmp(&parts(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (one, other, want) in [
            ("1.2.3", "1.2.3", Ordering::Equal),
            ("1.2.3", "1.10.0", Ordering::Less),
            ("2", "1.9", Ordering::Greater),
            ("1.0.0-rc.1", "1.0.0", Ordering::Less),
            ("1.0.0+a", "1.0.0+b", Ordering::Equal),
        ] {
            assert_eq!(order(one, other), want, "{one} {other}");
        }
    }
}
