//! `gshell daemon`: the node itself, in the foreground, in the background, and its end.
//!
//! Into the background means: a second process of the same program, in a session of its own, whose standard output
//! and error are a pipe to the first. What comes through that pipe is either a line feed, when the node is ready, or
//! the text of an error; so the first process can end with the right status, and nothing has to be polled.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{self, Stdio};
use std::time::{Duration, Instant};

use gshell_control::messages::node::{Shutdown, ShuttingDown};
use gshell_sys::{fork, poll, process as system};
use serde::Serialize;

use super::args::{Command, Matches, Opt};
use super::autostart;
use super::failure::{Failure, Outcome};
use super::link::{self, Global, Link, QUICK};
use super::output;
use crate::exit_codes::Status;
use crate::node;

/// Time that a node has until it is ready: opening its state, and adopting the groups that run.
const READY: Duration = Duration::from_secs(20);

/// Time that a stopping node has to end its groups and itself.
const STOPPED: Duration = Duration::from_secs(60);

/// Pause between two looks whether the process has gone.
const PAUSE: Duration = Duration::from_millis(2);

/// `gshell daemon`.
pub const COMMAND: Command = Command {
    options: &[
        Opt::flag("foreground", "Stay in the foreground; this is the default").conflicts(&["detach"]),
        Opt::flag(
            "detach",
            "Go to the background, and return when the node is ready",
        ),
        Opt::flag(
            "background",
            "Write a line feed to standard output when the node is ready, and leave the terminal",
        )
        .conflicts(&["detach"])
        .hidden(),
        Opt::value(
            READY_FD,
            "N",
            "Write a line feed to this descriptor when the node is ready",
        )
        .conflicts(&["detach"]),
    ],
    commands: &[&STOP],
    examples: &[
        "gshell daemon",
        "gshell daemon --detach",
        "gshell daemon stop",
        "gshell daemon stop --all",
    ],
    ..Command::new(
        "daemon",
        "Run the node, in the foreground unless told otherwise; or stop it",
        run,
    )
};

/// `gshell daemon stop`.
const STOP: Command = Command {
    options: &[Opt::flag("all", "Stop the groups too")],
    examples: &["gshell daemon stop", "gshell daemon stop --all"],
    ..Command::new(
        "stop",
        "Stop the node; its groups go on, and the next node takes them over",
        |global, matches| stop(global, matches.flag("all")),
    )
};

/// Option with the descriptor that a service manager waits on.
const READY_FD: &str = "ready-fd";

/// Does what the options say; a node in the foreground gives its own exit status.
fn run(global: &Global, matches: &Matches) -> Outcome {
    if matches.flag("detach") {
        return detach(global);
    }
    node::run(node::Options {
        run_dir: global.dirs.run.clone(),
        state_dir: global.dirs.state.clone(),
        plugin_dirs: global.plugin_folders(),
        log_level: global.log_level,
        ready_fd: ready_fd(matches)?,
    })
    .map(Status::Script)
    .map_err(Failure::error)
}

/// The descriptor to say "ready" on, owned.
fn ready_fd(matches: &Matches) -> Result<Option<OwnedFd>, Failure> {
    let failed = |error: std::io::Error| Failure::io("cannot use the descriptor of --ready-fd", &error);
    if matches.flag("background") {
        // Started by a shell directly, it would lead a process group and could not; then it stays where it is.
        let _ = fork::new_session();
        let ready = std::io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
        fork::redirect_std(None, None, Some(std::io::stderr().as_fd())).map_err(failed)?;
        return Ok(Some(ready));
    }
    let Some(number) = matches.number(READY_FD, 0, i32::MAX.into())? else {
        return Ok(None);
    };
    // An inherited number is not owned by anybody in this program; opening it again is the way that needs no trust.
    let path = format!("/proc/self/fd/{number}");
    let file = std::fs::File::options().write(true).open(path).map_err(failed)?;
    if number > 2 {
        // The new one is not passed on to groups; the old one would be.
        nix::unistd::close(number as i32).map_err(|error| failed(error.into()))?;
    }
    Ok(Some(file.into()))
}

