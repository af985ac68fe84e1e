//! The node's daemon: it supervises groups and knows which services exist. It runs no script, opens no
//! shared object, and no message between two services passes through it.
//!
//! Its start is an ordered list of steps, each where its reason puts it: the fork server first, because a
//! process with an executor must never fork; then the locks, so that a second daemon ends before it has
//! touched anything; then state, sockets, and the word that it is ready; groups that have to be started come
//! after that word.

mod act;
mod adopt;
pub mod fork_server;
mod forks;
mod group;
mod kill;
mod log;
mod logs;
mod plugins;
mod run;
mod seen;
mod serve;
mod start;
mod state;

use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use gshell_control::LogLevel;
use gshell_control::messages::groups::Welcome;
use gshell_group::store::{Packages, packages_in_use};
use gshell_small::{Map, Set};

use self::forks::Forks;
use self::group::Group;
use self::log::NodeLog;

/// What a daemon is started with.
#[derive(Debug)]
pub struct Options {
    /// Sockets, locks and logs.
    pub run_dir: PathBuf,
    /// What lasts.
    pub state_dir: PathBuf,
    /// Folders of plugins, the first first.
    pub plugin_dirs: Vec<PathBuf>,
    /// What is logged.
    pub log_level: LogLevel,
    /// Gets a line feed when the node is ready.
    pub ready_fd: Option<OwnedFd>,
}

/// Time for the groups that a daemon found running to tell what is in them before the daemon answers without.
const FOUND_ANSWER: Duration = Duration::from_millis(500);

/// Reports that are kept; older ones are in the log.
const MOST_REPORTS: usize = 32;

/// The daemon, on its one thread.
pub struct Node {
    run_dir: PathBuf,
    state_dir: PathBuf,
    plugin_dirs: Vec<PathBuf>,
    /// Why nothing is kept on disk.
    volatile: Option<String>,
    id: String,
    started_ms: i64,
    log: NodeLog,
    groups: RefCell<Map<String, Rc<Group>>>,
    forks: Rc<Forks>,
    packages: Packages,
    reports: RefCell<Vec<String>>,
    told: async_channel::Sender<()>,
    collect: async_channel::Sender<()>,
    began: Instant,
    /// The groups are being ended together with the daemon: none is started any more.
    closing: Cell<bool>,
}

impl Node {
    /// The state dir, when state is kept.
    fn state_dir(&self) -> Option<PathBuf> {
        self.volatile.is_none().then(|| self.state_dir.clone())
    }

    /// Waits until the groups that were found running have told what is in them, or had the time to.
    async fn settled(&self) {
        let found = || {
            let groups = self.groups.borrow();
            groups.values().find(|group| group.awaited.get()).cloned()
        };
        while let Some(group) = found() {
            let left = FOUND_ANSWER.saturating_sub(self.began.elapsed());
            if !group.until(left, |group| !group.awaited.get()).await {
                return;
            }
        }
    }

    fn report(&self, text: String) {
        self.log.warn(&text);
        let mut reports = self.reports.borrow_mut();
        if !reports.contains(&text) {
            reports.push(text);
        }
        let excess = reports.len().saturating_sub(MOST_REPORTS);
        reports.drain(..excess);
    }

    fn note_reports(&self, welcome: &Welcome) {
        welcome.reports.iter().for_each(|text| self.report(text.clone()));
    }

    /// Files of a group that is no more.
    fn remove_files(&self, name: &str) {
        if let Some(state) = self.state_dir() {
            let removed = gshell_group::store::Store::at(&state, name).and_then(|store| store.remove_group());
            if let Err(error) = removed {
                self.report(error.to_string());
            }
        }
        for folder in [
            self.run_dir.join("groups").join(name),
            gshell_group::logs_dir(&self.run_dir, name),
        ] {
            let _ = std::fs::remove_dir_all(folder);
        }
    }

    /// Removes packages that no environment runs from any more, after what is being handled now.
    fn collect_packages(&self) {
        let _ = self.collect.try_send(());
    }

    /// Does what [`Node::collect_packages`] asked for.
    fn collect_now(&self) {
        let groups = self.groups.borrow();
        // A request may have stored its package and not have its environment yet.
        if groups.values().any(|group| group.pending.get() > 0) {
            return self.collect_packages();
        }
        // One after the other: collecting them would bring a sort of its own into the program.
        let mut live = Set::new();
        for group in groups.values() {
            live.extend(group.jobs.borrow().values().map(|seen| seen.job.package.clone()));
        }
        if let Some(state) = self.state_dir() {
            // What is on disk counts too: a group may know more than it has told. A record that does not read may
            // use anything, so nothing is collected then.
            match packages_in_use(&state) {
                Ok(Some(on_disk)) => live.extend(on_disk),
                Ok(None) => return,
                Err(error) => return self.log.warn(&error.to_string()),
            }
        }
        if let Err(error) = self.packages.collect(&live) {
            self.log.warn(&error.to_string());
        }
    }
}

/// Runs a daemon until it is told to end. The fork server, and every group that it forks, leave this
/// function in processes of their own, with their exit status.
pub fn run(options: Options) -> Result<u8, String> {
    start::main(options).map_err(|error| error.to_string())
}
