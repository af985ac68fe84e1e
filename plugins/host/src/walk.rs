//! The plugin files below the folders, in order. (A stand-in with as little as opening by name needs.)

use std::path::{Path, PathBuf};

/// Folders inside folders that are looked into.
const DEPTH: u8 = 8;

/// The files of this plugin, in the order in which they count: those that are named after it.
pub fn named(folders: &[PathBuf], name: &str) -> Vec<PathBuf> {
    let last = name.rsplit('/').next().unwrap_or(name);
    let mut found = Vec::new();
    for folder in folders {
        walk(folder, DEPTH, &mut |path| {
            if path.file_stem().is_some_and(|stem| stem == last) {
                found.push(path.to_owned());
            }
        });
    }
    found
}

fn walk(folder: &Path, depth: u8, see: &mut dyn FnMut(&Path)) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort_unstable();
    for path in paths {
        if path.is_dir() && depth > 0 {
            walk(&path, depth - 1, see);
        } else if path.extension().is_some_and(|end| end == "gplugin") {
            see(&path);
        }
    }
}
