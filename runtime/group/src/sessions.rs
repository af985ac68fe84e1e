//! What a killed group leaves running: the sessions of its programs.
//!
//! A program dies with its group, but what it forked does not. Each program leads a session of its own; a
//! note in the runtime dir says which and since when, and the next start of the group sweeps it.

use std::fs;
use std::path::{Path, PathBuf};

use gshell_sys::process;

fn folder(run_dir: &Path, group: &str) -> PathBuf {
    run_dir.join("groups").join(group).join("sessions")
}

/// Notes that environment `id` has a program with session `pid`.
pub(crate) fn note(run_dir: &Path, group: &str, id: &str, pid: i32) {
    let Some(start) = process::start_time(pid) else {
        return;
    };
    let folder = folder(run_dir, group);
    // A note that cannot be written only costs the sweep.
    let _ = fs::create_dir_all(&folder);
    let _ = fs::write(folder.join(id), format!("{pid} {start}"));
}

/// The program of `id` has ended, and its session was swept.
pub(crate) fn forget(run_dir: &Path, group: &str, id: &str) {
    let _ = fs::remove_file(folder(run_dir, group).join(id));
}

/// Ends what programs of an earlier process of this group left running; gives how many processes.
pub fn sweep(run_dir: &Path, group: &str) -> usize {
    let Ok(entries) = fs::read_dir(folder(run_dir, group)) else {
        return 0;
    };
    let mut swept = 0;
    for entry in entries.flatten() {
        if let Some((pid, start)) = fs::read_to_string(entry.path()).ok().as_deref().and_then(parse) {
            swept += process::sweep_session(pid, start);
        }
        let _ = fs::remove_file(entry.path());
    }
    swept
}

fn parse(text: &str) -> Option<(i32, u64)> {
    let (pid, start) = text.trim().split_once(' ')?;
    Some((pid.parse().ok().filter(|pid| *pid > 1)?, start.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_notes_are_followed() {
        assert_eq!(parse("12 345\n"), Some((12, 345)));
        for bad in ["", "12", "1 5", "-1 5", "0 5", "12 x", "x 12"] {
            assert_eq!(parse(bad), None);
        }
    }
}
