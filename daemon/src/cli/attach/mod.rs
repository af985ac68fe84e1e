//! `gshell attach`, and the second half of `gshell run -i`: this terminal on an environment.

mod keys;
mod lost;
mod session;
mod writer;

use std::io::IsTerminal;
use std::os::fd::AsFd;

use gshell_control::messages::attach::{Attach, Finished};
use gshell_control::messages::daemon::{Locate, Located, Started};
use gshell_control::{Exit, State};
use gshell_sys::process::from_generic;
use gshell_sys::term;
use gshell_wire::Fault;

use self::session::{End, Session};
use super::args::{Command, Matches, Opt, Positional, Values};
use super::failure::{Failure, Outcome};
use super::link::{Absent, Global, Link, QUICK, connect_group};
use super::{output, values};
use crate::exit_codes::Status;

/// What a shell adds to the number of the signal that ended a command.
const BY_SIGNAL: i32 = 128;
/// SIGKILL, which ends what is killed or runs out of memory.
const KILLED: i32 = 9;

/// `gshell attach`.
pub const COMMAND: Command = Command {
    long: "Ctrl-C asks the script to stop, a second one kills it; Ctrl-P Ctrl-Q detaches, and it goes on.",
    options: &[Opt::flag(
        "from-start",
        "Print what was written before, too, as far as the log still has it",
    )],
    positionals: &[Positional::new("ID|NAME", "ID or name")
        .values(Values::Job)
        .check(values::target)],
    examples: &["gshell attach 00aa11bb22cc", "gshell attach --from-start top.lua"],
    ..Command::new(
        "attach",
        "Attach this terminal to an environment: input, output and signals; exits with its status",
        run,
    )
};

/// An environment and the way to its terminal.
#[derive(Debug)]
pub struct Place {
    id: String,
    group: String,
    socket: String,
    from_start: bool,
    /// Times that it was started again until now.
    restarts: u32,
}

impl Place {
    /// The environment that was started for this client.
    pub fn of(started: Started) -> Self {
        // It waits for its client, so this gives nothing twice; and all of it, should it have begun all the same.
        Self {
            id: started.id,
            group: started.group,
            socket: started.socket,
            from_start: true,
            restarts: 0,
        }
    }
}

/// Finds the environment and attaches to it.
fn run(global: &Global, matches: &Matches) -> Outcome {
    let target = matches.texts(0).concat();
    let mut link = Link::open(global, Absent::Fail)?;
    let what = format!("cannot attach to {target}");
    let Located { job, socket } = link.call(&what, &Locate { target }, QUICK)?;
    if job.state == State::Exited {
        let text = format!(
            "{what}: it has ended ({}); see 'gshell log {}'",
            job.status(),
            job.id
        );
        return Err(Failure::new(Status::Refused, text));
    }
    let Some(socket) = socket else {
        let text = format!(
            "{what}: group {} has no process at this moment (try again)",
            job.group
        );
        return Err(Failure::new(Status::Refused, text));
    };
    attach(
        global,
        &Place {
            id: job.id,
            group: job.group,
            socket,
            from_start: matches.flag("from-start"),
            restarts: job.restarts,
        },
    )
}

/// Columns and rows of the terminal; zeros when there is none.
pub fn window() -> (u16, u16) {
    term::window_size(std::io::stdout().as_fd()).unwrap_or((0, 0))
}

/// Connects the standard streams to the environment until it ends or lets go, and gives its status.
pub fn attach(global: &Global, place: &Place) -> Outcome {
    let mut client = connect_group(&place.socket, &place.group)?;
    let (cols, rows) = window();
    let tty = std::io::stdout().is_terminal();
    let request = Attach {
        id: place.id.clone(),
        cols,
        rows,
        tty,
        from_start: place.from_start,
    };
    let opened = client
        .open()
        .and_then(|stream| client.send(stream, &request).map(|()| stream));
    let stream = match opened {
        Ok(stream) => stream,
        Err(fault) => return lost(global, place, &fault),
    };
    let mut session = Session::new(client, stream, &place.id)?;
    let end = session.run();
    let signal = session.first_signal();
    // The terminal is itself again before anything is said on it.
    drop(session);
    settle(global, place, end, signal)
}

