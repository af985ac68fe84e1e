//! Output on its way to the real standard output or error.
//!
//! One message at a time, in pieces that a pipe takes without blocking once it says that it is writable: so a
//! terminal that is stopped, or a pager that does not read, never keeps Ctrl-C from being heard.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};

use gshell_control::messages::attach::{Output, STDERR};
use gshell_sys::fdio;

/// Bytes that a writable pipe takes without blocking (`PIPE_BUF` of Linux).
const PIECE: usize = 4096;

/// The message that is being written.
#[derive(Debug, Default)]
pub struct Writer {
    output: Output,
    written: usize,
}

impl Writer {
    /// Takes the next message; the one before has to be [done](Self::is_done).
    pub fn set(&mut self, output: Output) {
        self.output = output;
        self.written = 0;
    }

    /// Whether all has been written.
    pub fn is_done(&self) -> bool {
        self.written >= self.output.bytes.len()
    }

    /// Where the next piece goes.
    pub fn with_target<R>(&self, body: impl FnOnce(BorrowedFd<'_>) -> R) -> R {
        match self.output.stream {
            STDERR => body(io::stderr().as_fd()),
            _ => body(io::stdout().as_fd()),
        }
    }

    /// Writes one piece. Fails with `BrokenPipe` when nobody reads any more.
    pub fn step(&mut self) -> io::Result<()> {
        let rest = self.output.bytes.get(self.written..).unwrap_or_default();
        let piece = &rest[..rest.len().min(PIECE)];
        match self.with_target(|fd| fdio::write(fd, piece)) {
            Ok(count) => self.written += count,
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_control::messages::attach::STDOUT;
    use gshell_wire::Bytes;

    #[test]
    fn an_empty_message_is_done() {
        let mut writer = Writer::default();
        assert!(writer.is_done());
        writer.set(Output {
            stream: STDOUT,
            bytes: Bytes::from(vec![1]),
        });
        assert!(!writer.is_done());
        writer.set(Output {
            stream: STDERR,
            bytes: Bytes::new(),
        });
        assert!(writer.is_done());
    }
}
