//! Samples of all processes: what each did since the sample before.
//!
//! A sampler keeps, for each process, the counters of the last sample under the process's number *and*
//! start time, because numbers are used again. Processes that end between the listing and the reading of
//! their files are left out; what could not be read of a living one is absent, never an error.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use super::parse::Stat;
use super::procfs::Procfs;

/// What a sampler looks at beyond the processes themselves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Threads of each process, too.
    pub threads: bool,
    /// Proportional memory is read each this many samples, which costs the kernel a walk over all pages;
    /// 0 never, 1 always. Processes take turns, so that one sample is not much slower than the next.
    pub pss_every: u32,
    /// Only these processes; empty for all.
    pub only: Vec<i32>,
    /// Clock ticks a second.
    pub hertz: u64,
}

/// One process or thread in a sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Process number, or thread number.
    pub pid: i32,
    /// Parent's number; for a thread, its process.
    pub ppid: i32,
    /// Name, any bytes.
    pub comm: Vec<u8>,
    /// Command line; empty for kernel threads and for threads.
    pub cmdline: Vec<u8>,
    /// One letter.
    pub state: u8,
    /// Thread of the kernel.
    pub kernel: bool,
    /// Kernel's priority.
    pub priority: i32,
    /// Nice value.
    pub nice: i32,
    /// Number of threads.
    pub thread_count: u32,
    /// CPU that it last ran on.
    pub processor: u32,
    /// User and system time, ticks.
    pub times: (u64, u64),
    /// Start, ticks since boot.
    pub start: u64,
    /// Address space, bytes.
    pub vsize: u64,
    /// Resident pages.
    pub rss: u64,
    /// Proportional memory, bytes, where asked for and permitted.
    pub pss: Option<u64>,
    /// Percent of one CPU since the last sample; 0 in the first.
    pub cpu: f64,
    /// Threads, where asked for.
    pub threads: Vec<Row>,
}

impl Row {
    /// Takes what a record says; CPU use, command line and memory details are the caller's.
    pub fn from_stat(pid: i32, stat: &Stat<'_>) -> Self {
        Self {
            pid,
            ppid: stat.ppid,
            comm: stat.comm.to_vec(),
            state: stat.state,
            kernel: stat.is_kernel(),
            priority: stat.priority,
            nice: stat.nice,
            thread_count: stat.threads,
            processor: stat.processor,
            times: (stat.utime, stat.stime),
            start: stat.start,
            vsize: stat.vsize,
            rss: stat.rss,
            ..Self::default()
        }
    }

    fn ticks(&self) -> u64 {
        self.times.0.saturating_add(self.times.1)
    }
}

/// What is remembered of a process or thread.
#[derive(Debug, Default)]
struct Seen {
    start: u64,
    ticks: u64,
    comm: Vec<u8>,
    cmdline: Vec<u8>,
    pss: Option<u64>,
    round: u32,
}

/// See the module.
#[derive(Debug)]
pub struct Sampler {
    proc: Procfs,
    options: Options,
    processes: HashMap<i32, Seen>,
    threads: HashMap<i32, Seen>,
    last: Option<Duration>,
    round: u32,
}

impl Sampler {
    /// A sampler that has seen nothing yet.
    pub fn new(proc: Procfs, options: Options) -> Self {
        let (processes, threads) = (HashMap::new(), HashMap::new());
        Self { proc, options, processes, threads, last: None, round: 0 }
    }

    /// Reads all processes. `now` is monotonic time; CPU use is that since the call before, and 0 in the
    /// first call. Fails only when /proc itself does not read.
    pub fn sample(&mut self, now: Duration) -> io::Result<Vec<Row>> {
        let pids = if self.options.only.is_empty() { self.proc.pids()? } else { self.options.only.clone() };
        self.round = self.round.wrapping_add(1);
        let elapsed = self.last.map(|last| now.saturating_sub(last).as_secs_f64());
        let clock = Clock { elapsed, hertz: self.options.hertz, round: self.round };
        let mut rows = Vec::with_capacity(pids.len());
        for pid in pids {
            rows.extend(self.process(pid, &clock));
        }
        let round = self.round;
        self.processes.retain(|_, seen| seen.round == round);
        self.threads.retain(|_, seen| seen.round == round);
        self.last = Some(now);
        Ok(rows)
    }

