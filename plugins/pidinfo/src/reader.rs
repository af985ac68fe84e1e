//! Keeps memory and the last readings, and compares.

use std::cmp::Ordering;
use std::time::Duration;

use gshell_plugin_sdk::Result;
use nix::unistd::{SysconfVar, sysconf};

use crate::cores::Cores;
use crate::folder::Folder;
use crate::stat::{Stat, number};
use crate::text::fits;

/// Bytes of a `stat` at most: 52 numbers and a name.
const STAT_MAX: usize = 2048;
/// Bytes of the machine's `stat` at most: a line for each CPU and a number for each interrupt.
const MACHINE_MAX: usize = 1 << 20;
/// Bytes of a command line that are read.
const CMDLINE_MAX: usize = 4096;
/// Bytes of the list of a process's mappings at most.
const MAPS_MAX: usize = 16 << 20;

/// What to look at.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only these processes, ascending; all without.
    pub pids: Option<Vec<u32>>,
    /// Also the threads of each.
    pub threads: bool,
    /// Only those whose name it fits.
    pub filter: Option<Vec<u8>>,
}

/// One process, or a thread of the process before it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The thread's number; 0 for the process as a whole.
    pub tid: u32,
    pub pid: u32,
    pub stat: Stat,
    /// Percent of one CPU since the last reading.
    pub cpu: f64,
}

/// What is remembered of a row.
#[derive(Clone, Copy, Debug)]
struct Seen {
    key: (u32, u32),
    start: u64,
    ticks: u64,
}

/// Reads again and again.
#[derive(Debug)]
pub struct Reader {
    folder: Folder,
    wanted: Wanted,
    pub cores: Cores,
    pub units: Units,
    pids: Vec<u32>,
    tids: Vec<u32>,
    /// By pid, then tid.
    rows: Vec<Row>,
    seen: Vec<Seen>,
    read: Option<Duration>,
}

/// What the kernel counts in.
#[derive(Clone, Copy, Debug)]
pub struct Units {
    /// Clock ticks a second.
    pub hertz: f64,
    /// Bytes of a page.
    pub page: u64,
    /// When the machine started, in seconds since 1970.
    pub boot: f64,
}

impl Units {
    fn of_machine(stat: &[u8]) -> Units {
        let ask = |what| sysconf(what).ok().flatten().filter(|value| *value > 0);
        let line = stat
            .split(|byte| *byte == b'\n')
            .find_map(|line| line.strip_prefix(b"btime "));
        Units {
            hertz: ask(SysconfVar::CLK_TCK).unwrap_or(100) as f64,
            page: ask(SysconfVar::PAGE_SIZE).map_or(4096, |bytes| bytes as u64),
            boot: line.and_then(number).unwrap_or(0.0),
        }
    }
}

