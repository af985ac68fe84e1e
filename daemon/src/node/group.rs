//! One group as the daemon knows it: its supervisor, the connection to its process, its environments.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use async_channel::Sender;
use gshell_control::messages::groups::{
    Changed, GroupEnding, GroupShutdown, Hello, Removed, Synced, Watch, Welcome,
};
use gshell_control::names::PUBLISHER;
use gshell_control::{GroupInfo, GroupName, GroupSpec, GroupState, Job};
use gshell_group::store::Store;
use gshell_service::rt::{self, Task};
use gshell_service::{Client, unix};
use gshell_small::{Map, Set};
use gshell_supervise::{Action, Ended, Event, Stage, Supervisor};
use gshell_sys::signal::SIGKILL;
use gshell_sys::{clock, process};
use gshell_wire::{Code, Fault};

use super::Node;
use super::adopt::end_lost;
use super::fork_server::ForkRequest;
use super::seen::Seen;

/// Time for the fork server's report after a group's process is found to be gone. Short, because a group that was
/// adopted from another daemon has nobody to report it and is waited for.
const REPORT_WAIT: Duration = Duration::from_millis(20);

/// One group.
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// Its specification.
    pub spec: RefCell<GroupSpec>,
    /// Its environments.
    pub jobs: RefCell<Map<String, Seen>>,
    /// Requests that are about to start something in it.
    pub pending: Cell<u32>,
    /// It was killed: it goes with everything in it.
    pub doomed: Cell<bool>,
    /// How long the last of its processes that ended had worked, in milliseconds; 0 if that is not known.
    pub ran_ms: Cell<u64>,
    /// How often a process of it has told all that it knows.
    pub syncs: Cell<u32>,
    /// It was found running, and has not told what is in it.
    pub awaited: Cell<bool>,
    supervisor: RefCell<Supervisor>,
    link: RefCell<Option<Rc<Client>>>,
    watch: RefCell<Option<Task<()>>>,
    tick: RefCell<Option<Task<()>>>,
    welcome: RefCell<Welcome>,
    waiting: RefCell<Vec<Sender<()>>>,
}

impl Group {
    /// A group without process.
    pub fn new(name: GroupName, spec: GroupSpec) -> Rc<Group> {
        Rc::new(Group {
            name,
            spec: RefCell::new(spec),
            jobs: RefCell::default(),
            pending: Cell::new(0),
            doomed: Cell::new(false),
            ran_ms: Cell::new(0),
            syncs: Cell::new(0),
            awaited: Cell::new(false),
            supervisor: RefCell::new(Supervisor::new()),
            link: RefCell::default(),
            watch: RefCell::default(),
            tick: RefCell::default(),
            welcome: RefCell::default(),
            waiting: RefCell::default(),
        })
    }

    /// Notes how an environment is now.
    pub fn note(&self, job: Job) {
        self.jobs.borrow_mut().insert(job.id.clone(), Seen::new(job));
        self.wake();
    }

    /// Its environments as they are at this moment.
    pub fn jobs_now(&self) -> Vec<Job> {
        let down = matches!(self.stage(), Stage::Backoff { .. });
        let mut jobs: Vec<_> = self.jobs.borrow().values().map(|seen| seen.now(down)).collect();
        if self.awaited.get() {
            for job in jobs.iter_mut().filter(|job| job.state.is_active()) {
                job.error = Some(format!("group {} does not answer", self.name));
            }
        }
        jobs
    }

    /// Where its process stands.
    pub fn stage(&self) -> Stage {
        *self.supervisor.borrow().stage()
    }

    /// Its process, if it has one.
    pub fn pid(&self) -> Option<i32> {
        self.stage().pid()
    }

    /// The connection to its process.
    pub fn link(&self) -> Option<Rc<Client>> {
        self.link.borrow().clone()
    }

    /// Whether anything in it runs, or will without anybody asking.
    pub fn active(&self) -> bool {
        // What a killed group still says about itself wakes nothing.
        let any = || self.jobs.borrow().values().any(|seen| seen.job.state.is_active());
        !self.doomed.get() && (self.pending.get() > 0 || any())
    }

    /// Whether its process is the only place where some record is: then it stays until the disk has it.
    fn keeps_unsaved(&self) -> bool {
        let any = || self.jobs.borrow().values().any(|seen| seen.job.unsaved.is_some());
        !self.doomed.get() && self.link.borrow().is_some() && any()
    }