/// Starts the node in a process of its own and waits until it is ready.
fn detach(global: &Global) -> Outcome {
    global.dirs.prepare_run().map_err(Failure::error)?;
    let failed = |error: std::io::Error| Failure::io("cannot start the node", &error);
    let (mut reader, writer) = std::io::pipe().map_err(failed)?;
    let mut child = process::Command::new(autostart::own_program())
        .arg0("gshell")
        .arg("--log-level")
        .arg(global.log_level.as_str())
        .arg("--run-dir")
        .arg(&global.dirs.run)
        .arg("--state-dir")
        .arg(&global.dirs.state)
        .args(global.plugin_option())
        .args(["daemon", "--background"])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(failed)?)
        .stderr(writer)
        .spawn()
        .map_err(failed)?;
    match hear(&mut reader, READY).map_err(failed)? {
        Heard::Ready => Ok(Status::Ok),
        Heard::Nothing => {
            let text = format!(
                "the node is not ready after {} s (see its log, or run 'gshell daemon')",
                READY.as_secs()
            );
            Err(Failure::error(text))
        }
        Heard::Error(text) => {
            let status = child.wait().map_err(failed)?;
            let text = text.trim();
            let text = text.strip_prefix("gshell: ").unwrap_or(text);
            Err(Failure::error(match text {
                "" => format!("the node ended before it was ready: {status}"),
                text => text.to_owned(),
            }))
        }
    }
}

/// What came through the pipe.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Ready,
    Error(String),
    Nothing,
}

/// Reads until the node is ready, has ended, or `limit` is over.
fn hear(reader: &mut (impl Read + AsFd), limit: Duration) -> std::io::Result<Heard> {
    let poller = poll::Poller::new()?;
    poller.add(reader.as_fd(), 0, poll::Interest::READ)?;
    let deadline = Instant::now() + limit;
    let (mut events, mut text, mut buffer) = (poll::Events::new(), Vec::new(), [0; 512]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        poller.wait(&mut events, Some(left))?;
        if events.iter().next().is_none() {
            if left.is_zero() {
                return Ok(Heard::Nothing);
            }
            continue;
        }
        let length = reader.read(&mut buffer)?;
        if text.is_empty() && matches!(buffer[..length].first(), Some(b'\n' | 0)) {
            return Ok(Heard::Ready);
        }
        text.extend_from_slice(&buffer[..length]);
        if length == 0 {
            return Ok(Heard::Error(String::from_utf8_lossy(&text).into_owned()));
        }
        // Edge-triggered: what is left in the pipe is reported again only so.
        poller.modify(reader.as_fd(), 0, poll::Interest::READ)?;
    }
}

/// Whether groups of a node that is gone still run.
fn groups_live(global: &Global) -> bool {
    let published = gshell_service::unix::published(&global.dirs.run);
    published
        .iter()
        .any(|(_, _, path)| gshell_service::unix::connect(path).is_ok())
}

/// The end of a node as JSON.
#[derive(Serialize)]
struct Stopped {
    groups: bool,
    pid: i32,
    stopped: bool,
}

/// Ends the node and waits until its process has gone, so that the next one can start at once.
fn stop(global: &Global, all: bool) -> Outcome {
    let mut link = match Link::open(global, link::Absent::Fail) {
        Ok(link) => link,
        Err(failure) if failure.status == Status::Unreachable && all && groups_live(global) => {
            // Only a node can end them: one is started for that, adopts them, and ends with them.
            drop(autostart::start(global).map_err(|_| failure)?);
            Link::open(global, link::Absent::Fail)?
        }
        Err(failure) if failure.status == Status::Unreachable && global.provider.is_none() => {
            let text = format!("no node is running at {}", global.dirs.run.display());
            return Err(Failure::new(Status::Unreachable, text));
        }
        Err(failure) => return Err(failure),
    };
    let pid = link.pid();
    let _: ShuttingDown = link.call(
        "cannot stop the node",
        &Shutdown { groups: all },
        if all { STOPPED } else { QUICK },
    )?;
    let deadline = Instant::now() + STOPPED;
    let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
    // The connection ends with the node; whatever else comes before is not for this command.
    while let Ok(Some(_)) = link.client().receive(Some(left(deadline))) {}
    while pid > 0 && system::alive(pid) {
        if left(deadline).is_zero() {
            return Err(Failure::error(format!("the node (process {pid}) does not end")));
        }
        std::thread::sleep(PAUSE);
    }
    if global.json {
        output::json(&Stopped {
            groups: all,
            pid,
            stopped: true,
        })?;
    }
    Ok(Status::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn heard(said: &[u8]) -> Heard {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(said).unwrap();
        drop(writer);
        hear(&mut reader, READY).unwrap()
    }

    #[test]
    fn readiness_and_errors_are_told_apart() {
        assert_eq!(heard(b"\n"), Heard::Ready);
        assert_eq!(
            heard(b"gshell: no\nway\n"),
            Heard::Error("gshell: no\nway\n".to_owned())
        );
        assert_eq!(heard(b""), Heard::Error(String::new()));
        let long = "x".repeat(2000);
        assert_eq!(heard(long.as_bytes()), Heard::Error(long));
    }

    #[test]
    fn a_silent_node_is_given_up() {
        let (mut reader, _writer) = std::io::pipe().unwrap();
        assert_eq!(hear(&mut reader, Duration::ZERO).unwrap(), Heard::Nothing);
    }
}
