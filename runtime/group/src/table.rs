//! The group's environments, and what can be asked of the group as a whole.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gshell_control::limits::{ENVIRONMENTS_PER_GROUP, LOG_RING};
use gshell_control::messages::groups::GroupFigures;
use gshell_control::{GroupSpec, Job, Kind, Package, State};
use gshell_service::Node;
use gshell_small::Map;
use gshell_sys::note::Note;
use gshell_sys::slice;
use gshell_wire::{Code, Fault};

use crate::env::Env;
use crate::hub::Hub;
use crate::logs::Log;
use crate::runner::Order;
use crate::saver::Saver;
use crate::store::Packages;
use crate::watch::Watchers;
use crate::worker::Workers;

/// The same for a script that is alone in its group, on the thread that also answers for the group: it keeps nobody from
/// work, so a long sort is let be, but who lists, stops or follows it must get an answer.
const STUCK_ALONE: Duration = Duration::from_secs(3);

/// How long a script may hold its thread where nothing can suspend it while it has neighbours. Together with
/// the time to start the group again (some 20 ms) it keeps the promise that they answer within a second.
const STUCK_AFTER: Duration = Duration::from_millis(700);

thread_local! {
    static GROUP: RefCell<Option<Rc<Group>>> = const { RefCell::new(None) };
}

/// A group process; it lives on the first thread.
pub struct Group {
    pub(crate) name: String,
    pub(crate) spec: GroupSpec,
    pub(crate) run_dir: PathBuf,
    pub(crate) node: Node,
    pub(crate) packages: Packages,
    pub(crate) envs: RefCell<Map<String, Rc<Env>>>,
    pub(crate) workers: Workers,
    pub(crate) saver: Saver,
    pub(crate) watchers: Watchers,
    pub(crate) warnings: Vec<String>,
    pub(crate) reports: RefCell<Vec<String>>,
    pub(crate) ending: Cell<bool>,
    /// What the process before said of an environment that has no record.
    pub(crate) left: RefCell<Option<Note>>,
    started: Instant,
    last_key: Cell<u32>,
}

/// What a [`Group`] is made from.
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) spec: GroupSpec,
    pub(crate) run_dir: PathBuf,
    /// The node that the group is of, where its scripts publish.
    pub(crate) node: Node,
    pub(crate) packages: Packages,
    pub(crate) workers: Workers,
    pub(crate) saver: Saver,
    pub(crate) warnings: Vec<String>,
    pub(crate) reports: Vec<String>,
}

impl Group {
    /// Makes the group of this process; [`Group::get`] finds it from then on.
    pub(crate) fn install(parts: Parts) -> Rc<Group> {
        let group = Rc::new(Group {
            name: parts.name,
            spec: parts.spec,
            run_dir: parts.run_dir,
            node: parts.node,
            packages: parts.packages,
            envs: RefCell::default(),
            workers: parts.workers,
            saver: parts.saver,
            watchers: Watchers::default(),
            warnings: parts.warnings,
            reports: RefCell::new(parts.reports),
            ending: Cell::new(false),
            left: RefCell::default(),
            started: Instant::now(),
            last_key: Cell::new(0),
        });
        GROUP.with(|slot| *slot.borrow_mut() = Some(group.clone()));
        group
    }

    /// The group of this thread.
    pub(crate) fn get() -> Option<Rc<Group>> {
        GROUP.with(|slot| slot.borrow().clone())
    }

    pub(crate) fn find(&self, id: &str) -> Result<Rc<Env>, Fault> {
        let env = self
            .envs
            .borrow()
            .get(id)
            .filter(|env| !env.is_leaving())
            .cloned();
        env.ok_or_else(|| {
            Fault::new(
                Code::NotFound,
                format!("no environment {id} in group {}", self.name),
            )
        })
    }

    pub(crate) fn next_key(&self) -> u32 {
        let key = self.last_key.get().wrapping_add(1);
        self.last_key.set(key);
        key
    }