    /// What `info` and `list` show.
    pub fn info(&self) -> GroupInfo {
        let supervisor = self.supervisor.borrow();
        let state = match supervisor.stage() {
            Stage::Idle => GroupState::Idle,
            Stage::Starting { .. } => GroupState::Starting,
            Stage::Running { .. } | Stage::Lingering { .. } => GroupState::Running,
            Stage::Backoff { .. } => GroupState::Backoff,
            Stage::Stopping { .. } => GroupState::Stopping,
        };
        let welcome = self.welcome.borrow();
        GroupInfo {
            name: self.name.to_string(),
            state,
            pid: supervisor.stage().pid().unwrap_or(0),
            restarts: supervisor.restarts(),
            last_exit: supervisor.last_exit().map(str::to_owned),
            environments: self.jobs.borrow().len() as u32,
            threads: welcome.threads,
            warnings: welcome.warnings.clone(),
        }
    }

    fn wake(&self) {
        for waiting in self.waiting.take() {
            let _ = waiting.try_send(());
        }
    }

    /// Waits until `done` holds; asked again after each change of the group. `false` when it took too long.
    pub async fn until(&self, limit: Duration, done: impl Fn(&Group) -> bool) -> bool {
        let wait = async {
            while !done(self) {
                let (send, receive) = async_channel::bounded(1);
                self.waiting.borrow_mut().push(send);
                let _ = receive.recv().await;
            }
        };
        rt::timeout(limit, wait).await.is_some()
    }
}

impl Node {
    /// Feeds the group's supervisor and does what it answers.
    pub fn feed(self: &Rc<Self>, group: &Rc<Group>, event: Event) {
        let deed = match event {
            Event::Exited { pid, .. } => self.plugin_deed(group, pid),
            _ => None,
        };
        let actions = {
            let mut supervisor = group.supervisor.borrow_mut();
            let actions = supervisor.on(clock::monotonic_ms(), event);
            deed.inspect(|deed| supervisor.explain(deed));
            actions
        };
        for action in actions {
            self.perform(group, action);
        }
        group.wake();
        self.bury(group);
    }

    /// Tells the supervisor whether anything is wanted of the group.
    pub fn update(self: &Rc<Self>, group: &Rc<Group>) {
        let wanted = group.supervisor.borrow().is_wanted();
        match (group.active() || group.keeps_unsaved(), wanted) {
            (true, false) => self.feed(group, Event::Wanted),
            (false, true) => self.feed(group, Event::Emptied),
            _ => self.bury(group),
        }
    }

    /// A group without process and without environments is no more.
    fn bury(&self, group: &Rc<Group>) {
        if group.stage() != Stage::Idle || group.pending.get() > 0 {
            return;
        }
        if !group.doomed.get() && !group.jobs.borrow().is_empty() {
            return;
        }
        let name = group.name.to_string();
        let known = self
            .groups
            .borrow()
            .get(&name)
            .is_some_and(|known| Rc::ptr_eq(known, group));
        if known && (group.doomed.get() || self.nothing_on_disk(&name)) {
            self.groups.borrow_mut().remove(&name);
            self.remove_files(&name);
            self.collect_packages();
        }
    }

    /// Whether the disk agrees that the group has no environments. What cannot be read just now may still be one.
    fn nothing_on_disk(&self, name: &str) -> bool {
        let Some(state) = self.state_dir() else {
            return true;
        };
        let loaded = Store::at(&state, name).and_then(|store| store.peek());
        loaded.is_ok_and(|loaded| loaded.jobs.is_empty() && loaded.reports.is_empty())
    }

    fn perform(self: &Rc<Self>, group: &Rc<Group>, action: Action) {
        match action {
            Action::Spawn if self.closing.get() => {}
            Action::Spawn => self.spawn_group(group),
            Action::AskShutdown { grace_ms } => ask_shutdown(group, grace_ms),
            Action::Kill { pid } => {
                if process::kill(pid, SIGKILL).is_err() {
                    self.gone_unseen(group, pid);
                }
            }
            Action::ScheduleTick { at_ms } => self.schedule(group, at_ms),
            Action::Report(text) => self.log.info(&format!("group {}: {text}", group.name)),
        }
    }

