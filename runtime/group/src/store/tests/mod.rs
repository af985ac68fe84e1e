//! Tests of what is kept on disk: every truncation, every crash between two steps, every lie.

mod crash;
mod frozen;
mod groups;
mod packages;
mod truncation;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use gshell_control::{
    Desired, Exit, GroupSpec, Job, Kind, LastExit, LogLevel, Package, PackageFile, Requester, Restart, State,
};
use gshell_wire::Bytes;

use super::Store;

pub const GROUP: &str = "web-0.1.0";

/// A folder that is gone when the test is.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("gshell-store-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The files in a folder below, sorted.
    pub fn list(&self, below: &str) -> Vec<String> {
        super::files::names(&self.0.join(below)).unwrap()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An environment in which no field has its default.
pub fn job(id: &str) -> Job {
    Job {
        id: id.to_owned(),
        group: GROUP.to_owned(),
        name: "top.lua".to_owned(),
        args: vec!["-n".to_owned(), "ä".to_owned(), String::new()],
        kind: Kind::Elf,
        package: "ab".repeat(32),
        main: "main.lua".to_owned(),
        restart: Restart::Times(3),
        restarts_left: 2,
        auto_remove: true,
        memory: 1 << 33,
        interactive: true,
        requester: Requester {
            uid: 1000,
            process: "pid 812".to_owned(),
        },
        state: State::Exited,
        exit: Some(Exit::Signal),
        error: Some("ended by signal 11".to_owned()),
        traceback: Some("stack traceback:\n\t[C]: in ?".to_owned()),
        code: Some(-1),
        signal: Some(11),
        gave_up: true,
        created_ms: 1_700_000_000_000,
        started_ms: 1_700_000_000_001,
        ended_ms: -5,
        duration_ms: u64::MAX,
        restarts: 1,
        pid: 4711,
        desired: Desired::Rest,
        unsaved: None,
        last_exits: vec![LastExit {
            ended_ms: 7,
            exit: Exit::Oom,
            code: None,
            error: Some("out of memory".to_owned()),
            tail: "last words".to_owned(),
        }],
    }
}

pub fn spec() -> GroupSpec {
    GroupSpec {
        name: "web".to_owned(),
        version: "0.1.0".to_owned(),
        max_threads: 300,
        rt: 10,
        nice: -5,
        cpus: vec![0, 1000],
        user: Some("nobody".to_owned()),
        memory: 1 << 40,
        open_files: 4096,
        default_env_memory: 1 << 20,
        log_level: LogLevel::Debug,
    }
}

pub fn package(files: &[(&str, &[u8])], main: &str, elf: bool) -> Package {
    let file = |(path, data): &(&str, &[u8])| PackageFile {
        path: (*path).to_owned(),
        data: Bytes::from(data.to_vec()),
    };
    Package {
        files: files.iter().map(file).collect(),
        main: main.to_owned(),
        elf,
    }
}

pub const ID: &str = "00aa11bb22cc";
pub const OTHER: &str = "ffffffffffff";

pub fn store(dir: &TempDir) -> Store {
    Store::open(dir.path(), GROUP).unwrap()
}
