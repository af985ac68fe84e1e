//! A started child and the care for it: it is always reaped, and it never outlives the environment.

use std::cell::{Cell, RefCell};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};

use gshell_service::rt;
use gshell_sys::process::{self, ExitStatus, Spawn, Stdio};
use mlua::Result;

use crate::errors::raise_io;
use crate::sync::Signal;
use crate::{Context, Ticket};

/// A pipe's end that tasks can wait for.
pub type Reader = rt::Io<PipeReader>;
/// See [`Reader`].
pub type Writer = rt::Io<PipeWriter>;

/// How a stream of the child is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Through a pipe to the script.
    Pipe,
    /// To nothing.
    Null,
    /// Standard error only: to where standard output goes.
    Merge,
}

/// The script's ends of the child's streams.
#[derive(Default)]
pub struct Streams {
    /// To the child's standard input.
    pub stdin: Option<Writer>,
    /// From its standard output.
    pub stdout: Option<Reader>,
    /// From its standard error.
    pub stderr: Option<Reader>,
}

/// A child, by itself the leader of a session and of a process group.
pub struct Running {
    /// Process number, and that of its group.
    pub pid: i32,
    status: Cell<Option<ExitStatus>>,
    ended: Signal,
}

/// Children of an environment that left others of their group behind: these end with the environment.
#[derive(Default)]
pub struct Leftovers(RefCell<Vec<(Rc<Running>, Ticket)>>);

impl Drop for Leftovers {
    fn drop(&mut self) {
        for (running, _) in self.0.borrow().iter() {
            running.kill_rest();
        }
    }
}

/// Starts a child. Its end is noticed, and the child reaped, also when nobody waits for it.
pub fn start(
    cx: &Context,
    leftovers: &Rc<Leftovers>,
    mut spawn: Spawn,
    shown: &str,
    wires: [Wire; 3],
) -> Result<(Rc<Running>, Streams)> {
    leftovers.prune();
    let what = format!("start `{shown}`");
    let failed = |error: io::Error| raise_io(&what, &error);
    let streams = connect(&mut spawn, wires).map_err(failed)?;
    // The place in the registry is taken first: a child that has none must not start.
    let slot: Rc<RefCell<Weak<Running>>> = Rc::default();
    let closing = Rc::clone(&slot);
    let ticket = cx.resources.add(&format!("a process (`{shown}`)"), move || {
        if let Some(running) = closing.borrow().upgrade() {
            running.kill_rest();
        }
    })?;
    let child = process::spawn(spawn).map_err(failed)?;
    let running = Rc::new(Running {
        pid: child.pid,
        status: Cell::new(None),
        ended: Signal::new(),
    });
    *slot.borrow_mut() = Rc::downgrade(&running);
    let reaper = reap(Rc::clone(&running), Rc::downgrade(leftovers), ticket);
    // On the thread's executor, not the environment's: it must outlive the environment by the moment
    // that a killed child takes to end.
    rt::spawn(reaper).detach();
    Ok((running, streams))
}

fn connect(spawn: &mut Spawn, [stdin, stdout, stderr]: [Wire; 3]) -> io::Result<Streams> {
    let mut streams = Streams::default();
    if stdin == Wire::Pipe {
        let (theirs, ours) = io::pipe()?;
        spawn.stdin = Stdio::Fd(theirs.into());
        streams.stdin = Some(rt::Io::new(ours)?);
    }
    let mut shared: Option<OwnedFd> = None;
    if stdout == Wire::Pipe {
        let (ours, theirs) = io::pipe()?;
        if stderr == Wire::Merge {
            shared = Some(theirs.try_clone()?.into());
        }
        spawn.stdout = Stdio::Fd(theirs.into());
        streams.stdout = Some(rt::Io::new(ours)?);
    }
    if stderr == Wire::Pipe {
        let (ours, theirs) = io::pipe()?;
        spawn.stderr = Stdio::Fd(theirs.into());
        streams.stderr = Some(rt::Io::new(ours)?);
    } else if let Some(shared) = shared {
        spawn.stderr = Stdio::Fd(shared);
    }
    Ok(streams)
}

async fn reap(running: Rc<Running>, leftovers: Weak<Leftovers>, ticket: Ticket) {
    // Without a status (somebody else reaped it, which nobody does) it counts as ended without success.
    let status = rt::child_exit(running.pid).await.unwrap_or(ExitStatus::Code(255));
    running.status.set(Some(status));
    running.ended.set();
    if !running.group_lives() {
        return;
    }
    match leftovers.upgrade() {
        Some(leftovers) => leftovers.0.borrow_mut().push((running, ticket)),
        None => running.kill_rest(),
    }
}

impl Leftovers {
    /// Forgets those whose group has ended meanwhile.
    fn prune(&self) {
        self.0.borrow_mut().retain(|(running, _)| running.group_lives());
    }
}

impl Running {
    /// How it ended; `None` while it runs.
    pub fn status(&self) -> Option<ExitStatus> {
        self.status.get()
    }

    /// Waits for its end.
    pub async fn wait(&self) -> ExitStatus {
        self.ended.wait().await;
        self.status.get().unwrap_or(ExitStatus::Code(255))
    }

    /// Sends a signal to its group. Nothing happens when it has ended: its number may be another's by now.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        if self.status.get().is_some() {
            return Ok(());
        }
        process::kill_group(self.pid, signal)
    }

    /// Kills it and what is left of its group.
    pub fn kill_rest(&self) {
        if self.status.get().is_none() || self.group_lives() {
            // It may have ended just now; then there is nothing to do.
            let _ = process::kill_group(self.pid, KILL);
        }
    }

    /// Whether a group of an ended child still has members. The number of a group is not given to another
    /// process while it has members: a process of that number means that it had none left, and is new.
    fn group_lives(&self) -> bool {
        process::stat(self.pid).is_none() && process::kill_group(self.pid, 0).is_ok()
    }
}

/// SIGKILL, the same number everywhere.
const KILL: i32 = 9;
