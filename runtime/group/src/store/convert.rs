//! Between the types that the program works with and the newest frozen ones. Whether a record could be saved is the
//! one thing that is not in it.

use gshell_control::{Desired, Exit, GroupSpec, Job, Kind, LastExit, LogLevel, Requester, Restart, State};

use super::v1::{DesiredV1, ExitV1, GroupSpecV1, JobV1, KindV1, LastExitV1, LogLevelV1, RestartV1, StateV1};

/// Conversions both ways between two enums with the same variants, none of which holds anything.
macro_rules! same {
    ($live:ident, $frozen:ident: $($variant:ident)+) => {
        impl From<$live> for $frozen {
            fn from(value: $live) -> Self {
                match value { $($live::$variant => Self::$variant),+ }
            }
        }

        impl From<$frozen> for $live {
            fn from(value: $frozen) -> Self {
                match value { $($frozen::$variant => Self::$variant),+ }
            }
        }
    };
}

same!(Kind, KindV1: Script Elf);
same!(Desired, DesiredV1: Run Rest);
same!(State, StateV1: Starting Running Stopping Backoff Exited);
same!(Exit, ExitV1: Ok Error Killed Signal Oom);
same!(LogLevel, LogLevelV1: Error Warn Info Debug);

impl From<Restart> for RestartV1 {
    fn from(value: Restart) -> Self {
        match value {
            Restart::Never => Self::Never,
            Restart::Times(count) => Self::Times(count),
            Restart::Always => Self::Always,
        }
    }
}

impl From<RestartV1> for Restart {
    fn from(value: RestartV1) -> Self {
        match value {
            RestartV1::Never => Self::Never,
            RestartV1::Times(count) => Self::Times(count),
            RestartV1::Always => Self::Always,
        }
    }
}

impl From<&LastExit> for LastExitV1 {
    fn from(value: &LastExit) -> Self {
        Self {
            ended_ms: value.ended_ms,
            exit: value.exit.into(),
            code: value.code,
            error: value.error.clone(),
            tail: value.tail.clone(),
        }
    }
}

impl From<LastExitV1> for LastExit {
    fn from(value: LastExitV1) -> Self {
        Self {
            ended_ms: value.ended_ms,
            exit: value.exit.into(),
            code: value.code,
            error: value.error,
            tail: value.tail,
        }
    }
}

impl From<&Job> for JobV1 {
    fn from(job: &Job) -> Self {
        Self {
            id: job.id.clone(),
            group: job.group.clone(),
            name: job.name.clone(),
            args: job.args.clone(),
            kind: job.kind.into(),
            package: job.package.clone(),
            main: job.main.clone(),
            restart: job.restart.into(),
            restarts_left: job.restarts_left,
            auto_remove: job.auto_remove,
            memory: job.memory,
            interactive: job.interactive,
            uid: job.requester.uid,
            process: job.requester.process.clone(),
            state: job.state.into(),
            exit: job.exit.map(Into::into),
            error: job.error.clone(),
            traceback: job.traceback.clone(),
            code: job.code,
            signal: job.signal,
            gave_up: job.gave_up,
            created_ms: job.created_ms,
            started_ms: job.started_ms,
            ended_ms: job.ended_ms,
            duration_ms: job.duration_ms,
            restarts: job.restarts,
            pid: job.pid,
            desired: job.desired.into(),
            last_exits: job.last_exits.iter().map(Into::into).collect(),
        }
    }
}

impl From<JobV1> for Job {
    fn from(record: JobV1) -> Self {
        Self {
            id: record.id,
            group: record.group,
            name: record.name,
            args: record.args,
            kind: record.kind.into(),
            package: record.package,
            main: record.main,
            restart: record.restart.into(),
            restarts_left: record.restarts_left,
            auto_remove: record.auto_remove,
            memory: record.memory,
            interactive: record.interactive,
            requester: Requester {
                uid: record.uid,
                process: record.process,
            },
            state: record.state.into(),
            exit: record.exit.map(Into::into),
            error: record.error,
            traceback: record.traceback,
            code: record.code,
            signal: record.signal,
            gave_up: record.gave_up,
            created_ms: record.created_ms,
            started_ms: record.started_ms,
            ended_ms: record.ended_ms,
            duration_ms: record.duration_ms,
            restarts: record.restarts,
            pid: record.pid,
            desired: record.desired.into(),
            unsaved: None,
            last_exits: record.last_exits.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<&GroupSpec> for GroupSpecV1 {
    fn from(spec: &GroupSpec) -> Self {
        Self {
            name: spec.name.clone(),
            version: spec.version.clone(),
            max_threads: spec.max_threads,
            rt: spec.rt,
            nice: spec.nice,
            cpus: spec.cpus.clone(),
            user: spec.user.clone(),
            memory: spec.memory,
            open_files: spec.open_files,
            default_env_memory: spec.default_env_memory,
            log_level: spec.log_level.into(),
        }
    }
}

impl From<GroupSpecV1> for GroupSpec {
    fn from(record: GroupSpecV1) -> Self {
        Self {
            name: record.name,
            version: record.version,
            max_threads: record.max_threads,
            rt: record.rt,
            nice: record.nice,
            cpus: record.cpus,
            user: record.user,
            memory: record.memory,
            open_files: record.open_files,
            default_env_memory: record.default_env_memory,
            log_level: record.log_level.into(),
        }
    }
}