    fn process(&mut self, pid: i32, clock: &Clock) -> Option<Row> {
        let mut row = Row::from_stat(pid, &self.proc.stat(pid).ok()??);
        let seen = self.processes.entry(pid).or_default();
        let known = clock.advance(seen, &mut row);
        // A program that replaces itself keeps number and start, and changes its name.
        if !known || seen.comm != row.comm {
            seen.comm.clone_from(&row.comm);
            seen.cmdline =
                if row.kernel { Vec::new() } else { self.proc.cmdline(pid).ok().flatten().unwrap_or_default() };
        }
        let every = self.options.pss_every;
        if every > 0 && !row.kernel && (!known || clock.is_turn(pid, every)) {
            seen.pss = self.proc.pss(pid).ok().flatten();
        }
        row.cmdline.clone_from(&seen.cmdline);
        row.pss = seen.pss;
        if self.options.threads {
            self.threads_of(&mut row, clock);
        }
        Some(row)
    }

    fn threads_of(&mut self, process: &mut Row, clock: &Clock) {
        for tid in self.proc.tids(process.pid).ok().flatten().unwrap_or_default() {
            let Ok(Some(stat)) = self.proc.thread_stat(process.pid, tid) else { continue };
            let mut row = Row::from_stat(tid, &stat);
            row.ppid = process.pid;
            clock.advance(self.threads.entry(tid).or_default(), &mut row);
            process.threads.push(row);
        }
    }
}

/// The time that a sample covers.
struct Clock {
    elapsed: Option<f64>,
    hertz: u64,
    round: u32,
}

impl Clock {
    /// Brings `seen` up to `row` and sets the row's CPU use. Gives whether it was known before.
    fn advance(&self, seen: &mut Seen, row: &mut Row) -> bool {
        let known = seen.round != 0 && seen.start == row.start;
        // One that started since the last sample did all its work since then.
        let before = if known { seen.ticks } else { 0 };
        row.cpu = match self.elapsed {
            Some(elapsed) if elapsed > 0.0 => {
                let seconds = row.ticks().saturating_sub(before) as f64 / self.hertz.max(1) as f64;
                seconds * 100.0 / elapsed
            }
            _ => 0.0,
        };
        if !known {
            *seen = Seen { start: row.start, ..Seen::default() };
        }
        seen.ticks = row.ticks();
        seen.round = self.round;
        known
    }

