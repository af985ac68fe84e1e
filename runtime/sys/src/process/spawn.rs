//! Starting a program.
//!
//! The standard library does the fork and the exec, which makes this safe to call with threads running. What it
//! has no words for (session, terminal, limits, death signal) is done between the two, in system calls only.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{getppid, setsid};

use super::image::Image;
use crate::limits::{self, Resource};
use crate::signal;

/// Where a standard stream of a child goes.
#[derive(Debug, Default)]
pub enum Stdio {
    /// To where this process' own goes.
    Inherit,
    /// To `/dev/null`.
    #[default]
    Null,
    /// To this file, which the parent no longer holds afterwards.
    Fd(OwnedFd),
}

impl From<Stdio> for std::process::Stdio {
    fn from(stream: Stdio) -> std::process::Stdio {
        match stream {
            Stdio::Inherit => std::process::Stdio::inherit(),
            Stdio::Null => std::process::Stdio::null(),
            Stdio::Fd(fd) => fd.into(),
        }
    }
}

/// A program to start. The default has no program, no arguments and all streams at `/dev/null`.
#[derive(Debug, Default)]
pub struct Spawn {
    /// Path of the program, or a name to look for in `PATH`.
    pub program: OsString,
    /// The name it is called by; `None`: `program`.
    pub name: Option<OsString>,
    /// `program` is this very file: it is not looked for in `PATH`, and one that the kernel does not take is an error,
    /// where it would otherwise be handed to a shell.
    pub exact: bool,
    /// Its arguments, without its name.
    pub args: Vec<OsString>,
    /// Variables added to the inherited environment, or replaced there.
    pub env: Option<Vec<(OsString, OsString)>>,
    /// Start from an empty environment instead of the inherited one.
    pub clear_env: bool,
    /// Working directory; `None`: that of this process.
    pub dir: Option<PathBuf>,
    /// Standard input.
    pub stdin: Stdio,
    /// Standard output.
    pub stdout: Stdio,
    /// Standard error.
    pub stderr: Stdio,
    /// Make it the leader of a session of its own, without a terminal.
    pub session: bool,
    /// Signal that the child gets when the *thread* that calls [`spawn`] ends: so spawn from one that stays.
    pub death_signal: Option<i32>,
    /// Limits, soft and hard, set in this order.
    pub limits: Vec<(Resource, u64)>,
    /// The terminal that becomes the session's; needs `session`.
    pub controlling_tty: Option<OwnedFd>,
}

impl Spawn {
    /// `program` without arguments, all streams at `/dev/null`.
    pub fn new(program: impl Into<OsString>) -> Spawn {
        Spawn {
            program: program.into(),
            ..Spawn::default()
        }
    }
}

/// A child that was started. Dropping it does nothing: wait for `pid` with [`try_wait`](super::try_wait).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its process id.
    pub pid: i32,
}

/// Starts a program, with default signal actions, none blocked, and no descriptors but the standard three (given
/// that all others are close-on-exec, as everything that this crate and the standard library open is).
///
/// Fails with the reason of the step that failed, also of those in the child: no such program (`NotFound`), not
/// executable, a limit above the allowed, no such directory.
pub fn spawn(job: Spawn) -> io::Result<Child> {
    let steps = Steps::of(&job)?;
    let image = job.exact.then(|| Image::of(&job)).transpose()?;
    let mut command = Command::new(&job.program);
    command
        .args(&job.args)
        .stdin(job.stdin)
        .stdout(job.stdout)
        .stderr(job.stderr);
    if let Some(name) = &job.name {
        command.arg0(name);
    }
    if job.clear_env {
        command.env_clear();
    }
    command.envs(job.env.into_iter().flatten());
    if let Some(dir) = &job.dir {
        command.current_dir(dir);
    }
    // SAFETY: the closure runs between fork and exec, possibly with other threads' locks held for ever in the copied
    // memory. `Steps::run` makes system calls only: it takes no lock and does not allocate, and its errors carry
    // an OS error number, without memory. `Image::exec` is one system call. What they own was built before the fork.
    unsafe {
        command.pre_exec(move || {
            steps.run()?;
            image.as_ref().map_or(Ok(()), |image| Err(image.exec()))
        });
    }
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    Ok(Child { pid })
}

/// What the child does before it becomes the program.
struct Steps {
    parent: i32,
    session: bool,
    terminal: Option<OwnedFd>,
    death_signal: Option<Signal>,
    limits: Vec<(Resource, u64)>,
}

impl Steps {
    fn of(job: &Spawn) -> io::Result<Steps> {
        Ok(Steps {
            parent: nix::unistd::getpid().as_raw(),
            session: job.session,
            terminal: job.controlling_tty.as_ref().map(OwnedFd::try_clone).transpose()?,
            death_signal: job.death_signal.map(Signal::try_from).transpose()?,
            limits: job.limits.clone(),
        })
    }

