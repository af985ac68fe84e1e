//! Replacing a file so that whoever reads it, also after a loss of power, finds the old content or the new.

use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Names that are tried for the temporary file.
const ATTEMPTS: u32 = 16;

/// Writes `data` beside `target`, flushes it to the disk, renames it over `target`, flushes the folder.
///
/// A link is followed, so that it stays one. The mode is `mode`, else that of the file that is replaced.
pub fn replace(target: &Path, data: &[u8], mode: Option<u32>) -> io::Result<()> {
    let target = &resolve(target)?;
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let old = fs::metadata(target).ok();
    if old.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(ErrorKind::IsADirectory.into());
    }
    let kept = mode.or_else(|| old.map(|meta| meta.mode() & 0o7777));
    let (file, name) = temporary(target, folder)?;
    let done = fill(file, data, kept).and_then(|()| fs::rename(&name, target));
    if let Err(error) = done {
        let _ = fs::remove_file(&name);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

/// The file that a link leads to; a path that does not exist yet stands for itself.
fn resolve(target: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(target) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(target.to_owned()),
        Err(error) => Err(error),
    }
}

fn temporary(target: &Path, folder: &Path) -> io::Result<(File, PathBuf)> {
    let name = target
        .file_name()
        .ok_or(ErrorKind::InvalidInput)?
        .to_string_lossy();
    for attempt in 0..ATTEMPTS {
        let random = RandomState::new().hash_one(attempt);
        // Part of the name shows whose remains these are, should the machine stop right here.
        let short: String = name.chars().take(40).collect();
        let path = folder.join(format!(".{short}.{random:016x}.tmp"));
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o666)
            .open(&path)
        {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            other => return other.map(|file| (file, path)),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

fn fill(mut file: File, data: &[u8], mode: Option<u32>) -> io::Result<()> {
    if let Some(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.write_all(data)?;
    file.sync_all()
}
