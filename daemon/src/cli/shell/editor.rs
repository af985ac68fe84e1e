//! The feature `editor`: lines typed with editing, history and completion. A build without it has `plain.rs` instead.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use gshell_script::Repl;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Editor, Helper};

use super::{Signals, Typed};
use crate::cli::failure::Failure;

/// Lines that are kept of the history.
const HISTORY_LINES: usize = 1000;

/// The lines that are typed.
pub struct Lines {
    editor: Editor<Names, FileHistory>,
    history: PathBuf,
}

fn failed(error: ReadlineError) -> Failure {
    Failure::error(format!("cannot read from the terminal: {error}"))
}

impl Lines {
    /// What help says about typing.
    pub const ABOUT: &str = "On a terminal, lines are edited, Tab completes names, and what was typed is there again the next time.";

    /// From the terminal. In raw mode it makes no signal of Ctrl-C, so `_` are not asked.
    pub fn open(repl: &Rc<Repl>, _: &Signals, history: &Path) -> Result<Self, Failure> {
        Ok(Self {
            editor: editor(repl, history).map_err(failed)?,
            history: history.to_owned(),
        })
    }

    /// The next line.
    pub fn read(&mut self, prompt: &str) -> Result<Typed, Failure> {
        match self.editor.readline(prompt) {
            Ok(line) => Ok(Typed::Line(line)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupted),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(failed(error)),
        }
    }

    /// A statement that can be called up again.
    pub fn remember(&mut self, text: String) {
        let _ = self.editor.add_history_entry(text);
    }

    /// Keeps what was typed. A state dir that cannot be written costs the history, and nothing else.
    pub fn close(mut self) {
        let _ = self.history.parent().map(std::fs::create_dir_all);
        let _ = self.editor.save_history(&self.history);
    }
}

fn editor(repl: &Rc<Repl>, history: &Path) -> Result<Editor<Names, FileHistory>, ReadlineError> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .max_history_size(HISTORY_LINES)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Names(repl.clone())));
    // There is none before the first time.
    let _ = editor.load_history(history);
    Ok(editor)
}

/// Completes names of globals and fields.
struct Names(Rc<Repl>);

/// Where the path of names starts that ends at the end of `line`.
fn path_start(line: &str) -> usize {
    let part_of_path = |c: char| c.is_alphanumeric() || "_.:".contains(c);
    line.char_indices()
        .rev()
        .take_while(|(_, c)| part_of_path(*c))
        .last()
        .map_or(line.len(), |(at, _)| at)
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..position).unwrap_or(line);
        let start = path_start(before);
        let names = if start == before.len() {
            Vec::new()
        } else {
            self.0.complete(before)
        };
        Ok((start, names))
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_names() {
        for (line, want) in [
            ("string.f", 0),
            ("x = str", 4),
            ("print(a.b:c", 6),
            ("x + ", 4),
            ("", 0),
            ("ä.b", 0),
        ] {
            assert_eq!(path_start(line), want, "{line}");
        }
    }
}
