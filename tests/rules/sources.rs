//! The files of the repository that the rules look at.

use std::path::{Path, PathBuf};

/// One text file, by its path from the repository's root.
pub struct Source {
    pub path: String,
    pub text: String,
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the repository")
        .to_owned()
}

/// Every text file of the repository but what is built, downloaded or found by fuzzing.
pub fn all() -> Vec<Source> {
    let (root, mut found) = (root(), Vec::new());
    visit(&root, &root, &mut found);
    assert!(found.len() > 20, "the repository has files");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Every Rust file.
pub fn rust() -> Vec<Source> {
    all()
        .into_iter()
        .filter(|source| source.path.ends_with(".rs"))
        .collect()
}

fn visit(root: &Path, dir: &Path, found: &mut Vec<Source>) {
    const SKIPPED: &[&str] = &[".git", "target", "corpus", "artifacts", "coverage", "__pycache__"];
    for entry in std::fs::read_dir(dir)
        .expect("a folder of the repository")
        .flatten()
    {
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().expect("a file's type");
        if SKIPPED.iter().any(|skipped| name == **skipped) {
            continue;
        }
        if kind.is_dir() {
            visit(root, &path, found);
        } else if kind.is_file()
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            let path = path
                .strip_prefix(root)
                .expect("below the root")
                .to_string_lossy()
                .into_owned();
            found.push(Source { path, text });
        }
    }
}
