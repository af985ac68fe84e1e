//! What the CPUs of the machine did: the first lines of `/proc/stat`.

use gshell_plugin_sdk::Fields;

use crate::stat::number;

/// Columns that are read: user, nice, system, idle, iowait, irq, softirq, steal. Those after them are part of `user`.
const COLUMNS: usize = 8;

/// One line, in clock ticks since the machine started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Line {
    /// None for the sum of all.
    cpu: Option<u32>,
    ticks: [u64; COLUMNS],
}

/// The last two readings.
#[derive(Debug, Default)]
pub struct Cores {
    before: Vec<Line>,
    now: Vec<Line>,
}

/// What a CPU did between two readings, in percent of the time that it had.
#[derive(Clone, Debug, PartialEq, Fields)]
pub struct Cpu {
    /// Its number; none for all of them together.
    pub cpu: Option<u32>,
    /// All but `idle` and `iowait`.
    pub busy: f64,
    /// Programs.
    pub user: f64,
    /// Programs with a lower priority.
    pub nice: f64,
    /// The kernel.
    pub system: f64,
    /// Nothing to do.
    pub idle: f64,
    /// Nothing to do while a program waits for a disk.
    pub iowait: f64,
    /// Interrupts.
    pub irq: f64,
    /// What interrupts left to be done.
    pub softirq: f64,
    /// Taken away by the machine that this virtual one runs on.
    pub steal: f64,
    /// True if it was there in only one of the readings.
    pub offline: Option<bool>,
}

impl Cores {
    /// Reads the file.
    pub fn read(&mut self, stat: &[u8]) {
        std::mem::swap(&mut self.before, &mut self.now);
        self.now.clear();
        let lines = stat.split(|byte| *byte == b'\n').map_while(Line::parse);
        self.now.extend(lines);
    }

    /// Each CPU of the two last readings, ascending.
    pub fn each(&self) -> Vec<Cpu> {
        let now = self.now.iter().filter(|line| line.cpu.is_some());
        let mut cpus: Vec<Cpu> = now
            .map(
                |line| match self.before.iter().find(|before| before.cpu == line.cpu) {
                    Some(before) => line.since(before),
                    // Since the first reading it has been there, as far as anybody knows.
                    None => Cpu::offline(line.cpu, !self.before.is_empty()),
                },
            )
            .collect();
        let gone = self.before.iter().filter(|before| before.cpu.is_some());
        let gone = gone.filter(|before| self.now.iter().all(|line| line.cpu != before.cpu));
        cpus.extend(gone.map(|line| Cpu::offline(line.cpu, true)));
        cpus.sort_unstable_by_key(|cpu| cpu.cpu);
        cpus
    }

    /// All CPUs together.
    pub fn all(&self) -> Cpu {
        let sum = |lines: &[Line]| lines.iter().find(|line| line.cpu.is_none()).copied();
        match (sum(&self.now), sum(&self.before)) {
            (Some(now), Some(before)) => now.since(&before),
            _ => Cpu::offline(None, false),
        }
    }
}

impl Line {
    fn parse(line: &[u8]) -> Option<Line> {
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let cpu = match words.next()?.strip_prefix(b"cpu")? {
            b"" => None,
            digits => Some(number(digits)?),
        };
        let mut ticks = [0; COLUMNS];
        // Older kernels have fewer.
        for (tick, word) in ticks.iter_mut().zip(words) {
            *tick = number(word)?;
        }
        Some(Line { cpu, ticks })
    }

    fn since(&self, before: &Line) -> Cpu {
        let mut spent = [0_u64; COLUMNS];
        for (at, spent) in spent.iter_mut().enumerate() {
            // Waiting for disks may go back a little; time that went back was none.
            *spent = self.ticks[at].saturating_sub(before.ticks[at]);
        }
        let total = spent.iter().sum::<u64>();
        let share = |at: usize| match total {
            0 => 0.0,
            total => spent[at] as f64 * 100.0 / total as f64,
        };
        let (idle, iowait) = (share(3), share(4));
        let busy = if total == 0 { 0.0 } else { 100.0 - idle - iowait };
        Cpu {
            cpu: self.cpu,
            busy: busy.max(0.0),
            user: share(0),
            nice: share(1),
            system: share(2),
            idle,
            iowait,
            irq: share(5),
            softirq: share(6),
            steal: share(7),
            offline: None,
        }
    }
}

impl Cpu {
    fn offline(cpu: Option<u32>, offline: bool) -> Cpu {
        let line = Line {
            cpu,
            ..Line::default()
        };
        Cpu {
            offline: offline.then_some(true),
            ..line.since(&line)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_two_readings() {
        let mut cores = Cores::default();
        cores.read(b"cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 100 0 50 800 50 0 0 0 0 0\nintr 4 cpu9\n");
        assert_eq!((cores.each().len(), cores.each()[0].busy), (1, 0.0));
        assert_eq!(cores.each()[0].offline, None);
        cores.read(b"cpu  120 10 60 850 40 4 3 3 7 0\ncpu0 120 10 60 850 40 4 3 3 7 0\nintr 4\n");
        let cpu = &cores.each()[0];
        // The wait for disks went back, and counts as none.
        assert_eq!((cpu.user, cpu.nice, cpu.system), (20.0, 10.0, 10.0));
        assert_eq!((cpu.idle, cpu.iowait, cpu.busy), (50.0, 0.0, 50.0));
        assert_eq!((cpu.irq, cpu.softirq, cpu.steal), (4.0, 3.0, 3.0));
        assert_eq!((cores.all().cpu, cores.all().busy), (None, 50.0));
        cores.read(b"cpu  120 10 60 850 40 4 3 3 7 0\ncpu0 120 10 60 850 40 4 3 3 7 0\n");
        assert_eq!(
            (cores.all().busy, cores.all().idle),
            (0.0, 0.0),
            "no time has passed"
        );
    }

    #[test]
    fn cpus_come_and_go() {
        let mut cores = Cores::default();
        cores.read(b"cpu 2 0 0 2\ncpu0 1 0 0 1\ncpu1 1 0 0 1\n");
        cores.read(b"cpu 4 0 0 4\ncpu0 2 0 0 2\ncpu2 9 0 0 9\n");
        let seen: Vec<_> = cores
            .each()
            .iter()
            .map(|cpu| (cpu.cpu, cpu.busy, cpu.offline))
            .collect();
        let expected = [
            (Some(0), 50.0, None),
            (Some(1), 0.0, Some(true)),
            (Some(2), 0.0, Some(true)),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_no_such_file_gives_nothing() {
        let mut cores = Cores::default();
        cores.read(b"ctxt 1\n");
        assert_eq!((cores.each(), cores.all().busy), (Vec::new(), 0.0));
    }
}
