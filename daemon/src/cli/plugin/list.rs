//! `gshell plugin list`: all files in the folders for plugins, and why some of them are not taken.

use std::path::{Path, PathBuf};

use gshell_plugin_host::file::Facts;
use gshell_plugin_host::folders::{Found, Listing, walk};
use gshell_wire::Value;

use super::{fields, only_here};
use crate::cli::args::{Command, Matches};
use crate::cli::failure::Outcome;
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::service::table::{columns, row};
use crate::cli::value::{object, text};
use crate::exit_codes::Status;

/// `gshell plugin list`.
pub const COMMAND: Command = Command {
    long: "Every file of the folders is listed, in the order in which they count, with the reason for each that is not \
           taken. Nothing is opened.",
    examples: &[
        "gshell plugin list",
        "gshell plugin list --json --plugin-dir build",
    ],
    ..Command::new("list", "List plugins, and why some are not taken", run)
};

fn run(global: &Global, _: &Matches) -> Outcome {
    only_here(global, "list")?;
    let folders = global.plugin_folders();
    let listing = walk(&folders);
    match global.json {
        true => output::tree(&json(&folders, &listing))?,
        false => drop(output::print(&page(&listing))?),
    }
    Ok(Status::Ok)
}

fn page(listing: &Listing) -> String {
    let mut rows = vec![row(["NAME", "VERSION", "MACHINE", "SIZE", "PLUGIN"])];
    rows.extend(listing.found.iter().map(|found| {
        let facts = found.facts.as_ref().ok();
        let told = |get: &dyn Fn(&Facts) -> String| {
            facts
                .map(get)
                .filter(|told| !told.is_empty())
                .unwrap_or_else(|| "-".to_owned())
        };
        let state = found
            .refusal
            .as_ref()
            .map_or_else(String::new, |why| format!(": {why}"));
        row([
            &told(&|facts| facts.name.clone()),
            &told(&|facts| facts.version.clone()),
            &told(&|facts| facts.machine.to_string()),
            &told(&|facts| facts.size.to_string()),
            &format!("{}{state}", found.path.display()),
        ])
    }));
    let problem = |(folder, why): &(PathBuf, String)| {
        row(["-", "-", "-", "-", &format!("{}: {why}", folder.display())])
    };
    rows.extend(listing.problems.iter().map(problem));
    columns(&rows, 5)
}

fn json(folders: &[PathBuf], listing: &Listing) -> Value {
    let plugin = |found: &Found| {
        let reason = found
            .refusal
            .as_ref()
            .map_or(Value::Unit, |refusal| text(&refusal.text));
        let mut all = vec![
            ("path".to_owned(), path(&found.path)),
            ("taken".to_owned(), Value::Bool(found.refusal.is_none())),
            ("reason".to_owned(), reason),
        ];
        let facts = fields(found.facts.as_ref().ok()).into_iter();
        all.splice(0..0, facts.map(|(name, value)| (name.to_owned(), value)));
        Value::Struct(all)
    };
    let problem = |(folder, why): &(PathBuf, String)| object([("path", path(folder)), ("reason", text(why))]);
    object([
        ("plugins", Value::List(listing.found.iter().map(plugin).collect())),
        (
            "folders",
            Value::List(folders.iter().map(|folder| path(folder)).collect()),
        ),
        (
            "problems",
            Value::List(listing.problems.iter().map(problem).collect()),
        ),
    ])
}

fn path(path: &Path) -> Value {
    text(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_plugin_host::file::{Kind, Machine, Refusal};

    fn listing() -> Listing {
        let facts = Facts {
            name: "echo".into(),
            version: "1.2.3".into(),
            abi: 1,
            needs: 0,
            machine: Machine::OWN,
            size: 14_000,
        };
        let bad = Refusal::new(Kind::Empty, "an empty file");
        Listing {
            found: vec![
                Found {
                    path: "/p/echo.gplugin".into(),
                    facts: Ok(facts),
                    refusal: None,
                },
                Found {
                    path: "/p/z.gplugin".into(),
                    facts: Err(bad.clone()),
                    refusal: Some(bad),
                },
            ],
            problems: vec![("/q".into(), "cannot be read: Permission denied".into())],
        }
    }

    #[test]
    fn a_line_for_each_file_and_each_folder_that_cannot_be_read() {
        let own = Machine::OWN.to_string();
        let gap = " ".repeat(own.len().max(7) - 1);
        let want = format!(
            "NAME  VERSION  {:<width$}  SIZE   PLUGIN\n\
             echo  1.2.3    {own:<width$}  14000  /p/echo.gplugin\n\
             -     -        -{gap}  -      /p/z.gplugin: an empty file\n\
             -     -        -{gap}  -      /q: cannot be read: Permission denied\n",
            "MACHINE",
            width = own.len().max(7)
        );
        assert_eq!(page(&listing()), want);
    }

    #[test]
    fn json_has_null_for_what_is_not_known() {
        let text = crate::cli::value::compact(&json(&["/p".into()], &listing()), None);
        let bad =
            r#"{"name":null,"version":null,"machine":null,"abi":null,"size":null,"path":"/p/z.gplugin","#;
        assert!(
            text.contains(&format!("{bad}\"taken\":false,\"reason\":\"an empty file\"}}")),
            "{text}"
        );
        assert!(
            text.contains(r#""abi":"1.0","size":14000,"path":"/p/echo.gplugin","taken":true,"reason":null"#),
            "{text}"
        );
        assert!(text.contains(r#""folders":["/p"]"#), "{text}");
    }
}
