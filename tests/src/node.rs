//! A node of the built program with folders of its own, swept away with this value.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::proc::{self, Process};
use crate::temp::TempDir;
use crate::{DEADLINE, Job, Out, binary, children, command, wait_for, wait_until};

/// A node: two folders, and a daemon once [`Node::start_daemon`] was called.
pub struct Node {
    dir: TempDir,
    daemon: Option<Child>,
    ready_after: Duration,
    scripts: AtomicU32,
    env: Vec<(String, String)>,
    program: PathBuf,
    wrapper: Vec<String>,
}

impl Node {
    /// Folders only; nothing runs yet.
    pub fn unstarted() -> Self {
        Self::of(binary::gshell(), &[])
    }

    /// As [`Node::unstarted`], of another build of the program, and with all that it runs started by `wrapper`: a command
    /// that runs the one behind it, such as `nsenter` with its options.
    pub fn of(program: &Path, wrapper: &[&str]) -> Self {
        let dir = TempDir::new();
        for name in ["w", "home"] {
            std::fs::create_dir(dir.path().join(name)).expect("a folder in a new folder");
        }
        Self {
            dir,
            daemon: None,
            ready_after: Duration::ZERO,
            scripts: AtomicU32::new(0),
            env: Vec::new(),
            program: program.to_owned(),
            wrapper: wrapper.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    /// A node whose daemon is ready.
    pub fn start() -> Self {
        let mut node = Self::unstarted();
        node.start_daemon();
        node
    }

    /// Sets an environment variable for the daemon and every command from here on.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// The runtime folder: sockets, locks, logs.
    pub fn run_dir(&self) -> PathBuf {
        self.dir.path().join("r")
    }

    /// The state folder: records and code.
    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// A folder for whatever the test likes; the working folder of its commands.
    pub fn work_dir(&self) -> PathBuf {
        self.dir.path().join("w")
    }

    /// What every process of this node carries in its environment.
    pub fn mark(&self) -> String {
        format!("GSHELL_RUN_DIR={}\0", self.run_dir().display())
    }

    /// The program with this node's folders in its environment.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        self.with_env(self.wrapped(&self.program), args)
    }

    /// Any program as a part of this node, with its folders in the environment.
    pub fn program<S: AsRef<OsStr>>(&self, path: &Path, args: impl IntoIterator<Item = S>) -> Command {
        self.with_env(self.wrapped(path), args)
    }

    fn wrapped(&self, program: &Path) -> Command {
        let mut words = self.wrapper.iter().map(OsStr::new).chain([program.as_os_str()]);
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words);
        command
    }