    fn is_turn(&self, pid: i32, every: u32) -> bool {
        pid.unsigned_abs().wrapping_add(self.round).is_multiple_of(every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::{Path, PathBuf};

    /// A recorded /proc in a folder that goes away with it.
    struct Recorded(PathBuf);

    impl Recorded {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("gshell-proc-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn process(&self, pid: i32, comm: &str, utime: u64, start: u64) {
            let folder = self.0.join(pid.to_string());
            write_stat(&folder, pid, comm, utime, start);
            fs::write(folder.join("cmdline"), format!("/bin/{comm}\0-x\0")).unwrap();
            write_stat(&folder.join(format!("task/{pid}")), pid, comm, utime, start);
        }

        fn sampler(&self, options: Options) -> Sampler {
            Sampler::new(Procfs::new(self.0.to_str().unwrap()), Options { hertz: 100, ..options })
        }
    }

    fn write_stat(folder: &Path, pid: i32, comm: &str, utime: u64, start: u64) {
        fs::create_dir_all(folder).unwrap();
        let line = format!("{pid} ({comm}) S 1 1 1 0 -1 64 0 0 0 0 {utime} 0 0 0 20 0 1 0 {start} 4096 7 1\n");
        fs::write(folder.join("stat"), line).unwrap();
    }

    impl Drop for Recorded {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn cpu_is_what_was_used_since_the_last_sample() {
        let recorded = Recorded::new("cpu");
        recorded.process(5, "a) (b", 1000, 10);
        let mut sampler = recorded.sampler(Options::default());
        let rows = sampler.sample(SECOND).unwrap();
        assert_eq!((rows[0].cpu, rows[0].comm.as_slice()), (0.0, b"a) (b".as_slice()));
        assert_eq!(rows[0].cmdline, b"/bin/a) (b -x");
        recorded.process(5, "a) (b", 1050, 10);
        recorded.process(6, "new", 20, 500);
        let rows = sampler.sample(SECOND * 3).unwrap();
        assert_eq!((rows[0].cpu, rows[1].cpu), (25.0, 10.0));
    }

    #[test]
    fn a_reused_number_and_a_counter_that_falls_are_no_surprise() {
        let recorded = Recorded::new("reuse");
        recorded.process(5, "old", 1000, 10);
        recorded.process(6, "falls", 1000, 10);
        let mut sampler = recorded.sampler(Options::default());
        sampler.sample(SECOND).unwrap();
        recorded.process(5, "young", 30, 99);
        recorded.process(6, "falls", 900, 10);
        let rows = sampler.sample(SECOND * 2).unwrap();
        assert_eq!((rows[0].cpu, rows[1].cpu), (30.0, 0.0));
        assert_eq!(rows[0].cmdline, b"/bin/young -x");
        assert_eq!(sampler.sample(SECOND * 2).unwrap()[0].cpu, 0.0, "no time passed");
    }

    #[test]
    fn the_vanished_are_left_out_and_forgotten() {
        let recorded = Recorded::new("vanish");
        recorded.process(5, "stays", 1, 1);
        recorded.process(6, "goes", 1, 1);
        fs::create_dir(recorded.0.join("7")).unwrap();
        fs::write(recorded.0.join("uptime"), "1 1").unwrap();
        let mut sampler = recorded.sampler(Options { threads: true, ..Options::default() });
        assert_eq!(sampler.sample(SECOND).unwrap().len(), 2, "7 has no files left");
        fs::remove_dir_all(recorded.0.join("6")).unwrap();
        let rows = sampler.sample(SECOND).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].threads.len(), 1);
        assert_eq!((sampler.processes.len(), sampler.threads.len()), (1, 1));
        fs::remove_dir_all(&recorded.0).unwrap();
        assert!(sampler.sample(SECOND).is_err());
    }

    #[test]
    fn proportional_memory_is_read_at_first_and_then_in_turn() {
        let recorded = Recorded::new("pss");
        recorded.process(5, "x", 1, 1);
        let smaps = recorded.0.join("5/smaps");
        fs::write(&smaps, "Pss: 3 kB\nPss: 4 kB\n").unwrap();
        let mut sampler = recorded.sampler(Options { pss_every: 4, ..Options::default() });
        assert_eq!(sampler.sample(SECOND).unwrap()[0].pss, Some(7 * 1024));
        fs::write(recorded.0.join("5/smaps_rollup"), "Pss: 9 kB\n").unwrap();
        let seen: Vec<_> = (0..4).map(|_| sampler.sample(SECOND).unwrap()[0].pss.unwrap() / 1024).collect();
        assert_eq!(seen, [7, 9, 9, 9]);
        fs::remove_file(recorded.0.join("5/smaps_rollup")).unwrap();
        fs::remove_file(&smaps).unwrap();
        let last = (0..4).map(|_| sampler.sample(SECOND).unwrap()[0].pss).last().unwrap();
        assert_eq!(last, None, "a kernel without smaps");
    }

    #[test]
    fn only_the_wanted_are_read() {
        let recorded = Recorded::new("only");
        recorded.process(5, "x", 1, 1);
        recorded.process(6, "y", 1, 1);
        let mut sampler = recorded.sampler(Options { only: vec![6, 99], ..Options::default() });
        let rows = sampler.sample(SECOND).unwrap();
        assert_eq!(rows.iter().map(|row| row.pid).collect::<Vec<_>>(), [6]);
    }
}
