//! The body of a runtime group (GRG): the process in which environments (GRE) run.
//!
//! The fork server forks it with a [`Start`]; [`main`] makes it a group: process settings, records from
//! disk, executor threads, and the service `gshell/grg-NAME-VERSION` through which the daemon and the
//! command line talk to it. What must last is in [`store`], what people read in [`logs`].

mod attach;
mod boot;
mod env;
mod hub;
pub mod logs;
pub mod note;
mod outcome;
mod recover;
mod runner;
mod saver;
mod serve;
pub mod serve_log;
mod sessions;
pub mod store;
mod table;
mod watch;
mod worker;

/// Where the logs of a group and its environments are: a folder of their own, because a group may run as
/// another user.
pub fn logs_dir(run_dir: &std::path::Path, group: &str) -> std::path::PathBuf {
    run_dir.join("log").join(group)
}

pub use boot::{EXIT_BOOT, EXIT_IDLE, EXIT_LOCKED, EXIT_STUCK, Start, main, process_of};
pub use serve::admission;
pub use sessions::sweep as sweep_sessions;
