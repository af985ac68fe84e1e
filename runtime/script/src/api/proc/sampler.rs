//! Samples of all processes: what each did since the sample before.
//!
//! A sampler keeps, for each process, the counters of the last sample under the process's number *and*
//! start time, because numbers are used again. Processes that end between the listing and the reading of
//! their files are left out; what could not be read of a living one is absent, never an error.

use std::io;
use std::time::Duration;

use gshell_small::Map;

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
    processes: Map<i32, Seen>,
    threads: Map<i32, Seen>,
    last: Option<Duration>,
    round: u32,
}

impl Sampler {
    /// A sampler that has seen nothing yet.
    pub fn new(proc: Procfs, options: Options) -> Self {
        let (processes, threads) = (Map::new(), Map::new());
        Self {
            proc,
            options,
            processes,
            threads,
            last: None,
            round: 0,
        }
    }

    /// Reads all processes. `now` is monotonic time; CPU use is that since the call before, and 0 in the
    /// first call. Fails only when /proc itself does not read.
    pub fn sample(&mut self, now: Duration) -> io::Result<Vec<Row>> {
        let pids = if self.options.only.is_empty() {
            self.proc.pids()?
        } else {
            self.options.only.clone()
        };
        self.round = self.round.wrapping_add(1);
        let elapsed = self.last.map(|last| now.saturating_sub(last).as_secs_f64());
        let clock = Clock {
            elapsed,
            hertz: self.options.hertz,
            round: self.round,
        };
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
        let seen = self.processes.get_or(pid, Seen::default);
        let known = clock.advance(seen, &mut row);
        // A program that replaces itself keeps number and start, and changes its name.
        if !known || seen.comm != row.comm {
            seen.comm.clone_from(&row.comm);
            seen.cmdline = if row.kernel {
                Vec::new()
            } else {
                self.proc.cmdline(pid).ok().flatten().unwrap_or_default()
            };
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
            let Ok(Some(stat)) = self.proc.thread_stat(process.pid, tid) else {
                continue;
            };
            let mut row = Row::from_stat(tid, &stat);
            row.ppid = process.pid;
            clock.advance(self.threads.get_or(tid, Seen::default), &mut row);
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
            *seen = Seen {
                start: row.start,
                ..Seen::default()
            };
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
mod tests;
