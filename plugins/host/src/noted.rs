//! The error of a call, as it is noted while the plugin still runs, and how it names what is wrong.

use std::fmt::{self, Write as _};

use gshell_plugin_abi::{self as abi, kind};
use gshell_wire::Code;

use crate::record::Record;

/// Why a call of a plugin's function fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noted {
    /// Lua's memory is full.
    Memory,
    /// Everything else.
    Error {
        /// One of the codes that messages carry, or a number that nobody knows.
        code: u32,
        /// What people read.
        text: String,
    },
}

impl fmt::Display for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Noted::Memory => f.write_str("not enough memory"),
            Noted::Error { text, .. } => f.write_str(text),
        }
    }
}

/// Bytes of an error's text that are kept: a plugin may say more than anybody reads.
const TEXT_MAX: usize = 4096;

impl Noted {
    /// An error with a code.
    pub fn new(code: Code, text: impl Into<String>) -> Noted {
        Noted::Error {
            code: u32::from(code as u16),
            text: text.into(),
        }
    }

    /// What the plugin itself says. A code of 0 is not one.
    pub(crate) fn said(code: u32, text: &[u8]) -> Noted {
        let text = text.get(..TEXT_MAX).unwrap_or(text);
        Noted::Error {
            code: if code == 0 { Code::Internal as u32 } else { code },
            text: String::from_utf8_lossy(text).into_owned(),
        }
    }

    /// The plugin said that it failed, and not why.
    #[cold]
    pub(crate) fn silent(record: &Record) -> Noted {
        Noted::new(
            Code::Internal,
            format!("'{}' failed and did not say why", record.path()),
        )
    }

    /// The plugin uses the host in a way that has no meaning: `what` says it.
    #[cold]
    pub(crate) fn misuse(record: &Record, what: &str) -> Noted {
        Noted::new(Code::Internal, format!("'{}' is wrong: {what}", record.path()))
    }

    /// An argument, or a part of one, is not what the function takes.
    #[cold]
    pub(crate) fn misfit(record: &Record, place: &Place, expected: &str, given: &str) -> Noted {
        let mut text = String::new();
        let function = record.path();
        let (position, at) = (place.argument, &place.path);
        let within = match at.is_empty() {
            true => String::new(),
            false => format!("at {}: ", at.trim_start()),
        };
        let what = format!("({within}{expected} expected, got {given})");
        let _ = match (record.class.is_some(), position) {
            // As Lua's own: the object is not counted among the arguments of a method.
            (true, 1) => write!(
                text,
                "bad object for '{function}' {what}; call it as object:method()"
            ),
            (true, n) => write!(
                text,
                "bad argument #{} to '{function}' {what}",
                n.saturating_sub(1)
            ),
            (false, n) => write!(text, "bad argument #{n} to '{function}' {what}"),
        };
        Noted::new(Code::Invalid, text)
    }

    /// An object that a blocking call works on.
    #[cold]
    pub(crate) fn in_use(record: &Record, class: &str) -> Noted {
        let text = format!(
            "'{}': the {class} is in use by a call that has not returned yet",
            record.path()
        );
        Noted::new(Code::Busy, text)
    }
}

/// Which argument, and where in it.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// From 1; 0 when there is no such thing.
    pub argument: u32,
    /// `[3].name` of a part; empty for the argument itself.
    pub path: String,
}

impl Place {
    /// Puts a step in front: the parts of an argument are looked at from the innermost on.
    pub(crate) fn within(&mut self, step: &Step<'_>) {
        let step = match step {
            Step::Item(index) => format!("[{index}]"),
            Step::Field(name) => match name.is_ascii() && !name.is_empty() {
                true => format!(".{}", String::from_utf8_lossy(name)),
                false => format!("[\"{}\"]", String::from_utf8_lossy(name).escape_debug()),
            },
            Step::Other => "[?]".to_owned(),
            Step::Key => " (a key)".to_owned(),
        };
        self.path.insert_str(0, &step);
    }
}

/// From a table to one of its parts.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    Item(i64),
    Field(&'a [u8]),
    /// By a key that is neither.
    Other,
    /// To one of its keys.
    Key,
}

/// What a script calls a kind.
pub(crate) fn kind_name(of: u32) -> &'static str {
    match of {
        kind::NONE => "no value",
        kind::NIL => "nil",
        kind::BOOLEAN => "boolean",
        kind::INTEGER => "integer",
        kind::NUMBER => "number",
        kind::BYTES => "string",
        kind::TABLE => "table",
        kind::OBJECT => "object",
        _ => "value of another type",
    }
}

/// What is wrong with item `at` of a list, counted from 1, that is nil.
#[cold]
pub(crate) fn nil_item(at: usize) -> String {
    format!("item {at} of its result is nil, which a list cannot have")
}

/// Bytes that a plugin lends.
///
/// # Safety
/// They are there for as long as the caller uses them, as the header says of arguments of the host's functions.
pub(crate) unsafe fn lent<'a>(bytes: abi::Bytes) -> &'a [u8] {
    if bytes.len == 0 || bytes.ptr.is_null() {
        return &[];
    }
    // SAFETY: so many bytes lie there by the header, for as long as the caller says.
    unsafe { std::slice::from_raw_parts(bytes.ptr, bytes.len as usize) }
}
