//! Child processes: starting, waiting, killing, and what `/proc` tells about them.
//!
//! Whoever starts a child waits for it by its id; nothing here waits behind the caller's back, because a reactor
//! must never block on a child.

mod image;
mod names;
mod proc;
mod spawn;
mod status;

pub use names::{from_generic, signal_by_name, signal_name, to_generic};
pub use proc::{Stat, alive, start_time, stat, sweep_session};
pub use spawn::{Child, Spawn, Stdio, spawn};
pub use status::{ExitStatus, reap_any, try_wait, wait};

use std::io;

/// Sends signal `sig` to process `pid`. Fails with `InvalidInput` for a `pid` below 1, which would mean a group or
/// everybody, and with `NotFound`-like ESRCH when there is no such process.
pub fn kill(pid: i32, sig: i32) -> io::Result<()> {
    if pid < 1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    send_signal(pid, sig)
}

/// Sends signal `sig` to all processes of group `pgid`. Fails with `InvalidInput` for a `pgid` below 2 (kill would
/// read its negative as "everybody"), and with ESRCH when the group is empty.
pub fn kill_group(pgid: i32, sig: i32) -> io::Result<()> {
    if pgid < 2 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    send_signal(-pgid, sig)
}

fn send_signal(target: i32, sig: i32) -> io::Result<()> {
    // SAFETY: kill takes two integers and touches no memory of this process.
    match unsafe { libc::kill(target, sig) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
