//! The fork server: a small process that forks groups and reports how they end.
//!
//! It is forked by the daemon before the daemon starts anything else, so it has one thread, no executor and
//! little memory: a fork from it is quick and safe. It blocks in `poll` and knows nothing but its socket and
//! its children. When the daemon is gone it goes too; its groups stay.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use gshell_control::GroupSpec;
use gshell_group::Start;
use gshell_small::Set;
use gshell_supervise::Ended;
use gshell_sys::note::Note;
use gshell_sys::process::{self, ExitStatus};
use gshell_sys::signal::{self, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM, SignalFd};
use gshell_sys::{fdpass, fork, memory};
use gshell_wire::{decode, encode};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};

use crate::builtin;

/// Bytes of one packet between daemon and fork server, well above a specification with all its CPUs.
pub const PACKET: usize = 64 << 10;

/// Idle time after which the fork server gives back memory, milliseconds.
const REST_AFTER_MS: u16 = 500;

/// What the daemon asks for. The group's listening socket comes with it.
#[derive(Debug, Serialize, Deserialize)]
pub struct ForkRequest {
    /// Number to answer by.
    pub number: u32,
    /// The group.
    pub spec: GroupSpec,
    /// Runtime dir of the node.
    pub run_dir: PathBuf,
    /// State dir of the node, when it keeps state.
    pub state_dir: Option<PathBuf>,
    /// File of the group's socket.
    pub socket: PathBuf,
    /// Folders of plugins.
    pub plugin_dirs: Vec<PathBuf>,
    /// What the process before left, as a note.
    pub note: Option<Vec<u8>>,
}

/// What the fork server says.
#[derive(Debug, Serialize, Deserialize)]
pub enum ForkEvent {
    /// Request `number` has become process `pid`.
    Forked {
        /// Number of the request.
        number: u32,
        /// The group's process.
        pid: i32,
    },
    /// Request `number` could not be carried out.
    Failed {
        /// Number of the request.
        number: u32,
        /// Why.
        reason: String,
    },
    /// A group has ended.
    Exited {
        /// Its process.
        pid: i32,
        /// Exit status, when it left by itself.
        code: Option<i32>,
        /// Signal that ended it.
        signal: Option<i32>,
        /// The kernel ended a process for want of memory meanwhile.
        oom: bool,
    },
}

/// Turns an exit status into what the supervisor wants to know.
pub fn ended(code: Option<i32>, signal: Option<i32>, oom: bool) -> Ended {
    Ended { code, signal, oom }
}

struct Server {
    socket: OwnedFd,
    children: Set<i32>,
    oom_kills: Option<u64>,
}

/// Runs the fork server on `socket` until the daemon closes its end. In a forked group this returns that
/// group's exit status.
pub fn main(socket: OwnedFd) -> i32 {
    let _ = fork::set_name("gshell-fork");
    // It says nothing, and must not keep open what the daemon's reader waits for the end of.
    let _ = fork::daemonize_std();
    // It goes with the daemon, not with the terminal: a Ctrl-C for a daemon in the foreground is the daemon's.
    let _ = signal::block(&[SIGINT, SIGHUP, SIGTERM]);
    let signals = match SignalFd::new(&[SIGCHLD]) {
        Ok(signals) => signals,
        Err(_) => return 1,
    };
    let mut server = Server {
        socket,
        children: Set::new(),
        oom_kills: memory::machine_oom_kills(),
    };
    let mut patience = PollTimeout::from(REST_AFTER_MS);
    loop {
        let ready = wait(&server.socket, &signals, patience);
        if ready == (false, false) && patience != PollTimeout::NONE {
            // Nothing to do for a while: what only the start ran through need not stay in memory.
            memory::release();
            patience = PollTimeout::NONE;
        }
        if ready.1 {
            while let Ok(Some(_)) = signals.read() {}
            server.reap();
        }
        if ready.0 {
            match server.take_request() {
                Took::Request => {}
                Took::End => return 0,
                Took::Child(start) => {
                    drop((server, signals));
                    return gshell_group::main(*start);
                }
            }
        }
    }
}

/// Waits for the socket and the signals; which of them have something.
fn wait(socket: &OwnedFd, signals: &SignalFd, patience: PollTimeout) -> (bool, bool) {
    let mut fds = [
        PollFd::new(socket.as_fd(), PollFlags::POLLIN),
        PollFd::new(signals.as_fd(), PollFlags::POLLIN),
    ];
    match poll(&mut fds, patience) {
        Ok(_) => {
            let some = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| !events.is_empty());
            (some(&fds[0]), some(&fds[1]))
        }
        Err(_) => (false, false),
    }
}

enum Took {
    Request,
    End,
    Child(Box<Start>),
}

impl Server {
    fn take_request(&mut self) -> Took {
        let mut buffer = vec![0; PACKET];
        let (request, listener) = match fdpass::recv(self.socket.as_fd(), &mut buffer) {
            Ok((0, _)) => return Took::End,
            Ok((n, mut fds)) => match (decode::<ForkRequest>(&buffer[..n]), fds.pop()) {
                (Ok(request), Some(listener)) => (request, UnixListener::from(listener)),
                _ => return Took::Request,
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Took::Request,
            Err(_) => return Took::End,
        };
        drop(buffer);
        match fork::fork() {
            Ok(fork::Forked::Parent(pid)) => {
                self.children.insert(pid);
                self.say(&ForkEvent::Forked {
                    number: request.number,
                    pid,
                });
                Took::Request
            }
            Ok(fork::Forked::Child) => {
                let ForkRequest {
                    spec,
                    run_dir,
                    state_dir,
                    socket,
                    plugin_dirs,
                    note,
                    ..
                } = request;
                Took::Child(Box::new(Start {
                    spec,
                    run_dir,
                    state_dir,
                    listener,
                    socket,
                    plugin_dirs,
                    built_in: builtin::list(),
                    note: note.as_deref().and_then(Note::parse),
                }))
            }
            Err(error) => {
                let reason = format!("fork: {error}");
                self.say(&ForkEvent::Failed {
                    number: request.number,
                    reason,
                });
                Took::Request
            }
        }
    }

    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = process::reap_any() {
            if !self.children.remove(&pid) {
                continue;
            }
            let (code, signal) = match status {
                ExitStatus::Code(code) => (Some(code), None),
                ExitStatus::Signal { signal, .. } => (None, Some(signal)),
            };
            let oom = signal == Some(SIGKILL) && self.oom_happened();
            self.say(&ForkEvent::Exited {
                pid,
                code,
                signal,
                oom,
            });
        }
    }

    /// Whether the kernel's count of processes that it ended for want of memory has grown since the last look.
    fn oom_happened(&mut self) -> bool {
        let now = memory::machine_oom_kills();
        let before = std::mem::replace(&mut self.oom_kills, now);
        matches!((before, now), (Some(before), Some(now)) if now > before)
    }

    fn say(&self, event: &ForkEvent) {
        let mut bytes = Vec::new();
        if encode(event, &mut bytes).is_ok() {
            // A daemon that is gone shows at the next read.
            let _ = fdpass::send(self.socket.as_fd(), &bytes, &[]);
        }
    }
}
