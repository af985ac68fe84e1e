//! `gshell shell`: Lua, a line at a time, in this process.
//!
//! Everything happens on one executor. While a line is typed nothing else runs; while one is evaluated, its tasks and
//! timers do, and Ctrl-C interrupts it.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use gshell_script::{Eval, Input, Output, Repl};
use gshell_service::rt::{self, Io};
use gshell_sys::signal::SignalFd;
use nix::sys::signal::Signal;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Editor, Helper};

use super::args::{Command, Matches};
use super::failure::{Failure, Outcome};
use super::link::Global;
use super::local::Standard;
use super::output;
use crate::VERSION;
use crate::exit_codes::Status;

const PROMPT: &str = ">> ";
const CONTINUED: &str = "> ";

/// File of the state dir with the lines that were typed.
const HISTORY: &str = "shell.history";

/// Lines that are kept of it.
const HISTORY_LINES: usize = 1000;

/// Words that people type who want to leave. Lua knows neither, and would say nothing.
const LEAVING: [&str; 2] = ["exit", "quit"];

/// The evaluator and what surrounds it.
struct Shell {
    repl: Rc<Repl>,
    output: Rc<Standard>,
    signals: Rc<Io<SignalFd>>,
}

/// What follows a line.
enum After {
    /// Another one.
    Next,
    /// More of the same statement.
    More,
    /// It failed, and the error was printed; another one.
    Failed,
    /// The end, with this status.
    End(Status),
}

/// `gshell shell`.
pub const COMMAND: Command = Command {
    examples: &["gshell shell", "echo 'print(1 + 1)' | gshell shell"],
    ..Command::new(
        "shell",
        "Try Lua in this process: line editing, history, completion; values are printed",
        run,
    )
};

/// Evaluates lines until their end: from a terminal with editing and history, else as they come.
pub fn run(global: &Global, _: &Matches) -> Outcome {
    if let Some(node) = &global.provider {
        return Err(Failure::usage(format!(
            "the shell runs in this process, not on node {node}"
        )));
    }
    let history = global.dirs.state.join(HISTORY);
    rt::block_on(async {
        let shell = Shell::new()?;
        let watch = rt::spawn(interrupts(shell.signals.clone(), shell.repl.clone()));
        let outcome = match io::stdin().is_terminal() {
            true => shell.typed(&history).await,
            false => shell.piped().await,
        };
        drop(watch);
        outcome
    })
}

/// Ctrl-C while a line is evaluated.
async fn interrupts(signals: Rc<Io<SignalFd>>, repl: Rc<Repl>) {
    loop {
        let next = signals.read_with(|fd| fd.read()?.ok_or_else(|| io::ErrorKind::WouldBlock.into()));
        if next.await.is_err() {
            return;
        }
        repl.interrupt();
    }
}

impl Shell {
    fn new() -> Result<Self, Failure> {
        let failed = |error| Failure::io("cannot receive signals", &error);
        let signals = SignalFd::new(&[Signal::SIGINT as i32]).map_err(failed)?;
        let signals = Rc::new(Io::new(signals).map_err(failed)?);
        let output = Rc::new(Standard::default());
        // Standard input is where the lines come from; a script in the shell finds it at its end.
        let repl = Repl::new(output.clone(), Input::empty())
            .map_err(|error| Failure::error(format!("cannot start the shell: {error}")))?;
        Ok(Self {
            repl: Rc::new(repl),
            output,
            signals,
        })
    }

    async fn typed(&self, history: &Path) -> Outcome {
        let failed = |error: ReadlineError| Failure::error(format!("cannot read from the terminal: {error}"));
        let mut editor = self.editor(history).map_err(failed)?;
        output::print(&format!(
            "gshell {VERSION}, Lua 5.4. Ctrl-C interrupts, Ctrl-D leaves.\n"
        ))?;
        let mut text = String::new();
        let status = loop {
            let prompt = if text.is_empty() { PROMPT } else { CONTINUED };
            match editor.readline(prompt) {
                Ok(line) => append(&mut text, &line),
                Err(ReadlineError::Interrupted) => {
                    text.clear();
                    continue;
                }
                Err(ReadlineError::Eof) => break Status::Ok,
                Err(error) => return Err(failed(error)),
            }
            if text.trim().is_empty() {
                text.clear();
                continue;
            }
            match self.line(&text).await? {
                After::More => {}
                After::Next | After::Failed => {
                    let _ = editor.add_history_entry(std::mem::take(&mut text));
                }
                After::End(status) => break status,
            }
        };
        save(&mut editor, history);
        Ok(status)
    }

