//! The loop of an attached client: keys, signals and the group's messages, whichever comes first.
//!
//! One thread, one `poll`, no executor. Backpressure goes both ways: output is taken from the group only when the
//! piece before is written, and input is read only when the group has credit for it. Neither holds up a signal.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use gshell_control::limits::STOP_GRACE;
use gshell_control::messages::attach::{
    AttachedState, Finished, Input, InputEnd, Interrupt, Left, Output, Resize,
};
use gshell_control::messages::groups::{Command, Detached, EnvAction};
use gshell_service::Incoming;
use gshell_service::blocking::{Client, Received};
use gshell_sys::signal::SignalFd;
use gshell_sys::term::CookedKeys;
use gshell_sys::{fdio, term};
use gshell_wire::{Bytes, Code, Fault};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::keys::Keys;
use super::writer::Writer;
use crate::cli::failure::Failure;
use crate::cli::output;

/// Bytes of input in one message: a quarter of what fits into a pipe, so that a script gets the first soon.
const INPUT: usize = 16 * 1024;

/// Signals that are the script's, the terminal's, or end the session. SIGTSTP is not among them: this client stops,
/// and the script goes on.
const SIGNALS: [Signal; 6] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGWINCH,
    Signal::SIGCONT,
];

/// How a session ends well.
#[derive(Debug)]
pub enum End {
    /// The environment has exited.
    Finished(Finished),
    /// The group lets this client go.
    Left(Detached),
    /// The user typed the keys.
    Detached,
    /// The terminal has gone.
    TerminalLost,
    /// Nobody reads standard output any more.
    Unread,
}

/// How a session fails.
#[derive(Debug)]
pub enum Error {
    /// The group has gone, or answered with an error.
    Lost(Fault),
    /// A system call failed; with what was being done.
    Io(&'static str, io::Error),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Lost(fault)
    }
}

/// An attached client.
pub struct Session<'a> {
    client: Client,
    stream: u32,
    id: &'a str,
    signals: SignalFd,
    terminal: Option<CookedKeys>,
    keys: Keys,
    writer: Writer,
    /// Standard input has not ended.
    reading: bool,
    /// Input was sent, so anything on the same stream may have to wait until the script has read it.
    fed: bool,
    /// The group may have sent something that has not been looked at.
    more: bool,
    /// Signals that were passed on, the first one and how many.
    passed: Option<(i32, u32)>,
}

/// What `poll` found.
#[derive(Debug, Default)]
struct Ready {
    signal: bool,
    output: bool,
    socket: bool,
    input: bool,
}

impl<'a> Session<'a> {
    /// Takes over the signals and the terminal. The request to attach has been sent on `stream`.
    pub fn new(client: Client, stream: u32, id: &'a str) -> Result<Self, Failure> {
        let signals = SignalFd::new(&SIGNALS.map(|signal| signal as i32))
            .map_err(|error| Failure::io("cannot receive signals", &error))?;
        Ok(Self {
            client,
            stream,
            id,
            signals,
            terminal: cooked(),
            keys: Keys::default(),
            writer: Writer::default(),
            reading: true,
            fed: false,
            more: true,
            passed: None,
        })
    }

    /// The first signal that was passed on to the script.
    pub fn first_signal(&self) -> Option<i32> {
        self.passed.map(|(signal, _)| signal)
    }

    /// Carries everything to and fro until one side ends it.
    pub fn run(&mut self) -> Result<End, Error> {
        loop {
            if self.more && self.writer.is_done() {
                match self.client.receive(Some(Duration::ZERO))? {
                    None => self.more = false,
                    Some(received) => {
                        if let Some(end) = self.take(received)? {
                            return Ok(end);
                        }
                    }
                }
            }
            let ready = self.wait()?;
            if let Some(end) = self.serve(&ready)? {
                return Ok(end);
            }
        }
    }

