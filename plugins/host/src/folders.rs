//! The folders in which plugins are, and what lies in them.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use gshell_small::Set;

use crate::file::{EXTENSION, Facts, Kind, Refusal, fits, inspect, names};

/// Where plugins are that everybody has.
pub const SYSTEM: &str = "/usr/lib/gshell/plugins";
/// Below the data folder of a user.
pub const OF_USER: &str = "gshell/plugins";
/// Variable that stands in for `--plugin-dir`.
pub const VARIABLE: &str = "GSHELL_PLUGIN_DIR";

/// Folders inside of each other.
const DEPTH: u32 = 16;
/// Entries of folders in one walk; a folder that is no folder of plugins is not looked through for minutes.
const ENTRIES: u32 = 10_000;

/// A file whose name says that it is a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// What it says of itself, if that can be read. Whether it fits this node is told apart from it.
    pub facts: Result<Facts, Refusal>,
    /// Why it is not taken, if it is not.
    pub refusal: Option<Refusal>,
}

/// What is in some folders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// All files of plugins, in the order in which they count.
    pub found: Vec<Found>,
    /// Folders that could not be read, and why.
    pub problems: Vec<(PathBuf, String)>,
}

impl Listing {
    /// The file that has the plugin of this name: no other one is opened for it.
    pub fn named(&self, name: &str) -> Option<&Found> {
        let module = names::module(name);
        let has = |found: &&Found| {
            found
                .facts
                .as_ref()
                .is_ok_and(|facts| names::module(&facts.name) == module)
        };
        let mut all = self.found.iter().filter(has);
        all.clone()
            .find(|found| found.refusal.is_none())
            .or_else(|| all.next())
    }
}

/// The folders that somebody chose: those that the option names, or else the variable, with a colon between them. They are
/// absolute.
///
/// Fails when a relative path cannot be made absolute because the working directory is gone.
pub fn chosen(option: Option<&OsStr>, variable: Option<&OsStr>) -> io::Result<Vec<PathBuf>> {
    let parts = option.or(variable).into_iter().flat_map(std::env::split_paths);
    parts
        .filter(|part| !part.as_os_str().is_empty())
        .map(std::path::absolute)
        .collect()
}

/// The folders in the order in which they count: those that were chosen; that of the user, below the folder `data`, which
/// root does not have; that of the system.
pub fn in_order(chosen: &[PathBuf], data: Option<&Path>) -> Vec<PathBuf> {
    let mut folders = chosen.to_vec();
    folders.extend(data.map(|data| data.join(OF_USER)));
    folders.push(PathBuf::from(SYSTEM));
    folders
}

/// Looks through the folders and those inside them, in the order of their names. A folder that is not there is fine. The
/// first file of a name that fits this node counts; each other one has a refusal.
pub fn walk(folders: &[PathBuf]) -> Listing {
    let mut walk = Walk::default();
    for folder in folders {
        walk.folder(folder, 0);
    }
    mark_duplicates(&mut walk.listing.found);
    walk.listing
}

#[derive(Default)]
struct Walk {
    listing: Listing,
    /// Device and number of folders that were looked through: one is not twice, and links make no circle.
    seen: Set<(u64, u64)>,
    entries: u32,
}

impl Walk {
    fn folder(&mut self, folder: &Path, depth: u32) {
        let entries = match self.entries(folder, depth) {
            Ok(entries) => entries,
            Err(why) => return self.listing.problems.push((folder.to_owned(), why)),
        };
        for path in entries {
            // Links count as what they lead to.
            let is_folder = fs::metadata(&path).is_ok_and(|meta| meta.is_dir());
            if is_folder {
                self.folder(&path, depth + 1);
            } else if path.extension().is_some_and(|extension| extension == EXTENSION) {
                let facts = inspect(&path);
                let refusal = facts
                    .as_ref()
                    .map_or_else(|why| Some(why.clone()), |facts| fits(facts).err());
                self.listing.found.push(Found { path, facts, refusal });
            }
        }
    }

    /// What is in a folder, sorted; nothing when it is not there or was looked through before.
    fn entries(&mut self, folder: &Path, depth: u32) -> Result<Vec<PathBuf>, String> {
        let meta = match fs::metadata(folder) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&error)),
        };
        if !meta.is_dir() {
            return Err("not a folder".to_owned());
        }
        if !self.seen.insert((meta.dev(), meta.ino())) {
            return Ok(Vec::new());
        }
        if depth > DEPTH {
            return Err(format!("more than {DEPTH} folders inside of each other"));
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| unreadable(&error))? {
            self.entries += 1;
            if self.entries > ENTRIES {
                return Err(format!(
                    "more than {ENTRIES} files; it does not look like a folder of plugins"
                ));
            }
            paths.push(entry.map_err(|error| unreadable(&error))?.path());
        }
        gshell_small::sort(&mut paths);
        Ok(paths)
    }
}

fn unreadable(error: &io::Error) -> String {
    Refusal::io(error).text
}

