//! A file that at most one process holds, and that says who.
//!
//! The lock is flock's, not the file's existence: the kernel drops it with the last descriptor, so whatever a
//! killed process leaves behind does not lock anybody out.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Times that the file may be removed and made again between opening and locking before that is an error.
const MAX_TRIES: usize = 32;

/// Bytes of a holder's content that are read: it is a process id or another short note.
const MAX_CONTENT: u64 = 4096;

/// Why a lock was not acquired.
#[derive(Debug)]
pub enum LockError {
    /// Another process (or another open of the file in this one) has it.
    Held {
        /// What the holder wrote; empty when it has not come to that yet. At most 4096 bytes.
        content: String,
    },
    /// The file could not be made, locked or written.
    Io(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockError::Held { content } if content.trim().is_empty() => f.write_str("lock is held"),
            LockError::Held { content } => write!(f, "lock is held by {}", content.trim()),
            LockError::Io(error) => write!(f, "cannot lock: {error}"),
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LockError::Held { .. } => None,
            LockError::Io(error) => Some(error),
        }
    }
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> LockError {
        LockError::Io(error)
    }
}

/// A held lock. It is free again when this and all duplicates of its descriptor (a forked child's, too) are closed;
/// dropping one of several does not unlock.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Takes the lock of the file at `path`, without waiting, and writes `content` to it. The file is made (mode
    /// 0644) when there is none and is never removed; a symbolic link is refused.
    pub fn acquire(path: &Path, content: &str) -> Result<Lock, LockError> {
        for _ in 0..MAX_TRIES {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .custom_flags(libc::O_NOFOLLOW)
                .open(path)?;
            if !try_flock(file.as_fd())? {
                let mut held = Vec::new();
                file.take(MAX_CONTENT).read_to_end(&mut held)?;
                return Err(LockError::Held {
                    content: String::from_utf8_lossy(&held).into_owned(),
                });
            }
            if is_still_at(&file, path)? {
                file.set_len(0)?;
                file.write_all(content.as_bytes())?;
                return Ok(Lock(file));
            }
        }
        Err(LockError::Io(io::Error::other(
            "the lock file is being replaced all the time",
        )))
    }

    /// The descriptor that holds the lock, to pass on.
    pub fn into_fd(self) -> OwnedFd {
        self.0.into()
    }
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether the lock was free and is now ours.
///
/// Not nix's guard, which unlocks when it is dropped, also in a forked child that only lets go of its duplicate;
/// not the standard library's, which is newer than the compiler this project promises to build with.
fn try_flock(fd: BorrowedFd<'_>) -> io::Result<bool> {
    loop {
        // SAFETY: flock takes an open descriptor, which the borrow guarantees, and touches no memory.
        if unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::WouldBlock => return Ok(false),
            io::ErrorKind::Interrupted => {}
            _ => return Err(error),
        }
    }
}

/// Whether `path` still leads to the file that was opened. Otherwise somebody removed it in between, and the lock
/// excludes nobody who comes later.
fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    let opened = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok((opened.dev(), opened.ino()) == (found.dev(), found.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn one_at_a_time() {
        let dir = TempDir::new();
        let path = dir.path().join("lock");
        std::fs::write(&path, "left over from a killed process, and longer").unwrap();
        let lock = Lock::acquire(&path, "12\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "12\n");
        match Lock::acquire(&path, "13") {
            Err(error @ LockError::Held { .. }) => assert_eq!(error.to_string(), "lock is held by 12"),
            other => panic!("{other:?}"),
        }
        // A duplicate keeps it when the first is closed.
        let duplicate = lock.as_fd().try_clone_to_owned().unwrap();
        drop(lock.into_fd());
        assert!(matches!(Lock::acquire(&path, "13"), Err(LockError::Held { .. })));
        drop(duplicate);
        Lock::acquire(&path, "13").unwrap();
    }

    #[test]
    fn a_replaced_file_is_noticed() {
        let dir = TempDir::new();
        let path = dir.path().join("lock");
        let old = File::create(&path).unwrap();
        assert!(is_still_at(&old, &path).unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(!is_still_at(&old, &path).unwrap());
        let _new = File::create(&path).unwrap();
        assert!(!is_still_at(&old, &path).unwrap());
        assert!(try_flock(old.as_fd()).unwrap());
        Lock::acquire(&path, "").unwrap();
    }

    #[test]
    fn a_link_or_a_missing_folder_is_an_error() {
        let dir = TempDir::new();
        let path = dir.path().join("lock");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(matches!(Lock::acquire(&path, ""), Err(LockError::Io(_))));
        assert!(matches!(
            Lock::acquire(&dir.path().join("no/lock"), ""),
            Err(LockError::Io(_))
        ));
    }
}
