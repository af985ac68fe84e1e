//! The ordered steps from `gshell daemon` to a node that answers.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_channel::Receiver;
use gshell_control::names::{DAEMON_SERVICE, PUBLISHER};
use gshell_group::store::Packages;
use gshell_service::rt::{self, Io};
use gshell_service::{Server, trace, unix};
use gshell_sys::lock::Lock;
use gshell_sys::process::{self, ExitStatus};
use gshell_sys::signal::{self, SIGCHLD, SIGHUP, SIGINT, SIGTERM, SignalFd};
use gshell_sys::{clock, fdpass, fork, memory};

use super::forks::{Exited, Forks};
use super::log::NodeLog;
use super::{Node, Options, adopt, fork_server, serve, state};

/// Pause before packages are collected: one collection serves the removals of one command.
const COLLECT_AFTER: Duration = Duration::from_millis(200);

/// How long a daemon that ends waits for its last replies to be written, to clients that may not read.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Why a daemon could not start.
#[derive(Debug)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start the daemon: {}", self.0)
    }
}

fn because(what: &str) -> impl Fn(std::io::Error) -> StartError {
    let what = what.to_owned();
    move |error| StartError(format!("{what}: {error}"))
}

/// Runs the daemon. In the fork server and in groups this returns their exit status.
pub fn main(mut options: Options) -> Result<u8, StartError> {
    options.run_dir = state::absolute(&options.run_dir);
    options.state_dir = state::absolute(&options.state_dir);
    // Whatever the command that started this had open, a lock or a pipe, is not the node's to hold.
    let keep: Vec<i32> = options.ready_fd.iter().map(AsRawFd::as_raw_fd).collect();
    fork::close_all_except(&keep).map_err(because("descriptors"))?;
    let (ours, theirs) = fdpass::pair().map_err(because("socket for the fork server"))?;
    // What the command line left on the heap would be copied into every group.
    memory::trim();
    match fork::fork().map_err(because("fork server"))? {
        fork::Forked::Child => {
            drop((ours, options));
            return Ok(fork_server::main(theirs) as u8);
        }
        fork::Forked::Parent(_) => drop(theirs),
    }
    let said = |text| StartError(text);
    state::make_run_dir(&options.run_dir).map_err(said)?;
    let run_lock = state::lock(&options.run_dir).map_err(said)?;
    let _ = state::restrict(&options.run_dir);
    let (volatile, state_lock, reports) = open_state(&options)?;
    settle_process();
    let _locks = (run_lock, state_lock);
    rt::block_on(serve_until_told(options, ours, volatile, reports))
}

type State = (Option<String>, Option<Lock>, Vec<String>);

/// A state dir that another daemon uses is an error; one that cannot be written makes the node volatile.
fn open_state(options: &Options) -> Result<State, StartError> {
    match state::open(&options.state_dir) {
        Ok(reports) => Ok((
            None,
            Some(state::lock(&options.state_dir).map_err(StartError)?),
            reports,
        )),
        Err(error) => Ok((Some(error), None, Vec::new())),
    }
}

fn settle_process() {
    // Each of these can fail only on kernels that lack it, and the node does without.
    let _ = signal::ignore_sigpipe();
    let _ = fork::set_child_subreaper();
    memory::limit_arenas();
    let _ = std::env::set_current_dir("/");
}

