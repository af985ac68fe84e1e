//! A command whose standard input the test feeds piece by piece.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::{DEADLINE, children, wait_for};

/// A running command with pipes at both ends.
pub struct Fed {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Fed {
    /// Starts a command; its error output goes where the test's goes.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = children::spawn(&mut command).expect("the command starts");
        let (to, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = to.send(line);
            }
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
        }
    }

    /// Writes a line to its input.
    pub fn send(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().expect("the input is open"), "{line}").expect("the command takes input");
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// The next line of its output.
    #[track_caller]
    pub fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line of output")
    }

    /// The next line of its output, or `None` at its end; panics when nothing comes within `limit`.
    #[track_caller]
    pub fn line_within(&self, limit: Duration) -> Option<String> {
        match self.lines.recv_timeout(limit) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line of output within {limit:?}"),
        }
    }

    /// Its exit status.
    #[track_caller]
    pub fn wait_end(&mut self) -> Option<i32> {
        wait_for("the command ends", DEADLINE, || {
            children::try_wait(&mut self.child)
        })
        .0
        .code()
    }

    /// Kills it as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        children::wait(&mut self.child);
    }

    /// Its process ID.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        if children::try_wait(&mut self.child).is_none() {
            self.kill();
        }
    }
}