    fn with_env<S: AsRef<OsStr>>(&self, mut command: Command, args: impl IntoIterator<Item = S>) -> Command {
        command
            .args(args)
            .current_dir(self.work_dir())
            .stdin(Stdio::null());
        command
            .env("GSHELL_RUN_DIR", self.run_dir())
            .env("GSHELL_STATE_DIR", self.state_dir());
        // A command must not bring a node back that the test has killed; `cmd_autostarting` takes this away.
        command.env("GSHELL_NO_AUTOSTART", "1");
        command
            .env("HOME", self.dir.path().join("home"))
            .env("TERM", "xterm")
            .env_remove("NO_COLOR");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command that may start the node.
    #[track_caller]
    pub fn cmd_autostarting(&self, args: &[&str]) -> Out {
        let mut command = self.command(args);
        command.env_remove("GSHELL_NO_AUTOSTART");
        command::run(command, b"")
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn cmd(&self, args: &[&str]) -> Out {
        command::run(self.command(args), b"")
    }

    /// Runs a command to its end with `input` as its standard input.
    #[track_caller]
    pub fn cmd_with_input(&self, args: &[&str], input: &[u8]) -> Out {
        command::run(self.command(args), input)
    }

    /// Runs a command that must succeed and gives what it printed, trimmed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        self.cmd(args).ok().to_owned()
    }

    /// Starts the daemon and waits until it says on a pipe that it is ready. Returns the time that this took.
    pub fn start_daemon(&mut self) -> Duration {
        self.start_daemon_under(&[])
    }

    /// Starts the daemon by another program that runs it, such as `strace` with its options.
    pub fn start_daemon_under(&mut self, runner: &[&str]) -> Duration {
        assert!(self.daemon.is_none(), "this node's daemon was started already");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.work_dir().join("daemon.out"))
            .expect("a file");
        // The shell moves the pipe to a descriptor that is neither standard output nor inherited by anything else.
        let mut command = self.with_env(
            self.wrapped(Path::new("sh")),
            ["-c", "exec \"$@\" 3>&1 >&2", "sh"],
        );
        command
            .args(runner)
            .arg(&self.program)
            .args(["daemon", "--ready-fd", "3"]);
        command.stdout(Stdio::piped()).stderr(log);
        let start = Instant::now();
        let mut child = children::spawn(&mut command).expect("sh runs");
        let mut line = String::new();
        let _ = BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line);
        self.ready_after = start.elapsed();
        self.daemon = Some(child);
        assert!(
            line.ends_with('\n'),
            "the daemon ended before it was ready: {}",
            self.daemon_output()
        );
        self.ready_after
    }

    /// What the daemon printed so far.
    pub fn daemon_output(&self) -> String {
        std::fs::read_to_string(self.work_dir().join("daemon.out")).unwrap_or_default()
    }

    /// The daemon's process ID.
    pub fn daemon_pid(&self) -> i32 {
        self.daemon
            .as_ref()
            .expect("the daemon was started")
            .id()
            .cast_signed()
    }

    /// Kills the daemon as `kill -9` does and waits for its end.
    pub fn kill_daemon(&mut self) {
        let mut child = self.daemon.take().expect("the daemon was started");
        child.kill().expect("the daemon is ours");
        children::wait(&mut child);
    }

    /// Asks the daemon to end as an init system does, and waits for its end.
    pub fn stop_daemon(&mut self) -> Option<i32> {
        let mut child = self.daemon.take().expect("the daemon was started");
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).expect("the daemon is ours");
        wait_for("the daemon ends by SIGTERM", DEADLINE, || {
            children::try_wait(&mut child)
        })
        .0
        .code()
    }

    /// Writes a script into the work folder and gives its path.
    pub fn script(&self, name: &str, text: &str) -> String {
        let path = self.work_dir().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }

    /// Runs a script's text with `options` of `run` and `args` for the script; gives the environment's ID.
    #[track_caller]
    pub fn run_script(&self, options: &[&str], text: &str, args: &[&str]) -> String {
        let path = self.fresh_script(text);
        let out = self.cmd(&[&["run"], options, &[path.as_str()], args].concat());
        let id = out.ok().to_owned();
        assert!(is_id(&id), "run prints an ID: {out:?}");
        id
    }

    /// Runs a script's text attached (`run -i`) to its end.
    #[track_caller]
    pub fn run_attached(&self, options: &[&str], text: &str, input: &[u8]) -> Out {
        let path = self.fresh_script(text);
        self.cmd_with_input(&[&["run", "-i"], options, &[path.as_str()]].concat(), input)
    }

    fn fresh_script(&self, text: &str) -> String {
        let number = self.scripts.fetch_add(1, Ordering::Relaxed) + 1;
        self.script(&format!("s{number}.lua"), text)
    }

    /// Every environment, as `ps --json` says.
    #[track_caller]
    pub fn ps(&self) -> Vec<Job> {
        let out = self.cmd(&["ps", "--json"]);
        let value: serde_json::Value =
            serde_json::from_str(out.ok()).unwrap_or_else(|error| panic!("ps --json: {error}: {out:?}"));
        value
            .as_array()
            .expect("ps --json prints an array")
            .iter()
            .map(Job::from_json)
            .collect()
    }

    /// One environment; panics when it is not listed.
    #[track_caller]
    pub fn job(&self, id: &str) -> Job {
        let jobs = self.ps();
        jobs.iter()
            .find(|job| job.id == id)
            .cloned()
            .unwrap_or_else(|| panic!("{id} is not listed in {jobs:#?}"))
    }

    /// Waits until an environment's status is `status` (`running`, `exited:ok`…).
    #[track_caller]
    pub fn wait_status(&self, id: &str, status: &str) -> Job {
        let mut last = None;
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            let job = self.job(id);
            if job.status() == status {
                return job;
            }
            last = Some(job);
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!(
            "waited in vain until {id} is {status}; it is {last:#?}\nlog: {}",
            self.cmd(&["log", id]).stdout
        );
    }

    /// Waits until the log of an environment holds `text`, and gives the log.
    #[track_caller]
    pub fn wait_log(&self, id: &str, text: &str) -> String {
        wait_for(&format!("the log of {id} holds {text:?}"), DEADLINE, || {
            let log = self.cmd(&["log", id]).stdout;
            log.contains(text).then_some(log)
        })
        .0
    }

    /// The process of the group that an environment runs in.
    #[track_caller]
    pub fn group_pid(&self, id: &str) -> i32 {
        self.job(id).pid.unwrap_or_else(|| panic!("{id} has no process"))
    }

    /// Every live process of this node.
    pub fn processes(&self) -> Vec<Process> {
        children::reap_orphans();
        proc::marked(&self.mark())
            .into_iter()
            .filter(|process| !process.is_zombie())
            .collect()
    }

    /// Its fork server: the daemon's child of that name.
    pub fn fork_server(&self) -> Option<Process> {
        self.processes()
            .into_iter()
            .find(|process| process.comm == "gshell-fork")
    }

    /// Its groups' processes.
    pub fn groups(&self) -> Vec<Process> {
        self.processes()
            .into_iter()
            .filter(|process| process.comm.starts_with("gshell-grg"))
            .collect()
    }

    /// Kills everything of this node as `kill -9` does, all at once, and waits until nothing is left.
    pub fn kill_everything(&mut self) {
        wait_until("every process of the node is gone", DEADLINE, || {
            for process in self.processes() {
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            }
            if let Some(daemon) = &mut self.daemon
                && children::try_wait(daemon).is_some()
            {
                self.daemon = None;
            }
            self.daemon.is_none() && self.processes().is_empty()
        });
    }

    /// Waits until no process of this node is left, without killing any.
    #[track_caller]
    pub fn assert_nothing_left(&self, within: Duration) {
        let start = Instant::now();
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            assert!(
                start.elapsed() < within,
                "processes are left: {:#?}",
                described(&left)
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the daemon said:\n{}", self.daemon_output());
        }
        // Panicking while panicking aborts, so this does what it can without asserting.
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            let left = self.processes();
            for process in &left {
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            }
            if let Some(daemon) = &mut self.daemon
                && children::try_wait(daemon).is_some()
            {
                self.daemon = None;
            }
            if left.is_empty() && self.daemon.is_none() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        children::reap_orphans();
    }
}

/// Processes as text, for failure messages.
pub fn described(processes: &[Process]) -> Vec<String> {
    let line = |p: &Process| {
        format!(
            "{} ({}, {}, child of {}): {}",
            p.pid,
            p.comm,
            p.state,
            p.parent,
            p.cmdline()
        )
    };
    processes.iter().map(line).collect()
}

/// Whether a text is an environment's ID: 12 hexadecimal digits in lower case.
pub fn is_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Sends SIGKILL to a process that may be gone already.
pub fn kill_hard(pid: i32) {
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
}

/// Whether `path` is there, links not followed.
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
