//! What `/proc` knows of processes, and the clean-up that needs it.
//!
//! A process id alone names nobody: ids are used again. An id with the start time does name a process, and a start
//! time cannot be forged by the process.

use super::kill;
use gshell_small::Set;

/// A process killed in each pass can have forked just before; this many generations are followed.
const MAX_PASSES: usize = 32;

/// Fields of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The state's letter: `R` running, `S` sleeping, `Z` ended and not reaped, ...
    pub state: char,
    /// The parent's process id.
    pub parent: i32,
    /// The process group's id.
    pub group: i32,
    /// The session's id.
    pub session: i32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
}

impl Stat {
    /// The command's name comes second, in parentheses, and may hold spaces and parentheses of its own: the last
    /// one ends it. The fields are counted from there, so the third of the manual page is number 0 here.
    fn parse(text: &str) -> Option<Stat> {
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().take(20).collect();
        let number = |index: usize| fields.get(index)?.parse().ok();
        Some(Stat {
            state: fields.first()?.chars().next()?,
            parent: number(1)?,
            group: number(2)?,
            session: number(3)?,
            start_time: fields.get(19)?.parse().ok()?,
        })
    }

    /// Whether it has ended and waits only to be reaped.
    pub fn ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// What `/proc` says about process `pid`; `None` when there is no such process.
pub fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    Stat::parse(&String::from_utf8_lossy(&text))
}

/// When process `pid` started, in clock ticks since boot; `None` when there is no such process.
pub fn start_time(pid: i32) -> Option<u64> {
    Some(stat(pid)?.start_time)
}

/// Whether process `pid` exists and has not ended; a child that waits to be reaped is not alive.
pub fn alive(pid: i32) -> bool {
    match stat(pid) {
        Some(stat) => !stat.ended(),
        // Either gone, or /proc does not show it (not mounted, or hidepid): the kernel decides.
        None => match kill(pid, 0) {
            Ok(()) => true,
            Err(error) => error.raw_os_error() == Some(libc::EPERM),
        },
    }
}

/// Kills (SIGKILL) every process of session `sid` that started at `not_before` (ticks, see [`start_time`]) or
/// later, and gives their number. For what a killed group leaves behind.
///
/// The time keeps strangers safe who got the session's number after its end. Never kills this process. Repeats
/// until nothing new appears, as a process can fork while it is being found.
pub fn sweep_session(sid: i32, not_before: u64) -> usize {
    // 0 is the kernel's own threads, 1 is everything that init started without a session of its own.
    if sid <= 1 {
        return 0;
    }
    let mut killed = Set::new();
    for _ in 0..MAX_PASSES {
        let before = killed.len();
        for pid in all_processes() {
            let Some(stat) = stat(pid) else { continue };
            let ours = stat.session == sid && stat.start_time >= not_before && !stat.ended();
            if ours && !killed.contains(&(pid, stat.start_time)) && kill(pid, libc::SIGKILL).is_ok() {
                killed.insert((pid, stat.start_time));
            }
        }
        if killed.len() == before {
            break;
        }
    }
    killed.len()
}

/// Ids of all visible processes but this one.
fn all_processes() -> Vec<i32> {
    let own = std::process::id().to_string();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let name = name.to_str()?;
            if name == own { None } else { name.parse().ok() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{ExitStatus, Spawn, Stdio, spawn, wait};
    use super::*;
    use std::fs::File;
    use std::io::{BufRead, BufReader};

    #[test]
    fn a_nasty_name_does_not_shift_fields() {
        let text = "42 (a) b (c) Z 1) S 7 8 9 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 123456789012 1000\n";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(
            (stat.state, stat.parent, stat.group, stat.session),
            ('S', 7, 8, 9)
        );
        assert_eq!(stat.start_time, 123_456_789_012);
        assert_eq!(Stat::parse("42 (a) S 7"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn this_process() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(alive(own));
        assert!(start_time(own).unwrap() > 0);
        assert_eq!(start_time(-5), None);
        assert!(!alive(-5));
    }

    #[test]
    fn a_session_is_swept_with_grandchildren() {
        let (read, write) = crate::testing::pipe();
        let mut job = Spawn::new("sh");
        job.args = vec!["-c".into(), "sleep 1000 & sleep 1000 & echo started; wait".into()];
        job.stdout = Stdio::Fd(write);
        job.session = true;
        let child = spawn(job).unwrap();
        let mut line = String::new();
        let mut read = BufReader::new(File::from(read));
        read.read_line(&mut line).unwrap();
        let start = start_time(child.pid).unwrap();
        assert_eq!(stat(child.pid).unwrap().session, child.pid);
        // Started "earlier" than allowed: somebody else's.
        assert_eq!(sweep_session(child.pid, u64::MAX), 0);
        assert_eq!(sweep_session(child.pid, start), 3);
        assert_eq!(
            wait(child.pid).unwrap(),
            ExitStatus::Signal {
                signal: libc::SIGKILL,
                core: false
            }
        );
        assert!(!alive(child.pid));
        // All holders of the pipe are gone.
        assert_eq!(read.read_line(&mut line).unwrap(), 0);
        assert_eq!(sweep_session(1, 0), 0);
    }
}
