//! One record on disk in two generations, and the steps by which it is replaced.
//!
//! Whatever step a crash comes after, the record that was there before or the new one is found again: complete, with
//! its checksum.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gshell_control::limits::RECORD_BYTES;

use super::aside::Aside;
use super::error::StoreError;
use super::files::{self, TEMP, with_suffix};
use super::record::RecordError;

/// What the generation before ends with.
pub const OLD: &str = ".old";

/// The generation before, under the name that it has until it takes the place of the one before it.
const OLD_TEMP: &str = ".old.tmp";

/// Mode of record files, usually: arguments may hold what is nobody else's business.
const MODE: u32 = 0o600;

/// The steps of replacing a record, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The new generation is written beside the current one, and is on the disk.
    WriteTemp,
    /// The current one gets a second name.
    LinkOld,
    /// Under it, it takes the place of the generation before.
    RenameOld,
    /// The new one takes the place of the current one.
    RenameNew,
    /// The names are on the disk.
    SyncDir,
}

/// All steps, in order.
pub const STEPS: [Step; 5] = [
    Step::WriteTemp,
    Step::LinkOld,
    Step::RenameOld,
    Step::RenameNew,
    Step::SyncDir,
];

/// The place of one record.
#[derive(Clone, Debug)]
pub struct Slot {
    path: PathBuf,
    mode: u32,
}

impl Slot {
    /// The record at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self::with_mode(path, MODE)
    }

    /// The record at `path`, with files of this mode.
    pub fn with_mode(path: PathBuf, mode: u32) -> Self {
        Self { path, mode }
    }

    /// Replaces the record.
    pub fn save(&self, bytes: &[u8]) -> Result<(), StoreError> {
        for step in STEPS {
            if let Err(error) = self.step(step, bytes) {
                // A half-written file takes space on a disk that may be full.
                let _ = fs::remove_file(with_suffix(&self.path, TEMP));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Does one step of [`Self::save`].
    pub fn step(&self, step: Step, bytes: &[u8]) -> Result<(), StoreError> {
        let (temp, old) = (with_suffix(&self.path, TEMP), with_suffix(&self.path, OLD));
        let old_temp = with_suffix(&self.path, OLD_TEMP);
        match step {
            Step::WriteTemp => files::write_synced(&temp, bytes, self.mode),
            Step::LinkOld => self.link_old(&old, &old_temp),
            Step::RenameOld => rename_if_there(&old_temp, &old),
            Step::RenameNew => files::rename(&temp, &self.path),
            Step::SyncDir => self.sync(),
        }
    }

    /// Gives the current generation its second name; on a filesystem without links it just moves to the place of the
    /// generation before, where it is found as well.
    fn link_old(&self, old: &Path, old_temp: &Path) -> Result<(), StoreError> {
        files::remove(old_temp)?;
        match fs::hard_link(&self.path, old_temp) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(_) => files::rename(&self.path, old),
        }
    }

    /// Whether the current generation is exactly this.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        let same_length = fs::metadata(&self.path).is_ok_and(|found| found.len() == bytes.len() as u64);
        same_length
            && files::read(&self.path, RECORD_BYTES).is_ok_and(|found| found.as_deref() == Some(bytes))
    }

    /// Removes all generations. The older ones go first: a crash in between leaves the record, not a ghost of it.
    pub fn remove(&self) -> Result<bool, StoreError> {
        let mut any = false;
        for suffix in [TEMP, OLD_TEMP, OLD, ""] {
            any |= files::remove(&with_suffix(&self.path, suffix))?;
        }
        if any {
            self.sync()?;
        }
        Ok(any)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.path.parent().map_or(Ok(()), files::sync_dir)
    }

    /// Reads the newest generation that `decode` accepts, and says in `reports` what was wrong with newer ones. With
    /// `aside`, bad files are moved there, and the generation before takes the place of a bad current one.
    pub fn load<T>(
        &self,
        decode: impl Fn(&[u8]) -> Result<T, RecordError>,
        aside: Option<(&Aside, &str)>,
        reports: &mut Vec<String>,
    ) -> Option<T> {
        let old = with_suffix(&self.path, OLD);
        let current = read_generation(&self.path, &decode, aside, reports);
        if let Generation::Good(value) = current {
            return Some(value);
        }
        let Generation::Good(value) = read_generation(&old, &decode, aside, reports) else {
            return None;
        };
        reports.push(format!("{}: the generation before is used", self.path.display()));
        // Only into an empty place: a current file that could not be read now may read later.
        if aside.is_some()
            && matches!(fs::symlink_metadata(&self.path), Err(error) if error.kind() == io::ErrorKind::NotFound)
        {
            let put_back = files::rename(&old, &self.path).and_then(|()| self.sync());
            reports.extend(put_back.err().map(|error| error.to_string()));
        }
        Some(value)
    }
}

enum Generation<T> {
    Good(T),
    None,
}

fn read_generation<T>(
    path: &Path,
    decode: impl Fn(&[u8]) -> Result<T, RecordError>,
    aside: Option<(&Aside, &str)>,
    reports: &mut Vec<String>,
) -> Generation<T> {
    let error = match files::read(path, RECORD_BYTES) {
        Ok(None) => return Generation::None,
        Ok(Some(bytes)) => match decode(&bytes) {
            Ok(value) => return Generation::Good(value),
            Err(source) => StoreError::Record {
                path: path.to_owned(),
                source,
            },
        },
        Err(error) => error,
    };
    let fate = match aside {
        Some((aside, prefix)) if is_about_the_file(&error) => set_aside(path, aside, prefix),
        _ => "left where it is".to_owned(),
    };
    reports.push(format!("{error}; {fate}"));
    Generation::None
}

fn set_aside(path: &Path, aside: &Aside, prefix: &str) -> String {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    match aside.take(path, &format!("{prefix}.{name}")) {
        Ok(fate) => fate,
        Err(error) => format!("left where it is: {error}"),
    }
}

/// Whether the file itself is bad. Everything else, such as too many open files, may be better the next time.
fn is_about_the_file(error: &StoreError) -> bool {
    match error {
        StoreError::Record { .. } => true,
        // 5 is EIO: the medium does not give the bytes.
        StoreError::Io { source, .. } => {
            source.kind() == io::ErrorKind::InvalidData || source.raw_os_error() == Some(5)
        }
        _ => false,
    }
}

fn rename_if_there(from: &Path, to: &Path) -> Result<(), StoreError> {
    match files::rename(from, to) {
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
        // When both are names of one file already, rename succeeds and leaves both.
        Ok(()) => files::remove(from).map(|_| ()),
    }
}
