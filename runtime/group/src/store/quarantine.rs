//! Which plugins ended their groups, and how often: one record for the whole node.
//!
//! The daemon counts, groups read, and whoever lets a plugin in again changes it: a lock keeps one from losing what another
//! wrote. Everybody may read it, as groups may run as other users.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gshell_plugin_host::Identity;
use gshell_plugin_host::quarantine::{Entry, Quarantine};
use gshell_sys::lock::{Lock, LockError};
use serde::{Deserialize, Serialize};

use super::aside::Aside;
use super::error::StoreError;
use super::files;
use super::migrate::{self, Step};
use super::record::{RecordError, body_of, encode, open};
use super::slot::Slot;

const MAGIC: [u8; 4] = *b"GSqu";

/// Steps from older versions.
const STEPS: &[Step] = &[];

/// Mode of the files.
const MODE: u32 = 0o644;

/// How long another writer is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// The body in version 1; never edited once released.
#[derive(Serialize, Deserialize)]
struct QuarantineV1(Vec<EntryV1>);

#[derive(Serialize, Deserialize)]
struct EntryV1 {
    name: String,
    size: u64,
    sum: u32,
    crashes: u32,
    last: String,
    last_ms: i64,
}

impl From<&Quarantine> for QuarantineV1 {
    fn from(known: &Quarantine) -> Self {
        let entry = |entry: &Entry| EntryV1 {
            name: entry.name.clone(),
            size: entry.identity.size,
            sum: entry.identity.sum,
            crashes: entry.crashes,
            last: entry.last.clone(),
            last_ms: entry.last_ms,
        };
        QuarantineV1(known.entries.iter().map(entry).collect())
    }
}

impl From<QuarantineV1> for Quarantine {
    fn from(body: QuarantineV1) -> Self {
        let entry = |entry: EntryV1| Entry {
            name: entry.name,
            identity: Identity {
                size: entry.size,
                sum: entry.sum,
            },
            crashes: entry.crashes,
            last: entry.last,
            last_ms: entry.last_ms,
        };
        Quarantine {
            entries: body.0.into_iter().map(entry).collect(),
        }
    }
}

/// Reads a record of any version. Never panics, whatever the bytes.
pub fn decode_quarantine(bytes: &[u8]) -> Result<Quarantine, RecordError> {
    let (version, body) = open(MAGIC, bytes)?;
    let body = migrate::upgrade(STEPS, version, body)?;
    body_of::<QuarantineV1>(&body).map(Quarantine::from)
}

/// Writes a record in the current version.
pub fn encode_quarantine(known: &Quarantine) -> Result<Vec<u8>, RecordError> {
    encode(MAGIC, migrate::newest(STEPS), &QuarantineV1::from(known))
}

/// The file of a node: below its state dir, or below its runtime dir when nothing is kept.
pub fn quarantine_path(run_dir: &Path, state_dir: Option<&Path>) -> PathBuf {
    state_dir.unwrap_or(run_dir).join("quarantine")
}

/// What is known. What does not read counts as nothing, the generation before as the best there is.
pub fn read_quarantine(path: &Path) -> Quarantine {
    Slot::with_mode(path.to_owned(), MODE)
        .load(decode_quarantine, None, &mut Vec::new())
        .unwrap_or_default()
}

/// Changes what is known, and gives what `change` gives. Says in `reports` what did not read and was set aside.
///
/// # Errors
/// When it cannot be written; then what is known stays as it was.
pub fn change_quarantine<T>(
    path: &Path,
    reports: &mut Vec<String>,
    change: impl FnOnce(&mut Quarantine) -> T,
) -> Result<T, StoreError> {
    if let Some(folder) = path.parent() {
        files::make_dir(folder, 0o755)?;
    }
    let _lock = lock(&files::with_suffix(path, ".lock"))?;
    let slot = Slot::with_mode(path.to_owned(), MODE);
    let aside = path.parent().map(Aside::of);
    let aside = aside.as_ref().map(|aside| (aside, "node"));
    let before = slot.load(decode_quarantine, aside, reports).unwrap_or_default();
    let mut known = before.clone();
    let given = change(&mut known);
    if known != before {
        let bytes = encode_quarantine(&known).map_err(|source| StoreError::Record {
            path: path.to_owned(),
            source,
        })?;
        slot.save(&bytes)?;
    }
    Ok(given)
}

fn lock(path: &Path) -> Result<Lock, StoreError> {
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match Lock::acquire(path, &std::process::id().to_string()) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held { .. }) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(source) => {
                return Err(StoreError::Locked {
                    path: path.to_owned(),
                    source,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const ECHO: Identity = Identity { size: 5, sum: 7 };

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("gsh-quarantine-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        fn file(&self) -> PathBuf {
            quarantine_path(Path::new("/nowhere"), Some(&self.0))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn count(path: &Path, name: &str) -> u32 {
        change_quarantine(path, &mut Vec::new(), |known| {
            known.count(name, ECHO, Duration::ZERO, "crashed", 12)
        })
        .unwrap()
    }

    #[test]
    fn counts_last() {
        let folder = Folder::new("last");
        let file = folder.file();
        assert_eq!(read_quarantine(&file), Quarantine::default());
        assert_eq!((count(&file, "echo"), count(&file, "echo")), (1, 2));
        assert_eq!(read_quarantine(&file).entries[0].crashes, 2);
        assert_eq!(
            quarantine_path(Path::new("/run/x"), None),
            PathBuf::from("/run/x/quarantine")
        );
    }

    #[test]
    fn a_bad_file_costs_one_count() {
        let folder = Folder::new("bad");
        let file = folder.file();
        count(&file, "echo");
        count(&file, "echo");
        for bad in [&b""[..], b"junk", &[0xff; 40]] {
            fs::write(&file, bad).unwrap();
            assert_eq!(read_quarantine(&file).entries[0].crashes, 1);
        }
        let mut reports = Vec::new();
        let crashes = change_quarantine(&file, &mut reports, |known| {
            known.count("echo", ECHO, Duration::ZERO, "crashed", 1)
        });
        assert_eq!(crashes.unwrap(), 2);
        assert!(reports[0].contains("quarantine"), "{reports:?}");
        assert_eq!(read_quarantine(&file).entries[0].crashes, 2);
    }

    #[test]
    fn cut_short_anywhere_it_is_no_record() {
        let mut known = Quarantine::default();
        known.count("echo", ECHO, Duration::ZERO, "crashed", 1);
        let bytes = encode_quarantine(&known).unwrap();
        assert_eq!(decode_quarantine(&bytes), Ok(known));
        for end in 0..bytes.len() {
            assert!(decode_quarantine(&bytes[..end]).is_err());
            let mut bad = bytes.clone();
            bad[end] ^= 1;
            assert!(decode_quarantine(&bad).is_err());
        }
    }

    #[test]
    fn writers_do_not_lose_each_others_counts() {
        let folder = Folder::new("writers");
        let file = folder.file();
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let file = file.clone();
                std::thread::spawn(move || (0..5).for_each(|_| assert!(count(&file, "echo") > 0)))
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(read_quarantine(&file).entries[0].crashes, 20);
    }
}
