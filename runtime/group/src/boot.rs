//! From a freshly forked process to a group that answers: an ordered list of steps, each with its reason.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use gshell_control::GroupSpec;
use gshell_plugin_host::Setup;
use gshell_plugin_host::abi::Plugin as Descriptor;
use gshell_service::dirs::Dirs;
use gshell_service::{Node, Server, UNKNOWN_ID, rt, unix};
use gshell_sys::limits::Resource;
use gshell_sys::lock::{Lock, LockError};
use gshell_sys::note::{self as sys_note, Note};
use gshell_sys::{crash, fork, limits, memory, sched, signal, slice, user};

use crate::logs::Log;
use crate::saver::Saver;
use crate::store::{Packages, Store, quarantine_path, read_quarantine};
use crate::table::{Group, Parts};
use crate::worker::Workers;
use crate::{logs_dir, note, recover, serve, sessions};

/// Exit status: nothing ran any more, or the group was told to end.
pub const EXIT_IDLE: i32 = 0;
/// Exit status: a script could not be interrupted; the note says which.
pub const EXIT_STUCK: i32 = 86;
/// Exit status: another process of this group still lives.
pub const EXIT_LOCKED: i32 = 87;
/// Exit status: the process could not be made what its specification asks for; the group's log says why.
pub const EXIT_BOOT: i32 = 88;

/// Executor threads by default: more than this rarely helps on a board, and each costs a stack.
const DEFAULT_THREADS: u16 = 4;
/// How long a predecessor's lock is waited for: a killed process takes a moment to be gone.
const LOCK_WAIT: Duration = Duration::from_millis(500);
/// Bytes of the group's own log.
const GROUP_LOG: u32 = 16 << 10;

/// What a group process is made from.
#[derive(Debug)]
pub struct Start {
    /// Its specification.
    pub spec: GroupSpec,
    /// Runtime dir of the node.
    pub run_dir: PathBuf,
    /// State dir of the node; `None` when nothing is kept.
    pub state_dir: Option<PathBuf>,
    /// Its socket, listening, and the file of that socket.
    pub listener: UnixListener,
    /// File of the socket.
    pub socket: PathBuf,
    /// Folders of plugins, the first first.
    pub plugin_dirs: Vec<PathBuf>,
    /// Plugins that are linked into the program.
    pub built_in: &'static [&'static Descriptor],
    /// What the process before it left, as it was read.
    pub note: Option<Note>,
}

/// Runs the group in this process, which the fork server has just forked. Gives the exit status.
pub fn main(start: Start) -> i32 {
    let name = match start.spec.full_name() {
        Ok(name) => name.to_string(),
        Err(_) => return EXIT_BOOT,
    };
    let mut log = Log::open(&logs_dir(&start.run_dir, &name), &name, GROUP_LOG).ok();
    let mut say = |text: &str| {
        if let Some(log) = &mut log {
            log.append(format!("{text}\n").as_bytes());
        }
    };
    let warnings = match become_group(&start.spec, &start, &name) {
        Ok(warnings) => warnings,
        Err(error) => {
            say(&format!("group {name} cannot start: {error}"));
            return EXIT_BOOT;
        }
    };
    warnings
        .iter()
        .for_each(|warning| say(&format!("group {name}: {warning}")));
    let folders = [Some(start.run_dir.as_path()), start.state_dir.as_deref()];
    let locks: Result<Vec<_>, _> = folders
        .into_iter()
        .flatten()
        .map(|dir| lock(dir, &name))
        .collect();
    let Ok(_locks) = locks else {
        say(&format!("group {name} is still running in another process"));
        return EXIT_LOCKED;
    };
    if let Some(text) = start.note.as_ref().and_then(note::group_text) {
        say(&format!("group {name} starts again: {text}"));
    }
    keep_panics(&start.run_dir, &name);
    sessions::sweep(&start.run_dir, &name);
    rt::block_on(run(start, name, warnings))
}

