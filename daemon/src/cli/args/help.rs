//! Help, written from the table.

use std::io::IsTerminal;
use std::os::fd::AsFd;

use gshell_sys::term;

use super::{Command, HELP, Opt, Path, title};
use crate::cli::GLOBAL_OPTIONS;

/// Characters of a line when nothing tells how many there are.
const WIDTH: usize = 100;
/// Longer lines are hard to read.
const WIDEST: usize = 110;
/// Below this, explanations go under what they explain.
const NARROW: usize = 60;
/// A longer left column is not aligned with.
const LEFT: usize = 30;

/// How help looks where it is read.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    width: usize,
    bold: bool,
}

impl Style {
    /// For standard output.
    pub fn of_stdout() -> Self {
        let stdout = std::io::stdout();
        let tty = stdout.is_terminal();
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let columns = match tty {
            true => term::window_size(stdout.as_fd()).map(|(columns, _)| usize::from(columns)),
            false => set("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok()),
        };
        Self {
            width: columns
                .filter(|columns| *columns > 0)
                .unwrap_or(WIDTH)
                .clamp(NARROW / 2, WIDEST),
            bold: tty && set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb"),
        }
    }
}

/// How the command at the end of `path` is typed.
pub fn usage(path: &Path) -> String {
    let mut text = title(path);
    let Some(command) = path.last() else {
        return text;
    };
    text.push_str(" [OPTIONS]");
    if !command.commands.is_empty() {
        text.push_str(" [COMMAND]");
    }
    for positional in command.positionals {
        text.push(' ');
        text.push_str(&positional.shown());
    }
    text
}

/// Help about the command at the end of `path`; without `long`, explanations are left out.
pub fn help(path: &Path, long: bool, style: Style) -> String {
    let Some(command) = path.last() else {
        return String::new();
    };
    let mut page = Page {
        style,
        text: String::new(),
    };
    page.paragraph(command.about);
    if long && !command.long.is_empty() {
        page.text.push('\n');
        page.paragraph(command.long);
    }
    page.heading("Usage");
    page.text.push_str(&format!("  {}\n", usage(path)));
    let commands = command.commands.iter().filter(|command| !command.hidden);
    page.section(
        "Commands",
        commands
            .map(|command| (command.name.to_owned(), command.about.to_owned()))
            .collect(),
    );
    page.section("Arguments", arguments(command));
    let own = command.options.iter().chain([&HELP]);
    page.section("Options", own.filter(|option| !option.hidden).map(row).collect());
    let own = |option: &&Opt| command.options.iter().any(|own| own.long == option.long);
    let global = GLOBAL_OPTIONS.iter().filter(|option| !own(option));
    page.section("Global options", global.map(row).collect());
    if !command.examples.is_empty() {
        page.heading(if command.examples.len() > 1 {
            "Examples"
        } else {
            "Example"
        });
    }
    for example in command.examples {
        page.text.push_str(&format!("  {example}\n"));
    }
    if !command.after.is_empty() {
        page.text.push('\n');
        page.text.push_str(command.after);
        page.text.push('\n');
    }
    page.text
}

/// What is on the left, and what explains it.
type Row = (String, String);

fn arguments(command: &Command) -> Vec<Row> {
    let positionals = command.positionals.iter();
    positionals
        .map(|positional| (positional.shown(), positional.help.to_owned()))
        .collect()
}

fn row(option: &Opt) -> Row {
    let left = match option.short {
        Some(short) => format!("-{short}, {}", option.shown()),
        None => format!("    {}", option.shown()),
    };
    let mut right = option.help.to_owned();
    if let Some(default) = option.default {
        right.push_str(&format!(" [default: {default}]"));
    }
    if let Some(env) = option.env {
        right.push_str(&format!(" [env: {env}]"));
    }
    (left, right)
}

struct Page {
    style: Style,
    text: String,
}

impl Page {
    fn heading(&mut self, name: &str) {
        let (on, off) = if self.style.bold {
            ("\x1b[1m", "\x1b[0m")
        } else {
            ("", "")
        };
        self.text.push_str(&format!("\n{on}{name}:{off}\n"));
    }

    fn section(&mut self, name: &str, rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        self.heading(name);
        let widest = rows
            .iter()
            .map(|(left, _)| left.len())
            .filter(|left| *left <= LEFT)
            .max();
        let column = match self.style.width < NARROW {
            true => 0,
            false => widest.unwrap_or(0) + 4,
        };
        for (left, right) in rows {
            self.text.push_str(&format!("  {left}"));
            let indent = if column == 0 { 10 } else { column };
            match left.len() + 4 > column {
                true => self.text.push_str(&format!("\n{:indent$}", "")),
                false => self
                    .text
                    .push_str(&format!("{:width$}", "", width = column - left.len() - 2)),
            }
            self.wrap(&right, indent);
        }
    }

    fn paragraph(&mut self, text: &str) {
        self.wrap(text, 0);
    }

    /// Adds `text` from the column `indent` on, where the last line is now.
    fn wrap(&mut self, text: &str, indent: usize) {
        let mut used = indent;
        for word in text.split_whitespace() {
            let length = word.chars().count();
            if used > indent && used + 1 + length > self.style.width {
                self.text.push_str(&format!("\n{:indent$}", ""));
                used = indent;
            }
            if used > indent {
                self.text.push(' ');
                used += 1;
            }
            self.text.push_str(word);
            used += length;
        }
        self.text.push('\n');
    }
}

#[cfg(test)]
impl Style {
    /// So wide, without colour.
    pub fn plain(width: usize) -> Self {
        Self { width, bold: false }
    }
}