    /// There is no such process: whoever reaped it may be about to say how it ended.
    fn gone_unseen(self: &Rc<Self>, group: &Rc<Group>, pid: i32) {
        let (node, group) = (self.clone(), group.clone());
        rt::spawn(async move {
            rt::sleep(REPORT_WAIT).await;
            node.feed(
                &group,
                Event::Exited {
                    pid,
                    ended: Ended::UNKNOWN,
                },
            );
            node.update(&group);
        })
        .detach();
    }

    /// Feeds an event after the one that is being handled.
    fn feed_later(self: &Rc<Self>, group: &Rc<Group>, event: Event) {
        let (node, group) = (self.clone(), group.clone());
        rt::spawn(async move { node.feed(&group, event) }).detach();
    }

    fn schedule(self: &Rc<Self>, group: &Rc<Group>, at_ms: u64) {
        let after = Duration::from_millis(at_ms.saturating_sub(clock::monotonic_ms()));
        let (node, for_group) = (self.clone(), group.clone());
        let task = rt::spawn(async move {
            rt::sleep(after).await;
            if let Some(task) = for_group.tick.borrow_mut().take() {
                task.detach();
            }
            node.feed(&for_group, Event::Tick);
        });
        *group.tick.borrow_mut() = Some(task);
    }

    /// Binds the group's socket, connects to it, and has the process forked that will serve it: whoever sends
    /// now is answered as soon as the process is there.
    fn spawn_group(self: &Rc<Self>, group: &Rc<Group>) {
        let bound = self.bind(group);
        let (node, for_group) = (self.clone(), group.clone());
        match bound {
            Ok((published, request)) => rt::spawn(async move {
                let result = node.forks.fork(request, published.listener()).await;
                match result {
                    Ok(pid) => {
                        // The file belongs to the group's process from here on.
                        let _ = published.into_listener();
                        node.feed(&for_group, Event::Spawned { pid });
                    }
                    Err(reason) => {
                        // The socket goes first: the next try binds it again.
                        drop(published);
                        node.feed(&for_group, Event::SpawnFailed { reason });
                    }
                }
            })
            .detach(),
            Err(reason) => self.feed_later(group, Event::SpawnFailed { reason }),
        }
    }

    fn bind(self: &Rc<Self>, group: &Rc<Group>) -> Result<(unix::Published, ForkRequest), String> {
        let published = unix::publish(&self.run_dir, PUBLISHER, &group.name.service())
            .map_err(|error| error.to_string())?;
        let client = Client::connect(published.path()).map_err(|fault| fault.to_string())?;
        self.use_link(group, client, false);
        let request = ForkRequest {
            number: 0,
            spec: group.spec.borrow().clone(),
            run_dir: self.run_dir.clone(),
            state_dir: self.state_dir(),
            socket: published.path().to_owned(),
            plugin_dirs: self.plugin_dirs.clone(),
            note: self.take_note(group).map(|note| note.encode().to_vec()),
        };
        Ok((published, request))
    }

    /// Uses a connection to the group's process, and follows its environments.
    pub fn use_link(self: &Rc<Self>, group: &Rc<Group>, client: Client, adopted: bool) {
        let client = Rc::new(client);
        *group.link.borrow_mut() = Some(client.clone());
        group.wake();
        let (node, for_group) = (self.clone(), group.clone());
        let task = rt::spawn(async move {
            let fault = node.follow(&for_group, &client, adopted).await;
            node.link_lost(&for_group, &client, &fault);
        });
        *group.watch.borrow_mut() = Some(task);
    }

    async fn follow(self: &Rc<Self>, group: &Rc<Group>, client: &Rc<Client>, adopted: bool) -> Fault {
        match self.follow_while_it_lives(group, client, adopted).await {
            Ok(()) => Fault::new(Code::Unreachable, "the group ended the stream"),
            Err(fault) => fault,
        }
    }

