//! The folder that an archive is unpacked into: nothing of the archive gets out of it.
//!
//! An entry's name has no `..` and does not begin with `/`, and no link lies on the way to it. A link's target may begin
//! with `..`, not more often than its folder is deep, and has none behind that: then it ends within the folder whatever
//! links it passes, as these do so, too.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use gshell_plugin_sdk::{Error, Result};

use crate::errors;

/// Bits of a mode that an archive may set: no set-user-ID and the like.
const MODE: u32 = 0o777;

/// The folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

/// The parts of a name within the folder; none: the folder itself.
///
/// # Errors
/// When it leaves the folder or cannot be a name.
pub fn parts(name: &[u8]) -> Result<Vec<&OsStr>> {
    if name.first() == Some(&b'/') {
        return Err(errors::invalid(
            "it is absolute, and may only be inside of the folder",
        ));
    }
    if name.contains(&0) {
        return Err(errors::invalid("its name has a zero in it"));
    }
    let parts = name.split(|byte| *byte == b'/');
    let mut parts = parts.filter(|part| !part.is_empty() && *part != b".");
    if parts.clone().any(|part| part == b"..") {
        return Err(errors::invalid("it leaves the folder by \"..\""));
    }
    Ok(parts.by_ref().map(OsStr::from_bytes).collect())
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

impl Folder {
    /// This folder, which is made if it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn at(path: &str) -> Result<Folder> {
        fs::create_dir_all(path).map_err(|error| errors::at(path, error))?;
        Ok(Folder { root: path.into() })
    }

    /// Goes to the folder of these parts, makes what is missing, and passes no link.
    fn enter(&self, parts: &[&OsStr]) -> Result<PathBuf> {
        let mut path = self.root.clone();
        for part in parts {
            path.push(part);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => {}
                Ok(found) if found.is_symlink() => {
                    return Err(errors::invalid(format!(
                        "{} is a link on its way",
                        path.display()
                    )));
                }
                Ok(_) => return Err(errors::invalid(format!("{} is no folder", path.display()))),
                Err(error) if is_missing(&error) => {
                    fs::create_dir(&path).map_err(|error| errors::at(path.display(), error))?;
                }
                Err(error) => return Err(errors::at(path.display(), error)),
            }
        }
        Ok(path)
    }

    /// Where an entry goes, with nothing there any more, and how deep its folder is.
    fn clear(&self, name: &[u8]) -> Result<(PathBuf, usize)> {
        let parts = parts(name)?;
        let Some((last, parents)) = parts.split_last() else {
            return Err(errors::invalid("it has no name"));
        };
        let path = self.enter(parents)?.join(last);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(errors::at(path.display(), error)),
        }
        Ok((path, parents.len()))
    }

    /// Makes a folder, which its owner can use whatever its mode.
    ///
    /// # Errors
    /// When the name is refused or something else is there.
    pub fn folder(&self, name: &[u8], mode: u32) -> Result<()> {
        let parts = parts(name)?;
        let Some((last, parents)) = parts.split_last() else {
            return Ok(());
        };
        let path = self.enter(parents)?.join(last);
        let made = DirBuilder::new().mode(mode & MODE | 0o700).create(&path);
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.enter(&parts).map(drop),
            made => made.map_err(|error| errors::at(path.display(), error)),
        }
    }

    /// Makes an empty file with this mode; one that is there is replaced.
    ///
    /// # Errors
    /// When the name is refused or something else is there.
    pub fn file(&self, name: &[u8], mode: u32) -> Result<File> {
        let (path, _) = self.clear(name)?;
        let failed = |error| errors::at(path.display(), error);
        let mode = mode & MODE;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&path)
            .map_err(failed)?;
        file.set_permissions(Permissions::from_mode(mode))
            .map_err(failed)?;
        Ok(file)
    }

    /// Makes a symbolic link; a file that is there is replaced.
    ///
    /// # Errors
    /// When the name or the target is refused or something else is there.
    pub fn link(&self, name: &[u8], target: &[u8]) -> Result<()> {
        let depth = parts(name)?.len().saturating_sub(1);
        check_target(target, depth)?;
        let (path, _) = self.clear(name)?;
        let target = Path::new(OsStr::from_bytes(target));
        symlink(target, &path).map_err(|error| errors::at(path.display(), error))
    }

    /// Makes another name for a file of the archive.
    ///
    /// # Errors
    /// When a name is refused, or there is no such file.
    pub fn hard_link(&self, name: &[u8], target: &[u8]) -> Result<()> {
        let refused = |error: &Error| errors::about(format!("its target {}", target.escape_ascii()), error);
        let parts = parts(target).map_err(|error| refused(&error))?;
        let Some((last, parents)) = parts.split_last() else {
            return Err(errors::invalid("it links to the folder"));
        };
        let from = self.enter(parents).map_err(|error| refused(&error))?.join(last);
        let found = fs::symlink_metadata(&from).map_err(|error| errors::at(from.display(), error))?;
        if !found.is_file() {
            return Err(refused(&errors::invalid("it is no file")));
        }
        let (path, _) = self.clear(name)?;
        fs::hard_link(&from, &path).map_err(|error| errors::at(path.display(), error))
    }
}

/// Refuses targets of links that may lead out of the folder. `depth`: how deep the link's own folder is.
fn check_target(target: &[u8], depth: usize) -> Result<()> {
    let shown = target.escape_ascii();
    if target.is_empty() || target.contains(&0) || target.first() == Some(&b'/') {
        return Err(errors::invalid(format!(
            "it links to {shown}, which is outside of the folder"
        )));
    }
    let parts = target.split(|byte| *byte == b'/');
    let parts: Vec<&[u8]> = parts.filter(|part| !part.is_empty() && *part != b".").collect();
    let up = parts.iter().take_while(|part| **part == b"..").count();
    if up > depth {
        return Err(errors::invalid(format!(
            "it links to {shown}, which is outside of the folder"
        )));
    }
    if parts.iter().skip(up).any(|part| *part == b"..") {
        let text =
            format!("it links to {shown}, which may lead out of the folder: \"..\" stands behind a name");
        return Err(errors::invalid(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        let joined = |name: &[u8]| parts(name).map(|parts| parts.iter().collect::<PathBuf>());
        assert_eq!(joined(b"./a//b/.").unwrap(), Path::new("a/b"));
        assert_eq!(joined(b"./").unwrap(), Path::new(""));
        assert_eq!(joined(b"a/..b/c..").unwrap(), Path::new("a/..b/c.."));
        for name in [&b"/a"[..], b"..", b"a/../b", b"a/..", b"a\0b"] {
            assert!(joined(name).is_err(), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn targets_stay_inside() {
        for (target, depth) in [
            (&b"a"[..], 0),
            (b"./a/b", 0),
            (b"..", 1),
            (b"../../a", 2),
            (b".././../a", 2),
        ] {
            assert!(check_target(target, depth).is_ok(), "{}", target.escape_ascii());
        }
        for (target, depth) in [
            (&b""[..], 0),
            (b"/etc", 5),
            (b"..", 0),
            (b"../..", 1),
            (b"./../a", 0),
            // Where a leads is not known.
            (b"a/..", 3),
            (b"../a/../b", 3),
            (b"a\0b", 0),
        ] {
            assert!(check_target(target, depth).is_err(), "{}", target.escape_ascii());
        }
    }
}
