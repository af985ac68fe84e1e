//! `gshell plugin new`: a plugin to begin with, which builds and passes its own test as it is.

use std::fs;
use std::path::{Path, PathBuf};

use gshell_plugin_host::file::names;

use crate::cli::args::{Command, Matches, Opt, Positional, Values};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::value::{object, text};
use crate::exit_codes::Status;

/// `gshell plugin new`.
pub const COMMAND: Command = Command {
    long: "Writes a folder with a plugin, a script that calls it, and a README. One in C needs a C compiler and make, and \
           nothing else.",
    options: &[
        Opt::flag(
            "c",
            "In C: a file, a Makefile, and the header that plugins are built with",
        ),
        Opt::value(
            "path",
            "DIR",
            "The folder to make [default: the last part of NAME]",
        )
        .values(Values::Folder),
    ],
    positionals: &[Positional::new(
        "NAME",
        "What scripts 'require' it by: a word such as sum, or a path such as example.org/sum",
    )
    .check(names::check)],
    examples: &[
        "gshell plugin new --c sum",
        "gshell plugin new --c example.org/sum --path sum",
    ],
    ..Command::new("new", "Write a new plugin, with a test that passes", run)
};

/// A file of a template and what is in it. In both, words between `@` stand for the plugin's names.
type Template = &'static [(&'static str, &'static str)];

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
        "test.lua",
        include_str!("../../../../../plugins/sdk/templates/test.lua"),
    ),
    (
        "gshell_plugin.h",
        include_str!("../../../../../plugins/abi/include/gshell_plugin.h"),
    ),
];

fn run(global: &Global, matches: &Matches) -> Outcome {
    let name = matches.texts(0).concat();
    let short = name.rsplit('/').next().unwrap_or_default();
    let folder = matches
        .raw("path")
        .map_or_else(|| PathBuf::from(short), PathBuf::from);
    let written = write(C, &name, &folder)?;
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

/// Writes the files into a folder that is made for them, or was empty.
fn write(template: Template, name: &str, folder: &Path) -> Result<Vec<String>, Failure> {
    let shown = folder.display();
    let failed = |error: std::io::Error| Failure::io(&format!("cannot make {shown}"), &error);
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        let text = format!("{shown} is there already, and not empty: choose another folder by --path");
        return Err(Failure::new(Status::Refused, text));
    }
    let mut written = Vec::new();
    for (file, content) in template {
        let file = fill(file, name);
        let path = folder.join(&file);
        fs::write(&path, fill(content, name))
            .map_err(|error| Failure::io(&format!("cannot write {}", path.display()), &error))?;
        written.push(file);
    }
    Ok(written)
}

/// The text with the plugin's names in it.
fn fill(text: &str, name: &str) -> String {
    let short = name.rsplit('/').next().unwrap_or_default();
    text.replace("@NAME@", name)
        .replace("@MODULE@", &names::module(name))
        .replace("@WORD@", &names::word(name))
        .replace("@FILE@", short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in() {
        let text = fill("@NAME@ @MODULE@ @WORD@ @FILE@.c", "example.org/my-sum");
        assert_eq!(
            text,
            "example.org/my-sum example.org.my-sum example_org_my_sum my-sum.c"
        );
        for (file, content) in C {
            let filled = fill(content, "sum");
            assert!(!filled.contains("@NAME@") && !filled.contains("@FILE@"), "{file}");
        }
    }
}