    /// Lists `job` as an environment of the group.
    pub(crate) fn add(&self, job: Job) -> Result<Rc<Env>, Fault> {
        if gshell_control::names::check_env_id(&job.id).is_err() || job.group != self.name {
            let text = format!(
                "group {} does not take environment {:?} of {:?}",
                self.name, job.id, job.group
            );
            return Err(Fault::new(Code::Invalid, text));
        }
        let mut envs = self.envs.borrow_mut();
        if envs.contains_key(&job.id) {
            return Err(Fault::new(
                Code::Exists,
                format!("environment {} exists already", job.id),
            ));
        }
        if envs.len() >= ENVIRONMENTS_PER_GROUP as usize {
            let text = format!(
                "group {} has {ENVIRONMENTS_PER_GROUP} environments, the most that a group can have: remove some \
                 (gshell rm) or use another group (-g)",
                self.name
            );
            return Err(Fault::new(Code::Limit, text));
        }
        let log = match Log::open(&crate::logs_dir(&self.run_dir, &self.name), &job.id, LOG_RING) {
            Ok(log) => Some(log),
            Err(error) => {
                self.reports
                    .borrow_mut()
                    .push(format!("no log for {}: {error}", job.id));
                None
            }
        };
        let env = Env::new(job, Hub::new(log));
        envs.insert(env.id().to_owned(), env.clone());
        Ok(env)
    }

    /// Environments with a run.
    fn running(&self) -> usize {
        self.envs.borrow().values().filter(|env| env.runs()).count()
    }

    /// A run began or ended: a script that cannot be interrupted matters to neighbours, and on the first thread to the
    /// service of the group.
    pub(crate) fn neighbours_changed(&self) {
        let limit = match self.running() {
            0 => None,
            1 => self.workers.first_is_used().then_some(STUCK_ALONE),
            _ => Some(STUCK_AFTER),
        };
        slice::set_stuck_limit(limit);
    }

    /// Tells the disk and the watchers how `env` is now.
    pub(crate) fn changed(&self, env: &Rc<Env>) {
        if !self.ending.get() {
            self.saver.save(&env.job.borrow());
        }
        self.watchers.changed(&env.job_now());
    }

    /// The order for the next run of `job`.
    pub(crate) fn order(&self, env: &Rc<Env>) -> Result<Order, String> {
        let job = env.job.borrow().clone();
        let (package, program) = match job.kind {
            Kind::Script => {
                let package = self
                    .packages
                    .get(&job.package)
                    .map_err(|error| error.to_string())?;
                (package, PathBuf::new())
            }
            Kind::Elf => {
                let program = self
                    .packages
                    .program(&job.package)
                    .map_err(|error| error.to_string())?;
                (Package::default(), program)
            }
        };
        let memory = if job.memory > 0 {
            job.memory
        } else {
            self.spec.default_env_memory
        };
        let (here, id) = (gshell_service::rt::handle(), job.id.clone());
        let process = Box::new(move |pid| {
            let id = id.clone();
            here.run(Box::new(move || {
                if let Some(group) = Group::get() {
                    group.process_of(&id, pid);
                }
            }));
        });
        Ok(Order {
            job,
            package: Arc::new(package),
            program,
            hub: env.hub.clone(),
            node: self.node.clone(),
            memory,
            process,
        })
    }

    /// A program has its process.
    fn process_of(&self, id: &str, pid: i32) {
        let Ok(env) = self.find(id) else { return };
        if env.runs() {
            env.job.borrow_mut().pid = pid;
            crate::sessions::note(&self.run_dir, &self.name, id, pid);
            self.changed(&env);
        }
    }

    pub(crate) fn figures(&self) -> GroupFigures {
        let envs = self.envs.borrow();
        let count = |state: State| {
            envs.values()
                .filter(|env| env.job.borrow().state == state)
                .count() as u32
        };
        GroupFigures {
            pid: std::process::id() as i32,
            uptime_ms: self.started.elapsed().as_millis() as u64,
            environments: State::ALL.iter().map(|state| count(*state)).collect(),
            lua_bytes: 0,
            log_dropped: envs.values().map(|env| env.hub.dropped()).sum(),
            records_written: self.saver.written(),
            records_failed: self.saver.failed(),
            slices_exceeded: slice::counts().overruns,
        }
    }
}
