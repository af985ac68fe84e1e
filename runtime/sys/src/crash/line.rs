//! One line about a crash, made without allocating, for a signal handler.

use super::TEXT_MAX;
use crate::process::signal_name;

/// Bytes of the words around the names: `gshell: plugin `, ` crashed (SIGSTKFLT) `, `while it was opened`, and the end.
const WORDS: usize = 64;

/// A line of text.
pub(super) struct Line {
    bytes: [u8; WORDS + 3 * TEXT_MAX],
    len: usize,
}

impl Default for Line {
    fn default() -> Line {
        Line {
            bytes: [0; WORDS + 3 * TEXT_MAX],
            len: 0,
        }
    }
}

impl Line {
    /// Says that `part` of an owner crashed by a signal, numbered as on this machine. A name of an owner ends at its first space;
    /// a part without a name is the opening. Async-signal-safe.
    pub(super) fn crash(&mut self, owner: &str, part: &str, signal: i32) {
        let name = owner.split(' ').next().unwrap_or_default();
        for text in ["gshell: plugin ", name, " crashed (", signal_name(signal), ") "] {
            self.put(text);
        }
        match part {
            "" => self.put("while it was opened"),
            part => ["in ", name, ".", part]
                .into_iter()
                .for_each(|text| self.put(text)),
        }
        self.put("\n");
    }

    /// The line.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn put(&mut self, text: &str) {
        let text = text.as_bytes();
        let text = text.get(..TEXT_MAX).unwrap_or(text);
        if let Some(room) = self.bytes.get_mut(self.len..self.len + text.len()) {
            room.copy_from_slice(text);
            self.len += text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(owner: &str, part: &str) -> String {
        let mut line = Line::default();
        line.crash(owner, part, libc::SIGABRT);
        String::from_utf8_lossy(line.bytes()).into_owned()
    }

    #[test]
    fn the_plugin_is_named() {
        assert_eq!(
            said("a/echo 10-000000ff", "abort"),
            "gshell: plugin a/echo crashed (SIGABRT) in a/echo.abort\n"
        );
        assert_eq!(
            said("echo", ""),
            "gshell: plugin echo crashed (SIGABRT) while it was opened\n"
        );
    }

    #[test]
    fn long_names_are_cut_and_the_line_ends() {
        let long = "o".repeat(300);
        let line = said(&long, &long);
        assert_eq!(line.matches('o').count(), 3 * TEXT_MAX);
        assert!(line.ends_with("o\n"), "{line}");
    }
}