impl Reader {
    /// A reader of a folder like `/proc`.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn new(path: &str, wanted: Wanted) -> Result<Reader> {
        let mut folder = Folder::open(path)?;
        let units = Units::of_machine(
            folder
                .read(format_args!("stat"), MACHINE_MAX)?
                .unwrap_or_default(),
        );
        Ok(Reader {
            folder,
            wanted,
            cores: Cores::default(),
            units,
            pids: Vec::new(),
            tids: Vec::new(),
            rows: Vec::new(),
            seen: Vec::new(),
            read: None,
        })
    }

    /// Reads everything; `now` is the time since some moment that stays the same. What has ended meanwhile is left out.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub fn read(&mut self, now: Duration) -> Result<&[Row]> {
        self.remember();
        let elapsed = self.read.map(|before| now.saturating_sub(before).as_secs_f64());
        // What it takes for all of a CPU in this time.
        let full = elapsed.map(|elapsed| elapsed * self.units.hertz);
        let machine = self.folder.read(format_args!("stat"), MACHINE_MAX)?;
        self.cores.read(machine.unwrap_or_default());
        self.pids.clear();
        match &self.wanted.pids {
            Some(pids) => self.pids.extend(pids),
            None => self.folder.numbers(&mut self.pids)?,
        }
        for at in 0..self.pids.len() {
            self.process(self.pids[at], full)?;
        }
        self.read = Some(now);
        Ok(&self.rows)
    }

    /// Makes the rows of last time those that are compared with.
    fn remember(&mut self) {
        self.seen.clear();
        let rows = self.rows.drain(..).map(|row| Seen {
            key: (row.pid, row.tid),
            start: row.stat.start,
            ticks: row.stat.ticks(),
        });
        self.seen.extend(rows);
    }

    fn process(&mut self, pid: u32, full: Option<f64>) -> Result<()> {
        let Some(stat) = self.stat(format_args!("{pid}/stat"))? else {
            return Ok(());
        };
        let filter = self.wanted.filter.as_deref();
        if filter.is_some_and(|filter| !fits(filter, stat.comm.bytes())) {
            return Ok(());
        }
        self.add((pid, 0), stat, full);
        if !self.wanted.threads {
            return Ok(());
        }
        if stat.threads <= 1 {
            // Its one thread is all of it: nothing more to read.
            self.add((pid, pid), stat, full);
            return Ok(());
        }
        self.tids.clear();
        self.folder
            .numbers_in(format_args!("{pid}/task"), &mut self.tids)?;
        for at in 0..self.tids.len() {
            let tid = self.tids[at];
            if let Some(stat) = self.stat(format_args!("{pid}/task/{tid}/stat"))? {
                self.add((pid, tid), stat, full);
            }
        }
        Ok(())
    }

    fn stat(&mut self, path: std::fmt::Arguments<'_>) -> Result<Option<Stat>> {
        let stat = match self.folder.read(path, STAT_MAX)? {
            None | Some([]) => return Ok(None),
            Some(line) => Stat::parse(line),
        };
        stat.map(Some).ok_or_else(|| self.folder.strange())
    }

    fn add(&mut self, key: (u32, u32), stat: Stat, full: Option<f64>) {
        let before = self.seen.binary_search_by_key(&key, |seen| seen.key);
        let before = before.ok().map(|at| self.seen[at]);
        let cpu = match (before, full) {
            // Another process may have got the number.
            (Some(before), Some(full)) if before.start == stat.start && full > 0.0 => {
                stat.ticks().saturating_sub(before.ticks) as f64 * 100.0 / full
            }
            _ => 0.0,
        };
        let (pid, tid) = key;
        self.rows.push(Row { tid, pid, stat, cpu });
    }

    /// The rows of the last reading: processes with their threads after them.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The command line of a process, its words with spaces between; none if there is no such process.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn cmdline(&mut self, pid: u32) -> Result<Option<String>> {
        let Some(words) = self.folder.read(format_args!("{pid}/cmdline"), CMDLINE_MAX)? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(words).replace('\0', " ");
        Ok(Some(text.trim_end().to_owned()))
    }

    /// The bytes of a process where what it shares counts in parts; none if there is no such process, or it has none.
    ///
    /// # Errors
    /// When it may not be read.
    pub fn pss(&mut self, pid: u32) -> Result<Option<u64>> {
        if let Some(text) = self
            .folder
            .read_secret(format_args!("{pid}/smaps_rollup"), MAPS_MAX)?
        {
            return Ok(pss(text));
        }
        // Kernels before 4.14 have no sum.
        let all = self.folder.read_secret(format_args!("{pid}/smaps"), MAPS_MAX)?;
        Ok(all.and_then(pss))
    }
}

/// The sum of the lines `Pss: N kB`.
fn pss(text: &[u8]) -> Option<u64> {
    let lines = text.split(|byte| *byte == b'\n');
    let sizes = lines.filter_map(|line| {
        let size = line.strip_prefix(b"Pss:")?.strip_suffix(b"kB")?;
        number::<u64>(size.trim_ascii())
    });
    sizes
        .map(|size| size.saturating_mul(1024))
        .reduce(u64::saturating_add)
}

/// In what order to give processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Pid,
    Comm,
    Cpu,
    Rss,
    Vsize,
    Time,
}

impl Order {
    /// The names of the orders.
    pub const NAMES: [(&str, Order); 6] = [
        ("pid", Order::Pid),
        ("comm", Order::Comm),
        ("cpu", Order::Cpu),
        ("rss", Order::Rss),
        ("vsize", Order::Vsize),
        ("time", Order::Time),
    ];

    /// Which of two rows comes first: numbers and names ascending, amounts descending.
    pub fn compare(self, a: &Row, b: &Row) -> Ordering {
        let first = match self {
            Order::Pid => Ordering::Equal,
            Order::Comm => a.stat.comm.bytes().cmp(b.stat.comm.bytes()),
            Order::Cpu => b.cpu.total_cmp(&a.cpu),
            Order::Rss => b.stat.rss.cmp(&a.stat.rss),
            Order::Vsize => b.stat.vsize.cmp(&a.stat.vsize),
            Order::Time => b.stat.ticks().cmp(&a.stat.ticks()),
        };
        first.then_with(|| (a.pid, a.tid).cmp(&(b.pid, b.tid)))
    }
}

#[cfg(test)]
mod tests;
