//! Reads files below /proc into one reused buffer.
//!
//! Every answer may be "gone": a process can end between two reads, and that is no error.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use super::parse::{self, Stat};
use super::system::{self, SystemStat};

/// First size of the buffer: any single record fits.
const BUFFER: usize = 16 * 1024;
/// Largest file that is read, a bound for a strange smaps: 32 MiB.
const MAX_FILE: usize = 32 * 1024 * 1024;
/// Bytes of a command line that are kept: more does not help a reader, and arguments may hold megabytes.
const MAX_CMDLINE: usize = 4096;
/// ESRCH: what reading says when a process ended after its file was opened.
const ESRCH: i32 = 3;

/// Reader of a /proc folder.
#[derive(Debug)]
pub struct Procfs {
    root: String,
    path: String,
    buffer: Vec<u8>,
}

impl Procfs {
    /// Reads below `root`: "/proc", or a recorded copy of one.
    pub fn new(root: impl Into<String>) -> Self {
        Self {
            root: root.into(),
            path: String::new(),
            buffer: vec![0; BUFFER],
        }
    }

    /// Opens `name` below the root, and reads it whole; a file of one record is read once, and cut at the
    /// size of the buffer, since the kernel gives a single record in one piece.
    fn read(&mut self, name: std::fmt::Arguments<'_>, one_record: bool) -> io::Result<&[u8]> {
        self.path.clear();
        self.path.push_str(&self.root);
        // Writing into a String does not fail.
        let _ = write!(self.path, "/{name}");
        let mut file = File::open(&self.path)?;
        let mut len = 0;
        loop {
            if len > 0 && one_record {
                break;
            }
            if len == self.buffer.len() {
                if len >= MAX_FILE {
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 32 MiB"));
                }
                self.buffer.resize(len * 2, 0);
            }
            match file.read(self.buffer.get_mut(len..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(count) => len += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
        }
        Ok(self.buffer.get(..len).unwrap_or_default())
    }

    /// Numbers of all processes, ascending.
    pub fn pids(&self) -> io::Result<Vec<i32>> {
        numbers(&self.root)
    }

    /// Numbers of the threads of a process, ascending; `None` when it is gone.
    pub fn tids(&self, pid: i32) -> io::Result<Option<Vec<i32>>> {
        present(numbers(&format!("{}/{pid}/task", self.root)))
    }

    /// The record of a process; `None` when it is gone.
    pub fn stat(&mut self, pid: i32) -> io::Result<Option<Stat<'_>>> {
        Ok(present(self.read(format_args!("{pid}/stat"), true))?.and_then(Stat::parse))
    }

    /// The record of a thread; `None` when it is gone.
    pub fn thread_stat(&mut self, pid: i32, tid: i32) -> io::Result<Option<Stat<'_>>> {
        Ok(present(self.read(format_args!("{pid}/task/{tid}/stat"), true))?.and_then(Stat::parse))
    }

    /// Command line as one line of at most 4096 bytes; empty for kernel threads and zombies.
    pub fn cmdline(&mut self, pid: i32) -> io::Result<Option<Vec<u8>>> {
        let text = present(self.read(format_args!("{pid}/cmdline"), true))?;
        Ok(text.map(|text| parse::cmdline(text.get(..MAX_CMDLINE).unwrap_or(text))))
    }

    /// User that a process belongs to; `None` when it is gone.
    pub fn owner(&self, pid: i32) -> io::Result<Option<u32>> {
        let meta = present(std::fs::metadata(format!("{}/{pid}", self.root)))?;
        Ok(meta.map(|meta| meta.uid()))
    }

    /// Proportional memory in bytes; `None` when the process is gone or has no memory (kernel threads).
    ///
    /// Uses `smaps_rollup` (since Linux 4.14), or adds up `smaps`. Fails with permission denied for
    /// processes of other users.
    pub fn pss(&mut self, pid: i32) -> io::Result<Option<u64>> {
        if let Some(text) = present(self.read(format_args!("{pid}/smaps_rollup"), true))? {
            return Ok(parse::pss(text));
        }
        Ok(present(self.read(format_args!("{pid}/smaps"), false))?.and_then(parse::pss))
    }

    /// CPUs and start of the machine.
    pub fn system(&mut self) -> io::Result<SystemStat> {
        self.read(format_args!("stat"), false).map(SystemStat::parse)
    }

    /// Memory of the machine, pairs of name and bytes.
    pub fn memory(&mut self) -> io::Result<Vec<(&'static str, u64)>> {
        self.read(format_args!("meminfo"), false).map(system::memory)
    }

    /// Load averages, runnable and existing threads.
    pub fn loadavg(&mut self) -> io::Result<([f64; 3], u64, u64)> {
        let text = self.read(format_args!("loadavg"), true)?;
        system::loadavg(text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// Seconds since the machine started.
    pub fn uptime(&mut self) -> io::Result<f64> {
        let text = self.read(format_args!("uptime"), true)?;
        system::uptime(text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }
}

/// Turns "there is no such process (any more)" into `None`.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Entries of `folder` whose names are numbers, ascending.
fn numbers(folder: &str) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        match entry {
            Ok(entry) => found.extend(
                entry
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse::<i32>().ok()),
            ),
            // The process ended while its threads were listed: what is known so far stands.
            Err(error) if error.raw_os_error() == Some(ESRCH) => break,
            Err(error) => return Err(error),
        }
    }
    gshell_small::sort(&mut found);
    Ok(found)
}
