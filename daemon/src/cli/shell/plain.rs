//! What stands in for the feature `editor` in a build without it: lines as the terminal gives them.

use std::io::{self, BufRead, ErrorKind};
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;

use gshell_script::Repl;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Signals, Typed};
use crate::cli::failure::Failure;
use crate::cli::output;

/// The lines that are typed.
pub struct Lines {
    signals: Signals,
}

impl Lines {
    /// What help says about typing.
    pub const ABOUT: &str =
        "This build reads lines as the terminal gives them: it was built without the feature editor.";

    /// From the terminal; there is no history to read.
    pub fn open(_: &Rc<Repl>, signals: &Signals, _: &Path) -> Result<Self, Failure> {
        Ok(Self {
            signals: signals.clone(),
        })
    }

    /// The next line. The terminal itself forgets a line at Ctrl-C, and sends the signal.
    pub fn read(&mut self, prompt: &str) -> Result<Typed, Failure> {
        let failed = |error: io::Error| Failure::io("cannot read from the terminal", &error);
        output::print(prompt)?;
        let stdin = io::stdin();
        // A terminal gives a line at a time, so none waits in the buffer.
        if self.interrupted(stdin.as_fd()).map_err(failed)? {
            output::print("\n")?;
            return Ok(Typed::Interrupted);
        }
        let mut line = String::new();
        let got = stdin.lock().read_line(&mut line);
        match got {
            Ok(0) => {
                output::print("\n")?;
                Ok(Typed::End)
            }
            Ok(_) => Ok(Typed::Line(line.trim_end_matches('\n').to_owned())),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                output::note("the line is no text in UTF-8");
                Ok(Typed::Interrupted)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Waits for a line or for Ctrl-C; whether it was the latter.
    fn interrupted(&self, stdin: std::os::fd::BorrowedFd<'_>) -> io::Result<bool> {
        let signals = self.signals.get_ref();
        loop {
            let mut fds = [
                PollFd::new(signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(stdin, PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
            if fds[0].any() == Some(true) && signals.read()?.is_some() {
                return Ok(true);
            }
            if fds[1].any() != Some(false) {
                return Ok(false);
            }
        }
    }

    /// Nothing calls it up again.
    pub fn remember(&mut self, _: String) {}

    /// Nothing is kept.
    pub fn close(self) {}
}
