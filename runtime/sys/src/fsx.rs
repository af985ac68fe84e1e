//! Files that are replaced as a whole, so that a power cut leaves the old or the new content and nothing between.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

/// Makes what was created, renamed or removed in the folder `path` last through a power cut.
///
/// A file system that cannot (the kernel says so with EINVAL) has nothing to promise, and that is no failure.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

/// Replaces the file at `path` by one with these bytes and exactly this mode, or fails and leaves the old one.
///
/// Writes `.NAME.tmp` next to it, so two writers of one file must be kept apart by the caller; one that a crash
/// left behind is overwritten. Fails with `InvalidInput` when `path` does not end in a name.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = temporary_of(path)?;
    let result = write_synced(&temporary, bytes, mode).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = result {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_dir(parent_of(path))
}

/// Where [`write_atomic`] writes first: `.NAME.tmp` in the same folder, as only there a rename is atomic.
fn temporary_of(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(".tmp");
    Ok(path.with_file_name(temporary))
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn write_synced(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // What is left over may have another owner, mode or be a link to elsewhere: never write into it.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    // The mode at creation was cut by the umask.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Bytes that an unprivileged user can still write to the file system that holds `path`.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let stat = statvfs(path)?;
    // Both have 32 bits on 32-bit machines, and their product does not fit there.
    #[allow(clippy::useless_conversion)]
    let (blocks, size) = (
        u64::from(stat.blocks_available()),
        u64::from(stat.fragment_size()),
    );
    Ok(blocks.saturating_mul(size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn names(dir: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn replaces_with_mode_and_leaves_nothing() {
        let dir = TempDir::new();
        let path = dir.path().join("state");
        fs::write(dir.path().join(".state.tmp"), "left over").unwrap();
        write_atomic(&path, b"one", 0o666).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o666);
        write_atomic(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(names(dir.path()), ["state"]);
    }

    #[test]
    fn a_failure_keeps_the_old_and_cleans_up() {
        let dir = TempDir::new();
        // A folder with something in it cannot be replaced by a file.
        let path = dir.path().join("state");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "x").unwrap();
        assert!(write_atomic(&path, b"one", 0o600).is_err());
        assert_eq!(names(dir.path()), ["state"]);
        assert!(write_atomic(&dir.path().join("missing/state"), b"", 0o600).is_err());
        assert_eq!(
            write_atomic(Path::new("/"), b"", 0o600).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }

    #[test]
    fn a_link_left_in_the_way_is_not_followed() {
        let dir = TempDir::new();
        let other = dir.path().join("other");
        fs::write(&other, "keep").unwrap();
        std::os::unix::fs::symlink(&other, dir.path().join(".state.tmp")).unwrap();
        write_atomic(&dir.path().join("state"), b"new", 0o600).unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"keep");
    }

    #[test]
    fn folders_and_space() {
        let dir = TempDir::new();
        sync_dir(dir.path()).unwrap();
        assert!(sync_dir(&dir.path().join("missing")).is_err());
        assert!(free_space(dir.path()).unwrap() > 0);
        assert_eq!(parent_of(Path::new("name")), Path::new("."));
    }
}