/// Of several that would be taken under one name, the first is. Names are compared as scripts see them.
fn mark_duplicates(found: &mut [Found]) {
    let mut taken: Vec<(String, PathBuf)> = Vec::new();
    for found in found.iter_mut().filter(|found| found.refusal.is_none()) {
        let Ok(facts) = &found.facts else { continue };
        let module = names::module(&facts.name);
        match taken.iter().find(|(name, _)| *name == module) {
            Some((_, first)) => {
                let text = format!("{} is already there, from {}", facts.name, first.display());
                found.refusal = Some(Refusal::new(Kind::Duplicate, text));
            }
            None => taken.push((module, found.path.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::tests::Made;
    use std::os::unix::fs::symlink;

    struct Temp(PathBuf);

    impl Temp {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("gsh-folders-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn plugin(&self, path: &str, name: &str) {
            let made = Made {
                name: name.into(),
                ..Made::default()
            };
            self.write(path, &made.bytes());
        }

        fn write(&self, path: &str, data: &[u8]) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, data).unwrap();
        }

        fn walk(&self, folders: &[&str]) -> Listing {
            let folders: Vec<PathBuf> = folders.iter().map(|folder| self.0.join(folder)).collect();
            walk(&folders)
        }

        /// Path from the folder, name, reason.
        fn told(&self, listing: &Listing) -> Vec<(String, String, String)> {
            let one = |found: &Found| {
                let path = found.path.strip_prefix(&self.0).unwrap().display().to_string();
                let name = found
                    .facts
                    .as_ref()
                    .map_or_else(|_| String::new(), |facts| facts.name.clone());
                let reason = found
                    .refusal
                    .as_ref()
                    .map_or_else(String::new, |refusal| refusal.text.clone());
                (path, name, reason.replace(&self.0.display().to_string(), ""))
            };
            listing.found.iter().map(one).collect()
        }
    }

    impl Drop for Temp {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn line(path: &str, name: &str, reason: &str) -> (String, String, String) {
        (path.into(), name.into(), reason.into())
    }

    #[test]
    fn files_are_found_in_order_and_the_first_of_a_name_counts() {
        let temp = Temp::new("order");
        temp.plugin("b/echo.gplugin", "echo");
        temp.plugin("a/z/hash.gplugin", "hash");
        temp.plugin("a/c.gplugin", "example.org/c");
        temp.plugin("b/c.gplugin", "example.org.c");
        temp.plugin("b/again.gplugin", "hash");
        temp.plugin("b/libother.so", "other");
        temp.write("b/bad.gplugin", b"text\n");
        let listing = temp.walk(&["none", "b", "a", "b/../b"]);
        let want = [
            line("b/again.gplugin", "hash", ""),
            line("b/bad.gplugin", "", "a text file, not a shared object"),
            line("b/c.gplugin", "example.org.c", ""),
            line("b/echo.gplugin", "echo", ""),
            line(
                "a/c.gplugin",
                "example.org/c",
                "example.org/c is already there, from /b/c.gplugin",
            ),
            line(
                "a/z/hash.gplugin",
                "hash",
                "hash is already there, from /b/again.gplugin",
            ),
        ];
        assert_eq!(temp.told(&listing), want);
        assert_eq!(listing.problems, []);
        let path = |name: &str| listing.named(name).map(|found| found.path.clone());
        assert_eq!(path("example.org/c"), Some(temp.0.join("b/c.gplugin")));
        assert_eq!(path("nobody"), None);
    }

    #[test]
    fn one_that_does_not_fit_takes_no_name() {
        let temp = Temp::new("fit");
        let old = Made {
            abi: 0,
            ..Made::default()
        };
        temp.write("a/echo.gplugin", &old.bytes());
        temp.plugin("b/echo.gplugin", "echo");
        let listing = temp.walk(&["a"]);
        assert!(
            listing.named("echo").is_some_and(|found| found.refusal.is_some()),
            "better than nothing"
        );
        let listing = temp.walk(&["a", "b"]);
        assert!(
            listing
                .named("echo")
                .is_some_and(|found| found.path == temp.0.join("b/echo.gplugin"))
        );
    }

    #[test]
    fn links_lead_to_files_and_make_no_circle() {
        let temp = Temp::new("links");
        temp.plugin("real/echo.so", "echo");
        fs::create_dir(temp.0.join("a")).unwrap();
        symlink("../real/echo.so", temp.0.join("a/echo.gplugin")).unwrap();
        symlink("..", temp.0.join("a/up")).unwrap();
        symlink("nothing", temp.0.join("a/gone.gplugin")).unwrap();
        let listing = temp.walk(&["a"]);
        let want = [
            line("a/echo.gplugin", "echo", ""),
            line("a/gone.gplugin", "", "cannot be read: No such file or directory"),
        ];
        assert_eq!(temp.told(&listing), want);
        assert_eq!(listing.problems, []);
    }

    #[test]
    fn what_is_no_folder_is_told() {
        let temp = Temp::new("problems");
        temp.write("file", b"");
        let deep: PathBuf = std::iter::repeat_n("d", DEPTH as usize + 1).collect();
        fs::create_dir_all(temp.0.join(deep)).unwrap();
        let problems = temp.walk(&["file", "file/below", "d"]).problems;
        let why: Vec<&str> = problems.iter().map(|(_, why)| why.as_str()).collect();
        assert_eq!(why, ["not a folder", "cannot be read: Not a directory"]);
        let problems = temp.walk(&["."]).problems;
        assert!(
            problems
                .iter()
                .any(|(_, why)| why.contains("inside of each other")),
            "{problems:?}"
        );
    }

    #[test]
    fn the_option_stands_in_for_the_variable_and_comes_before_the_defaults() {
        let find = |option: Option<&str>, variable: Option<&str>, data: Option<&str>| {
            let chosen = chosen(option.map(OsStr::new), variable.map(OsStr::new)).unwrap();
            in_order(&chosen, data.map(Path::new))
        };
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(find(None, None, None), paths(&[SYSTEM]));
        assert_eq!(
            find(Some("/a:/b"), Some("/c"), None),
            paths(&["/a", "/b", SYSTEM])
        );
        assert_eq!(
            find(None, Some(":/c:"), Some("/h")),
            paths(&["/c", "/h/gshell/plugins", SYSTEM])
        );
        assert!(find(Some("x"), None, None)[0].is_absolute());
    }
}
