//! `gshell plugin check`: what files are, and whether this node takes them.

use std::path::{Path, PathBuf};

use gshell_plugin_host::bundle::Bundle;
use gshell_plugin_host::file::{Facts, Kind, Refusal, fits, inspect};
use gshell_wire::Value;

use super::{fields, line, only_here, words};
use crate::cli::args::{Command, Many, Matches, Positional, Values};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::value::text;
use crate::exit_codes::Status;

/// `gshell plugin check`.
pub const COMMAND: Command = Command {
    long: "Reads the files and opens none. All that a bundle holds is compared with its manifest. The exit status is 5 when \
           one of the files is not for this node.",
    positionals: &[
        Positional::new("FILE", "Plugins (.gplugin) or bundles (.gplugins)")
            .many(Many::Some)
            .values(Values::File),
    ],
    examples: &[
        "gshell plugin check sum.gplugin",
        "gshell plugin check --json *.gplugin",
    ],
    ..Command::new(
        "check",
        "Tell what a file is, and whether this node takes it",
        run,
    )
};

/// What was found out about a file.
struct Checked {
    path: PathBuf,
    facts: Option<Facts>,
    /// What it is, in words; empty when it is nothing.
    what: String,
    refusal: Option<Refusal>,
}

fn run(global: &Global, matches: &Matches) -> Outcome {
    only_here(global, "check")?;
    let checked: Vec<Checked> = matches
        .words()
        .iter()
        .map(|word| check(Path::new(word)))
        .collect();
    match global.json {
        true => output::tree(&Value::List(checked.iter().map(json).collect()))?,
        false => {
            let good = checked.iter().filter(|file| file.refusal.is_none());
            let lines =
                good.map(|file| format!("{}: {}; this node takes it\n", file.path.display(), file.what));
            output::print(&lines.collect::<String>())?;
        }
    }
    let bad = checked
        .iter()
        .filter_map(|file| Some((&file.path, file.refusal.as_ref()?)));
    let bad: Vec<String> = bad.map(|(path, refusal)| line(path, refusal)).collect();
    match bad.is_empty() {
        true => Ok(Status::Ok),
        false => Err(Failure::new(Status::Refused, bad.join("\ngshell: "))),
    }
}

fn check(path: &Path) -> Checked {
    let mut checked = Checked {
        path: path.to_owned(),
        facts: None,
        what: String::new(),
        refusal: None,
    };
    match inspect(path) {
        Ok(facts) => {
            checked.what = format!(
                "{}, ABI {}.{}, {} bytes",
                words(&facts),
                facts.abi,
                facts.needs,
                facts.size
            );
            checked.refusal = fits(&facts).err();
            checked.facts = Some(facts);
        }
        Err(refusal) if refusal.kind == Kind::Bundle => match bundle(path) {
            Ok((what, refusal)) => (checked.what, checked.refusal) = (what, refusal),
            Err(refusal) => checked.refusal = Some(refusal),
        },
        Err(refusal) => checked.refusal = Some(refusal),
    }
    checked
}

/// What a whole bundle is, and why this node can take nothing of it if it cannot.
fn bundle(path: &Path) -> Result<(String, Option<Refusal>), Refusal> {
    let bundle = Bundle::open(path)?;
    let manifest = bundle.manifest();
    (0..manifest.files.len()).try_for_each(|number| bundle.read(number).map(drop))?;
    let machines: Vec<&str> = manifest.files.iter().map(|file| file.machine.as_str()).collect();
    let what = format!(
        "a bundle of {} {} for {}",
        manifest.name,
        manifest.version,
        machines.join(", ")
    );
    Ok((what, bundle.pick().err()))
}

fn json(file: &Checked) -> Value {
    let reason = file
        .refusal
        .as_ref()
        .map_or(Value::Unit, |refusal| text(&refusal.text));
    let what = if file.what.is_empty() {
        Value::Unit
    } else {
        text(&file.what)
    };
    let ends = [
        ("what", what),
        ("fits", Value::Bool(file.refusal.is_none())),
        ("reason", reason),
    ];
    let path = [("path", text(file.path.display().to_string()))];
    let all = path.into_iter().chain(fields(file.facts.as_ref())).chain(ends);
    Value::Struct(all.map(|(name, value)| (name.to_owned(), value)).collect())
}
