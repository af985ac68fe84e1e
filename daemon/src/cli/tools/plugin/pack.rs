//! `gshell plugin pack`: one bundle of a plugin's files for several machines.

use std::fs;
use std::path::{Path, PathBuf};

use gshell_plugin_host::bundle::{EXTENSION, FILE_BYTES, pack};
use gshell_plugin_host::file::{Facts, Kind, Refusal, inspect_bytes};
use gshell_sys::fsx;
use gshell_wire::Value;

use crate::cli::args::{Command, Many, Matches, Opt, Positional, Values};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::value::{object, text};
use crate::exit_codes::Status;

/// `gshell plugin pack`.
pub const COMMAND: Command = Command {
    long: "A bundle is a tar archive with a manifest in front: name, version, and the hash of each file. Equal files make equal \
           bundles. 'gshell plugin install' takes what fits a node.",
    options: &[
        Opt::value("output", "BUNDLE", "The bundle to write [default: NAME.gplugins]")
            .short('o')
            .values(Values::File),
    ],
    positionals: &[
        Positional::new("FILE", "The plugin's files (.gplugin), one for each machine")
            .many(Many::Some)
            .values(Values::File),
    ],
    examples: &["gshell plugin pack build/*/sum.gplugin -o sum.gplugins"],
    ..Command::new(
        "pack",
        "Pack a plugin's files for several machines into a bundle",
        run,
    )
};

fn run(global: &Global, matches: &Matches) -> Outcome {
    let mut files = Vec::new();
    for word in matches.words() {
        let path = Path::new(word);
        let file = load(path).map_err(|refusal| {
            Failure::new(
                Status::Refused,
                format!("cannot pack {}: {refusal}", path.display()),
            )
        })?;
        files.push(file);
    }
    let names = files
        .first()
        .map(|(facts, _)| (facts.name.clone(), facts.version.clone()));
    let (name, version) = names.unwrap_or_default();
    let mut machines: Vec<String> = files.iter().map(|(facts, _)| facts.machine.to_string()).collect();
    gshell_small::sort(&mut machines);
    let data = pack(files).map_err(|why| Failure::new(Status::Refused, format!("cannot pack: {why}")))?;
    let to = match matches.raw("output") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(format!(
            "{}.{EXTENSION}",
            name.rsplit('/').next().unwrap_or_default()
        )),
    };
    fsx::write_atomic(&to, &data, 0o644)
        .map_err(|error| Failure::io(&format!("cannot write {}", to.display()), &error))?;
    if global.json {
        output::tree(&object([
            ("name", text(name)),
            ("version", text(version)),
            ("machines", Value::List(machines.into_iter().map(text).collect())),
            ("path", text(to.display().to_string())),
            ("size", Value::Uint(data.len() as u64)),
        ]))?;
    } else {
        let machines = machines.join(", ");
        let (to, size) = (to.display(), data.len());
        output::print(&format!(
            "packed {name} {version} for {machines} as {to}, {size} bytes\n"
        ))?;
    }
    Ok(Status::Ok)
}

/// A file and what it says of itself: of its bytes, so that both belong together.
fn load(path: &Path) -> Result<(Facts, Vec<u8>), Refusal> {
    let meta = fs::metadata(path).map_err(|error| Refusal::io(&error))?;
    if !meta.is_file() {
        return Err(Refusal::new(Kind::Unreadable, "not a regular file"));
    }
    if meta.len() > FILE_BYTES.into() {
        return Err(Refusal::new(
            Kind::Damaged,
            format!("larger than {} MiB", FILE_BYTES >> 20),
        ));
    }
    let data = fs::read(path).map_err(|error| Refusal::io(&error))?;
    Ok((inspect_bytes(&data)?, data))
}