fn settle(global: &Global, place: &Place, end: Result<End, session::Error>, signal: Option<i32>) -> Outcome {
    let back = format!("'gshell attach {}' comes back", place.id);
    match end {
        Ok(End::Finished(finished)) => Ok(status(&finished, signal)),
        Ok(End::Detached) => {
            output::note(&format!("detached; {back}"));
            Ok(Status::Ok)
        }
        Ok(End::Unread) => {
            output::note(&format!("detached, because nobody reads the output; {back}"));
            Ok(Status::Ok)
        }
        Ok(End::TerminalLost) => Ok(Status::Ok),
        Ok(End::Left(reason)) => Err(Failure::error(format!(
            "detached from {}: {reason}; {back}",
            place.id
        ))),
        Err(session::Error::Lost(fault)) => lost(global, place, &fault),
        Err(session::Error::Io(what, error)) => Err(Failure::io(what, &error)),
    }
}

/// The connection has gone, or the group refused: tells a dead group from a refusal.
fn lost(global: &Global, place: &Place, fault: &Fault) -> Outcome {
    let failure = Failure::fault(&format!("cannot attach to {}", place.id), fault);
    match failure.status {
        Status::Unreachable => lost::outcome(global, place, &fault.to_string()),
        _ => Err(failure),
    }
}

/// The exit status that a shell would give: what the script said, or how it was ended. `signal` is the first one that
/// this client passed on.
pub fn status(finished: &Finished, signal: Option<i32>) -> Status {
    let number = match finished.exit {
        Exit::Ok => finished.code.unwrap_or(0),
        Exit::Error => finished.code.unwrap_or(1),
        Exit::Signal => finished
            .signal
            .map_or(1, |signal| BY_SIGNAL + from_generic(signal)),
        Exit::Killed => BY_SIGNAL + signal.unwrap_or(KILLED),
        Exit::Oom => BY_SIGNAL + KILLED,
    };
    // As wait(2) has it: the lowest eight bits.
    Status::Script((number & 0xff) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_control::LogLevel;
    use gshell_control::messages::groups::Detached;
    use gshell_service::dirs::Dirs;
    use gshell_wire::Code;

    fn place() -> Place {
        Place {
            id: "00aa11bb22cc".into(),
            group: "web-1".into(),
            socket: String::new(),
            from_start: false,
            restarts: 0,
        }
    }

    /// Folders in which no node runs.
    fn nowhere() -> Global {
        let missing = std::path::PathBuf::from("/nonexistent/gshell");
        Global {
            dirs: Dirs {
                run: missing.clone(),
                state: missing,
                run_chosen: true,
            },
            plugins: Vec::new(),
            provider: None,
            log_level: LogLevel::default(),
            json: false,
        }
    }

    #[test]
    fn the_scripts_own_status() {
        for (exit, code, signal, interrupted, want) in [
            (Exit::Ok, Some(0), None, None, 0),
            (Exit::Ok, None, None, Some(2), 0),
            (Exit::Error, None, None, None, 1),
            (Exit::Error, Some(3), None, None, 3),
            (Exit::Error, Some(-1), None, None, 255),
            (Exit::Error, Some(257), None, None, 1),
            (Exit::Signal, None, Some(11), None, 139),
            (Exit::Killed, None, None, None, 137),
            (Exit::Killed, None, Some(9), Some(2), 130),
            (Exit::Killed, None, None, Some(15), 143),
            (Exit::Oom, None, None, None, 137),
        ] {
            let finished = Finished {
                exit,
                code,
                signal,
                error: None,
            };
            assert_eq!(
                status(&finished, interrupted),
                Status::Script(want),
                "{exit:?} {code:?} {interrupted:?}"
            );
        }
    }

    #[test]
    fn a_dead_group_is_named() {
        let fault = Fault::new(Code::Unreachable, "connection lost: the peer closed it");
        let failure = settle(&nowhere(), &place(), Err(session::Error::Lost(fault)), None).unwrap_err();
        assert_eq!(failure.status, Status::Unreachable);
        assert!(failure.text.contains("group web-1 is gone"), "{failure}");
        assert!(
            failure.text.ends_with("see 'gshell ps 00aa11bb22cc'"),
            "{failure}"
        );
    }

    #[test]
    fn refusals_and_replacements_are_errors() {
        let fault = Fault::new(Code::NotFound, "no such environment");
        let failure = settle(&nowhere(), &place(), Err(session::Error::Lost(fault)), None).unwrap_err();
        assert_eq!(failure.status, Status::NotFound);
        let failure = settle(&nowhere(), &place(), Ok(End::Left(Detached::Replaced)), None).unwrap_err();
        assert!(failure.text.contains("replaced by another client"), "{failure}");
    }
}