    fn editor(&self, history: &Path) -> Result<Editor<Names, FileHistory>, ReadlineError> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY_LINES)?
            .history_ignore_dups(true)?
            .history_ignore_space(true)
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Names(self.repl.clone())));
        // There is none before the first time.
        let _ = editor.load_history(history);
        Ok(editor)
    }

    /// Lines from a pipe or a file. The status says whether one of them failed.
    async fn piped(&self) -> Outcome {
        let mut text = String::new();
        let mut status = Status::Ok;
        for line in io::stdin().lock().lines() {
            let line = line.map_err(|error| Failure::io("cannot read standard input", &error))?;
            append(&mut text, &line);
            match self.line(&text).await? {
                After::More => continue,
                After::Next => {}
                After::Failed => status = Status::Error,
                After::End(status) => return Ok(status),
            }
            text.clear();
        }
        if !text.trim().is_empty() {
            return Err(Failure::error("standard input ended within a statement"));
        }
        Ok(status)
    }

    async fn line(&self, text: &str) -> Result<After, Failure> {
        // A Ctrl-C from before is not meant for what runs now.
        while let Ok(Some(_)) = self.signals.get_ref().read() {}
        if LEAVING.contains(&text.trim()) {
            output::note("Ctrl-D or os.exit() leaves");
            return Ok(After::Next);
        }
        let eval = self.repl.eval(expression(text)).await;
        self.output.flush();
        if self.output.is_lost() {
            return Ok(After::End(Status::Ok));
        }
        match eval {
            Eval::Incomplete => Ok(After::More),
            Eval::Done(values) => Ok(match output::print(&shown(&values))? {
                true => After::Next,
                false => After::End(Status::Ok),
            }),
            Eval::Error(text) => {
                output::note(&text);
                Ok(After::Failed)
            }
            Eval::Exit(code) => Ok(After::End(Status::Script((code & 0xff) as u8))),
        }
    }
}

/// What is evaluated of a line: `=x` prints x, as Lua's own prompt once had it, and so does `x`.
fn expression(text: &str) -> &str {
    let text = text.trim_start();
    text.strip_prefix('=').unwrap_or(text)
}

fn append(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

/// The values of a line, as a line; nothing for none.
fn shown(values: &[String]) -> String {
    if values.is_empty() {
        String::new()
    } else {
        format!("{}\n", values.join("\t"))
    }
}

/// Keeps what was typed. A state dir that cannot be written costs the history, and nothing else.
fn save(editor: &mut Editor<Names, FileHistory>, history: &Path) {
    let _ = history.parent().map(PathBuf::from).map(std::fs::create_dir_all);
    let _ = editor.save_history(history);
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

    #[test]
    fn values_are_a_line() {
        assert_eq!(shown(&[]), "");
        assert_eq!(shown(&["1".into(), "\"a\"".into()]), "1\t\"a\"\n");
    }

    #[test]
    fn an_equals_sign_is_left_out() {
        assert_eq!((expression(" =1 + 1"), expression("x = 1")), ("1 + 1", "x = 1"));
    }

    #[test]
    fn lines_add_up() {
        let mut text = String::new();
        append(&mut text, "for i = 1, 2 do");
        append(&mut text, "end");
        assert_eq!(text, "for i = 1, 2 do\nend");
    }

    #[test]
    fn statements_expressions_and_errors() {
        rt::block_on(async {
            let repl = Repl::new(Rc::new(Standard::default()), Input::empty()).unwrap();
            assert_eq!(repl.eval("x = 20").await, Eval::Done(Vec::new()));
            assert_eq!(repl.eval("x + 22").await, Eval::Done(vec!["42".to_owned()]));
            assert_eq!(repl.eval("for i = 1, 2 do").await, Eval::Incomplete);
            assert!(
                matches!(repl.eval("error('purple')").await, Eval::Error(text) if text.contains("purple"))
            );
            assert_eq!(repl.eval("os.exit(4)").await, Eval::Exit(4));
            assert!(repl.complete("string.for").contains(&"string.format".to_owned()));
        });
    }
}
