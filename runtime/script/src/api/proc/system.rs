//! Parsers of the machine's own records: /proc/stat, /proc/meminfo, /proc/loadavg, /proc/uptime.

use super::parse::{Fields, kib_line, unsigned};

/// Names of the counters of a CPU line, in the kernel's order.
pub const CPU_FIELDS: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];
/// Where idle and iowait stand in [`CPU_FIELDS`]: the two that are not work.
pub const IDLE: [usize; 2] = [3, 4];

/// Counters of one CPU, ticks since boot, in the order of [`CPU_FIELDS`]; what an old kernel does not
/// tell is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Number of the CPU; `None` for the sum of all.
    pub number: Option<u32>,
    /// Counters.
    pub ticks: [u64; CPU_FIELDS.len()],
}

/// What /proc/stat says of CPUs and of the start of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemStat {
    /// The sum first, then every CPU that is online.
    pub cpus: Vec<Cpu>,
    /// Start of the machine, seconds since 1970.
    pub boot: u64,
}

impl SystemStat {
    /// Reads /proc/stat; lines that do not read are left out.
    pub fn parse(text: &[u8]) -> Self {
        let mut stat = Self::default();
        for line in text.split(|&b| b == b'\n') {
            if let Some(rest) = line.strip_prefix(b"cpu") {
                stat.cpus.extend(cpu_line(rest));
            } else if let Some(rest) = line.strip_prefix(b"btime ") {
                stat.boot = unsigned(rest.trim_ascii()).unwrap_or(0);
            }
        }
        stat
    }
}

/// `rest` is the line after "cpu": "  1 2 ..." of the sum, "0 1 2 ..." of a CPU.
fn cpu_line(rest: &[u8]) -> Option<Cpu> {
    let mut fields = Fields(rest);
    let number = match rest.first()? {
        b' ' => None,
        _ => Some(u32::try_from(unsigned(fields.next()?)?).ok()?),
    };
    let mut cpu = Cpu {
        number,
        ..Cpu::default()
    };
    for slot in &mut cpu.ticks {
        match fields.next() {
            Some(field) => *slot = unsigned(field)?,
            None => break,
        }
    }
    Some(cpu)
}

/// Names in gshell.proc and in /proc/meminfo.
const MEMORY_FIELDS: [(&str, &[u8]); 11] = [
    ("total", b"MemTotal"),
    ("free", b"MemFree"),
    ("available", b"MemAvailable"),
    ("buffers", b"Buffers"),
    ("cached", b"Cached"),
    ("shmem", b"Shmem"),
    ("slab", b"Slab"),
    ("reclaimable", b"SReclaimable"),
    ("dirty", b"Dirty"),
    ("swap_total", b"SwapTotal"),
    ("swap_free", b"SwapFree"),
];

