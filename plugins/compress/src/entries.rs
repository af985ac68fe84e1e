//! What archives are about: entries as scripts see them, files to pack, and archives that appear when they are whole.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use gshell_plugin_sdk::{Call, Code, Error, Fields, Result};

use crate::{errors, place};

/// An entry of an archive.
#[derive(Debug, Fields)]
pub struct Entry {
    /// Its name, with `/` between folders.
    pub name: Vec<u8>,
    /// `file`, `folder`, `link`, `hard link` or `other`.
    pub kind: String,
    /// Bytes of a file.
    pub size: i64,
    /// Permissions, as in 0o644.
    pub mode: Option<u32>,
    /// When it was changed, in seconds of Unix time.
    pub modified: Option<i64>,
    /// What a link leads to.
    pub target: Option<Vec<u8>>,
}

/// What was packed or unpacked.
#[derive(Debug, Default, Fields)]
pub struct Done {
    /// How many entries.
    pub entries: u32,
    /// Bytes of their contents.
    pub bytes: i64,
}

/// What may be said about packing.
#[derive(Debug, Default, Fields)]
pub struct Packing {
    /// From 0 to 9.
    pub level: Option<u32>,
    /// Which files and folders of the folder; all without it.
    pub names: Option<Vec<String>>,
    /// Whether gzip goes around a tar.
    pub gzip: Option<bool>,
}

/// What may be said about unpacking.
#[derive(Debug, Default, Fields)]
pub struct Unpacking {
    /// Bytes of all contents at most.
    pub limit: Option<i64>,
    /// Entries at most.
    pub entries: Option<u32>,
}

/// A number for scripts; more than 2^63 bytes are nowhere.
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How an entry is named in errors.
pub fn shown(archive: &str, name: &[u8]) -> String {
    format!("{archive}: entry {}", name.escape_ascii())
}

/// Something to pack.
pub struct Item {
    /// Relative to the folder.
    pub name: PathBuf,
    /// Where it is.
    pub path: PathBuf,
    /// What it is, not followed.
    pub facts: Metadata,
}

/// Files, folders and links below a folder, sorted by name, each folder before what is in it.
///
/// # Errors
/// When one cannot be read or a name leaves the folder.
pub fn items(call: &Call<'_>, folder: &str, names: Option<&[String]>) -> Result<Vec<Item>> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    let all = [".".to_owned()];
    for name in names.unwrap_or(&all) {
        let parts = place::parts(name.as_bytes()).map_err(|error| errors::about(name, &error))?;
        open.push(parts.iter().collect::<PathBuf>());
    }
    while let Some(name) = open.pop() {
        if call.is_cancelled() {
            return Err(Error::new(
                Code::Cancelled,
                format!("{folder}: nobody waits for it any more"),
            ));
        }
        let path = Path::new(folder).join(&name);
        let failed = |error: io::Error| errors::at(path.display(), error);
        let is_root = name.as_os_str().is_empty();
        // The folder itself may be a link to one.
        let facts = if is_root {
            fs::metadata(&path)
        } else {
            fs::symlink_metadata(&path)
        };
        let facts = facts.map_err(failed)?;
        if facts.is_dir() {
            for entry in fs::read_dir(&path).map_err(failed)? {
                open.push(name.join(entry.map_err(failed)?.file_name()));
            }
        } else if is_root {
            return Err(errors::invalid(format!("{folder}: it is no folder")));
        }
        let is_known = facts.is_dir() || facts.is_file() || facts.is_symlink();
        if is_known && !is_root {
            found.push(Item { name, path, facts });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    Ok(found)
}

/// An archive that is being written, beside the place where it appears when it is whole.
pub struct Draft {
    path: PathBuf,
    at: PathBuf,
    /// Its device and number: it may lie in the folder that is packed.
    identity: (u64, u64),
    kept: bool,
}

impl Draft {
    /// Begins one, and gives what is written to.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(path: &str) -> Result<(Draft, BufWriter<File>)> {
        let mut at = PathBuf::from(path).into_os_string();
        at.push(".new");
        let at = PathBuf::from(at);
        let failed = |error| errors::at(at.display(), error);
        let file = File::create(&at).map_err(failed)?;
        let facts = file.metadata().map_err(failed)?;
        let draft = Draft {
            path: path.into(),
            identity: (facts.dev(), facts.ino()),
            at,
            kept: false,
        };
        Ok((draft, BufWriter::new(file)))
    }

    /// Whether a file is the archive itself, or the one that it will replace.
    pub fn is(&self, item: &Item) -> bool {
        let same = fs::metadata(&self.path)
            .is_ok_and(|old| (old.dev(), old.ino()) == (item.facts.dev(), item.facts.ino()));
        same || (item.facts.dev(), item.facts.ino()) == self.identity
    }

    /// Puts it into its place.
    ///
    /// # Errors
    /// When a disk is full or the place is taken by a folder.
    pub fn keep(mut self, written: BufWriter<File>) -> Result<()> {
        let failed = |error| errors::at(self.path.display(), error);
        let file = written.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        fs::rename(&self.at, &self.path).map_err(failed)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody can be told, and the error that led here says more.
            let _ = fs::remove_file(&self.at);
        }
    }
}

/// The target of a link, as it is written.
///
/// # Errors
/// When it cannot be read.
pub fn target(item: &Item) -> Result<PathBuf> {
    fs::read_link(&item.path).map_err(|error| errors::at(item.path.display(), error))
}
