//! What `/proc` says about processes: parents, states, descriptors, memory.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use crate::DEADLINE;

/// One process as `/proc/PID/stat` shows it.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its ID.
    pub pid: i32,
    /// Its parent's ID.
    pub parent: i32,
    /// The kernel's letter: `R`, `S`, `D`, `Z`, `T`…
    pub state: char,
    /// The kernel's short name, at most 15 bytes.
    pub comm: String,
    /// Clock ticks from boot to its start: with the pid it names a process for ever.
    pub start: String,
}

impl Process {
    /// Whether it has ended and waits to be reaped.
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    /// Its command line with spaces between the arguments; empty for zombies.
    pub fn cmdline(&self) -> String {
        let bytes = std::fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        String::from_utf8_lossy(&bytes)
            .replace('\0', " ")
            .trim_end()
            .to_owned()
    }
}

/// One process, if it is there.
pub fn process(pid: i32) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold any byte, so what follows counts from the last one.
    let (head, tail) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        state: fields.first()?.chars().next()?,
        comm: head.split_once('(')?.1.to_owned(),
        start: (*fields.get(19)?).to_owned(),
    })
}

/// Every process of this machine.
pub fn all() -> Vec<Process> {
    let names = std::fs::read_dir("/proc").expect("/proc").flatten();
    names
        .filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// Every process that carries `mark` in its environment or command line, with all of their descendants.
pub fn marked(mark: &str) -> Vec<Process> {
    let all = all();
    let mut found: BTreeSet<i32> = all
        .iter()
        .filter(|process| carries(process, mark))
        .map(|process| process.pid)
        .collect();
    loop {
        let before = found.len();
        found.extend(
            all.iter()
                .filter(|p| found.contains(&p.parent))
                .map(|p| p.pid)
                .collect::<Vec<_>>(),
        );
        if found.len() == before {
            break;
        }
    }
    found.remove(&std::process::id().cast_signed());
    all.into_iter()
        .filter(|process| found.contains(&process.pid))
        .collect()
}

fn carries(process: &Process, mark: &str) -> bool {
    let until = Instant::now() + DEADLINE;
    loop {
        // Looked at first: what slept before its texts were read was not in the midst of an execve then.
        let working = self::process(process.pid)
            .is_some_and(|now| now.start == process.start && matches!(now.state, 'R' | 'D'));
        let texts = ["environ", "cmdline"].map(|file| std::fs::read(format!("/proc/{}/{file}", process.pid)));
        let has_mark = |text: &Vec<u8>| text.windows(mark.len()).any(|window| window == mark.as_bytes());
        if texts.iter().flatten().any(has_mark) {
            return true;
        }
        // In the midst of an execve both read as empty: what the new program gets is not in place yet. Both are always
        // empty for the kernel's own threads, which have no program.
        let empty = texts.iter().all(|text| text.as_ref().is_ok_and(Vec::is_empty));
        let program = || std::fs::read_link(format!("/proc/{}/exe", process.pid)).is_ok();
        if !working || !empty || !program() || Instant::now() > until {
            return false;
        }
        std::thread::yield_now();
    }
}

/// The number of open descriptors of a process; `None` when it is gone.
pub fn descriptors(pid: i32) -> Option<usize> {
    Some(std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// What the descriptors of a process point to, for a failure message.
pub fn descriptor_targets(pid: i32) -> Vec<String> {
    let Ok(dir) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    let mut targets: Vec<String> = dir
        .flatten()
        .filter_map(|e| Some(std::fs::read_link(e.path()).ok()?.display().to_string()))
        .collect();
    targets.sort();
    targets
}

/// A number of kB from `/proc/PID/smaps_rollup`, such as `Pss` or `Private_Dirty`.
pub fn memory_kb(pid: i32, field: &str) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes that a process has given to the kernel for storage, from `/proc/PID/io`.
pub fn written_bytes(pid: i32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    text.lines()
        .find_map(|line| Some(line.strip_prefix("write_bytes: ")?.to_owned()))
}

/// Every file below a folder, as paths from there, sorted.
pub fn files_below(dir: &Path) -> Vec<String> {
    fn visit(root: &Path, dir: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => visit(root, &entry.path(), found),
                _ => found.push(
                    entry
                        .path()
                        .strip_prefix(root)
                        .unwrap_or(&entry.path())
                        .display()
                        .to_string(),
                ),
            }
        }
    }
    let mut found = Vec::new();
    visit(dir, dir, &mut found);
    found.sort();
    found
}
