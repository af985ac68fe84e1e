//! One environment, as everybody sees it: what it runs, under which policy, how it stands and how its last runs ended.
//!
//! The same value is the daemon's list, the group's memory, the reply to `ps` and, through frozen copies, the record on
//! disk. So it holds nothing that only one of them could know, and every text in it has a bound.

use gshell_wire::Schema;
use serde::{Deserialize, Serialize};

use crate::limits::{ARGS, ARGS_BYTES, ENV_NAME, ERROR_BYTES, EXIT_TAIL, LAST_EXITS, TRACEBACK_BYTES};
use crate::policy::Restart;
use crate::state::{Exit, State, words};
use crate::text::{keep_end, keep_start};
use crate::{Invalid, duration_text};

/// What kind of program an environment runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub enum Kind {
    /// Lua, in a state of its own inside the group's process.
    #[default]
    Script,
    /// A program of its own, supervised as a process of the group.
    Elf,
}

words!(Kind, "program kind", Script => "script", Elf => "elf");

/// What should become of an environment when its group comes back: not always what it does right now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub enum Desired {
    /// It runs, or runs again as soon as its group does.
    #[default]
    Run,
    /// It stays exited until somebody starts it.
    Rest,
}

words!(Desired, "desired state", Run => "run", Rest => "rest");

/// Who asked for an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Requester {
    /// User ID of the peer, as the kernel reports it.
    pub uid: u32,
    /// The peer's process for people, such as `pid 812`; it may be long gone.
    pub process: String,
}

/// How one run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct LastExit {
    /// Wall time of the end, milliseconds since 1970.
    pub ended_ms: i64,
    /// How it ended.
    pub exit: Exit,
    /// Exit status, where it has one.
    pub code: Option<i32>,
    /// The error's message, at most [`ERROR_BYTES`].
    pub error: Option<String>,
    /// The last output of the run, at most [`EXIT_TAIL`] bytes.
    pub tail: String,
}

/// The full description and record of one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Job {
    /// ID: 12 hexadecimal digits, the same through all restarts.
    pub id: String,
    /// Full name of its group, `NAME-VERSION`.
    pub group: String,
    /// Name that it is listed by: the file name of what it runs, a script's without `.lua`.
    pub name: String,
    /// Arguments, without the program.
    pub args: Vec<String>,
    /// Script or program.
    pub kind: Kind,
    /// Hash of its package: SHA-256 in 64 hexadecimal digits.
    pub package: String,
    /// Path inside the package of the file that is run.
    pub main: String,
    /// Restart policy.
    pub restart: Restart,
    /// Restarts that the policy still allows since the last start by hand; starts as [`Restart::allowance`].
    pub restarts_left: u32,
    /// Whether it is removed as soon as it has exited for good (`--rm`).
    pub auto_remove: bool,
    /// Memory limit in bytes; 0 is the group's default.
    pub memory: u64,
    /// Whether it was started attached (`-i`).
    pub interactive: bool,
    /// Who asked for it.
    pub requester: Requester,
    /// Where it stands.
    pub state: State,
    /// How it ended; `Some` when, and only when, it is exited, or in backoff after a failure.
    pub exit: Option<Exit>,
    /// Message of the error that ended it, at most [`ERROR_BYTES`].
    pub error: Option<String>,
    /// Traceback of that error, at most [`TRACEBACK_BYTES`].
    pub traceback: Option<String>,
    /// Exit status of the last run, where it has one.
    pub code: Option<i32>,
    /// Signal that ended the last run, where one did, numbered as on x86 and ARM (asm-generic/signal.h).
    pub signal: Option<i32>,
    /// Whether it failed more often than its policy allows and was given up.
    pub gave_up: bool,
    /// Wall time at which it was asked for, milliseconds since 1970.
    pub created_ms: i64,
    /// Wall time of the start of the last run, milliseconds since 1970; 0 before the first.
    pub started_ms: i64,
    /// Wall time of the end of the last run, milliseconds since 1970; 0 while there is none.
    pub ended_ms: i64,
    /// Length of the current run so far, or of the last one, in milliseconds of the monotonic clock.
    pub duration_ms: u64,
    /// Times that it was started again without anybody asking: after a failure of its own or of its group.
    pub restarts: u32,
    /// Process that it runs in: its own (ELF) or its group's (script); 0 while there is none.
    pub pid: i32,
    /// Whether it should run when its group comes back.
    pub desired: Desired,
    /// Why its record could not be written; `None` while the disk has what is shown here.
    pub unsaved: Option<String>,
    /// The last exits, the newest last, at most [`LAST_EXITS`].
    pub last_exits: Vec<LastExit>,
}