    async fn follow_while_it_lives(
        self: &Rc<Self>,
        group: &Rc<Group>,
        client: &Rc<Client>,
        adopted: bool,
    ) -> Result<(), Fault> {
        let hello = Hello {
            daemon_pid: std::process::id() as i32,
            version: crate::VERSION.to_owned(),
        };
        let welcome: Welcome = client.call(hello).await?;
        let pid = welcome.pid;
        self.note_reports(&welcome);
        *group.welcome.borrow_mut() = welcome;
        self.feed(
            group,
            if adopted {
                Event::Adopted { pid }
            } else {
                Event::Ready { pid }
            },
        );
        let stream = client.open().await?;
        stream.send(Watch {}).await?;
        let mut fresh = Some(Set::new());
        while let Some(message) = stream.recv().await? {
            if message.is::<Changed>() {
                let job = message.decode::<Changed>()?.job;
                if let Some(fresh) = &mut fresh {
                    fresh.insert(job.id.clone());
                }
                group.note(job);
            } else if message.is::<Removed>() {
                let id = message.decode::<Removed>()?.id;
                group.jobs.borrow_mut().remove(&id);
                group.wake();
                self.collect_packages();
            } else if message.is::<Synced>()
                && let Some(fresh) = fresh.take()
            {
                // What the group does not know is not there.
                group.jobs.borrow_mut().retain(|id, _| fresh.contains(id));
                group.awaited.set(false);
                group.syncs.set(group.syncs.get().wrapping_add(1));
                group.wake();
            }
            if fresh.is_none() {
                self.update(group);
            }
        }
        Ok(())
    }

    fn link_lost(self: &Rc<Self>, group: &Rc<Group>, client: &Rc<Client>, fault: &Fault) {
        let current = group
            .link
            .borrow()
            .as_ref()
            .is_some_and(|link| Rc::ptr_eq(link, client));
        if !current {
            return;
        }
        *group.link.borrow_mut() = None;
        group.awaited.set(false);
        group.wake();
        self.log.debug(&format!("group {}: {fault}", group.name));
        if let Some(task) = group.watch.borrow_mut().take() {
            task.detach();
        }
        match (group.stage(), group.pid()) {
            // A start that takes longer than the patience of a connection: it is given another.
            (Stage::Starting { .. }, _) => self.reconnect(group),
            (_, Some(pid)) => self.feed(group, Event::ConnectionLost { pid }),
            (_, None) => self.update(group),
        }
    }

    fn reconnect(self: &Rc<Self>, group: &Rc<Group>) {
        let path = unix::socket_path(&self.run_dir, PUBLISHER, &group.name.service());
        if let Ok(client) = Client::connect(&path) {
            self.use_link(group, client, false);
        }
    }

    /// The fork server says that a process is gone.
    pub fn group_exited(self: &Rc<Self>, pid: i32, ended: Ended) {
        let group = self
            .groups
            .borrow()
            .values()
            .find(|group| group.pid() == Some(pid))
            .cloned();
        let Some(group) = group else { return };
        // Its last word about its environments may still be in the connection's buffer.
        let (node, link) = (self.clone(), group.link());
        rt::spawn(async move {
            if let Some(link) = &link {
                rt::timeout(Duration::from_millis(100), link.lost()).await;
            }
            // Another process may have taken its place meanwhile, with a connection of its own.
            let replaced = match (&link, group.link()) {
                (Some(old), Some(now)) => !Rc::ptr_eq(old, &now),
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if !replaced {
                *group.link.borrow_mut() = None;
            }
            node.after_exit(&group, pid, ended);
        })
        .detach();
    }

    fn after_exit(self: &Rc<Self>, group: &Rc<Group>, pid: i32, ended: Ended) {
        let told = ended.code == Some(gshell_group::EXIT_BOOT);
        if told {
            self.log.warn(&format!(
                "group {} could not start: see 'gshell log {}'",
                group.name, group.name
            ));
        }
        if ended.code == Some(gshell_group::EXIT_LOCKED) {
            end_lost(self, group, pid);
        }
        self.feed(group, Event::Exited { pid, ended });
        self.update(group);
    }

    /// The connection to the group's process, which is started if there is none.
    pub async fn ensure_link(
        self: &Rc<Self>,
        group: &Rc<Group>,
        limit: Duration,
    ) -> Result<Rc<Client>, Fault> {
        self.update(group);
        let there = group.until(limit, |group| group.link.borrow().is_some()).await;
        match (there, group.link()) {
            (true, Some(link)) => Ok(link),
            _ => {
                let info = group.info();
                let text = format!("group {} has no process: it is {}", group.name, info.state);
                let fault = Fault::new(Code::Unreachable, text);
                Err(match info.last_exit {
                    Some(exit) => fault.with_cause(exit),
                    None => fault,
                })
            }
        }
    }
}

fn ask_shutdown(group: &Rc<Group>, grace_ms: u32) {
    let Some(link) = group.link() else { return };
    rt::spawn(async move {
        // Its end shows by the connection; a refusal by the supervisor's deadline.
        let _: Result<GroupEnding, Fault> = link.call(GroupShutdown { grace_ms }).await;
    })
    .detach();
}
