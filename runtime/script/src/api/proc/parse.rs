//! Parsers of single /proc records. They work on bytes, because a process may name itself with any
//! bytes, and allocate nothing, because a sampler calls them for every process of the machine.

/// What this crate reads of `/proc/PID/stat` (proc_pid_stat(5)); times in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Name as the kernel keeps it, at most 15 bytes, or longer for kernel workers.
    pub comm: &'a [u8],
    /// One letter: R, S, D, Z, T, t, I, X.
    pub state: u8,
    /// Parent's number; 0 for the first process and the kernel's.
    pub ppid: i32,
    /// Kernel flags of the task (PF_*).
    pub flags: u64,
    /// Time in user mode.
    pub utime: u64,
    /// Time in kernel mode.
    pub stime: u64,
    /// Kernel's priority: 20 + nice, or negative (-1 - real-time priority).
    pub priority: i32,
    /// -20..=19.
    pub nice: i32,
    /// Number of threads.
    pub threads: u32,
    /// Start, ticks since boot: with the number, this names a process for good.
    pub start: u64,
    /// Address space, bytes.
    pub vsize: u64,
    /// Resident pages.
    pub rss: u64,
    /// CPU that it last ran on.
    pub processor: u32,
}

/// Flag of a kernel thread (PF_KTHREAD).
const PF_KTHREAD: u64 = 0x0020_0000;

impl<'a> Stat<'a> {
    /// Reads one record; `None` when it is not one.
    ///
    /// The name stands in parentheses and may itself hold parentheses, blanks and newlines: it ends at
    /// the last closing one.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let open = text.iter().position(|&b| b == b'(')?;
        let close = text.iter().rposition(|&b| b == b')')?;
        let comm = text.get(open + 1..close)?;
        let mut fields = Fields(text.get(close + 1..)?);
        let state = *fields.next()?.first()?;
        let ppid = signed(fields.next()?)?;
        fields.skip_fields(4); // pgrp, session, tty_nr, tpgid
        let flags = unsigned(fields.next()?)?;
        fields.skip_fields(4); // page faults
        let utime = unsigned(fields.next()?)?;
        let stime = unsigned(fields.next()?)?;
        fields.skip_fields(2); // times of waited-for children
        let priority = signed(fields.next()?)?;
        let nice = signed(fields.next()?)?;
        let threads = unsigned(fields.next()?)?;
        fields.skip_fields(1); // itrealvalue
        let start = unsigned(fields.next()?)?;
        let vsize = unsigned(fields.next()?)?;
        let rss = unsigned(fields.next()?).unwrap_or(0);
        fields.skip_fields(14); // rsslim .. exit_signal
        let processor = fields.next().and_then(unsigned).unwrap_or(0);
        Some(Self {
            comm,
            state,
            ppid: i32::try_from(ppid).ok()?,
            flags,
            utime,
            stime,
            priority: i32::try_from(priority).ok()?,
            nice: i32::try_from(nice).ok()?,
            threads: u32::try_from(threads).ok()?,
            start,
            vsize,
            rss,
            processor: u32::try_from(processor).ok()?,
        })
    }

    /// Whether this is a thread of the kernel, which has no command line and no memory of its own.
    pub fn is_kernel(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }
}

/// Fields separated by blanks.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.0.iter().position(|b| !b.is_ascii_whitespace())?;
        let rest = self.0.get(start..)?;
        let end = rest
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(rest.len());
        let (field, rest) = rest.split_at(end);
        self.0 = rest;
        Some(field)
    }
}

impl Fields<'_> {
    fn skip_fields(&mut self, count: usize) {
        for _ in 0..count {
            if self.next().is_none() {
                return;
            }
        }
    }
}

