//! The folder of files that did not read. They are kept for whoever looks into it, up to a bound.

use std::path::{Path, PathBuf};

use gshell_control::limits::ASIDE_FILES;

use super::error::StoreError;
use super::files;

/// Where bad files go.
#[derive(Clone, Debug)]
pub struct Aside {
    dir: PathBuf,
}

impl Aside {
    /// The folder for this state folder; made when it is first needed.
    pub fn of(state_dir: &Path) -> Self {
        Self {
            dir: state_dir.join("aside"),
        }
    }

    /// Moves `path` there under `name`, and gives what became of it, for a report.
    ///
    /// When the folder is full the file is deleted, because a disk that garbles files must not fill up with them.
    pub fn take(&self, path: &Path, name: &str) -> Result<String, StoreError> {
        files::make_dir(&self.dir, 0o700)?;
        let taken = files::names(&self.dir)?;
        if taken.len() >= ASIDE_FILES as usize {
            files::remove(path)?;
            return Ok(format!(
                "deleted, because {} holds {ASIDE_FILES} files already",
                self.dir.display()
            ));
        }
        let free = (0..).map(|n| {
            if n == 0 {
                name.to_owned()
            } else {
                format!("{name}.{n}")
            }
        });
        // There are fewer names than the bound, so one of that many is free.
        let free = free
            .take(ASIDE_FILES as usize + 1)
            .find(|candidate| !taken.contains(candidate));
        let to = self.dir.join(free.unwrap_or_else(|| name.to_owned()));
        files::rename(path, &to)?;
        Ok(format!("set aside as {}", to.display()))
    }
}
