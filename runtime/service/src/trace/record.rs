//! What is noted of a traced message, and the bounded ring that holds it.

use std::collections::VecDeque;

use gshell_wire::Schema;
use serde::{Deserialize, Serialize};

/// Records that a process keeps; the oldest goes first.
pub const MOST_RECORDS: usize = 4096;
/// Bytes of all texts of the records that a process keeps.
pub const MOST_BYTES: usize = 1 << 20;
/// Bytes of a message's fields that are kept as text.
pub const MOST_TEXT: usize = 512;

/// Where a traced message was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Schema)]
pub enum Point {
    /// A caller sent it.
    ClientSend,
    /// A service received it.
    ServerRecv,
    /// A service answered.
    ServerSend,
    /// The caller has the answer.
    ClientRecv,
}

impl Point {
    /// A short word for lists.
    pub fn word(self) -> &'static str {
        match self {
            Point::ClientSend => "calls",
            Point::ServerRecv => "receives",
            Point::ServerSend => "answers",
            Point::ClientRecv => "has",
        }
    }
}

/// One sight of a traced message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Record {
    /// Token of the trace.
    pub token: String,
    /// The call that it belongs to, in hexadecimal.
    pub span: String,
    /// The call in whose handler this call was made; empty for the first.
    pub parent: String,
    /// Where it was seen.
    pub point: Point,
    /// When, in microseconds since 1970 by the clock of that machine.
    pub time_us: u64,
    /// Name of the message.
    pub message: String,
    /// Its fields, cut to 512 bytes.
    pub text: String,
    /// Publisher and service, or process and number of a caller that is no service.
    pub who: String,
    /// This end of the connection.
    pub local: String,
    /// The other end.
    pub remote: String,
    /// The error, when it is an answer that is one.
    pub error: String,
}

impl Record {
    /// Whether it belongs to the trace with this token, or to one of a tag's when that is the tag's.
    pub fn is_of(&self, token: &str) -> bool {
        belongs(&self.token, token)
    }

    fn bytes(&self) -> usize {
        [
            &self.token,
            &self.span,
            &self.parent,
            &self.message,
            &self.text,
            &self.who,
            &self.local,
            &self.remote,
            &self.error,
        ]
        .iter()
        .map(|text| text.len())
        .sum()
    }
}

/// The records of a process.
#[derive(Debug, Default)]
pub struct Ring {
    records: VecDeque<Record>,
    bytes: usize,
    dropped: u32,
}

impl Ring {
    /// Nothing yet.
    pub const fn new() -> Ring {
        Ring {
            records: VecDeque::new(),
            bytes: 0,
            dropped: 0,
        }
    }

    /// Adds a record; the oldest make room.
    pub fn push(&mut self, record: Record) {
        self.bytes += record.bytes();
        self.records.push_back(record);
        while self.records.len() > MOST_RECORDS || self.bytes > MOST_BYTES {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes();
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// The records of a trace, or of all with an empty token; with `clear` they go. Oldest first.
    pub fn read(&mut self, token: &str, clear: bool) -> Vec<Record> {
        let wanted = |record: &Record| token.is_empty() || record.is_of(token);
        if !clear {
            return self
                .records
                .iter()
                .filter(|record| wanted(record))
                .cloned()
                .collect();
        }
        let (out, stay): (Vec<_>, Vec<_>) = self.records.drain(..).partition(wanted);
        self.records = stay.into();
        self.bytes = self.records.iter().map(Record::bytes).sum();
        out
    }

    /// Drops all; gives how many there were.
    pub fn purge(&mut self) -> u32 {
        let len = self.records.len() as u32;
        *self = Ring::new();
        len
    }

    /// Records that had to make room.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }
}

/// Whether a record's token is the wanted one, or one of a tag's when only that part is given.
fn belongs(token: &str, wanted: &str) -> bool {
    match token.strip_prefix(wanted) {
        Some(rest) => rest.is_empty() || (rest.starts_with('.') && !wanted.contains('.')),
        None => false,
    }
}

/// `text` cut to [`MOST_TEXT`] bytes at the border of a character.
pub fn cut(mut text: String) -> String {
    if text.len() > MOST_TEXT {
        let end = (0..=MOST_TEXT - 3)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(token: &str, text: String) -> Record {
        Record {
            token: token.to_owned(),
            span: String::new(),
            parent: String::new(),
            point: Point::ClientSend,
            time_us: 0,
            message: String::new(),
            text,
            who: String::new(),
            local: String::new(),
            remote: String::new(),
            error: String::new(),
        }
    }

    #[test]
    fn bounded_by_number_and_by_bytes() {
        let mut ring = Ring::new();
        for n in 0..10_000 {
            ring.push(record("t.0", n.to_string()));
        }
        assert_eq!(ring.records.len(), MOST_RECORDS);
        assert_eq!(ring.dropped(), 10_000 - MOST_RECORDS as u32);
        for _ in 0..10_000 {
            ring.push(record("t.0", "x".repeat(MOST_TEXT)));
        }
        assert!(ring.bytes <= MOST_BYTES && ring.records.len() < MOST_RECORDS);
        assert_eq!(ring.purge() as usize, MOST_BYTES / (MOST_TEXT + 3));
        assert_eq!(ring.bytes, 0);
    }

    #[test]
    fn one_trace_or_those_of_a_tag_or_all() {
        let mut ring = Ring::new();
        for token in ["ab.0", "ab.1", "ab.10", "abc.0"] {
            ring.push(record(token, "1".to_owned()));
        }
        assert_eq!(ring.read("ab.1", false).len(), 1);
        assert_eq!(ring.read("ab", false).len(), 3);
        assert_eq!(ring.read("", false).len(), 4);
        assert_eq!((ring.read("ab", true).len(), ring.read("", true).len()), (3, 1));
        assert_eq!((ring.bytes, ring.read("", true).len()), (0, 0));
    }

    #[test]
    fn texts_are_cut_at_a_character() {
        let text = cut("ä".repeat(1000));
        assert!(text.len() <= MOST_TEXT && text.ends_with("ä..."));
        assert_eq!(cut("abc".to_owned()), "abc");
    }
}
