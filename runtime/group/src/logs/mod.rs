//! Bounded logs of environments, groups and the daemon, as plain files in the runtime folder.
//!
//! A log is a ring of two files, `NAME` and the older `NAME.1`, each at most half of the ring. One process writes it;
//! any process may read it at the same time, and a reader never makes the writer wait. Each file starts with a line that
//! says how many bytes of the log came before it, so a reader that was too slow knows exactly what it missed, whoever
//! wrote, and however often the files were renamed meanwhile.

mod follow;
mod parts;
mod ring;

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gshell_control::names::check_env_id;
use gshell_control::{GroupName, Invalid};

pub use follow::{Follower, Piece};
pub use ring::Log;

/// Name of the daemon's own log.
pub const DAEMON: &str = "daemon";

/// Name of the fork server's log.
pub const FORK_SERVER: &str = "forkserver";

/// What the log of a group ends with: versions end in numbers, as the older of two files does.
const GROUP_SUFFIX: &str = ".log";

/// What the older of the two files ends with.
const OLDER: &str = ".1";

/// The file name of a log: an environment's ID, a group's full name, or one of the fixed words. Nothing else passes, so
/// no name reaches another folder.
pub fn file_name(name: &str) -> Result<String, Invalid> {
    if name == DAEMON || name == FORK_SERVER || check_env_id(name).is_ok() {
        return Ok(name.to_owned());
    }
    match name.parse::<GroupName>() {
        Ok(group) => Ok(format!("{group}{GROUP_SUFFIX}")),
        Err(_) => Err(Invalid::new(
            "log",
            name,
            "it is an environment's ID, a group's full name or \"daemon\"",
        )),
    }
}

fn path_of(dir: &Path, name: &str) -> io::Result<PathBuf> {
    let file = file_name(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    Ok(dir.join(file))
}

fn older(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(OLDER);
    PathBuf::from(name)
}

/// Everything that the log `name` in `dir` still has; nothing when there is no such log.
pub fn read_all(dir: &Path, name: &str) -> io::Result<Vec<u8>> {
    Ok(parts::read(&path_of(dir, name)?)?.join())
}

/// The last `lines` lines of the log `name` in `dir`. What follows the last line end counts as a line.
pub fn tail(dir: &Path, name: &str, lines: u32) -> io::Result<Vec<u8>> {
    let mut bytes = read_all(dir, name)?;
    bytes.drain(..last_lines(&bytes, lines));
    Ok(bytes)
}

/// Whether there is a log `name` in `dir`.
pub fn exists(dir: &Path, name: &str) -> bool {
    path_of(dir, name).is_ok_and(|path| path.exists() || older(&path).exists())
}

/// Removes the log `name` in `dir`; `false` when there is none. Its writer notices when it comes to rotate, and stops.
pub fn remove(dir: &Path, name: &str) -> bool {
    path_of(dir, name).is_ok_and(|path| {
        let older = fs::remove_file(older(&path)).is_ok();
        fs::remove_file(path).is_ok() || older
    })
}

/// Where the last `lines` lines start.
fn last_lines(bytes: &[u8], lines: u32) -> usize {
    if lines == 0 {
        return bytes.len();
    }
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let ends = text.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).nth(lines as usize - 1).unwrap_or(0)
}