/// The process settings, in this order: what needs privileges comes before the user is switched.
fn become_group(spec: &GroupSpec, start: &Start, name: &str) -> Result<Vec<String>, String> {
    let mut warnings = Vec::new();
    let mut try_step = |what: &str, result: std::io::Result<()>| {
        if let Err(error) = result {
            warnings.push(format!("{what} not possible: {error}"));
        }
    };
    // People and tools see what it is; a terminal's Ctrl-C must not reach it; its output goes to logs only.
    try_step("process name", fork::set_name("gshell-grg"));
    try_step("session of its own", fork::new_session().map(drop));
    try_step("closing the standard streams", fork::daemonize_std());
    // A peer that closes is an error of that write, not a signal to the process.
    try_step("ignoring SIGPIPE", signal::ignore_sigpipe());
    memory::limit_arenas();
    if spec.nice != 0 {
        try_step(&format!("nice {}", spec.nice), sched::set_nice(spec.nice.into()));
    }
    if !spec.cpus.is_empty() {
        try_step("CPU affinity", sched::set_affinity(&spec.cpus));
    }
    if spec.rt > 0 {
        let what = format!(
            "real-time priority {} (needs CAP_SYS_NICE or an RLIMIT_RTPRIO)",
            spec.rt
        );
        try_step(&what, sched::set_round_robin(spec.rt));
    }
    if spec.open_files > 0 {
        try_step(
            "limit of open files",
            limits::set(Resource::OpenFiles, spec.open_files.into()),
        );
    }
    if spec.memory > 0 {
        try_step(
            "limit of memory",
            limits::set(Resource::AddressSpace, spec.memory),
        );
    }
    if let Some(wanted) = &spec.user {
        switch_user(wanted, start, name)?;
    }
    Ok(warnings)
}

fn switch_user(wanted: &str, start: &Start, name: &str) -> Result<(), String> {
    let user = user::lookup(wanted).map_err(|error| format!("user {wanted}: {error}"))?;
    let mut folders = vec![
        logs_dir(&start.run_dir, name),
        start.run_dir.join("groups").join(name),
    ];
    folders.extend(start.state_dir.as_ref().map(|dir| dir.join("groups").join(name)));
    for folder in folders {
        give(&folder, user.uid, user.gid)
            .map_err(|error| format!("cannot give {} to {wanted}: {error}", folder.display()))?;
    }
    user::switch_to(&user).map_err(|error| format!("cannot become user {wanted}: {error}"))
}

/// Gives a folder and what is directly in it to a user.
fn give(folder: &Path, uid: u32, gid: u32) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::os::unix::fs::chown(folder, Some(uid), Some(gid))?;
    for entry in std::fs::read_dir(folder)?.flatten() {
        std::os::unix::fs::lchown(entry.path(), Some(uid), Some(gid))?;
    }
    Ok(())
}

/// One process a group, by the runtime dir and by the state dir (which another node may have been started on): held until
/// the process ends, however it ends.
fn lock(dir: &Path, name: &str) -> Result<Option<Lock>, LockError> {
    let path = lock_path(dir, name);
    let _ = path.parent().map(std::fs::create_dir_all);
    let deadline = std::time::Instant::now() + LOCK_WAIT;
    loop {
        match Lock::acquire(&path, &std::process::id().to_string()) {
            Ok(lock) => return Ok(Some(lock)),
            Err(LockError::Held { .. }) if std::time::Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(held @ LockError::Held { .. }) => return Err(held),
            // A disk that cannot be written does not keep the group from running.
            Err(LockError::Io(_)) => return Ok(None),
        }
    }
}

fn lock_path(dir: &Path, name: &str) -> PathBuf {
    dir.join("groups").join(name).join(".lock")
}

/// The process of a group that runs, as its lock says: known even of one that does not answer.
pub fn process_of(run_dir: &Path, name: &str) -> Option<i32> {
    match Lock::acquire(&lock_path(run_dir, name), "") {
        Err(LockError::Held { content }) => content.trim().parse().ok(),
        _ => None,
    }
}

