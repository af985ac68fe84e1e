//! What can go wrong with the state folder.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use gshell_control::Invalid;
use gshell_sys::lock::LockError;

use super::record::RecordError;

/// Why something could not be kept or found again.
#[derive(Debug)]
pub enum StoreError {
    /// The system refused: disk full, read-only, no permission, an I/O error.
    Io {
        /// What was being done, such as `write`.
        operation: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the group's folder.
    Locked {
        /// The lock's file.
        path: PathBuf,
        /// Who has it, or why it could not be had.
        source: LockError,
    },
    /// A name, a path or a package breaks its rules.
    Invalid(Invalid),
    /// A file was read and does not hold what it should.
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RecordError,
    },
    /// A package does not have the hash that it is named by.
    Hash {
        /// The file.
        path: PathBuf,
    },
    /// The state folder was written by a newer gshell.
    NewerLayout {
        /// The file that says so.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
}

impl StoreError {
    /// Makes the error of a failed system call.
    pub(crate) fn io<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io {
            operation,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether the file or folder is missing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether the disk is full or read-only: nothing is wrong with the data, and it may work later.
    pub fn is_disk_trouble(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io {
                operation,
                path,
                source,
            } => {
                write!(f, "cannot {operation} {}: {source}", path.display())
            }
            Self::Locked { path, source } => write!(f, "cannot take {}: {source}", path.display()),
            Self::Invalid(source) => source.fmt(f),
            Self::Record { path, source } => write!(f, "{} does not read: {source}", path.display()),
            Self::Hash { path } => write!(f, "{} does not have the hash of its name", path.display()),
            Self::NewerLayout { path, found, known } => {
                write!(
                    f,
                    "{} says version {found}, and this gshell knows up to {known}: use a newer gshell or another state \
                     folder",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Locked { source, .. } => Some(source),
            Self::Invalid(source) => Some(source),
            Self::Record { source, .. } => Some(source),
            Self::Hash { .. } | Self::NewerLayout { .. } => None,
        }
    }
}

impl From<Invalid> for StoreError {
    fn from(source: Invalid) -> Self {
        Self::Invalid(source)
    }
}
