//! `gshell plugin new`: a plugin to begin with, which builds and passes its own test as it is.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use gshell_plugin_host::file::names;

use crate::cli::args::{Command, Matches, Opt, Positional, Values};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::value::{object, text};
use crate::exit_codes::Status;

/// Variable that stands in for `--sdk`.
const SDK: &str = "GSHELL_SDK";

/// Where the SDK is in gshell's source.
const SDK_PLACE: &str = "plugins/sdk";

/// `gshell plugin new`.
pub const COMMAND: Command = Command {
    long: "Writes a folder with a plugin, a Makefile, a script that calls it, and a README. One in C needs a C compiler and \
           nothing else; one in Rust needs cargo and the SDK, which is in gshell's source: the folder plugins/sdk. Without \
           --sdk, it is looked for in the folders above this program and above the working folder.",
    options: &[
        Opt::flag(
            "c",
            "In C instead of Rust, with the header that plugins are built with",
        ),
        Opt::value(
            "path",
            "DIR",
            "The folder to make [default: the last part of NAME]",
        )
        .values(Values::Folder),
        Opt::value("sdk", "DIR", "The SDK for Rust")
            .env(SDK)
            .values(Values::Folder)
            .conflicts(&["c"]),
    ],
    positionals: &[Positional::new(
        "NAME",
        "What scripts 'require' it by: a word such as sum, or a path such as example.org/sum",
    )
    .check(names::check)],
    examples: &[
        "gshell plugin new sum",
        "gshell plugin new --c sum",
        "gshell plugin new --c example.org/sum --path sum",
    ],
    ..Command::new("new", "Write a new plugin, with a test that passes", run)
};

/// A file of a template and what is in it. In both, words between `@` stand for the plugin's names and the SDK.
type Template = &'static [(&'static str, &'static str)];

const TEST: (&str, &str) = (
    "test.lua",
    include_str!("../../../../../plugins/sdk/templates/test.lua"),
);

const C: Template = &[
    (
        "@FILE@.c",
        include_str!("../../../../../plugins/sdk/templates/c/plugin.c"),
    ),
    (
        "Makefile",
        include_str!("../../../../../plugins/sdk/templates/c/Makefile"),
    ),
    (
        "README.md",
        include_str!("../../../../../plugins/sdk/templates/c/README.md"),
    ),
    (
        "gshell_plugin.h",
        include_str!("../../../../../plugins/abi/include/gshell_plugin.h"),
    ),
    TEST,
];

const RUST: Template = &[
    (
        "Cargo.toml",
        include_str!("../../../../../plugins/sdk/templates/rust/Cargo.toml.in"),
    ),
    (
        "src/lib.rs",
        include_str!("../../../../../plugins/sdk/templates/rust/lib.rs.in"),
    ),
    (
        "Makefile",
        include_str!("../../../../../plugins/sdk/templates/rust/Makefile.in"),
    ),
    (
        "README.md",
        include_str!("../../../../../plugins/sdk/templates/rust/README.md.in"),
    ),
    TEST,
];

/// What is put in place of the words of a template.
struct Filling<'a> {
    name: &'a str,
    sdk: &'a str,
}

fn run(global: &Global, matches: &Matches) -> Outcome {
    let name = matches.texts(0).concat();
    let short = name.rsplit('/').next().unwrap_or_default();
    let folder = matches
        .raw("path")
        .map_or_else(|| PathBuf::from(short), PathBuf::from);
    let (template, sdk) = match matches.flag("c") {
        true => (C, String::new()),
        false => (RUST, sdk(matches.raw("sdk"))?),
    };
    let written = write(
        template,
        &Filling {
            name: &name,
            sdk: &sdk,
        },
        &folder,
    )?;
    if global.json {
        let files = written.iter().map(text).collect();
        output::tree(&object([
            ("name", text(&name)),
            ("path", text(folder.display().to_string())),
            ("files", gshell_wire::Value::List(files)),
        ]))?;
    } else {
        let (shown, files) = (folder.display(), written.join(", "));
        output::print(&format!(
            "{name} is in {shown}: {files}\ntry it: cd {shown} && make test\n"
        ))?;
    }
    Ok(Status::Ok)
}

