//! An open port: reads, writes and waits.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::sync::Arc;
use std::time::Duration;

use gshell_plugin_sdk::{Code, Error, Result, Wait};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use serial2::{SerialPort, Settings};

use crate::failure::{failed, hung_up};
use crate::settings::{Present, Wanted};

/// Bits a second of a port of which nothing else is said.
const BAUD: u32 = 115_200;
/// Bytes that are read at once.
const CHUNK: usize = 4096;

/// A port, or another handle of one.
#[derive(Debug)]
pub struct Line {
    path: String,
    port: SerialPort,
    /// Held as long as any handle is open.
    lock: Option<Arc<Flock<File>>>,
    /// What has come and was not asked for yet.
    pending: Vec<u8>,
}

impl Line {
    /// Opens a port and sets it: raw, 115200 baud, 8 data bits, no parity, 1 stop bit, no flow control, but for what is
    /// wanted otherwise.
    ///
    /// # Errors
    /// When it is no serial port, may not be opened, is used exclusively, or does not do what is wanted.
    pub fn open(path: &str, wanted: &Wanted, exclusive: bool) -> Result<Line> {
        let known = fs::metadata(path).map_err(|error| failed(path, &error))?;
        if !known.file_type().is_char_device() {
            return Err(failed(path, &Errno::ENOTTY.into()));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            // Without waiting for a carrier, and without becoming the terminal of this process.
            .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
            .open(path)
            .map_err(|error| failed(path, &error))?;
        let shared = file.try_clone().map_err(|error| failed(path, &error))?;
        let port = SerialPort::from(OwnedFd::from(shared));
        // Before the lock: what is no port is to be called that.
        let mut settings = port.get_configuration().map_err(|error| failed(path, &error))?;
        settings.set_raw();
        settings
            .set_baud_rate(BAUD)
            .map_err(|error| failed(path, &error))?;
        wanted.apply(&mut settings)?;
        let mut line = Line {
            path: path.to_owned(),
            port,
            lock: exclusive.then(|| lock(path, file)).transpose()?,
            pending: Vec::new(),
        };
        line.set(&settings)?;
        Ok(line)
    }

    /// Another handle, with nothing come yet.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn share(&self) -> Result<Line> {
        Ok(Line {
            path: self.path.clone(),
            port: self.checked(self.port.try_clone())?,
            lock: self.lock.clone(),
            pending: Vec::new(),
        })
    }

    /// Its path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is behind it, for what needs no waiting.
    pub fn port(&self) -> &SerialPort {
        &self.port
    }

    /// The result of a call on it.
    ///
    /// # Errors
    /// That of the call, with the name of the port.
    pub fn checked<T>(&self, result: io::Result<T>) -> Result<T> {
        result.map_err(|error| failed(&self.path, &error))
    }

    /// As [`Line::checked`], of a call on the lines of a modem.
    ///
    /// # Errors
    /// That of the call, or that the port has no such lines.
    pub fn modem<T>(&self, result: io::Result<T>) -> Result<T> {
        result.map_err(|error| match error.raw_os_error() {
            Some(errno) if [Errno::ENOTTY as i32, Errno::EINVAL as i32].contains(&errno) => {
                let text = format!("{}: this port has no lines for a modem", self.path);
                Error::new(Code::Invalid, text)
            }
            _ => failed(&self.path, &error),
        })
    }

    /// Changes settings.
    ///
    /// # Errors
    /// When the port does not do that.
    pub fn configure(&mut self, wanted: &Wanted) -> Result<()> {
        let mut settings = self.checked(self.port.get_configuration())?;
        wanted.apply(&mut settings)?;
        self.set(&settings)
    }

    fn set(&mut self, settings: &Settings) -> Result<()> {
        let Err(error) = self.port.set_configuration(settings) else {
            return Ok(());
        };
        // The system has no error for it: settings that a driver does not know stay as they were.
        if error
            .raw_os_error()
            .is_some_and(|errno| errno != Errno::EINVAL as i32)
        {
            return Err(failed(&self.path, &error));
        }
        let present = self.port.get_configuration();
        let present = present.map(|settings| describe(&settings));
        let text = format!(
            "{}: this port does not do {}; it is at {} now",
            self.path,
            describe(settings),
            present.unwrap_or_default()
        );
        Err(Error::new(Code::Invalid, text))
    }

