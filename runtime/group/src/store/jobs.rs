//! The folder of one group: its specification and the records of its environments.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gshell_control::names::check_env_id;
use gshell_control::{GroupName, GroupSpec, Job};
use gshell_small::Set;
use gshell_sys::lock::Lock;

use super::aside::Aside;
use super::error::StoreError;
use super::files::{self, TEMP};
use super::record::{RecordError, decode_job, decode_spec, encode_job, encode_spec};
use super::slot::{OLD, Slot};

const SPEC: &str = "spec";
const JOB: &str = ".job";
const LOCK: &str = ".lock";

/// What a group's folder held.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What the group is made from; `None` when there is no record of it that reads.
    pub spec: Option<GroupSpec>,
    /// Its environments, by ID.
    pub jobs: Vec<Job>,
    /// What did not read, what became of it, and what was cleaned up: one line each, for people.
    pub reports: Vec<String>,
}

/// The folder of one group. Its methods block; they may be called from any thread, and wait for each other.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    aside: Aside,
    group: String,
    /// Names whose last write failed half way, so that the file must not be trusted to be on the disk.
    unsure: Mutex<Set<String>>,
}

impl Store {
    /// The folder of the group with this full name, which is made when it is missing.
    pub fn open(state_dir: &Path, full_name: &str) -> Result<Self, StoreError> {
        let store = Self::at(state_dir, full_name)?;
        files::make_dir(&store.dir, 0o755)?;
        Ok(store)
    }

    /// The folder of the group with this full name; nothing is made or looked at yet.
    pub fn at(state_dir: &Path, full_name: &str) -> Result<Self, StoreError> {
        let group = full_name.parse::<GroupName>()?.to_string();
        let dir = state_dir.join("groups").join(&group);
        Ok(Self {
            dir,
            aside: Aside::of(state_dir),
            group,
            unsure: Mutex::default(),
        })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Takes the folder for this process, without waiting; `content` tells others who has it. Whoever writes or repairs
    /// here holds it.
    pub fn lock(&self, content: &str) -> Result<Lock, StoreError> {
        let path = self.dir.join(LOCK);
        Lock::acquire(&path, content).map_err(|source| StoreError::Locked { path, source })
    }

    /// Reads everything and repairs what needs it: bad files are set aside, temporary ones removed. Only a folder that
    /// cannot be listed is an error.
    pub fn load(&self) -> Result<Loaded, StoreError> {
        self.read(Some(&self.aside))
    }

    /// Reads everything and changes nothing: for who does not hold the lock.
    pub fn peek(&self) -> Result<Loaded, StoreError> {
        self.read(None)
    }

    fn read(&self, aside: Option<&Aside>) -> Result<Loaded, StoreError> {
        let _busy = self.busy();
        let mut loaded = Loaded::default();
        let names = files::names(&self.dir)?;
        if aside.is_some() {
            self.remove_temps(&names, &mut loaded.reports);
        }
        let aside = aside.map(|aside| (aside, self.group.as_str()));
        let decode = |bytes: &[u8]| self.checked_spec(bytes);
        loaded.spec = self.slot(SPEC).load(decode, aside, &mut loaded.reports);
        for id in ids(&names) {
            let decode = |bytes: &[u8]| self.checked_job(id, bytes);
            loaded
                .jobs
                .extend(self.job_slot(id).load(decode, aside, &mut loaded.reports));
        }
        Ok(loaded)
    }

    fn remove_temps(&self, names: &[String], reports: &mut Vec<String>) {
        for name in names.iter().filter(|name| name.ends_with(TEMP)) {
            if let Err(error) = files::remove(&self.dir.join(name)) {
                reports.push(error.to_string());
            }
        }
    }

    fn checked_job(&self, id: &str, bytes: &[u8]) -> Result<Job, RecordError> {
        let job = decode_job(bytes)?;
        expect(id, &job.id)?;
        expect(&self.group, &job.group)?;
        Ok(job)
    }

    fn checked_spec(&self, bytes: &[u8]) -> Result<GroupSpec, RecordError> {
        let spec = decode_spec(bytes)?;
        expect(&self.group, &format!("{}-{}", spec.name, spec.version))?;
        Ok(spec)
    }

    /// Writes the record of an environment; `false` when the disk has exactly this already.
    pub fn save(&self, job: &Job) -> Result<bool, StoreError> {
        check_env_id(&job.id)?;
        let name = format!("{}{JOB}", job.id);
        let bytes = encode_job(job).map_err(|source| self.unwritable(&name, source))?;
        self.write(&name, &bytes)
    }

    /// Writes the specification; `false` when the disk has exactly this already.
    pub fn save_spec(&self, spec: &GroupSpec) -> Result<bool, StoreError> {
        let bytes = encode_spec(spec).map_err(|source| self.unwritable(SPEC, source))?;
        self.write(SPEC, &bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        let mut unsure = self.busy();
        let slot = self.slot(name);
        if !unsure.contains(name) && slot.holds(bytes) {
            return Ok(false);
        }
        unsure.insert(name.to_owned());
        match slot.save(bytes) {
            // The folder was deleted by somebody, or could not be made when the group started.
            Err(error) if error.is_not_found() => {
                files::make_dir(&self.dir, 0o755)?;
                slot.save(bytes)?;
            }
            other => other?,
        }
        unsure.remove(name);
        Ok(true)
    }

    /// Removes the record of an environment in all generations; `false` when there is none.
    pub fn remove(&self, id: &str) -> Result<bool, StoreError> {
        check_env_id(id)?;
        let mut unsure = self.busy();
        let removed = self.job_slot(id).remove()?;
        unsure.remove(&format!("{id}{JOB}"));
        Ok(removed)
    }

    /// Removes the whole folder. After a crash in between it is gone for everybody all the same, and
    /// [`super::open_layout`] removes the rest.
    pub fn remove_group(&self) -> Result<(), StoreError> {
        let _busy = self.busy();
        let Some(groups) = self.dir.parent() else {
            return Ok(());
        };
        let gone = groups.join(format!("{}{}", super::layout::GONE, self.group));
        super::layout::remove_tree(&gone)?;
        match fs::rename(&self.dir, &gone) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(StoreError::io("remove", &self.dir))?,
        }
        files::sync_dir(groups)?;
        super::layout::remove_tree(&gone)
    }

    fn unwritable(&self, name: &str, source: RecordError) -> StoreError {
        StoreError::Record {
            path: self.dir.join(name),
            source,
        }
    }

    fn slot(&self, name: &str) -> Slot {
        Slot::new(self.dir.join(name))
    }

    fn job_slot(&self, id: &str) -> Slot {
        self.slot(&format!("{id}{JOB}"))
    }

    /// One operation at a time: two of them on one record would share a temporary file.
    fn busy(&self) -> MutexGuard<'_, Set<String>> {
        self.unsure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// IDs of which there is a record in any generation, each once.
fn ids(names: &[String]) -> Set<&str> {
    let strip = |name: &'_ str| -> Option<usize> {
        let stem = name.strip_suffix(OLD).unwrap_or(name).strip_suffix(JOB)?;
        check_env_id(stem).ok().map(|()| stem.len())
    };
    names
        .iter()
        .filter_map(|name| strip(name).map(|length| &name[..length]))
        .collect()
}

fn expect(expected: &str, found: &str) -> Result<(), RecordError> {
    if expected == found {
        return Ok(());
    }
    Err(RecordError::Mismatch {
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}
