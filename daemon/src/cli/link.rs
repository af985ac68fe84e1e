//! The way to the node: finding its socket, starting it where that makes sense, calling it.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gshell_control::LogLevel;
use gshell_control::messages::node::{Id, NodeId};
use gshell_control::names::{DAEMON_SERVICE, PUBLISHER};
use gshell_plugin_host::folders;
use gshell_service::blocking::Client;
use gshell_service::unix;
use gshell_sys::peer;
use gshell_wire::{Code, Fault, Message};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::autostart;
use super::failure::{Failure, reason};
use crate::exit_codes::Status;
use gshell_service::dirs::Dirs;

/// Time for an answer that the node has at hand.
pub const QUICK: Duration = Duration::from_secs(5);

/// Time for an answer that waits for environments: their grace, a group's start, and a loaded board.
pub const SLOW: Duration = Duration::from_secs(60);

/// What every command knows.
#[derive(Clone, Debug)]
pub struct Global {
    /// The node's folders.
    pub dirs: Dirs,
    /// Folders of plugins that were chosen, absolute; the default ones are not among them.
    pub plugins: Vec<PathBuf>,
    /// Node that the command is for; `None` is this one.
    pub provider: Option<String>,
    /// How much a node that is started here logs, and a group that is made.
    pub log_level: LogLevel,
    /// Whether tables are printed as JSON.
    pub json: bool,
}

impl Global {
    /// All folders of plugins, in the order in which they count.
    pub fn plugin_folders(&self) -> Vec<PathBuf> {
        folders::in_order(&self.plugins, Dirs::data().as_deref())
    }

    /// The option that gives another process of this program the same folders of plugins; nothing when none was chosen.
    pub fn plugin_option(&self) -> Vec<OsString> {
        // What was split at colons has none in it.
        match std::env::join_paths(&self.plugins) {
            Ok(joined) if !joined.is_empty() => vec!["--plugin-dir".into(), joined],
            _ => Vec::new(),
        }
    }
}

/// A connection to the node.
pub struct Link {
    client: Client,
}

/// Whether a command starts a node when there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The command makes sense for a node that has just started.
    Start,
    /// It names something that can only be on a node that runs.
    Fail,
}

impl Link {
    /// Connects to the node. When there is none, starts one or fails at once, as `absent` says.
    pub fn open(global: &Global, absent: Absent) -> Result<Self, Failure> {
        global.dirs.check_run().map_err(Failure::error)?;
        let client = match connect(&global.dirs) {
            Ok(Some(client)) => client,
            Ok(None) if absent == Absent::Start && global.provider.is_none() => autostart::start(global)?,
            Ok(None) => return Err(no_node(&global.dirs)),
            Err(failure) => return Err(failure),
        };
        let mut link = Self { client };
        if let Some(node) = &global.provider {
            link.check_provider(node)?;
        }
        Ok(link)
    }

    /// Only this node can be meant: no scope reaches another one.
    fn check_provider(&mut self, node: &str) -> Result<(), Failure> {
        let own: NodeId = self.call("cannot ask for this node's ID", &Id {}, QUICK)?;
        if own.id == node {
            return Ok(());
        }
        let text = format!("node {node} is not reachable: this node has no network scope configured");
        Err(Failure::new(Status::Unreachable, text))
    }

    /// Sends a request and waits for its answer; `what` names operation and object for errors.
    pub fn call<Q: Message, R: Message>(
        &mut self,
        what: &str,
        request: &Q,
        limit: Duration,
    ) -> Result<R, Failure> {
        self.client
            .call(request, Some(limit))
            .map_err(|fault| explain(what, &fault))
    }

    /// The connection itself, for streams.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Process that serves the node; 0 when it cannot be known.
    pub fn pid(&self) -> i32 {
        peer::credentials(self.client.fd().as_fd()).map_or(0, |peer| peer.pid)
    }
}

fn explain(what: &str, fault: &Fault) -> Failure {
    let mut failure = Failure::fault(what, fault);
    if fault.code() == Some(Code::Timeout) {
        failure
            .text
            .push_str(" (the node is there but does not answer; see 'gshell log daemon')");
    }
    failure
}

/// Connects to the node of these folders; `None` when nobody serves its socket.
pub fn connect(dirs: &Dirs) -> Result<Option<Client>, Failure> {
    let path = unix::socket_path(&dirs.run, PUBLISHER, DAEMON_SERVICE);
    match unix::connect(&path) {
        Ok(socket) => {
            let client = Client::over(socket).map_err(|fault| Failure::fault("cannot use socket", &fault))?;
            greet(client, "the node", QUICK).map(Some)
        }
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => Ok(None),
            ErrorKind::PermissionDenied => {
                let text = format!("the node at {} does not let this user in", path.display());
                Err(Failure::new(Status::Refused, text))
            }
            _ => {
                let text = format!(
                    "cannot connect to the node at {}: {}",
                    path.display(),
                    reason(&error)
                );
                Err(Failure::new(Status::Unreachable, text))
            }
        },
    }
}

/// Connects to a group's socket, as the node named it.
pub fn connect_group(socket: &str, group: &str) -> Result<Client, Failure> {
    let what = format!("cannot reach group {group}");
    let client = Client::connect(Path::new(socket)).map_err(|fault| Failure::fault(&what, &fault))?;
    greet(client, &format!("group {group}"), QUICK)
}

/// Says hello and waits until `who` does: a process that hangs takes connections all the same.
pub fn greet(mut client: Client, who: &str, limit: Duration) -> Result<Client, Failure> {
    let silent = |why: &str| Failure::new(Status::Unreachable, format!("{who} does not answer: {why}"));
    client.flush().map_err(|fault| silent(&fault.to_string()))?;
    let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    let answered = poll(&mut [PollFd::new(client.fd(), PollFlags::POLLIN)], timeout);
    match answered {
        Ok(0) => Err(silent(&format!("no hello within {} ms", limit.as_millis()))),
        // A signal is no reason to doubt; the call that follows waits for the same.
        _ => Ok(client),
    }
}

/// No node serves these folders: says how to start one.
pub fn no_node(dirs: &Dirs) -> Failure {
    let run = dirs.run.display();
    let text = match autostart::unit_installed() && !dirs.run_chosen {
        true => format!("no node is running at {run} (start it with 'systemctl start gshell')"),
        false if dirs.run_chosen => {
            format!("no node is running at {run} (start one with 'gshell --run-dir {run} daemon --detach')")
        }
        false => format!("no node is running at {run} (start one with 'gshell daemon --detach')"),
    };
    Failure::new(Status::Unreachable, text)
}
