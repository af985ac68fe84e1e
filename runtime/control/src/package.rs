//! The code of an environment as it travels: a set of files with paths of their own, of which one is run.
//!
//! The rules are checked by whoever makes a package, so that the error comes before anything is started, and again by
//! whoever receives one, because a peer or a disk may lie.

use gshell_small::Set;
use gshell_wire::{Bytes, Schema};
use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::limits::{PACKAGE_BYTES, PACKAGE_FILES, PACKAGE_PATH};

/// One file of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct PackageFile {
    /// Path inside the package, with `/` between components; see [`check_path`].
    pub path: String,
    /// What the file holds.
    pub data: Bytes,
}

/// The files of a script, or the one file of an ELF program. The default is empty and passes no check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Package {
    /// All files; a folder exists by the paths in it.
    pub files: Vec<PackageFile>,
    /// Path of the file that is run; one of `files`.
    pub main: String,
    /// Whether it is an ELF program, which is a package of one file, instead of a script.
    pub elf: bool,
}

impl Package {
    /// Checks counts, sizes, paths and that `main` is there. Errors name the path.
    pub fn check(&self) -> Result<(), Invalid> {
        check_files(
            self.files
                .iter()
                .map(|file| (file.path.as_str(), file.data.len())),
            &self.main,
            self.elf,
        )
    }

    /// A package that stands for the app of a plugin: the group that runs it asks the plugin for its source.
    pub fn of_app(plugin: &str) -> Package {
        let main = format!("{APP}{plugin}");
        let file = PackageFile {
            path: main.clone(),
            data: Bytes::from(app_text(plugin).into_bytes()),
        };
        Package {
            files: vec![file],
            main,
            elf: false,
        }
    }

    /// The plugin whose app this stands for, if it is such a package.
    pub fn app(&self) -> Option<&str> {
        let plugin = self.main.strip_prefix(APP)?;
        match self.files.as_slice() {
            [file] if *file.data == *app_text(plugin).as_bytes() => Some(plugin),
            _ => None,
        }
    }

    /// The file of this path.
    pub fn file(&self, path: &str) -> Option<&PackageFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

const WHAT: &str = "package";

/// What the path of a package's main file begins with that stands for a plugin's app.
const APP: &str = "plugin:";

/// What its one file holds.
fn app_text(plugin: &str) -> String {
    format!("-- The app of plugin {plugin}: gshell runs the one that the plugin has.\n")
}

/// Checks the files of a package, given as path and length; see [`Package::check`].
pub fn check_files<'a>(
    files: impl Iterator<Item = (&'a str, usize)>,
    main: &str,
    elf: bool,
) -> Result<(), Invalid> {
    let (mut seen, mut bytes) = (Set::new(), 0_usize);
    for (path, length) in files {
        check_path(path)?;
        if !seen.insert(path) {
            return Err(Invalid::new(WHAT, path, "the path occurs twice"));
        }
        bytes = bytes.saturating_add(length);
        if seen.len() > PACKAGE_FILES as usize {
            return Err(Invalid::new(
                WHAT,
                path,
                format!("it has more than {PACKAGE_FILES} files"),
            ));
        }
        if bytes > PACKAGE_BYTES as usize {
            let reason = format!("with this file it is larger than {} MiB", PACKAGE_BYTES >> 20);
            return Err(Invalid::new(WHAT, path, reason));
        }
    }
    if !seen.contains(main) {
        return Err(Invalid::new(WHAT, main, "the file to run is not in it"));
    }
    if elf && seen.len() != 1 {
        return Err(Invalid::new(
            WHAT,
            main,
            "an ELF program is a package of one file",
        ));
    }
    Ok(())
}

/// Checks a path inside a package: relative, of plain components, within its length. No path that passes leads out of
/// the folder that it is joined to.
pub fn check_path(path: &str) -> Result<(), Invalid> {
    let wrong = |reason: &str| Err(Invalid::new("path in package", path, reason));
    if path.is_empty() {
        return wrong("it is empty");
    }
    if path.len() > PACKAGE_PATH as usize {
        return wrong(&format!("it is longer than {PACKAGE_PATH} bytes"));
    }
    if path.contains('\0') {
        return wrong("it holds a NUL character");
    }
    if path.starts_with('/') {
        return wrong("it is absolute");
    }
    for component in path.split('/') {
        match component {
            "" => return wrong("it has an empty component"),
            "." => return wrong("it has a component \".\""),
            ".." => return wrong("it leaves the package by \"..\""),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_may_stand_for_an_app() {
        let mut package = Package::of_app("example.org/echo");
        assert_eq!(package.check(), Ok(()));
        assert_eq!(package.app(), Some("example.org/echo"));
        package.files[0].data = Bytes::from(b"print(1)".to_vec());
        assert_eq!(package.app(), None, "a script that has this name");
        assert_eq!(Package::default().app(), None);
    }

    #[test]
    fn paths_stay_inside() {
        for good in ["main.lua", "a/b/c.lua", "..a", "a..", "...", "a b", "ä.lua"] {
            assert_eq!(check_path(good), Ok(()));
        }
        for (bad, said) in [
            ("", "empty"),
            ("/etc/passwd", "absolute"),
            ("..", "leaves"),
            ("a/../../b", "leaves"),
            ("a//b", "empty component"),
            ("a/", "empty component"),
            ("./a", "\".\""),
            ("a\0b", "NUL"),
        ] {
            let error = check_path(bad).unwrap_err().to_string();
            assert!(error.contains(said), "{bad:?}: {error}");
        }
        assert!(check_path(&"x".repeat(PACKAGE_PATH as usize + 1)).is_err());
    }

    fn check(files: &[(&str, usize)], main: &str, elf: bool) -> Result<(), String> {
        check_files(files.iter().copied(), main, elf).map_err(|error| error.to_string())
    }

    #[test]
    fn packages_are_counted_and_measured() {
        assert_eq!(
            check(&[("main.lua", 1), ("lib/a.lua", 2)], "main.lua", false),
            Ok(())
        );
        assert!(
            check(&[("a", 1), ("a", 1)], "a", false)
                .unwrap_err()
                .contains("twice")
        );
        assert!(check(&[("a", 1)], "b", false).unwrap_err().contains("not in it"));
        assert!(check(&[], "b", false).unwrap_err().contains("not in it"));
        assert!(
            check(&[("a", 1), ("b", 1)], "a", true)
                .unwrap_err()
                .contains("one file")
        );
        assert!(
            check(&[("a", usize::MAX), ("b", 2)], "a", false)
                .unwrap_err()
                .contains("8 MiB")
        );
        let names: Vec<String> = (0..=PACKAGE_FILES).map(|n| n.to_string()).collect();
        let files: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 0)).collect();
        assert!(check(&files, "0", false).unwrap_err().contains("1024 files"));
    }

    #[test]
    fn the_type_checks_itself() {
        let file = PackageFile {
            path: "main.lua".into(),
            data: Bytes::from(b"print(1)".to_vec()),
        };
        let package = Package {
            files: vec![file],
            main: "main.lua".into(),
            elf: false,
        };
        assert_eq!(package.check(), Ok(()));
        assert!(package.file("main.lua").is_some() && package.file("x").is_none());
    }
}
