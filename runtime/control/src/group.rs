//! A group: what it is made from, and how it stands.

use gshell_wire::Schema;
use serde::{Deserialize, Serialize};

use crate::limits::{CPUS, RT_MAX, THREADS};
use crate::state::words;
use crate::{GroupName, Invalid};

/// How much a group writes to its log.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Schema,
)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what is odd.
    Warn,
    /// And what happened.
    #[default]
    Info,
    /// And how.
    Debug,
}

words!(LogLevel, "log level", Error => "error", Warn => "warn", Info => "info", Debug => "debug");

/// What a group's process is made from. It is kept on disk, so that the group is the same after each restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct GroupSpec {
    /// Name, without version.
    pub name: String,
    /// Version of gshell that the group belongs to.
    pub version: String,
    /// Executor threads; 0 is the default, the number of CPUs but at most 4.
    pub max_threads: u16,
    /// Real-time priority 1 to 99 of SCHED_RR; 0 is none.
    pub rt: u8,
    /// Nice value, -20 (favoured) to 19.
    pub nice: i8,
    /// CPUs that it may use; empty is all.
    pub cpus: Vec<u16>,
    /// User that it runs as; `None` is the daemon's own.
    pub user: Option<String>,
    /// Address space limit of the process in bytes; 0 is none.
    pub memory: u64,
    /// Limit of open files; 0 is the daemon's own.
    pub open_files: u32,
    /// Memory limit in bytes of an environment that has none of its own; 0 is none.
    pub default_env_memory: u64,
    /// How much it logs.
    pub log_level: LogLevel,
}

impl GroupSpec {
    /// The default specification of a group of this name.
    pub fn of(name: &GroupName) -> Self {
        Self {
            name: name.name().to_owned(),
            version: name.version().to_owned(),
            ..Self::default()
        }
    }

    /// The full name; an error when name or version break their rules.
    pub fn full_name(&self) -> Result<GroupName, Invalid> {
        GroupName::new(&self.name, &self.version)
    }

    /// Checks the numbers against their ranges; not the names, which the daemon fills in.
    pub fn check(&self) -> Result<(), Invalid> {
        if self.max_threads > THREADS {
            let reason = format!("1 to {THREADS} are allowed");
            return Err(Invalid::new(
                "number of threads",
                &self.max_threads.to_string(),
                reason,
            ));
        }
        if self.rt > RT_MAX {
            let reason = format!("1 to {RT_MAX} are allowed");
            return Err(Invalid::new("real-time priority", &self.rt.to_string(), reason));
        }
        if !(-20..=19).contains(&self.nice) {
            return Err(Invalid::new(
                "nice value",
                &self.nice.to_string(),
                "-20 to 19 are allowed",
            ));
        }
        if let Some(cpu) = self.cpus.iter().find(|cpu| u32::from(**cpu) >= CPUS) {
            return Err(Invalid::new(
                "CPU",
                &cpu.to_string(),
                format!("0 to {} are allowed", CPUS - 1),
            ));
        }
        if self.cpus.len() > CPUS as usize {
            let reason = format!("{CPUS} entries are allowed");
            return Err(Invalid::new("list of CPUs", &self.cpus.len().to_string(), reason));
        }
        match self.user.as_deref() {
            Some(user) if user.is_empty() || user.len() > 255 || user.contains('\0') => Err(Invalid::new(
                "user",
                user,
                "it has 1 to 255 bytes and no NUL character",
            )),
            _ => Ok(()),
        }
    }
}

/// Where a group stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub enum GroupState {
    /// Nothing runs in it, so it has no process; its environments stay listed.
    #[default]
    Idle,
    /// Its process was forked and is not ready yet.
    Starting,
    /// It works.
    Running,
    /// It failed and waits for its next start.
    Backoff,
    /// It was asked to end.
    Stopping,
}

words!(GroupState, "group state",
    Idle => "idle", Starting => "starting", Running => "running", Backoff => "backoff", Stopping => "stopping");

/// A group as `info` and `ps` show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct GroupInfo {
    /// Full name, `NAME-VERSION`.
    pub name: String,
    /// Where it stands.
    pub state: GroupState,
    /// Its process; 0 while there is none.
    pub pid: i32,
    /// Times that it was started again after a failure, since the daemon started.
    pub restarts: u32,
    /// How its last process ended, for people; `None` before the first end.
    pub last_exit: Option<String>,
    /// Environments in it, running or listed.
    pub environments: u32,
    /// Executor threads that it has, or would have.
    pub threads: u16,
    /// What could not be done as specified, such as a real-time priority that the system refused.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_checked() {
        let good = GroupSpec {
            max_threads: 256,
            rt: 99,
            nice: -20,
            cpus: vec![0, 1023],
            ..GroupSpec::default()
        };
        assert_eq!(good.check(), Ok(()));
        for bad in [
            GroupSpec {
                max_threads: 257,
                ..GroupSpec::default()
            },
            GroupSpec {
                rt: 100,
                ..GroupSpec::default()
            },
            GroupSpec {
                nice: 20,
                ..GroupSpec::default()
            },
            GroupSpec {
                nice: -21,
                ..GroupSpec::default()
            },
            GroupSpec {
                cpus: vec![1024],
                ..GroupSpec::default()
            },
            GroupSpec {
                cpus: vec![0; 1025],
                ..GroupSpec::default()
            },
            GroupSpec {
                user: Some(String::new()),
                ..GroupSpec::default()
            },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_spec_knows_its_full_name() {
        let name = GroupName::new("web", "0.1.0").unwrap();
        assert_eq!(GroupSpec::of(&name).full_name(), Ok(name));
        assert!(GroupSpec::default().full_name().is_err());
    }
}