/// Where the SDK for Rust is, as it can be written into a manifest of cargo.
fn sdk(option: Option<&OsStr>) -> Result<String, Failure> {
    let variable = std::env::var_os(SDK).filter(|value| !value.is_empty());
    let found = match option.map(OsStr::to_owned).or(variable) {
        Some(chosen) => {
            let chosen = PathBuf::from(chosen);
            if !is_sdk(&chosen) {
                let text = format!("{} is not the SDK: it has no Cargo.toml of gshell-plugin-sdk", chosen.display());
                return Err(Failure::error(text));
            }
            chosen
        }
        None => look_for_sdk().ok_or_else(|| {
            Failure::error(format!(
                "cannot find the SDK for Rust: name the folder {SDK_PLACE} of gshell's source by --sdk or {SDK}, or write the \
                 plugin in C by --c"
            ))
        })?,
    };
    let failed = |error: std::io::Error| Failure::io(&format!("cannot use {}", found.display()), &error);
    let path = fs::canonicalize(&found).map_err(failed)?;
    let plain = |path: &&str| !path.contains(|c: char| c.is_control() || "\"\\@".contains(c));
    match path.to_str().filter(plain) {
        Some(path) => Ok(path.to_owned()),
        None => Err(Failure::error(format!(
            "cannot use {}: a manifest of cargo cannot name it; move it, or make a link to it",
            path.display()
        ))),
    }
}

fn look_for_sdk() -> Option<PathBuf> {
    let places = [std::env::current_dir(), std::env::current_exe()];
    let places = places.iter().flatten().flat_map(|place| place.ancestors());
    places
        .map(|place| place.join(SDK_PLACE))
        .find(|place| is_sdk(place))
}

fn is_sdk(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml"));
    manifest.is_ok_and(|text| text.contains("name = \"gshell-plugin-sdk\""))
}

/// Writes the files into a folder that is made for them, or was empty.
fn write(template: Template, with: &Filling, folder: &Path) -> Result<Vec<String>, Failure> {
    let shown = folder.display();
    let failed = |error: std::io::Error| Failure::io(&format!("cannot make {shown}"), &error);
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        let text = format!("{shown} is there already, and not empty: choose another folder by --path");
        return Err(Failure::new(Status::Refused, text));
    }
    let mut written = Vec::new();
    for (file, content) in template {
        let file = fill(file, with);
        let path = folder.join(&file);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, fill(content, with)))
            .map_err(|error| Failure::io(&format!("cannot write {}", path.display()), &error))?;
        written.push(file);
    }
    Ok(written)
}

/// The text with everything in its place.
fn fill(text: &str, with: &Filling) -> String {
    let short = with.name.rsplit('/').next().unwrap_or_default();
    text.replace("@NAME@", with.name)
        .replace("@MODULE@", &names::module(with.name))
        .replace("@WORD@", &names::word(with.name))
        .replace("@FILE@", short)
        .replace("@SDK@", with.sdk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_filled_in() {
        let with = Filling {
            name: "example.org/my-sum",
            sdk: "/src/sdk",
        };
        let text = fill("@NAME@ @MODULE@ @WORD@ @FILE@.c @SDK@", &with);
        assert_eq!(
            text,
            "example.org/my-sum example.org.my-sum example_org_my_sum my-sum.c /src/sdk"
        );
        for (file, content) in C.iter().chain(RUST) {
            let filled = fill(content, &with);
            for word in ["NAME", "MODULE", "WORD", "FILE", "SDK"] {
                assert!(!filled.contains(&format!("@{word}@")), "{file}");
            }
        }
    }
}
