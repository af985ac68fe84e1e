//! How children end, and asking for it.
//!
//! The status is decoded here and not by nix, whose closed list of signals has no real-time ones: a child killed
//! by such a signal would be reaped and its status lost.

use std::fmt;
use std::io;

use super::signal_name;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It exited with this code, 0 to 255.
    Code(i32),
    /// A signal ended it.
    Signal {
        /// The signal's number.
        signal: i32,
        /// Whether the kernel wrote (or piped) a core dump.
        core: bool,
    },
}

impl ExitStatus {
    /// Whether it exited with code 0.
    pub fn success(self) -> bool {
        self == ExitStatus::Code(0)
    }

    /// From the status word of waitpid; `None` for a child that was only stopped or continued.
    fn decode(status: i32) -> Option<ExitStatus> {
        if libc::WIFEXITED(status) {
            Some(ExitStatus::Code(libc::WEXITSTATUS(status)))
        } else if libc::WIFSIGNALED(status) {
            Some(ExitStatus::Signal {
                signal: libc::WTERMSIG(status),
                core: libc::WCOREDUMP(status),
            })
        } else {
            None
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitStatus::Code(code) => write!(f, "exit status {code}"),
            ExitStatus::Signal { signal, core } => {
                write!(f, "killed by signal {signal} ({})", signal_name(*signal))?;
                f.write_str(if *core { ", core dumped" } else { "" })
            }
        }
    }
}

/// How the child `pid` ended, `None` while it runs; asks without waiting, and reaps it.
///
/// Fails with `InvalidInput` for a `pid` below 1, and with ECHILD when it is no child of this process or was reaped.
pub fn try_wait(pid: i32) -> io::Result<Option<ExitStatus>> {
    if pid < 1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(waitpid(pid, libc::WNOHANG)?.map(|(_, status)| status))
}

/// Waits until the child `pid` ends, and reaps it. Not for a reactor's thread. Fails as [`try_wait`] does.
pub fn wait(pid: i32) -> io::Result<ExitStatus> {
    if pid < 1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    loop {
        if let Some((_, status)) = waitpid(pid, 0)? {
            return Ok(status);
        }
    }
}

/// Reaps any one child that has ended: its id and how; `None` when none has, or there are no children.
///
/// Only where nobody waits for single children, whose statuses this would take away: in the fork server.
pub fn reap_any() -> io::Result<Option<(i32, ExitStatus)>> {
    match waitpid(-1, libc::WNOHANG) {
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
        other => other,
    }
}

fn waitpid(pid: i32, flags: i32) -> io::Result<Option<(i32, ExitStatus)>> {
    let mut status = 0;
    loop {
        // SAFETY: waitpid writes one integer to the given place, which is `status`.
        match unsafe { libc::waitpid(pid, &raw mut status, flags) } {
            0 => return Ok(None),
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            found => return Ok(ExitStatus::decode(status).map(|status| (found, status))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(ExitStatus::decode(3 << 8), Some(ExitStatus::Code(3)));
        assert_eq!(
            ExitStatus::decode(9),
            Some(ExitStatus::Signal {
                signal: 9,
                core: false
            })
        );
        assert_eq!(
            ExitStatus::decode(0x80 | 11),
            Some(ExitStatus::Signal {
                signal: 11,
                core: true
            })
        );
        assert_eq!(ExitStatus::decode(0x7f | (19 << 8)), None);
        let realtime = libc::SIGRTMIN() + 2;
        assert_eq!(
            ExitStatus::decode(realtime),
            Some(ExitStatus::Signal {
                signal: realtime,
                core: false
            })
        );
    }

    #[test]
    fn text() {
        assert_eq!(ExitStatus::Code(3).to_string(), "exit status 3");
        let killed = ExitStatus::Signal {
            signal: libc::SIGKILL,
            core: false,
        };
        assert_eq!(killed.to_string(), "killed by signal 9 (SIGKILL)");
        let crashed = ExitStatus::Signal {
            signal: libc::SIGSEGV,
            core: true,
        };
        assert_eq!(crashed.to_string(), "killed by signal 11 (SIGSEGV), core dumped");
        assert!(ExitStatus::Code(0).success() && !ExitStatus::Code(1).success() && !killed.success());
    }

    #[test]
    fn nobodys_children() {
        assert_eq!(try_wait(0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(wait(-1).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(try_wait(1).unwrap_err().raw_os_error(), Some(libc::ECHILD));
    }
}
