//! Where a plugin comes from.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is linked into the program.
    BuiltIn,
    /// It was loaded from this file, which had this content then.
    File(PathBuf, Identity),
}

impl Origin {
    /// The file, if it came from one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Origin::BuiltIn => None,
            Origin::File(path, _) => Some(path),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::BuiltIn => f.write_str("built in"),
            Origin::File(path, _) => path.display().fmt(f),
        }
    }
}

/// What tells one content of a file from another: its length and its CRC-32. It is there to notice a new build, not to
/// keep somebody from faking one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Bytes of the file.
    pub size: u64,
    /// CRC-32 of its content, as in zip.
    pub sum: u32,
}
