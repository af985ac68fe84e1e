//! The file `stat` of a process or a thread.

use crate::text::Name;

/// What is read of it; times in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub id: u32,
    pub comm: Name<64>,
    pub state: Name<1>,
    pub ppid: u32,
    pub utime: u64,
    pub stime: u64,
    pub priority: i32,
    pub nice: i32,
    pub threads: u32,
    /// Since the machine started.
    pub start: u64,
    /// Bytes.
    pub vsize: u64,
    /// Pages.
    pub rss: u64,
    /// The CPU that it ran on last.
    pub processor: u32,
}

impl Stat {
    /// CPU time, as a program and in the kernel.
    pub fn ticks(&self) -> u64 {
        self.utime.saturating_add(self.stime)
    }

    /// Reads the line; none if it is no such line.
    pub fn parse(line: &[u8]) -> Option<Stat> {
        // The name may have spaces and brackets: it begins after the first one and ends before the last one.
        let open = line.iter().position(|byte| *byte == b'(')?;
        let close = line.iter().rposition(|byte| *byte == b')')?;
        let comm = Name::new(line.get(open + 1..close)?);
        let id = number(line.get(..open)?.trim_ascii())?;
        let rest = line.get(close + 1..)?;
        let mut fields = Fields(rest.split(u8::is_ascii_whitespace));
        // The numbers are those of proc(5), where the state is the third field: what is skipped lies between.
        Some(Stat {
            id,
            comm,
            state: Name::new(fields.next(0)?),
            ppid: fields.number(0)?,
            utime: fields.number(9)?,
            stime: fields.number(0)?,
            priority: fields.number(2)?,
            nice: fields.number(0)?,
            threads: fields.number(0)?,
            start: fields.number(1)?,
            vsize: fields.number(0)?,
            // The kernel has had negative ones.
            rss: u64::try_from(fields.number::<i64>(0)?).unwrap_or(0),
            processor: fields.number(14)?,
        })
    }
}

struct Fields<I>(I);

impl<'a, I: Iterator<Item = &'a [u8]>> Fields<I> {
    fn next(&mut self, skip: usize) -> Option<&'a [u8]> {
        self.0.by_ref().filter(|field| !field.is_empty()).nth(skip)
    }

    fn number<T: std::str::FromStr>(&mut self, skip: usize) -> Option<T> {
        number(self.next(skip)?)
    }
}

/// A decimal number.
pub fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "S 1 42 42 0 -1 4194560 9 8 7 6 123 45 3 2 20 -5 17 0 9876 104857600 2560 \
                        18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 3 0 0 0 0 0";

    fn stat(comm: &str) -> Option<Stat> {
        Stat::parse(format!("42 ({comm}) {REST}\n").as_bytes())
    }

    #[test]
    fn all_fields() {
        let expected = Stat {
            id: 42,
            comm: Name::new(b"sh"),
            state: Name::new(b"S"),
            ppid: 1,
            utime: 123,
            stime: 45,
            priority: 20,
            nice: -5,
            threads: 17,
            start: 9876,
            vsize: 104_857_600,
            rss: 2560,
            processor: 3,
        };
        assert_eq!(stat("sh"), Some(expected));
        assert_eq!(expected.ticks(), 168);
    }

    #[test]
    fn names_have_spaces_brackets_and_lines() {
        for comm in [
            "a b",
            "a) S 1 (b",
            "))((",
            ")",
            "",
            "two\nlines",
            "kworker/u8:2-events_unbound",
        ] {
            let stat = stat(comm).unwrap();
            assert_eq!(stat.comm.bytes(), comm.as_bytes(), "{comm:?}");
            assert_eq!((stat.ppid, stat.processor), (1, 3), "{comm:?}");
        }
        let bytes = [&b"42 (\xff\x80) "[..], REST.as_bytes()].concat();
        assert_eq!(Stat::parse(&bytes).unwrap().comm.bytes(), b"\xff\x80");
    }

    #[test]
    fn other_lines_are_none() {
        let cut = REST.split_whitespace().take(30).collect::<Vec<_>>().join(" ");
        for line in [
            String::new(),
            "42".to_owned(),
            format!("42 {REST}"),
            format!("x (sh) {REST}"),
            format!(")42 ( {REST}"),
            format!("42 (sh) {cut}"),
            format!("42 (sh) {}", REST.replacen("123", "-1", 1)),
        ] {
            assert_eq!(Stat::parse(line.as_bytes()), None, "{line:?}");
        }
    }
}
