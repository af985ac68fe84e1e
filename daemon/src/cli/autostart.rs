//! Starting a node for the user who asked for one without saying so, as tmux does.
//!
//! `gshell daemon --detach` is the one way into the background, here and by hand. It returns when the node is ready
//! or has failed, so nothing is polled. Two commands at the same moment start one node: the second waits for the
//! first on a lock, and connects.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use gshell_service::blocking::Client;
use gshell_sys::lock::{Lock, LockError};
use gshell_sys::user;

use super::failure::{Failure, reason};
use super::link::{self, Global};
use super::output;
use crate::exit_codes::Status;
use gshell_service::dirs::Dirs;

/// Set to anything, no command starts a node.
pub const VARIABLE: &str = "GSHELL_NO_AUTOSTART";

/// Held in the run dir while a node is being started there.
const LOCK: &str = ".start.lock";

/// Time that another command has for starting the node.
const OTHERS: Duration = Duration::from_secs(10);

/// Pause between two looks at the lock; a start takes about as long.
const PAUSE: Duration = Duration::from_millis(5);

/// Where a unit of systemd for the machine's node would be.
const UNITS: [&str; 3] = [
    "/etc/systemd/system/gshell.service",
    "/usr/lib/systemd/system/gshell.service",
    "/lib/systemd/system/gshell.service",
];

/// Starts a node with the command's folders and connects to it.
pub fn start(global: &Global) -> Result<Client, Failure> {
    let dirs = &global.dirs;
    let disabled = std::env::var_os(VARIABLE).is_some();
    if disabled || (unit_installed() && !dirs.run_chosen) {
        return Err(link::no_node(dirs));
    }
    dirs.prepare_run().map_err(Failure::error)?;
    let Some(_lock) = take_turn(dirs)? else {
        return link::connect(dirs)?.ok_or_else(|| link::no_node(dirs));
    };
    // Another command may have started it between this one's first try and the lock.
    if let Some(client) = link::connect(dirs)? {
        return Ok(client);
    }
    run_daemon(global)?;
    let client = link::connect(dirs)?.ok_or_else(|| link::no_node(dirs))?;
    let run = dirs.run.display();
    let option = if dirs.run_chosen {
        format!(" --run-dir {run}")
    } else {
        String::new()
    };
    output::note(&format!(
        "started a node for this user (run dir {run}); stop it with 'gshell{option} daemon stop'"
    ));
    Ok(client)
}

/// The right to start a node; `None` when another command has used it meanwhile, with whatever success.
fn take_turn(dirs: &Dirs) -> Result<Option<Lock>, Failure> {
    let path = dirs.run.join(LOCK);
    let deadline = Instant::now() + OTHERS;
    let mut waited = false;
    loop {
        match Lock::acquire(&path, "") {
            Ok(lock) => return Ok((!waited).then_some(lock)),
            Err(LockError::Held { .. }) if Instant::now() < deadline => sleep(PAUSE),
            Err(LockError::Held { .. }) => return Ok(None),
            Err(LockError::Io(error)) => {
                let what = format!("cannot start a node: cannot lock {}", path.display());
                return Err(Failure::io(&what, &error));
            }
        }
        waited = true;
    }
}

fn run_daemon(global: &Global) -> Result<(), Failure> {
    let failed = |why: &str| Failure::new(Status::Unreachable, format!("cannot start a node: {why}"));
    let output = Command::new(own_program())
        .arg0("gshell")
        .arg("--log-level")
        .arg(global.log_level.as_str())
        .arg("--run-dir")
        .arg(&global.dirs.run)
        .arg("--state-dir")
        .arg(&global.dirs.state)
        .args(global.plugin_option())
        .args(["daemon", "--detach"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error: io::Error| failed(&reason(&error)))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(());
    }
    let said = said.trim();
    Err(failed(said.strip_prefix("gshell: ").unwrap_or(said)))
}

/// The program that runs, by its path where it still is there: a process is listed under the name it was started by.
pub fn own_program() -> PathBuf {
    match std::env::current_exe() {
        Ok(path) if path.exists() => path,
        _ => PathBuf::from("/proc/self/exe"),
    }
}

/// Whether the machine's service manager is responsible for this user's node.
pub fn unit_installed() -> bool {
    user::is_root()
        && Path::new("/run/systemd/system").is_dir()
        && UNITS.iter().any(|unit| Path::new(unit).exists())
}
