//! Plugins that end their group again and again are left out, until their file changes or somebody lets them in.
//!
//! What is counted here is kept by whoever counts; this only decides. A plugin that is built in is not left out: it cannot be
//! replaced but with the program.

use std::time::Duration;

use crate::file::names;
use crate::origin::Identity;

/// Times that a plugin may end its group before it is left out.
pub const THRESHOLD: u32 = 3;

/// How long a group's process has to have run for a crash in it to be the first again: what works that long does not end its group
/// again and again. Measured within one run, so that it needs no clock that is right.
pub const STEADY: Duration = Duration::from_secs(3600);

/// Files that are remembered; the one that was quiet longest is forgotten for a new one.
pub const ENTRIES: u32 = 256;

/// Bytes of [`Entry::last`].
pub const LAST_BYTES: u32 = 256;

/// With what the reason of one that is left out begins.
pub const LEFT_OUT: &str = "left out: ";

/// What is known of one content of one plugin's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The plugin.
    pub name: String,
    /// Which content.
    pub identity: Identity,
    /// Times that it ended its group, each within [`STEADY`] of the group's start but for the first.
    pub crashes: u32,
    /// How it did so the last time, such as `crashed (SIGABRT) in echo.abort`.
    pub last: String,
    /// When, in milliseconds since 1970.
    pub last_ms: i64,
}

impl Entry {
    /// Whether it is left out.
    pub fn is_left_out(&self) -> bool {
        self.crashes >= THRESHOLD
    }

    /// Why it is left out, and what to do about it.
    pub fn reason(&self) -> String {
        format!(
            "{LEFT_OUT}it ended its group {} times, the last time it {}; install another build, or let it in again with \
             'gshell plugin release {}'",
            self.crashes, self.last, self.name
        )
    }
}

/// What is known of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quarantine {
    /// By the time of the last crash, the latest last.
    pub entries: Vec<Entry>,
}

impl Quarantine {
    /// Notes that a plugin ended its group, whose process had run for `ran`, and how. Gives how often it has done so; one that
    /// is left out stays so.
    pub fn count(&mut self, name: &str, identity: Identity, ran: Duration, last: &str, now_ms: i64) -> u32 {
        let at = self.position(name, identity);
        let before = at.map_or(0, |at| self.entries.remove(at).crashes);
        let before = match ran >= STEADY && before < THRESHOLD {
            true => 0,
            false => before,
        };
        let crashes = before.saturating_add(1);
        self.entries.push(Entry {
            name: name.to_owned(),
            identity,
            crashes,
            last: beginning(last, LAST_BYTES).to_owned(),
            last_ms: now_ms,
        });
        let over = self.entries.len().saturating_sub(ENTRIES as usize);
        self.entries.drain(..over);
        crashes
    }

    /// Forgets all about the plugin: it is let in again. `false` when nothing was known.
    pub fn release(&mut self, name: &str) -> bool {
        let (module, before) = (names::module(name), self.entries.len());
        self.entries.retain(|entry| names::module(&entry.name) != module);
        self.entries.len() != before
    }

    /// Why a file with this content is left out, if it is.
    pub fn left_out(&self, name: &str, identity: Identity) -> Option<&Entry> {
        let entry = self.entries.get(self.position(name, identity)?)?;
        entry.is_left_out().then_some(entry)
    }

    /// Whether any file of the plugin is left out, by either form of its name.
    pub fn is_left_out(&self, name: &str) -> bool {
        let module = names::module(name);
        let named = |entry: &&Entry| names::module(&entry.name) == module;
        self.entries.iter().filter(named).any(Entry::is_left_out)
    }

    fn position(&self, name: &str, identity: Identity) -> Option<usize> {
        let same = |entry: &Entry| entry.name == name && entry.identity == identity;
        self.entries.iter().position(same)
    }
}

/// The beginning of a text, whole characters of it.
fn beginning(text: &str, most: u32) -> &str {
    let places = (0..=text.len().min(most as usize)).rev();
    let end = places.into_iter().find(|place| text.is_char_boundary(*place));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Identity = Identity { size: 5, sum: 1 };
    const NEW: Identity = Identity { size: 5, sum: 2 };
    const SOON: Duration = Duration::ZERO;

    #[test]
    fn the_third_crash_is_one_too_many() {
        let mut all = Quarantine::default();
        for n in 1..THRESHOLD {
            assert_eq!(all.count("a/echo", OLD, SOON, "crashed", n.into()), n);
            assert_eq!(all.left_out("a/echo", OLD), None);
        }
        all.count("a/echo", OLD, SOON, "crashed (SIGABRT) in a.echo.abort", 9);
        let reason = all.left_out("a/echo", OLD).unwrap().reason();
        assert!(
            reason.contains("3 times") && reason.contains("gshell plugin release a/echo"),
            "{reason}"
        );
        // Another content is another plugin, as is another name.
        assert_eq!(all.left_out("a/echo", NEW), None);
        assert_eq!(all.left_out("echo", OLD), None);
        // By either form of the name, once.
        assert!(all.is_left_out("a.echo") && !all.is_left_out("echo"));
        assert!(all.release("a.echo"));
        assert!(!all.release("a/echo"));
        assert_eq!(all, Quarantine::default());
    }

    #[test]
    fn after_a_long_run_counting_begins_anew() {
        let mut all = Quarantine::default();
        let mut count = |ran| all.count("echo", OLD, ran, "crashed", 0);
        let nearly = STEADY - Duration::from_millis(1);
        assert_eq!([SOON, nearly, STEADY, SOON].map(&mut count), [1, 2, 1, 2]);
        // What is left out was open in a group that had run for long.
        assert_eq!([SOON, STEADY].map(count), [3, 4]);
        assert!(all.is_left_out("echo"));
    }

    #[test]
    fn it_does_not_grow() {
        let mut all = Quarantine::default();
        for sum in 0..=ENTRIES {
            all.count("echo", Identity { size: 0, sum }, SOON, &"ä".repeat(200), 0);
        }
        assert_eq!(all.entries.len(), ENTRIES as usize);
        assert_eq!(all.entries[0].identity.sum, 1);
        assert_eq!(all.entries[0].last.len(), LAST_BYTES as usize);
    }
}