/// Memory of the machine: pairs of name and bytes.
///
/// `available` is estimated where the kernel (before 3.14) does not tell it, and `used` is
/// `total - available`.
pub fn memory(text: &[u8]) -> Vec<(&'static str, u64)> {
    let mut found: Vec<(&'static str, u64)> = Vec::with_capacity(MEMORY_FIELDS.len() + 2);
    for line in text.split(|&b| b == b'\n') {
        let of_line = |(name, key): &(&'static str, &[u8])| kib_line(line, key).map(|bytes| (*name, bytes));
        found.extend(MEMORY_FIELDS.iter().find_map(of_line));
    }
    let get = |name: &str| found.iter().find(|(n, _)| *n == name).map(|(_, bytes)| *bytes);
    let zero = |name| get(name).unwrap_or(0);
    let estimate = (zero("free") + zero("buffers") + zero("cached")).saturating_sub(zero("shmem"));
    let available = get("available").unwrap_or(estimate);
    let used = zero("total").saturating_sub(available);
    let swap_used = zero("swap_total").saturating_sub(zero("swap_free"));
    if get("available").is_none() {
        found.push(("available", available));
    }
    found.push(("used", used));
    found.push(("swap_used", swap_used));
    found
}

/// Three averages, then runnable and existing threads.
pub fn loadavg(text: &[u8]) -> Option<([f64; 3], u64, u64)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut fields = text.split_ascii_whitespace();
    let mut averages = [0.0; 3];
    for slot in &mut averages {
        *slot = gshell_small::decimal(fields.next()?)?;
    }
    let (running, total) = fields.next()?.split_once('/')?;
    Some((averages, running.parse().ok()?, total.parse().ok()?))
}

/// Seconds since the machine started.
pub fn uptime(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    gshell_small::decimal(text.split_ascii_whitespace().next()?)
}

/// Shares in percent of the time between two readings, in the order of [`CPU_FIELDS`], and `busy`.
///
/// A counter that went backwards (iowait does; others after a CPU came back) counts as no time, so no
/// share is ever negative. Without any time passed all shares are 0.
pub fn usage(before: &[u64; 8], now: &[u64; 8]) -> ([f64; 8], f64) {
    let mut delta = [0u64; 8];
    for (slot, (old, new)) in delta.iter_mut().zip(before.iter().zip(now)) {
        *slot = new.saturating_sub(*old);
    }
    let total: u64 = delta.iter().sum();
    if total == 0 {
        return ([0.0; 8], 0.0);
    }
    // Differences of a few hours in ticks are far below 2^53.
    let shares = delta.map(|ticks| ticks as f64 * 100.0 / total as f64);
    let idle: f64 = IDLE.iter().filter_map(|index| shares.get(*index)).sum();
    (shares, (100.0 - idle).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &[u8] =
        b"cpu  10 1 5 100 7 0 2 0 0 0\ncpu0 6 1 3 50 4 0 1 0 0 0\ncpu3 4 0 2 50 3 0 1 0 0 0\n\
        intr 12345 0 0\nctxt 99\nbtime 1700000000\nprocesses 42\n";

    #[test]
    fn cpus_keep_their_numbers_when_one_is_offline() {
        let stat = SystemStat::parse(STAT);
        let numbers: Vec<_> = stat.cpus.iter().map(|cpu| cpu.number).collect();
        assert_eq!(numbers, [None, Some(0), Some(3)]);
        assert_eq!(stat.cpus[2].ticks, [4, 0, 2, 50, 3, 0, 1, 0]);
        assert_eq!(stat.boot, 1_700_000_000);
    }

    #[test]
    fn old_and_broken_lines_are_survived() {
        let stat = SystemStat::parse(b"cpu  1 2 3 4\ncpu0 1 x 3 4\ncpufreq 1\ncpu1");
        assert_eq!(stat.cpus.len(), 2);
        assert_eq!(stat.cpus[0].ticks, [1, 2, 3, 4, 0, 0, 0, 0]);
        assert_eq!(
            stat.cpus[1],
            Cpu {
                number: Some(1),
                ticks: [0; 8]
            }
        );
    }

    #[test]
    fn memory_is_in_bytes_and_available_is_estimated() {
        let text =
            b"MemTotal:  1000 kB\nMemFree:  100 kB\nBuffers: 10 kB\nCached: 200 kB\nSwapCached: 5 kB\n\
            Shmem: 50 kB\nSwapTotal: 8 kB\nSwapFree: 3 kB\n";
        let get = |rows: &[(&str, u64)], name| rows.iter().find(|r| r.0 == name).map(|r| r.1 / 1024);
        let rows = memory(text);
        assert_eq!(get(&rows, "cached"), Some(200), "SwapCached is another line");
        assert_eq!(get(&rows, "available"), Some(260));
        assert_eq!(get(&rows, "used"), Some(740));
        assert_eq!(get(&rows, "swap_used"), Some(5));
        let rows = memory(b"MemTotal:  1000 kB\nMemAvailable:  900 kB\n");
        assert_eq!(
            (get(&rows, "available"), get(&rows, "used")),
            (Some(900), Some(100))
        );
        assert_eq!(get(&memory(b""), "used"), Some(0));
    }

    #[test]
    fn usage_is_never_negative() {
        let before = [100, 0, 50, 1000, 30, 0, 0, 0];
        let (shares, busy) = usage(&before, &[130, 0, 60, 1060, 20, 0, 0, 0]);
        assert_eq!(shares, [30.0, 0.0, 10.0, 60.0, 0.0, 0.0, 0.0, 0.0]);
        assert!((busy - 40.0).abs() < 1e-9);
        assert_eq!(usage(&before, &before), ([0.0; 8], 0.0));
        assert_eq!(usage(&before, &[0; 8]), ([0.0; 8], 0.0), "all counters restarted");
    }

    #[test]
    fn small_records_read() {
        assert_eq!(
            loadavg(b"0.50 1.25 2.00 3/456 7890\n"),
            Some(([0.5, 1.25, 2.0], 3, 456))
        );
        assert_eq!((loadavg(b"0.5 1"), loadavg(b"")), (None, None));
        assert_eq!((uptime(b"123.45 67.8\n"), uptime(b"")), (Some(123.45), None));
    }
}