    fn run(&self) -> io::Result<()> {
        // First, so that nothing inherited can disturb what follows; exec keeps ignored signals ignored.
        signal::reset_all();
        if self.session {
            setsid()?;
        }
        // Needs the session: only its leader can take a terminal, and only one that is nobody's yet.
        if let Some(terminal) = &self.terminal {
            // SAFETY: TIOCSCTTY takes an integer argument (0: do not steal) and touches no memory.
            if unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        // Late, because a limit on address space or descriptors could make the steps above fail.
        for (resource, value) in &self.limits {
            limits::set(*resource, *value)?;
        }
        // Last, with the check after it: a parent that ended before the request would never be reported.
        if let Some(signal) = self.death_signal {
            prctl::set_pdeathsig(signal)?;
            if getppid().as_raw() != self.parent {
                return Err(Errno::ESRCH.into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ExitStatus, kill, wait};
    use super::*;
    use std::fs::File;
    use std::io::Read;

    fn shell(script: &str) -> Spawn {
        Spawn {
            args: vec!["-c".into(), script.into()],
            ..Spawn::new("sh")
        }
    }

    fn output(mut job: Spawn) -> (String, ExitStatus) {
        let (read, write) = crate::testing::pipe();
        job.stdout = Stdio::Fd(write);
        let child = spawn(job).unwrap();
        let mut text = String::new();
        File::from(read).read_to_string(&mut text).unwrap();
        (text.trim().to_owned(), wait(child.pid).unwrap())
    }

    #[test]
    fn arguments_environment_directory() {
        let mut job = shell("echo $A-$HOME; pwd; exit 3");
        job.env = Some(vec![("A".into(), "b".into()), ("HOME".into(), "h".into())]);
        job.dir = Some("/".into());
        assert_eq!(output(job), ("b-h\n/".into(), ExitStatus::Code(3)));
        let mut job = Spawn::new("/usr/bin/env");
        job.clear_env = true;
        job.env = Some(vec![("ONLY".into(), "1".into())]);
        assert_eq!(output(job).0, "ONLY=1");
    }

    #[test]
    fn an_exact_program_has_its_name_and_goes_to_no_shell() {
        let mut job = shell("echo $0 $A");
        job.program = "/bin/sh".into();
        job.name = Some("other".into());
        job.exact = true;
        job.env = Some(vec![("A".into(), "b".into())]);
        assert_eq!(output(job), ("other b".into(), ExitStatus::Code(0)));
        let path = std::env::temp_dir().join(format!("gshell-exact-{}", std::process::id()));
        std::fs::write(&path, "exit 0\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        let mut job = Spawn::new(&path);
        job.exact = true;
        let error = spawn(job).map_err(|error| error.raw_os_error());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(error, Err(Some(libc::ENOEXEC)));
    }

    #[test]
    fn limits_reach_the_program() {
        let mut job = shell("ulimit -n; ulimit -c");
        job.limits = vec![(Resource::OpenFiles, 77), (Resource::Core, 0)];
        assert_eq!(output(job).0, "77\n0");
    }

    #[test]
    fn failures_come_back() {
        let error = spawn(Spawn::new("/no/such/program")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let mut job = shell("true");
        job.dir = Some("/no/such/dir".into());
        assert!(spawn(job).is_err());
        let mut job = shell("true");
        job.death_signal = Some(1000);
        assert!(spawn(job).is_err());
        // A file is no terminal.
        let mut job = shell("true");
        job.session = true;
        job.controlling_tty = Some(File::open("/dev/null").unwrap().into());
        assert!(spawn(job).is_err());
    }

    #[test]
    fn a_session_with_a_terminal() {
        let (_master, slave) = crate::pty::open().unwrap();
        let mut job = shell("test -t 0 && exec 3</dev/tty && echo has");
        job.session = true;
        job.stdin = Stdio::Fd(slave.try_clone().unwrap());
        job.controlling_tty = Some(slave);
        assert_eq!(output(job), ("has".into(), ExitStatus::Code(0)));
    }

    #[test]
    fn a_signal_ends_it() {
        let child = spawn(shell("exec sleep 1000")).unwrap();
        kill(child.pid, libc::SIGTERM).unwrap();
        assert_eq!(
            wait(child.pid).unwrap(),
            ExitStatus::Signal {
                signal: libc::SIGTERM,
                core: false
            }
        );
        assert!(kill(0, libc::SIGTERM).is_err() && kill(-1, libc::SIGTERM).is_err());
        assert!(super::super::kill_group(1, libc::SIGTERM).is_err());
    }

    #[test]
    fn the_end_of_the_thread_is_the_end_of_the_child() {
        let thread = std::thread::spawn(|| {
            let mut job = shell("exec sleep 1000");
            job.death_signal = Some(libc::SIGKILL);
            spawn(job).unwrap()
        });
        let child = thread.join().unwrap();
        assert_eq!(
            wait(child.pid).unwrap(),
            ExitStatus::Signal {
                signal: libc::SIGKILL,
                core: false
            }
        );
    }

    #[test]
    fn inherited_ignoring_is_undone() {
        signal::ignore_sigpipe().unwrap();
        let (text, _) = output(shell("grep SigIgn /proc/self/status"));
        let ignored = u64::from_str_radix(text.trim_start_matches("SigIgn:").trim(), 16).unwrap();
        assert_eq!(ignored & 1 << (libc::SIGPIPE - 1), 0, "{text}");
    }
}
