//! Every bound that the command line, the daemon and the groups share: with its unit and its reason.
//!
//! A bound that is hit is an error that names it; so each constant is also what the error message says.

use std::time::Duration;

/// Environments in one group, running and listed. Each has a record on disk and a Lua state of about 28 kB.
pub const ENVIRONMENTS_PER_GROUP: u32 = 256;

/// Groups on one node. Each is a process once something runs in it; this is where a fork bomb of `run` ends.
pub const GROUPS_PER_NODE: u32 = 64;

/// Bytes of a package as it is packed: half of the largest message, and far more than scripts need.
pub const PACKAGE_BYTES: u32 = 8 * 1024 * 1024;

/// Files in a package.
pub const PACKAGE_FILES: u32 = 1024;

/// Bytes of a path inside a package: what most filesystems allow one component to be.
pub const PACKAGE_PATH: u32 = 255;

/// Arguments of an environment.
pub const ARGS: u32 = 1024;

/// Bytes of all arguments together, as Linux allows one argument of a process to be. They are in every record.
pub const ARGS_BYTES: u32 = 128 * 1024;

/// Characters of a group's name: with version and folder it stays below the 107 bytes of a unix socket's path.
pub const GROUP_NAME_MAX: usize = 32;

/// Characters of a group's version: what is left of a service's name, 64, after `grg-`, the name and `-`.
pub const GROUP_VERSION_MAX: usize = 27;

/// Bytes of an environment's name, which is that of the file that it runs.
pub const ENV_NAME: u32 = 255;

/// Bytes of log kept per environment, group and daemon, in two files of at most half each. The runtime folder is
/// memory on most boards.
pub const LOG_RING: u32 = 64 * 1024;

/// Exits that a record remembers per environment.
pub const LAST_EXITS: usize = 5;

/// Bytes of the last output that are kept with an exit.
pub const EXIT_TAIL: u32 = 1024;

/// Bytes of an error message in a record.
pub const ERROR_BYTES: u32 = 4 * 1024;

/// Bytes of a traceback in a record.
pub const TRACEBACK_BYTES: u32 = 16 * 1024;

/// Bytes of one record on disk, header included: the sum of the bounds above, rounded up.
pub const RECORD_BYTES: u32 = 256 * 1024;

/// Files that the folder of set-aside files holds at most; what exceeds it is deleted, and the report says so.
pub const ASIDE_FILES: u32 = 64;

/// Patterns in one request.
pub const PATTERNS: u32 = 256;

/// Bytes in one chunk of a byte stream: what a pipe holds.
pub const CHUNK_BYTES: u32 = 64 * 1024;

/// CPUs that an affinity list may name: what the kernel's fixed-size set holds.
pub const CPUS: u32 = 1024;

/// Executor threads of a group: more than any board has CPUs, few enough not to hurt by a typing mistake.
pub const THREADS: u16 = 256;

/// Highest real-time priority of SCHED_RR.
pub const RT_MAX: u8 = 99;

/// Time that a stopped environment has for its `on_stop` and for leaving its waits, before it is torn down.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// Time that a group in which nothing runs stays, so that a row of short runs does not fork a process each.
pub const GROUP_LINGER: Duration = Duration::from_secs(5);

/// Time that a forked group has until it says that it is ready; a healthy one takes milliseconds, a loaded
/// single-core board with a slow flash seconds.
pub const GROUP_START: Duration = Duration::from_secs(10);

/// Time between the signal that nothing survives and giving the process up as stuck in the kernel.
pub const KILL_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_record_fits_into_its_bound() {
        let exits = (EXIT_TAIL + ERROR_BYTES + 64) * LAST_EXITS as u32;
        let names = 4 * 1024;
        assert!(ARGS_BYTES + 5 * ARGS + TRACEBACK_BYTES + ERROR_BYTES * 2 + exits + names <= RECORD_BYTES);
    }
}
