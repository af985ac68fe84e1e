//! `gshell plugin info`: what is in a plugin, which has to be opened for that, in a process of its own.

use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{self, ChildStdout, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::open;
use super::{only_here, page};
use crate::cli::args::{Command, Matches, Positional, Values};
use crate::cli::autostart;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::value;
use crate::exit_codes::Status;

/// Time for opening a plugin, also on a slow board.
const OPENED: Duration = Duration::from_secs(10);

/// `gshell plugin info`.
pub const COMMAND: Command = Command {
    long: "The plugin is opened, in a process of its own: one that crashes or hangs then does so alone, and that is told. What \
           ends in .gplugin is a file, everything else the name of a plugin in the folders or in the program.",
    positionals: &[Positional::new("NAME|FILE", "The plugin").values(Values::Plugin)],
    examples: &["gshell plugin info sum", "gshell plugin info ./sum.gplugin"],
    ..Command::new(
        "info",
        "Show what is in a plugin: functions, messages, services",
        run,
    )
};

fn run(global: &Global, matches: &Matches) -> Outcome {
    only_here(global, "info")?;
    let what = matches.texts(0).concat();
    let told = ask(global, &what)?;
    let told = value::parse(&told)
        .map_err(|error| Failure::error(format!("cannot understand what {what} tells: {error}")))?;
    match global.json {
        true => output::tree(&told)?,
        false => drop(output::print(&page::page(&told))?),
    }
    Ok(Status::Ok)
}

/// What the process that opens it says.
pub fn ask(global: &Global, what: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| Failure::io(&format!("cannot open {what}"), &error);
    let mut child = process::Command::new(autostart::own_program())
        .arg0("gshell")
        .args(global.plugin_option())
        .args(["plugin", open::WORD, what])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let told = child.stdout.take().map_or(Ok(Some(Vec::new())), read);
    if !matches!(told, Ok(Some(_))) {
        // It may have ended meanwhile.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    let Some(told) = told.map_err(failed)? else {
        let text = format!(
            "cannot open {what}: it did not come back from being opened within {} s",
            OPENED.as_secs()
        );
        return Err(Failure::error(text));
    };
    ended(what, status)?;
    Ok(told)
}

/// All that comes until the end; `None` when there is no end in time.
fn read(mut stdout: ChildStdout) -> io::Result<Option<Vec<u8>>> {
    let end = Instant::now() + OPENED;
    let (mut told, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match stdout.read(&mut part) {
            Ok(0) => return Ok(Some(told)),
            Ok(len) => told.extend(part.iter().take(len)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What its end means.
fn ended(what: &str, status: ExitStatus) -> Result<(), Failure> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        // It has said why.
        (Some(5), _) => Err(Failure::new(Status::Refused, "")),
        (Some(3), _) => Err(Failure::new(Status::NotFound, "")),
        (Some(1), _) => Err(Failure::error("")),
        (_, Some(signal)) => {
            let name = Signal::try_from(signal)
                .map_or_else(|_| format!("signal {signal}"), |known| known.to_string());
            Err(Failure::error(format!(
                "cannot open {what}: it crashed while it was opened ({name})"
            )))
        }
        _ => Err(Failure::error(format!(
            "cannot open {what}: it ended the process that opened it ({status})"
        ))),
    }
}