    fn serve(&mut self, ready: &Ready) -> Result<Option<End>, Error> {
        self.more |= ready.socket;
        if ready.signal
            && let Some(end) = self.take_signals()?
        {
            return Ok(Some(end));
        }
        if ready.output {
            match self.writer.step() {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Some(End::Unread)),
                Err(error) if is_gone(&error) => return Ok(Some(End::TerminalLost)),
                Err(error) => return Err(Error::Io("cannot write the script's output", error)),
            }
        }
        if ready.input { self.read_input() } else { Ok(None) }
    }

    /// Waits for whatever can be done next; only looks when there is something to do already.
    fn wait(&self) -> Result<Ready, Error> {
        let writing = !self.writer.is_done();
        let timeout = if self.more && !writing {
            PollTimeout::ZERO
        } else {
            PollTimeout::NONE
        };
        let stdin = io::stdin();
        let want_input = self.reading && self.client.may_send(self.stream);
        self.writer.with_target(|target| {
            let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            // A descriptor that says at once that it is hung up must not be asked for what is not wanted.
            let (output, flags) = match writing {
                true => (target, PollFlags::POLLOUT),
                false => (self.client.fd(), PollFlags::POLLIN),
            };
            fds.push(PollFd::new(output, flags));
            if want_input {
                fds.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut fds, timeout) {
                Ok(_) => {}
                Err(nix::errno::Errno::EINTR) => return Ok(Ready::default()),
                Err(error) => return Err(Error::Io("cannot wait for input", error.into())),
            }
            let any = |at: usize| fds.get(at).is_some_and(|fd| fd.any().unwrap_or(true));
            Ok(Ready {
                signal: any(0),
                output: writing && any(1),
                socket: !writing && any(1),
                input: any(2),
            })
        })
    }

    fn take(&mut self, received: Received) -> Result<Option<End>, Error> {
        match received {
            Received::Message(stream, _, message) if stream == self.stream => self.take_message(message),
            Received::Error(stream, _, fault) | Received::Reset(stream, fault) if stream == self.stream => {
                Err(fault.into())
            }
            Received::Ended(stream) if stream == self.stream => Err(Error::Lost(Fault::new(
                Code::Unreachable,
                "it ended the connection",
            ))),
            _ => Ok(None),
        }
    }

    fn take_message(&mut self, message: Incoming) -> Result<Option<End>, Error> {
        if message.is::<Output>() {
            self.writer.set(message.decode()?);
            return Ok(None);
        }
        if message.is::<Finished>() {
            return Ok(Some(End::Finished(message.decode()?)));
        }
        if message.is::<Left>() {
            return Ok(Some(End::Left(message.decode::<Left>()?.reason)));
        }
        message.decode::<AttachedState>()?;
        Ok(None)
    }

    fn take_signals(&mut self) -> Result<Option<End>, Error> {
        let failed = |error| Error::Io("cannot receive signals", error);
        while let Some(number) = self.signals.read().map_err(failed)? {
            match Signal::try_from(number) {
                Ok(Signal::SIGHUP) => return Ok(Some(End::TerminalLost)),
                Ok(Signal::SIGWINCH) => self.resize()?,
                Ok(Signal::SIGCONT) => {
                    // Whoever had the terminal meanwhile left it in another mode. The old guard goes first: it
                    // would undo the new one's change.
                    self.terminal = None;
                    self.terminal = cooked();
                    self.resize()?;
                }
                _ => self.interrupt(number)?,
            }
        }
        Ok(None)
    }

    fn resize(&mut self) -> Result<(), Error> {
        let (cols, rows) = super::window();
        // A size that nobody takes right now is outdated when somebody would.
        if self.client.may_send(self.stream) {
            self.client.send(self.stream, &Resize { cols, rows })?;
        }
        Ok(())
    }

    /// Passes a signal on. Behind input that the script does not read it would never arrive, so then the group is
    /// told on the connection's default stream.
    fn interrupt(&mut self, signal: i32) -> Result<(), Error> {
        let (first, count) = self.passed.unwrap_or((signal, 0));
        self.passed = Some((first, count.saturating_add(1)));
        if !self.fed && self.client.may_send(self.stream) {
            let signal = gshell_sys::process::to_generic(signal);
            self.client.send(self.stream, &Interrupt { signal })?;
            return Ok(());
        }
        let grace_ms = u32::try_from(STOP_GRACE.as_millis()).unwrap_or(u32::MAX);
        let action = if count == 0 {
            EnvAction::Stop { grace_ms }
        } else {
            EnvAction::Kill
        };
        self.client.send(
            0,
            &Command {
                id: self.id.to_owned(),
                action,
            },
        )?;
        Ok(())
    }

    fn read_input(&mut self) -> Result<Option<End>, Error> {
        let mut buffer = [0; INPUT];
        let mut bytes = Vec::new();
        let mut detach = false;
        match fdio::read(io::stdin().as_fd(), &mut buffer) {
            Ok(0) => {
                self.reading = false;
                self.keys.end(&mut bytes);
            }
            Ok(length) if self.terminal.is_some() => detach = self.keys.take(&buffer[..length], &mut bytes),
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(error) if is_gone(&error) => return Ok(Some(End::TerminalLost)),
            Err(error) => {
                // The script runs already, and gets the end that a shell would give it.
                output::note(&format!(
                    "warning: cannot read standard input: {error}; it ends here"
                ));
                self.reading = false;
                self.keys.end(&mut bytes);
            }
        }
        if !bytes.is_empty() {
            self.fed = true;
            self.client.send(
                self.stream,
                &Input {
                    bytes: Bytes::from(bytes),
                },
            )?;
        }
        if !self.reading {
            self.client.send(self.stream, &InputEnd {})?;
        }
        Ok(detach.then_some(End::Detached))
    }
}

/// A terminal that was hung up answers with an input/output error.
fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::errno::Errno::EIO as i32)
}

/// The mode in which the keys that detach are read at once, when standard input is a terminal and this process may
/// change it: in the background that would stop it.
fn cooked() -> Option<CookedKeys> {
    let stdin = io::stdin();
    if !term::is_tty(stdin.as_fd()) || !in_foreground(stdin.as_fd()) {
        return None;
    }
    CookedKeys::enter(stdin.as_fd()).ok()
}

fn in_foreground(terminal: BorrowedFd<'_>) -> bool {
    nix::unistd::tcgetpgrp(terminal).is_ok_and(|group| group == nix::unistd::getpgrp())
}
