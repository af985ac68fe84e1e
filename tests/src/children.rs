//! Child processes of the test, and the orphans that it inherits.
//!
//! The test process is a subreaper: what a killed daemon leaves behind becomes its child. Orphans that end are reaped
//! here, and never the children that somebody waits for, which is why both kinds go through one lock.

use std::collections::BTreeSet;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, Once, PoisonError};

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::proc;

static OWN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());
static SUBREAPER: Once = Once::new();

/// Starts a command as a child that the caller waits for by [`wait`] or [`try_wait`].
pub fn spawn(command: &mut Command) -> std::io::Result<Child> {
    SUBREAPER
        .call_once(|| nix::sys::prctl::set_child_subreaper(true).expect("prctl(PR_SET_CHILD_SUBREAPER)"));
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    let child = command.spawn()?;
    own.insert(child.id().cast_signed());
    Ok(child)
}

/// Waits for a child of [`spawn`].
pub fn wait(child: &mut Child) -> ExitStatus {
    let status = child.wait().expect("the child is ours");
    forget(child);
    status
}

/// The status of a child of [`spawn`] that has ended.
pub fn try_wait(child: &mut Child) -> Option<ExitStatus> {
    let status = child.try_wait().expect("the child is ours");
    if status.is_some() {
        forget(child);
    }
    status
}

fn forget(child: &Child) {
    OWN.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&child.id().cast_signed());
}

/// Reaps every orphan that has come to this process and has ended.
pub fn reap_orphans() {
    let own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    let me = std::process::id().cast_signed();
    for process in proc::all()
        .iter()
        .filter(|process| process.parent == me && process.is_zombie())
    {
        if !own.contains(&process.pid) {
            let _ = waitpid(Pid::from_raw(process.pid), Some(WaitPidFlag::WNOHANG));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;
    use crate::{DEADLINE, wait_until};

    #[test]
    fn orphans_come_here_and_are_reaped() {
        let mark = format!("GSHELL_TEST_ORPHAN={}\0", std::process::id());
        let mut command = Command::new("sh");
        command
            .args(["-c", "sleep 1000 & sleep 1000 & exit 0"])
            .env("GSHELL_TEST_ORPHAN", std::process::id().to_string());
        let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::null())).unwrap();
        assert!(wait(&mut child).success());
        let orphans: Vec<_> = proc::marked(&mark);
        assert_eq!(orphans.len(), 2, "{orphans:?}");
        let me = std::process::id().cast_signed();
        assert!(orphans.iter().all(|orphan| orphan.parent == me), "{orphans:?}");
        for orphan in &orphans {
            crate::node::kill_hard(orphan.pid);
        }
        wait_until("they are reaped", DEADLINE, || {
            reap_orphans();
            orphans
                .iter()
                .all(|orphan| proc::process(orphan.pid).is_none_or(|now| now.start != orphan.start))
        });
    }

    #[test]
    fn reaping_takes_no_child_that_somebody_waits_for() {
        let mut child = spawn(Command::new("sh").args(["-c", "exit 7"])).unwrap();
        let pid = child.id().cast_signed();
        wait_until("it has ended", DEADLINE, || {
            proc::process(pid).is_some_and(|process| process.is_zombie())
        });
        reap_orphans();
        assert_eq!(wait(&mut child).code(), Some(7));
    }
}
