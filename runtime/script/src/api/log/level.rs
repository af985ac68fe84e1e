//! Levels, and rules that give them to loggers by the logger's name.

/// How important a line is, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Steps of a computation.
    Trace,
    /// What its author wants to see.
    Debug,
    /// What its user wants to see.
    Info,
    /// Something is odd, and the program goes on.
    Warn,
    /// Something failed.
    Error,
    /// Nothing can go on.
    Fatal,
    /// For settings only: no line is that important.
    Off,
}

impl Level {
    /// All levels that lines may have.
    pub const LINES: [Level; 6] = [
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
        Level::Fatal,
    ];

    /// Name as scripts write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
            Self::Off => "off",
        }
    }

    /// The level of a name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        let all = Self::LINES.into_iter().chain([Self::Off]);
        all.into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(name))
    }
}

/// Levels by name; of rules that match, the latest counts.
#[derive(Debug)]
pub struct Rules {
    default: Level,
    rules: Vec<(String, Level)>,
}

/// Rules that are kept; setting more drops the oldest.
const MAX_RULES: usize = 256;

impl Default for Rules {
    fn default() -> Self {
        Self {
            default: Level::Info,
            rules: Vec::new(),
        }
    }
}

impl Rules {
    /// Sets the level of names that match one of `patterns`, separated by commas ("net.*,db"), also of
    /// loggers to come; `None` sets it for all and forgets the rules so far.
    pub fn set(&mut self, level: Level, patterns: Option<&str>) {
        let Some(patterns) = patterns else {
            self.default = level;
            self.rules.clear();
            return;
        };
        for pattern in patterns
            .split(',')
            .map(str::trim)
            .filter(|pattern| !pattern.is_empty())
        {
            self.rules.retain(|(old, _)| old != pattern);
            if self.rules.len() >= MAX_RULES {
                self.rules.remove(0);
            }
            self.rules.push((pattern.to_owned(), level));
        }
    }

    /// The level of a name.
    pub fn level(&self, name: &str) -> Level {
        let rule = self
            .rules
            .iter()
            .rev()
            .find(|(pattern, _)| matches(pattern.as_bytes(), name.as_bytes()));
        rule.map_or(self.default, |(_, level)| *level)
    }
}

/// Whether a name matches a pattern in which `*` stands for any characters.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut parts = pattern.split(|&byte| byte == b'*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&[u8]> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle.iter().filter(|part| !part.is_empty()) {
        match rest.windows(part.len()).position(|window| window == *part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_levels_are_read_in_any_case() {
        assert_eq!(Level::parse("WARN"), Some(Level::Warn));
        assert_eq!(
            (Level::parse("off"), Level::parse("warning")),
            (Some(Level::Off), None)
        );
        assert!(Level::Trace < Level::Debug && Level::Fatal < Level::Off);
    }

    #[test]
    fn stars_match_any_characters() {
        for (pattern, name, expected) in [
            ("a*", "a", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*b*c", "a--b--c", true),
            ("a*b*c", "a--c--b", false),
            ("ab*b", "ab", false),
            ("*x*", "axb", true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn the_latest_rule_counts_and_all_forgets_them() {
        let mut rules = Rules::default();
        assert_eq!(rules.level("net.tcp"), Level::Info);
        rules.set(Level::Debug, Some("net.*, db"));
        rules.set(Level::Error, Some("net.udp"));
        let levels = |rules: &Rules| ["net.tcp", "net.udp", "db", "db2"].map(|name| rules.level(name));
        assert_eq!(
            levels(&rules),
            [Level::Debug, Level::Error, Level::Debug, Level::Info]
        );
        rules.set(Level::Trace, Some("net.*"));
        assert_eq!(rules.level("net.udp"), Level::Trace);
        rules.set(Level::Warn, None);
        assert_eq!(levels(&rules), [Level::Warn; 4]);
        (0..1000).for_each(|n| rules.set(Level::Off, Some(&n.to_string())));
        assert_eq!((rules.rules.len(), rules.level("999")), (MAX_RULES, Level::Off));
    }
}
