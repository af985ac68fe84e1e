//! Version 1 of the records, frozen: field order and enum order are the format. Never edit this; add a version instead.

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub enum KindV1 {
    Script,
    Elf,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum DesiredV1 {
    Run,
    Rest,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum StateV1 {
    Starting,
    Running,
    Stopping,
    Backoff,
    Exited,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum ExitV1 {
    Ok,
    Error,
    Killed,
    Signal,
    Oom,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum RestartV1 {
    Never,
    Times(u32),
    Always,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum LogLevelV1 {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct LastExitV1 {
    pub ended_ms: i64,
    pub exit: ExitV1,
    pub code: Option<i32>,
    pub error: Option<String>,
    pub tail: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct JobV1 {
    pub id: String,
    pub group: String,
    pub name: String,
    pub args: Vec<String>,
    pub kind: KindV1,
    pub package: String,
    pub main: String,
    pub restart: RestartV1,
    pub restarts_left: u32,
    pub auto_remove: bool,
    pub memory: u64,
    pub interactive: bool,
    pub uid: u32,
    pub process: String,
    pub state: StateV1,
    pub exit: Option<ExitV1>,
    pub error: Option<String>,
    pub traceback: Option<String>,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub gave_up: bool,
    pub created_ms: i64,
    pub started_ms: i64,
    pub ended_ms: i64,
    pub duration_ms: u64,
    pub restarts: u32,
    pub pid: i32,
    pub desired: DesiredV1,
    pub last_exits: Vec<LastExitV1>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct GroupSpecV1 {
    pub name: String,
    pub version: String,
    pub max_threads: u16,
    pub rt: u8,
    pub nice: i8,
    pub cpus: Vec<u16>,
    pub user: Option<String>,
    pub memory: u64,
    pub open_files: u32,
    pub default_env_memory: u64,
    pub log_level: LogLevelV1,
}