impl Job {
    /// Checks what a client chooses: name and arguments, in number and size.
    pub fn check_request(name: &str, args: &[String]) -> Result<(), Invalid> {
        if name.is_empty() || name.len() > ENV_NAME as usize || name.contains('\0') {
            let reason = format!("it has 1 to {ENV_NAME} bytes and no NUL character");
            return Err(Invalid::new("environment name", name, reason));
        }
        if args.len() > ARGS as usize {
            let reason = format!("{ARGS} arguments are allowed, and there are {}", args.len());
            return Err(Invalid::new("argument list", name, reason));
        }
        if let Some(bad) = args.iter().find(|arg| arg.contains('\0')) {
            return Err(Invalid::new("argument", bad, "it holds a NUL character"));
        }
        let bytes: usize = args.iter().map(String::len).sum();
        if bytes > ARGS_BYTES as usize {
            let reason = format!(
                "all arguments have {bytes} bytes, {} KiB are allowed",
                ARGS_BYTES >> 10
            );
            return Err(Invalid::new("argument list", name, reason));
        }
        Ok(())
    }

    /// Whether `pattern`, in which `*` stands for anything, matches its ID or its name.
    pub fn matches(&self, pattern: &str) -> bool {
        gshell_wire::matches(pattern, &self.id) || gshell_wire::matches(pattern, &self.name)
    }

    /// A run begins at wall time `now_ms` in process `pid`: what the run before left is cleared.
    pub fn began(&mut self, now_ms: i64, pid: i32) {
        self.state = State::Running;
        self.exit = None;
        self.error = None;
        self.traceback = None;
        self.code = None;
        self.signal = None;
        self.gave_up = false;
        self.started_ms = now_ms;
        self.ended_ms = 0;
        self.duration_ms = 0;
        self.pid = pid;
        self.desired = Desired::Run;
    }

    /// Somebody starts it by hand: it gets the restarts of its policy anew.
    pub fn rearm(&mut self) {
        self.state = State::Starting;
        self.desired = Desired::Run;
        self.restarts_left = self.restart.allowance();
        self.gave_up = false;
    }

    /// The run ended at wall time `now_ms` after `ran_ms` monotonic milliseconds; `tail` is its last output.
    ///
    /// Sets the state to exited, which a caller that restarts it changes to backoff. Error and traceback are cut to
    /// their bounds; set them, code and signal before.
    pub fn ended(&mut self, now_ms: i64, ran_ms: u64, exit: Exit, mut tail: String) {
        if let Some(error) = &mut self.error {
            keep_start(error, ERROR_BYTES);
        }
        if let Some(traceback) = &mut self.traceback {
            keep_start(traceback, TRACEBACK_BYTES);
        }
        keep_end(&mut tail, EXIT_TAIL);
        self.state = State::Exited;
        self.exit = Some(exit);
        self.ended_ms = now_ms;
        self.duration_ms = ran_ms;
        self.pid = 0;
        self.desired = Desired::Rest;
        let error = self.error.clone();
        self.last_exits.push(LastExit {
            ended_ms: now_ms,
            exit,
            code: self.code,
            error,
            tail,
        });
        let excess = self.last_exits.len().saturating_sub(LAST_EXITS);
        self.last_exits.drain(..excess);
    }

    /// The status for a table: the state, and how it ended when it has.
    pub fn status(&self) -> String {
        match (self.state, self.exit) {
            (State::Exited, Some(exit)) => self.exit_text(exit),
            (state, _) => state.to_string(),
        }
    }

