//! `gshell plugin list`: all plugins that there are, and why some of them are not taken.

use std::path::{Path, PathBuf};

use gshell_wire::Value;

use super::gather::{Known, Row, gather};
use crate::cli::args::{Command, Matches};
use crate::cli::failure::Outcome;
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::service::table::{columns, row};
use crate::cli::value::{object, text};
use crate::exit_codes::Status;

/// `gshell plugin list`.
pub const COMMAND: Command = Command {
    long: "Lists what is built into the program, and every file of the folders in the order in which they count, with the reason \
           for each that is not taken. Nothing is opened for this. A node that runs is asked which groups have opened what.",
    examples: &[
        "gshell plugin list",
        "gshell plugin list --json --plugin-dir build",
    ],
    ..Command::new("list", "List plugins, and why some are not taken", run)
};

fn run(global: &Global, _: &Matches) -> Outcome {
    let known = gather(global)?;
    match global.json {
        true => output::tree(&json(&known))?,
        false => drop(output::print(&page(&known))?),
    }
    Ok(Status::Ok)
}

fn page(known: &Known) -> String {
    let dash = |told: Option<String>| told.unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![row(["NAME", "VERSION", "MACHINE", "SIZE", "GROUPS", "PLUGIN"])];
    rows.extend(known.rows.iter().map(|plugin| {
        let groups = (!plugin.groups.is_empty()).then(|| plugin.groups.join(","));
        row([
            &dash(plugin.name.clone()),
            &dash(plugin.version.clone()),
            &dash(plugin.machine.clone()),
            &dash(plugin.size.map(|size| size.to_string())),
            &dash(groups),
            &format!("{}{}", place(plugin), remark(plugin)),
        ])
    }));
    let problem = |(folder, why): &(PathBuf, String)| {
        row(["-", "-", "-", "-", "-", &format!("{}: {why}", folder.display())])
    };
    rows.extend(known.problems.iter().map(problem));
    columns(&rows, 6)
}

fn place(plugin: &Row) -> String {
    let built_in = || "built in".to_owned();
    plugin
        .path
        .as_ref()
        .map_or_else(built_in, |path| path.display().to_string())
}

fn remark(plugin: &Row) -> String {
    if let Some(reason) = &plugin.reason {
        return format!(": {reason}");
    }
    let mut text = match plugin.crashes {
        0 => String::new(),
        1 => " (ended its group once)".to_owned(),
        times => format!(" (ended its group {times} times)"),
    };
    // What the loader said cannot be seen in the file.
    if let Some((group, reason)) = plugin.refused.first() {
        text.push_str(&format!(" (when group {group} asked for it last: {reason})"));
    }
    text
}

fn json(known: &Known) -> Value {
    let problem = |(folder, why): &(PathBuf, String)| object([("path", path(folder)), ("reason", text(why))]);
    object([
        ("plugins", Value::List(known.rows.iter().map(plugin).collect())),
        (
            "folders",
            Value::List(known.folders.iter().map(|folder| path(folder)).collect()),
        ),
        (
            "problems",
            Value::List(known.problems.iter().map(problem).collect()),
        ),
    ])
}

fn plugin(plugin: &Row) -> Value {
    let told = |told: &Option<String>| told.as_ref().map_or(Value::Unit, text);
    object([
        ("name", told(&plugin.name)),
        ("version", told(&plugin.version)),
        ("machine", told(&plugin.machine)),
        (
            "abi",
            told(&plugin.abi.map(|(abi, needs)| format!("{abi}.{needs}"))),
        ),
        ("size", plugin.size.map_or(Value::Unit, Value::Uint)),
        ("path", plugin.path.as_deref().map_or(Value::Unit, path)),
        ("built_in", Value::Bool(plugin.path.is_none())),
        ("taken", Value::Bool(plugin.reason.is_none())),
        ("reason", told(&plugin.reason)),
        ("groups", Value::List(plugin.groups.iter().map(text).collect())),
        (
            "refused",
            Value::List(plugin.refused.iter().map(refused).collect()),
        ),
        ("crashes", Value::Uint(plugin.crashes.into())),
    ])
}

fn refused((group, reason): &(String, String)) -> Value {
    object([("group", text(group)), ("reason", text(reason))])
}

fn path(path: &Path) -> Value {
    text(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let echo = Row {
            name: Some("echo".into()),
            version: Some("1.2.3".into()),
            machine: Some("mips".into()),
            abi: Some((1, 0)),
            size: Some(14_000),
            path: Some("/p/echo.gplugin".into()),
            groups: vec!["a-0.1.0".into(), "b-0.1.0".into()],
            crashes: 2,
            ..Row::default()
        };
        let bad = Row {
            path: Some("/p/z.gplugin".into()),
            reason: Some("an empty file".into()),
            ..Row::default()
        };
        let own = Row {
            name: Some("hash".into()),
            ..Row::default()
        };
        Known {
            rows: vec![own, echo, bad],
            folders: vec!["/p".into()],
            problems: vec![("/q".into(), "cannot be read: Permission denied".into())],
        }
    }

    #[test]
    fn a_line_for_each_file_and_each_folder_that_cannot_be_read() {
        let want = "\
NAME  VERSION  MACHINE  SIZE   GROUPS           PLUGIN
hash  -        -        -      -                built in
echo  1.2.3    mips     14000  a-0.1.0,b-0.1.0  /p/echo.gplugin (ended its group 2 times)
-     -        -        -      -                /p/z.gplugin: an empty file
-     -        -        -      -                /q: cannot be read: Permission denied
";
        assert_eq!(page(&known()), want);
    }

    #[test]
    fn json_has_null_for_what_is_not_known() {
        let text = crate::cli::value::compact(&json(&known()), None);
        for part in [
            r#"{"name":null,"version":null,"machine":null,"abi":null,"size":null,"path":"/p/z.gplugin","built_in":false,"#,
            r#""taken":false,"reason":"an empty file","groups":[],"refused":[],"crashes":0}"#,
            r#""abi":"1.0","size":14000,"path":"/p/echo.gplugin","built_in":false,"taken":true,"reason":null,"#,
            r#""groups":["a-0.1.0","b-0.1.0"],"refused":[],"crashes":2"#,
            r#""path":null,"built_in":true"#,
            r#""folders":["/p"]"#,
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
