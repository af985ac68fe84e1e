//! A command on a pseudo-terminal: what a person at a keyboard does and sees.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{OpenptyResult, Winsize, openpty};

use crate::{DEADLINE, children, wait_for};

/// Ctrl-C, Ctrl-D, Ctrl-P and Ctrl-Q as a keyboard sends them.
pub const CTRL_C: &[u8] = b"\x03";
/// End of input at the beginning of a line.
pub const CTRL_D: &[u8] = b"\x04";
/// The keys that detach from an environment.
pub const DETACH: &[u8] = b"\x10\x11";

/// A command that runs on a terminal of its own.
pub struct Terminal {
    child: Child,
    keyboard: Option<File>,
    screen: Arc<Mutex<Vec<u8>>>,
    closed: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts `command` with a new terminal of 80 columns and 24 lines as its controlling terminal.
    pub fn start(command: &Command) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let OpenptyResult { master, slave } = openpty(Some(&size), None).expect("a pseudo-terminal");
        // Otherwise every program that another test starts meanwhile would hold this terminal open.
        for fd in [master.as_fd(), slave.as_fd()] {
            nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))
                .expect("fcntl");
        }
        let mut child = Command::new("setsid");
        child
            .args(["--ctty", "--wait"])
            // Whoever runs the tests in the background has them ignore what Ctrl-C or a hang-up sends.
            .args(["env", "--default-signal=INT,QUIT,HUP"])
            .arg(command.get_program())
            .args(command.get_args());
        child.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        child.current_dir(
            command
                .get_current_dir()
                .expect("commands of a node have a folder"),
        );
        let end = || Stdio::from(slave.try_clone().expect("dup"));
        child.stdin(end()).stdout(end()).stderr(end());
        let child_process = children::spawn(&mut child).expect("setsid runs");
        drop((child, slave));
        let keyboard = File::from(master);
        let (screen, closed) = (Arc::default(), Arc::default());
        let reader = collect(
            keyboard.try_clone().expect("dup"),
            Arc::clone(&screen),
            Arc::clone(&closed),
        );
        Self {
            child: child_process,
            keyboard: Some(keyboard),
            screen,
            closed,
            reader: Some(reader),
        }
    }

    /// Types.
    pub fn send(&mut self, keys: &[u8]) {
        self.keyboard
            .as_mut()
            .expect("the terminal is open")
            .write_all(keys)
            .expect("the terminal takes keys");
    }

    /// All that was shown so far.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Waits until the terminal shows `text`.
    #[track_caller]
    pub fn wait_shown(&self, text: &str) {
        self.wait_times(text, 1);
    }

    /// Waits until the terminal has shown `text` this often.
    #[track_caller]
    pub fn wait_times(&self, text: &str, times: usize) {
        let start = Instant::now();
        while self.shown().matches(text).count() < times {
            assert!(
                start.elapsed() < DEADLINE,
                "no {text:?} ({times} times) on the terminal: {:?}",
                self.shown()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for the end of the command and gives its exit status.
    #[track_caller]
    pub fn wait_end(&mut self) -> Option<i32> {
        let what = format!("the command on the terminal ends; it shows {:?}", self.shown());
        wait_for(&what, DEADLINE, || children::try_wait(&mut self.child))
            .0
            .code()
    }

    /// Takes the terminal away, as a lost connection does.
    pub fn hang_up(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.keyboard = None;
    }
}

/// Reads what is shown until the last process has left the terminal or `closed` says that the test hangs up: a reader
/// that blocked in the kernel would keep the terminal open.
fn collect(mut from: File, to: Arc<Mutex<Vec<u8>>>, closed: Arc<AtomicBool>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while !closed.load(Ordering::Relaxed) {
            let mut fds = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::from(20u8)).is_ok_and(|ready| ready == 0) {
                continue;
            }
            match from.read(&mut buffer) {
                Ok(count @ 1..) => to
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(&buffer[..count]),
                _ => break,
            }
        }
    })
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if children::try_wait(&mut self.child).is_none() {
            let _ = self.child.kill();
            children::wait(&mut self.child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(text: &str) -> Terminal {
        let mut command = Command::new("sh");
        command.args(["-c", text]).current_dir("/");
        Terminal::start(&command)
    }

    #[test]
    fn a_program_has_a_controlling_terminal() {
        let mut terminal = sh("stty size; read line; echo got $line; read never");
        terminal.wait_shown("24 80");
        terminal.send(b"typed\n");
        terminal.wait_shown("got typed");
        terminal.send(CTRL_C);
        assert_ne!(terminal.wait_end(), Some(0));
    }

    #[test]
    fn hanging_up_reaches_the_program() {
        let mut terminal = sh("trap 'exit 3' HUP; echo up; while :; do sleep 0.05; done");
        terminal.wait_shown("up");
        terminal.hang_up();
        assert_eq!(terminal.wait_end(), Some(3));
    }
}
