//! The other process of a measurement: this program again, in a role.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Milliseconds that it has to end by itself.
const PATIENCE_MS: u32 = 10_000;

/// A child that is killed and collected when it is not needed any more.
#[derive(Debug)]
pub struct Other {
    child: Child,
    /// What it said when it was ready.
    pub said: String,
}

impl Other {
    /// Starts this program in `role` and waits for its word that it is ready.
    ///
    /// # Errors
    /// When it cannot be started, or ends before it is ready.
    pub fn start(role: &str, words: &[String]) -> io::Result<Other> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--role", role])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut said)?;
        }
        let mut other = Other { child, said };
        match other.said.strip_prefix("ready ") {
            Some(word) => other.said = word.trim_end().to_owned(),
            None => {
                return Err(io::Error::other(format!(
                    "the process with the role {role} did not start"
                )));
            }
        }
        Ok(other)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Asked first: a tool that watches it writes down what it saw.
        let _ = gshell_sys::process::kill(self.child.id().cast_signed(), 15);
        for _ in 0..PATIENCE_MS {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says that this process is ready, with a word for its starter.
pub fn say_ready(word: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "ready {word}").and_then(|()| out.flush());
}
