//! Temporary folders with short names: the path of a unix socket may have 107 bytes only.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The longest base folder that leaves room for a socket's name below it.
const BASE_MAX: usize = 24;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A folder that is deleted with this value.
pub struct TempDir {
    path: PathBuf,
}

impl TempDir {
    /// Makes a folder that no other process and no other test of this one has.
    pub fn new() -> Self {
        let base = std::env::temp_dir();
        let base = if base.as_os_str().len() <= BASE_MAX {
            base
        } else {
            PathBuf::from("/tmp")
        };
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = base.join(format!("gst-{:x}-{count:x}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Self { path },
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("no temporary folder {}: {error}", path.display()),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Default for TempDir {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("GSHELL_KEEP").is_some() {
            eprintln!("kept: {}", self.path.display());
            return;
        }
        // A read-only folder of a test must not keep the rest.
        let _ = std::process::Command::new("chmod")
            .args(["-R", "u+rwX"])
            .arg(&self.path)
            .output();
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
