//! `gshell shell`: Lua, a line at a time, in this process.
//!
//! Everything happens on one executor. While a line is typed nothing else runs; while one is evaluated, its tasks and
//! timers do, and Ctrl-C interrupts it.

#[cfg_attr(not(feature = "editor"), path = "plain.rs")]
mod editor;

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::rc::Rc;

use gshell_script::{Eval, Input, Output, Repl};
use gshell_service::rt::{self, Io};
use gshell_sys::signal::SignalFd;
use nix::sys::signal::Signal;

use self::editor::Lines;
use super::args::{Command, Matches};
use super::failure::{Failure, Outcome};
use super::link::Global;
use super::local::{self, Standard};
use super::output;
use crate::VERSION;
use crate::exit_codes::Status;

const PROMPT: &str = ">> ";
const CONTINUED: &str = "> ";

/// File of the state dir with the lines that were typed.
const HISTORY: &str = "shell.history";

/// Words that people type who want to leave. Lua knows neither, and would say nothing.
const LEAVING: [&str; 2] = ["exit", "quit"];

/// The evaluator and what surrounds it.
struct Shell {
    repl: Rc<Repl>,
    output: Rc<Standard>,
    signals: Signals,
}

/// Where Ctrl-C arrives.
type Signals = Rc<Io<SignalFd>>;

/// What came from the terminal.
enum Typed {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C: what was typed so far is not meant.
    Interrupted,
    /// Ctrl-D.
    End,
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
    long: Lines::ABOUT,
    examples: &["gshell shell", "echo 'print(1 + 1)' | gshell shell"],
    ..Command::new("shell", "Try Lua in this process; values are printed", run)
};

/// Evaluates lines until their end: from a terminal with editing and history, else as they come.
pub fn run(global: &Global, _: &Matches) -> Outcome {
    if let Some(node) = &global.provider {
        return Err(Failure::usage(format!(
            "the shell runs in this process, not on node {node}"
        )));
    }
    let history = global.dirs.state.join(HISTORY);
    local::use_plugins(global);
    rt::block_on(async {
        let shell = Shell::new(global)?;
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
async fn interrupts(signals: Signals, repl: Rc<Repl>) {
    loop {
        let next = signals.read_with(|fd| fd.read()?.ok_or_else(|| io::ErrorKind::WouldBlock.into()));
        if next.await.is_err() {
            return;
        }
        repl.interrupt();
    }
}

impl Shell {
    fn new(global: &Global) -> Result<Self, Failure> {
        let failed = |error| Failure::io("cannot receive signals", &error);
        let signals = SignalFd::new(&[Signal::SIGINT as i32]).map_err(failed)?;
        let signals = Rc::new(Io::new(signals).map_err(failed)?);
        let output = Rc::new(Standard::default());
        // Standard input is where the lines come from; a script in the shell finds it at its end.
        let repl = Repl::new(output.clone(), Input::empty(), local::node(global))
            .map_err(|error| Failure::error(format!("cannot start the shell: {error}")))?;
        Ok(Self {
            repl: Rc::new(repl),
            output,
            signals,
        })
    }

    async fn typed(&self, history: &Path) -> Outcome {
        let mut lines = Lines::open(&self.repl, &self.signals, history)?;
        output::print(&format!(
            "gshell {VERSION}, Lua 5.4. Ctrl-C interrupts, Ctrl-D leaves.\n"
        ))?;
        let mut text = String::new();
        let status = loop {
            let prompt = if text.is_empty() { PROMPT } else { CONTINUED };
            match lines.read(prompt)? {
                Typed::Line(line) => append(&mut text, &line),
                Typed::Interrupted => {
                    text.clear();
                    continue;
                }
                Typed::End => break Status::Ok,
            }
            if text.trim().is_empty() {
                text.clear();
                continue;
            }
            match self.line(&text).await? {
                After::More => {}
                After::Next | After::Failed => lines.remember(std::mem::take(&mut text)),
                After::End(status) => break status,
            }
        };
        lines.close();
        Ok(status)
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

#[cfg(test)]
mod tests {
    use super::*;

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
            let repl = Repl::new(Rc::new(Standard::default()), Input::empty(), None).unwrap();
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