    fn exit_text(&self, exit: Exit) -> String {
        match (exit, self.signal) {
            (Exit::Ok, _) => "exited:OK".to_owned(),
            (Exit::Error, _) if self.gave_up => "exited:ERR, gave up".to_owned(),
            (Exit::Error, _) => "exited:ERR".to_owned(),
            (Exit::Killed, _) => "exited:killed".to_owned(),
            (Exit::Signal, Some(signal)) => format!("exited:signal {signal}"),
            (Exit::Signal, None) => "exited:signal".to_owned(),
            (Exit::Oom, _) => "exited:OOM".to_owned(),
        }
    }

    /// The duration for a table.
    pub fn duration(&self) -> String {
        duration_text(self.duration_ms)
    }

    /// The name and the arguments in one line, as `ps` shows them.
    pub fn command(&self) -> String {
        let mut line = self.name.clone();
        for arg in &self.args {
            line.push(' ');
            line.push_str(arg);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_recorded() {
        let mut job = Job {
            restart: Restart::Times(2),
            ..Job::default()
        };
        job.rearm();
        assert_eq!((job.restarts_left, job.state), (2, State::Starting));
        job.began(1000, 7);
        assert_eq!(
            (job.status().as_str(), job.pid, job.desired),
            ("running", 7, Desired::Run)
        );
        job.error = Some("e".repeat(9000));
        job.code = Some(1);
        job.ended(2000, 1001, Exit::Error, "x".repeat(5000));
        assert_eq!(
            (job.status().as_str(), job.duration().as_str()),
            ("exited:ERR", "1.0s")
        );
        assert_eq!(job.error.as_ref().map(String::len), Some(ERROR_BYTES as usize));
        assert_eq!(job.last_exits[0].tail.len(), EXIT_TAIL as usize);
        assert_eq!(
            (job.pid, job.desired, job.last_exits[0].code),
            (0, Desired::Rest, Some(1))
        );
        job.began(3000, 8);
        assert_eq!(
            (job.exit, job.error.clone(), job.code, job.last_exits.len()),
            (None, None, None, 1)
        );
    }

    #[test]
    fn only_the_last_exits_are_kept() {
        let mut job = Job::default();
        for n in 0..9 {
            job.ended(n, 0, Exit::Ok, String::new());
        }
        let times: Vec<i64> = job.last_exits.iter().map(|exit| exit.ended_ms).collect();
        assert_eq!(times, [4, 5, 6, 7, 8]);
    }

    #[test]
    fn status_says_how_it_ended() {
        let mut job = Job {
            state: State::Exited,
            ..Job::default()
        };
        for (exit, signal, gave_up, want) in [
            (Exit::Ok, None, false, "exited:OK"),
            (Exit::Error, None, false, "exited:ERR"),
            (Exit::Error, None, true, "exited:ERR, gave up"),
            (Exit::Killed, Some(9), false, "exited:killed"),
            (Exit::Signal, Some(11), false, "exited:signal 11"),
            (Exit::Oom, None, false, "exited:OOM"),
        ] {
            (job.exit, job.signal, job.gave_up) = (Some(exit), signal, gave_up);
            assert_eq!(job.status(), want);
        }
        job.state = State::Backoff;
        assert_eq!(job.status(), "backoff");
    }

    #[test]
    fn requests_are_bounded() {
        let many = vec![String::new(); ARGS as usize + 1];
        let large = vec!["x".repeat(ARGS_BYTES as usize + 1)];
        for (name, args, said) in [
            ("", vec![], "1 to 255"),
            ("a", many, "1024 arguments"),
            ("a", large, "128 KiB"),
            ("a", vec!["b\0".to_owned()], "NUL"),
        ] {
            let error = Job::check_request(name, &args).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert_eq!(
            Job::check_request("top.lua", &["-n".to_owned(), "1".to_owned()]),
            Ok(())
        );
    }

    #[test]
    fn matched_by_id_or_name() {
        let job = Job {
            id: "00aa11bb22cc".into(),
            name: "top.lua".into(),
            ..Job::default()
        };
        for (pattern, want) in [("00aa*", true), ("top.lua", true), ("*", true), ("top", false)] {
            assert_eq!(job.matches(pattern), want);
        }
    }

    #[test]
    fn the_command_is_one_line() {
        let job = Job {
            name: "a.lua".into(),
            args: vec!["x".into(), "y".into()],
            ..Job::default()
        };
        assert_eq!(job.command(), "a.lua x y");
    }
}