/// A panic's text goes to the group's log: the standard streams lead nowhere.
fn keep_panics(run_dir: &Path, name: &str) {
    let (folder, name) = (logs_dir(run_dir, name), name.to_owned());
    std::panic::set_hook(Box::new(move |panic| {
        if let Ok(mut log) = Log::open(&folder, &name, GROUP_LOG) {
            log.append(format!("{panic}\n").as_bytes());
        }
    }));
}

/// The first thread: records, service, and the end.
async fn run(start: Start, name: String, warnings: Vec<String>) -> i32 {
    let mut reports = Vec::new();
    if let Err(error) = watch_scripts(&note::path(&start.run_dir, &name)) {
        reports.push(format!(
            "scripts that cannot be interrupted and plugins that crash will not be found: {error}"
        ));
    }
    reports.extend(plugins(&start));
    let (store, jobs) = recover::load(start.state_dir.as_deref(), &name, &mut reports);
    let threads = match start.spec.max_threads {
        0 => sched::cpu_count().clamp(1, DEFAULT_THREADS),
        threads => threads,
    };
    let packages = Packages::at(start.state_dir.as_deref().unwrap_or(&start.run_dir));
    let group = Group::install(Parts {
        name,
        spec: start.spec,
        node: Node {
            run_dir: start.run_dir.clone(),
            id: node_id(start.state_dir.as_deref()),
        },
        run_dir: start.run_dir,
        packages,
        workers: Workers::new(usize::from(threads)),
        saver: Saver::new(store),
        warnings,
        reports,
    });
    recover::resume(&group, jobs, start.note);
    serve_until_told(group, unix::Published::adopt(start.listener, start.socket)).await
}

/// Notes have a place, and whoever leaves one knows how to go.
fn watch_scripts(note: &Path) -> std::io::Result<()> {
    slice::set_stuck_exit(EXIT_STUCK);
    sys_note::register(note::open(note)?.into())?;
    crash::watch()
}

/// Says what plugins there may be. Gives what is wrong with those that are linked in.
fn plugins(start: &Start) -> Vec<String> {
    let quarantine = quarantine_path(&start.run_dir, start.state_dir.as_deref());
    let refused = gshell_plugin_host::set_up(Setup {
        folders: start.plugin_dirs.clone(),
        built_in: start.built_in,
        quarantine: Some(Box::new(move || read_quarantine(&quarantine))),
    });
    refused.iter().map(ToString::to_string).collect()
}

/// The ID that the daemon keeps in the state dir.
fn node_id(state_dir: Option<&Path>) -> String {
    let dirs = state_dir.map(|state| Dirs {
        run: PathBuf::new(),
        state: state.to_owned(),
        run_chosen: true,
    });
    let id = dirs.and_then(|dirs| dirs.node_id());
    id.unwrap_or_else(|| UNKNOWN_ID.to_owned())
}

async fn serve_until_told(group: Rc<Group>, published: unix::Published) -> i32 {
    let listener = match published.listener().try_clone() {
        Ok(listener) => listener,
        Err(_) => return EXIT_BOOT,
    };
    let (told, end) = async_channel::bounded(1);
    let server = Server::new(serve::handlers(&group, told), serve::admission());
    let serving = async {
        // Only a broken listener ends this; without it nobody could reach the group.
        let _ = server.serve(listener).await;
        EXIT_BOOT
    };
    let ending = async {
        let _ = end.recv().await;
        // The last replies get out before the process goes.
        rt::sleep(Duration::from_millis(5)).await;
        group.saver.all_settled().await;
        EXIT_IDLE
    };
    let code = futures_lite::future::or(ending, serving).await;
    drop(published);
    code
}

/// Store of a group, for those who need it without a group process.
pub(crate) fn open_store(state_dir: &Path, name: &str) -> std::io::Result<Store> {
    Store::open(state_dir, name).map_err(|error| std::io::Error::other(error.to_string()))
}
