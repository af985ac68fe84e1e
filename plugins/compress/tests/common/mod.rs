//! Folders for tests, and calls of the plugin.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use gshell_plugin_compress::PLUGIN;
use gshell_plugin_sdk::testing::call;
use gshell_plugin_sdk::{Code, Value};

/// A folder that is gone afterwards.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "gshell-compress-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// As an argument.
    pub fn at(&self, name: &str) -> Value {
        text(&self.path(name))
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> Value {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), bytes).unwrap();
        self.at(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Names in it, sorted.
    pub fn names(&self, name: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(name)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

pub fn text(path: &Path) -> Value {
    path.to_str().unwrap().into()
}

/// The first result.
pub fn done(name: &str, arguments: &[Value]) -> Value {
    call(&PLUGIN, name, arguments).unwrap().remove(0)
}

pub fn refused(name: &str, arguments: &[Value]) -> (Code, String) {
    let error = call(&PLUGIN, name, arguments).unwrap_err();
    (error.code(), error.text().to_owned())
}

/// What both archives are tried with.
pub fn tree() -> Folder {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    folder.write("in/a/one.txt", b"one");
    folder.write("in/a/b/two.bin", &[0xff; 100_000]);
    folder.write("in/run.sh", b"#!/bin/sh\n");
    std::fs::set_permissions(folder.path("in/run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(folder.path("in/a/one.txt"), PermissionsExt::from_mode(0o640)).unwrap();
    std::fs::create_dir(folder.path("in/empty")).unwrap();
    std::os::unix::fs::symlink("../run.sh", folder.path("in/a/link")).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    let file = std::fs::File::options()
        .append(true)
        .open(folder.path("in/a/one.txt"))
        .unwrap();
    file.set_modified(time).unwrap();
    folder
}

/// Whether `out` is as `in` of [`tree`].
pub fn assert_same(folder: &Folder) {
    use std::os::unix::fs::MetadataExt;
    assert_eq!(folder.names("out"), ["a", "empty", "run.sh"]);
    assert_eq!(folder.names("out/a"), ["b", "link", "one.txt"]);
    assert_eq!(folder.read("out/a/b/two.bin"), [0xff; 100_000]);
    assert_eq!(folder.read("out/a/one.txt"), b"one");
    let target = std::fs::read_link(folder.path("out/a/link")).unwrap();
    assert_eq!(target, Path::new("../run.sh"));
    let facts = std::fs::metadata(folder.path("out/a/one.txt")).unwrap();
    assert_eq!((facts.mode() & 0o7777, facts.mtime()), (0o640, 1_700_000_000));
    let facts = std::fs::metadata(folder.path("out/run.sh")).unwrap();
    assert_eq!(facts.mode() & 0o7777, 0o755);
}