/// A decimal number without sign; `None` for anything else or when it does not fit.
pub fn unsigned(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|d| *d <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A decimal number with an optional minus.
pub fn signed(text: &[u8]) -> Option<i64> {
    match text.split_first() {
        Some((b'-', digits)) => i64::try_from(unsigned(digits)?).ok()?.checked_neg(),
        _ => i64::try_from(unsigned(text)?).ok(),
    }
}

/// The value, in bytes, of a line "Name:   123 kB"; `None` when `line` is of another name.
pub fn kib_line(line: &[u8], name: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(name)?.strip_prefix(b":")?;
    unsigned(Fields(rest).next()?)?.checked_mul(1024)
}

/// Sum, in bytes, of the "Pss:" lines of `smaps_rollup` (one) or `smaps` (one per mapping); `None` when
/// there is no such line, as for a kernel thread.
pub fn pss(text: &[u8]) -> Option<u64> {
    let mut found = None;
    for line in text.split(|&b| b == b'\n') {
        if let Some(bytes) = kib_line(line, b"Pss") {
            found = Some(found.unwrap_or(0u64).saturating_add(bytes));
        }
    }
    found
}

/// A command line as one line of text: the NULs between arguments become blanks, trailing ones go.
pub fn cmdline(text: &[u8]) -> Vec<u8> {
    let end = text.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    let line = text.get(..end).unwrap_or_default();
    line.iter().map(|&b| if b == 0 { b' ' } else { b }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: &[u8] = b"1234 (bash) S 1 1234 1234 34816 1234 4194304 2345 999 1 2 12 34 5 6 20 0 1 0 \
        987654 8314880 1313 18446744073709551615 1 1 0 0 0 0 65536 3686404 1266761467 1 0 0 17 3 0 0 0 0 0\n";

    #[test]
    fn a_plain_record_reads() {
        let stat = Stat::parse(SHELL).unwrap();
        assert_eq!(stat.comm, b"bash");
        assert_eq!(
            (stat.state, stat.ppid, stat.priority, stat.nice),
            (b'S', 1, 20, 0)
        );
        assert_eq!((stat.utime, stat.stime), (12, 34));
        assert_eq!(
            (stat.threads, stat.start, stat.vsize, stat.rss),
            (1, 987_654, 8_314_880, 1313)
        );
        assert_eq!(stat.processor, 3);
        assert!(!stat.is_kernel());
    }

    #[test]
    fn a_name_may_hold_parentheses_blanks_and_newlines() {
        for name in [
            "a) (b",
            ") S 1 2",
            "(",
            ")",
            "",
            "x\ny",
            "sd-pam)",
            "\u{fc} \u{fc}",
        ] {
            let text = format!("7 ({name}) R 1 7 7 0 -1 64 0 0 0 0 1 2 0 0 -51 -5 3 0 9 4096 1\n");
            let stat = Stat::parse(text.as_bytes()).unwrap();
            assert_eq!(stat.comm, name.as_bytes());
            assert_eq!(
                (stat.state, stat.priority, stat.nice, stat.threads),
                (b'R', -51, -5, 3)
            );
            assert_eq!(stat.processor, 0, "a short record of an old kernel reads");
        }
    }

    #[test]
    fn kernel_threads_are_told_by_their_flag() {
        let text = b"15 (rcu_preempt) I 2 0 0 0 -1 2129984 0 0 0 0 0 31 0 0 20 0 1 0 29 0 0 0 0";
        let stat = Stat::parse(text).unwrap();
        assert!(stat.is_kernel());
        assert_eq!((stat.ppid, stat.vsize, stat.rss), (2, 0, 0));
    }

    #[test]
    fn anything_else_is_refused_at_every_length() {
        for end in 0..SHELL.len() - 80 {
            let _ = Stat::parse(&SHELL[..end]);
        }
        for bad in [
            "",
            "1",
            "1 (",
            "1 )(",
            "1 (x)",
            "1 (x) S",
            "1 (x) S one 2",
            "1 (x) S 99999999999 1",
        ] {
            assert_eq!(Stat::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn numbers_do_not_overflow() {
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(unsigned(b"18446744073709551616"), None);
        assert_eq!(signed(b"-12"), Some(-12));
        assert_eq!((signed(b"-"), signed(b""), unsigned(b"1x")), (None, None, None));
    }

    #[test]
    fn pss_takes_its_own_lines_only() {
        let rollup = b"55d0 [rollup]\nRss:   2000 kB\nPss:    456 kB\nPss_Dirty:  100 kB\nSwapPss:   7 kB\n";
        assert_eq!(pss(rollup), Some(456 * 1024));
        let smaps = b"a\nPss:   4 kB\nSwapPss: 1 kB\nb\nPss:   8 kB\nVmFlags: rd\n";
        assert_eq!(pss(smaps), Some(12 * 1024));
        assert_eq!(pss(b""), None);
    }

    #[test]
    fn command_lines_lose_their_nuls() {
        assert_eq!(cmdline(b"/bin/sh\0-c\0a b\0"), b"/bin/sh -c a b");
        assert_eq!(
            cmdline(b"title set by the program\0\0\0"),
            b"title set by the program"
        );
        assert_eq!(cmdline(b"x\0\0y\0"), b"x  y");
        assert!(cmdline(b"").is_empty());
    }
}
