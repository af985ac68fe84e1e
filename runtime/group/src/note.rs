//! Last words: which environment a group is to go on without.
//!
//! A script that cannot be interrupted (a pattern match inside C, a finalizer that loops) is left out by
//! starting its group again without it. Whoever ends the group, its own watchdog in a signal handler or
//! the daemon, leaves a note of fixed size; the next start of the group reads it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bytes of a note: the environment's ID and one byte for the reason.
pub const NOTE_LEN: usize = 13;

/// Why an environment is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was inside a C function that did not return.
    InC,
    /// It ran where a script cannot be suspended: a comparison function, a metamethod, a finalizer.
    NotYieldable,
    /// It did not end when it was told to.
    Unstoppable,
}

impl Reason {
    const fn byte(self) -> u8 {
        match self {
            Reason::InC => 1,
            Reason::NotYieldable => 2,
            Reason::Unstoppable => 3,
        }
    }

    /// What `ps` says about the environment.
    pub const fn text(self) -> &'static str {
        match self {
            Reason::InC => {
                "killed: it was busy inside one library function (such as a string pattern) and blocked its \
                 group; the group was restarted without it"
            }
            Reason::NotYieldable => {
                "killed: it was busy where a script cannot be suspended (a comparison function, a metamethod, a \
                 finalizer) and blocked its group; the group was restarted without it"
            }
            Reason::Unstoppable => "killed: it did not end when told to; the group was restarted without it",
        }
    }
}

/// The note file of a group, below the runtime dir.
pub fn path(run_dir: &Path, group: &str) -> PathBuf {
    run_dir.join("groups").join(group).join("note")
}

/// Opens the note for the watchdog, which can only write to it.
pub fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
}

/// Leaves a note that `id` is to be left out.
pub fn write(path: &Path, id: &str, reason: Reason) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut bytes = id.as_bytes().to_vec();
    bytes.push(reason.byte());
    fs::write(path, bytes)
}

/// Reads and removes the note; anything that is no note is none.
pub fn take(path: &Path) -> Option<(String, Reason)> {
    let bytes = fs::read(path).ok()?;
    let _ = fs::remove_file(path);
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Option<(String, Reason)> {
    if bytes.len() != NOTE_LEN {
        return None;
    }
    let (id, reason) = bytes.split_at(NOTE_LEN - 1);
    let id = std::str::from_utf8(id).ok()?;
    gshell_control::names::check_env_id(id).ok()?;
    let reason = match reason {
        [1] => Reason::InC,
        [2] => Reason::NotYieldable,
        [3] => Reason::Unstoppable,
        _ => return None,
    };
    Some((id.to_owned(), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_notes_count() {
        assert_eq!(
            parse(b"0123456789ab\x01"),
            Some(("0123456789ab".into(), Reason::InC))
        );
        for bad in [
            &b""[..],
            b"0123456789ab",
            b"0123456789ab\x09",
            b"0123456789AB\x01",
            b"0123456789ab\x01\x01",
        ] {
            assert_eq!(parse(bad), None);
        }
    }

    #[test]
    fn a_note_is_read_once() {
        let folder = std::env::temp_dir().join(format!("gsh-note-{}", std::process::id()));
        let file = path(&folder, "a-1");
        write(&file, "0123456789ab", Reason::Unstoppable).unwrap();
        assert_eq!(take(&file), Some(("0123456789ab".into(), Reason::Unstoppable)));
        assert_eq!(take(&file), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
