//! One command line with a deadline: what it printed, how it ended, how long it took.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::{DEADLINE, children};

/// How a command ended and what it printed.
#[derive(Debug)]
pub struct Out {
    /// The command as it was given, for messages.
    pub line: String,
    /// Its exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its error output.
    pub stderr: String,
    /// From its start to its end.
    pub took: Duration,
}

impl Out {
    /// Demands exit status 0 and gives what was printed, without white space at its ends.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout.trim()
    }

    /// Demands a clean failure: an exit status other than 0 that is no panic, with a message that holds every one of
    /// `words`, whatever their case.
    #[track_caller]
    pub fn fails(&self, words: &[&str]) -> &Self {
        let code = self
            .code
            .unwrap_or_else(|| panic!("ended by a signal: {self:#?}"));
        assert!(code != 0, "it should fail: {self:#?}");
        assert!(
            code != 101 && !self.stderr.contains("panicked"),
            "it panicked: {self:#?}"
        );
        let message = self.stderr.to_lowercase();
        assert!(!message.trim().is_empty(), "it failed without a word: {self:#?}");
        for word in words {
            assert!(
                message.contains(&word.to_lowercase()),
                "no \"{word}\" in the message: {self:#?}"
            );
        }
        self
    }
}

/// Runs a command to its end with `input` as its standard input; kills it and panics after [`DEADLINE`].
#[track_caller]
pub fn run(mut command: Command, input: &[u8]) -> Out {
    let line = format!("{command:?}");
    let start = Instant::now();
    command.stdin(if input.is_empty() {
        Stdio::null()
    } else {
        Stdio::piped()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = children::spawn(&mut command).unwrap_or_else(|error| panic!("{line}: {error}"));
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // A command that does not read all of its input is not at fault.
        std::thread::spawn(move || stdin.write_all(&input));
    }
    let stdout = collect(child.stdout.take().expect("piped"));
    let stderr = collect(child.stderr.take().expect("piped"));
    let status = end_of(&mut child, start, &line);
    let took = start.elapsed();
    Out {
        code: status.code(),
        stdout: text(&stdout, &line),
        stderr: text(&stderr, &line),
        took,
        line,
    }
}

fn collect(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (to, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        let _ = to.send(bytes);
    });
    receiver
}

/// The end of an output comes with the end of the last process that holds it: one that stays open after the command
/// has ended means that a daemon or a group kept it.
fn text(from: &Receiver<Vec<u8>>, line: &str) -> String {
    let bytes = from
        .recv_timeout(Duration::from_secs(5))
        .unwrap_or_else(|_| panic!("{line}: it has ended, but some process keeps its output open"));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn end_of(child: &mut Child, start: Instant, line: &str) -> std::process::ExitStatus {
    loop {
        if let Some(status) = children::try_wait(child) {
            return status;
        }
        if start.elapsed() > DEADLINE {
            let _ = child.kill();
            children::wait(child);
            panic!("{line}: still running after {DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(text: &str, input: &[u8]) -> Out {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        run(command, input)
    }

    #[test]
    fn outputs_and_status_are_kept_apart() {
        let out = sh("cat; echo oops >&2; exit 4", b"in");
        assert_eq!(
            (out.code, out.stdout.as_str(), out.stderr.as_str()),
            (Some(4), "in", "oops\n")
        );
        out.fails(&["Oops"]);
    }

    #[test]
    fn more_than_a_pipe_holds_goes_both_ways() {
        let input = vec![b'x'; 1 << 20];
        assert_eq!(sh("cat", &input).stdout.len(), input.len());
    }

    #[test]
    #[should_panic(expected = "keeps its output open")]
    fn an_output_that_stays_open_is_noticed() {
        sh("sleep 7 & exit 0", b"");
    }
}