async fn serve_until_told(
    options: Options,
    socket: OwnedFd,
    volatile: Option<String>,
    reports: Vec<String>,
) -> Result<u8, StartError> {
    let signals = SignalFd::new(&[SIGTERM, SIGINT, SIGHUP, SIGCHLD]).map_err(because("signals"))?;
    let (told, end) = async_channel::bounded(1);
    let (collect, collections) = async_channel::bounded(1);
    let (forks, exits) = Forks::new(socket).map_err(because("fork server"))?;
    let published = unix::publish(&options.run_dir, PUBLISHER, DAEMON_SERVICE)
        .map_err(|error| StartError(error.to_string()))?;
    let log = NodeLog::open(&options.run_dir, options.log_level);
    let home = if volatile.is_none() {
        &options.state_dir
    } else {
        &options.run_dir
    };
    let node = Rc::new(Node {
        packages: Packages::at(home),
        id: state::id(volatile.is_none().then_some(options.state_dir.as_path())),
        run_dir: options.run_dir,
        state_dir: options.state_dir,
        plugin_dirs: options.plugin_dirs,
        started_ms: clock::wall_ms(),
        log,
        groups: RefCell::default(),
        forks,
        reports: RefCell::default(),
        told: told.clone(),
        collect,
        began: Instant::now(),
        closing: Cell::new(false),
        volatile,
    });
    node.log.info(&format!(
        "daemon version {} starts, process {}",
        crate::VERSION,
        std::process::id()
    ));
    if let Some(why) = &node.volatile {
        node.report(format!("nothing is kept on disk: {why}"));
    }
    reports.into_iter().for_each(|text| node.report(text));
    adopt::find_groups(&node).await;
    trace::set_process_name(DAEMON_SERVICE);
    let server = Server::new(serve::handlers(&node), gshell_group::admission());
    let listener = published.listener().try_clone().map_err(because("socket"))?;
    rt::spawn(follow_exits(node.clone(), exits)).detach();
    rt::spawn(watch_signals(node.clone(), signals, told)).detach();
    say_ready(options.ready_fd);
    if !node.log.is_aloud() {
        // Whoever read standard error until now, such as the command that started this daemon, may be gone.
        let _ = fork::daemonize_std();
    }
    adopt::start_groups(&node);
    rt::spawn(collect_when_asked(node.clone(), collections)).detach();
    node.collect_packages();
    let serving = async {
        server
            .serve(listener)
            .await
            .map_err(because("accepting connections"))?;
        Ok(1)
    };
    let ending = async {
        let _ = end.recv().await;
        // The reply to whoever told it gets out first, however slow the machine is.
        server.finish(LAST_WORDS).await;
        Ok(0)
    };
    let code = futures_lite::future::or(ending, serving).await;
    node.log.info("daemon ends");
    code
}

async fn follow_exits(node: Rc<Node>, exits: Receiver<Exited>) {
    while let Ok(Exited { pid, ended }) = exits.recv().await {
        node.group_exited(pid, ended);
    }
}

/// Ends the daemon on SIGTERM and SIGINT; reaps what was left to it.
async fn watch_signals(node: Rc<Node>, signals: SignalFd, told: async_channel::Sender<()>) {
    let Ok(signals) = Io::new(signals) else { return };
    loop {
        let next = signals.read_with(|fd| {
            fd.read()
                .and_then(|signal| signal.ok_or(std::io::ErrorKind::WouldBlock.into()))
        });
        match next.await {
            Ok(SIGCHLD) => reap(&node),
            Ok(SIGTERM | SIGINT) => {
                let _ = told.try_send(());
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// Children of this process: fork servers, and whatever lost its parent below it.
fn reap(node: &Rc<Node>) {
    while let Ok(Some((pid, status))) = process::reap_any() {
        let (code, signal) = match status {
            ExitStatus::Code(code) => (Some(code), None),
            ExitStatus::Signal { signal, .. } => (None, Some(signal)),
        };
        node.group_exited(pid, fork_server::ended(code, signal, false));
    }
}

/// Packages are collected a moment after the commands that make them superfluous, so that those do not wait.
async fn collect_when_asked(node: Rc<Node>, asked: Receiver<()>) {
    while asked.recv().await.is_ok() {
        rt::sleep(COLLECT_AFTER).await;
        node.collect_now();
    }
}

/// Tells whoever waits for it: the descriptor of `--ready-fd`, and a service manager.
fn say_ready(ready_fd: Option<OwnedFd>) {
    if let Some(fd) = ready_fd {
        let _ = std::fs::File::from(fd).write_all(b"\n");
    }
    if let Some(path) = std::env::var_os("NOTIFY_SOCKET")
        && let Ok(socket) = UnixDatagram::unbound()
    {
        let _ = socket.send_to(b"READY=1", path);
    }
}
