//! The few file operations that everything on disk is made of; each error names its operation and its file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// What temporary files end with. They are left behind only by a crash, and removed by whoever finds them.
pub const TEMP: &str = ".tmp";

/// Adds `suffix` to the file name of `path`.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes a folder of this mode, and the ones above it, unless it is there.
pub fn make_dir(path: &Path, mode: u32) -> Result<(), StoreError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(StoreError::io("make folder", path))
}

/// Writes a file and waits until the disk has it. An old file of that name is overwritten in place.
pub fn write_synced(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .map_err(StoreError::io("make", path))?;
    file.write_all(bytes).map_err(StoreError::io("write", path))?;
    file.sync_all().map_err(StoreError::io("sync", path))
}

/// Waits until the disk has the names in a folder.
pub fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(StoreError::io("sync folder", path))
}

/// Renames within a filesystem; takes the place of what is there.
pub fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(StoreError::io("rename", from))
}

/// Removes a file; `false` when there is none.
pub fn remove(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io("remove", path)(error)),
    }
}

/// Replaces a file of which no older generation is kept: complete or not at all, whatever happens.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let temp = with_suffix(path, TEMP);
    let written = write_synced(&temp, bytes, mode).and_then(|()| rename(&temp, path));
    if let Err(error) = written {
        let _ = fs::remove_file(&temp);
        return Err(error);
    }
    match path.parent() {
        Some(dir) => sync_dir(dir),
        None => Ok(()),
    }
}

/// Reads a file of at most `most` bytes; `None` when there is none. What is no plain file is an error, not waited for.
pub fn read(path: &Path, most: u32) -> Result<Option<Vec<u8>>, StoreError> {
    let fail = StoreError::io("read", path);
    match read_plain(path, most) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fail(error)),
    }
}

fn read_plain(path: &Path, most: u32) -> io::Result<Vec<u8>> {
    let found = fs::symlink_metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no plain file"));
    }
    if found.len() > u64::from(most) {
        let text = format!("it has {} bytes, {most} are allowed", found.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut bytes = Vec::with_capacity(found.len() as usize);
    File::open(path)?.take(u64::from(most)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The names in a folder, sorted; none when it is missing. Names that are no UTF-8 are not ours and left out.
pub fn names(dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("list", dir)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", dir))?;
        names.extend(entry.file_name().into_string());
    }
    gshell_small::sort(&mut names);
    Ok(names)
}