    /// Takes what has come, at least `min` bytes and at most `max`: fewer when time is up or the other side hung up.
    ///
    /// # Errors
    /// When there is nothing and the other side hung up, or nobody waits any more: what has come is then kept.
    pub fn read(&mut self, min: usize, max: usize, wait: &mut Wait<'_, '_>) -> Result<Vec<u8>> {
        while self.pending.len() < min {
            let Some(step) = wait.step()? else {
                break;
            };
            match self.fill(step) {
                Ok(()) => {}
                Err(_) if !self.pending.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        let len = self.pending.len().min(max);
        Ok(self.pending.drain(..len).collect())
    }

    /// Takes what has come up to a delimiter, without it; none when time is up, then what has come is kept.
    ///
    /// # Errors
    /// When there are more than `max` bytes without one, the other side hung up, or nobody waits any more.
    pub fn read_until(
        &mut self,
        delimiter: &[u8],
        max: usize,
        wait: &mut Wait<'_, '_>,
    ) -> Result<Option<Vec<u8>>> {
        let mut from = 0;
        loop {
            let rest = self.pending.get(from..).unwrap_or_default();
            let found = rest.windows(delimiter.len()).position(|part| part == delimiter);
            let before = found.map_or(self.pending.len(), |at| from + at);
            if before > max {
                let text = format!(
                    "{}: {before} bytes came without the delimiter, more than {max}; read() takes them",
                    self.path
                );
                return Err(Error::new(Code::Limit, text));
            }
            if found.is_some() {
                let mut taken: Vec<u8> = self.pending.drain(..before + delimiter.len()).collect();
                taken.truncate(before);
                return Ok(Some(taken));
            }
            // A part of a delimiter may have come.
            from = self.pending.len().saturating_sub(delimiter.len() - 1);
            let Some(step) = wait.step()? else {
                return Ok(None);
            };
            self.fill(step)?;
        }
    }

    /// Waits for bytes and adds them to what has come.
    fn fill(&mut self, step: Duration) -> Result<()> {
        let mut chunk = [0; CHUNK];
        let read = self
            .port
            .set_read_timeout(step)
            .and_then(|()| self.port.read(&mut chunk));
        match read {
            Ok(0) => Err(hung_up(&self.path)),
            Ok(len) => {
                self.pending.extend_from_slice(&chunk[..len]);
                Ok(())
            }
            Err(error) if is_not_yet(&error) => Ok(()),
            Err(error) => Err(failed(&self.path, &error)),
        }
    }

    /// Writes all of it into the system's buffer, which sends it.
    ///
    /// # Errors
    /// When time is up before, the other side hung up, or nobody waits any more.
    pub fn write(&mut self, bytes: &[u8], wait: &mut Wait<'_, '_>) -> Result<()> {
        let mut left = bytes;
        while !left.is_empty() {
            let Some(step) = wait.step()? else {
                let text = format!(
                    "{}: time is up with {} of {} bytes written; does flow control hold them?",
                    self.path,
                    bytes.len() - left.len(),
                    bytes.len()
                );
                return Err(Error::new(Code::Timeout, text));
            };
            let written = self
                .port
                .set_write_timeout(step)
                .and_then(|()| self.port.write(left));
            match written {
                Ok(len) => left = left.get(len..).unwrap_or_default(),
                Err(error) if is_not_yet(&error) => {}
                Err(error) => return Err(failed(&self.path, &error)),
            }
        }
        Ok(())
    }

    /// Sends a break for as long as the wait takes.
    ///
    /// # Errors
    /// When the port does not do that, or nobody waits any more.
    pub fn send_break(&self, wait: &mut Wait<'_, '_>) -> Result<()> {
        self.checked(self.port.set_break(true))?;
        let waited = loop {
            match wait.step() {
                Ok(Some(step)) => std::thread::sleep(step),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        // In any case: otherwise nothing can be sent any more.
        let ended = self.checked(self.port.set_break(false));
        waited.and(ended)
    }

    /// Throws away what has come.
    ///
    /// # Errors
    /// When the port is gone.
    pub fn discard_input(&mut self) -> Result<()> {
        self.pending.clear();
        self.checked(self.port.discard_input_buffer())
    }
}

fn lock(path: &str, file: File) -> Result<Arc<Flock<File>>> {
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Arc::new(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Err(failed(path, &Errno::EBUSY.into())),
        Err((_, errno)) => Err(failed(path, &errno.into())),
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock | Interrupted)
}

/// As in "115200 baud, 8 data bits, parity none, 1 stop bits, flow none".
fn describe(settings: &Settings) -> String {
    let present = Present::of(settings);
    let number = |number: Option<u32>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    format!(
        "{} baud, {} data bits, parity {}, {} stop bits, flow {}",
        number(present.baud),
        number(present.data.map(u32::from)),
        present.parity.as_deref().unwrap_or("?"),
        number(present.stop.map(u32::from)),
        present.flow.as_deref().unwrap_or("?")
    )
}
