//! A tree as one line of bounded length, for traces and error texts.

use std::fmt::{self, Write};

use super::Value;

/// Bytes that are shown of a value that is bytes.
const BYTES_SHOWN: usize = 16;

impl Value {
    /// The value as one line of at most `max` bytes, such as `{ who: "you", nums: [1, 2] }`; what is longer ends with
    /// `...`. Costs no more than what is shown.
    pub fn summary(&self, max: usize) -> String {
        let mut line = Line {
            text: String::new(),
            max: max.saturating_sub(3),
        };
        if put(&mut line, self).is_err() {
            let dots = max.min(3);
            line.text.push_str("...".get(..dots).unwrap_or_default());
        }
        line.text
    }
}

/// A text that refuses to grow above its bound.
struct Line {
    text: String,
    max: usize,
}

impl Write for Line {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let left = self.max - self.text.len();
        if part.len() <= left {
            self.text.push_str(part);
            return Ok(());
        }
        let end = (0..=left).rev().find(|at| part.is_char_boundary(*at));
        self.text
            .push_str(part.get(..end.unwrap_or(0)).unwrap_or_default());
        Err(fmt::Error)
    }
}

fn put(out: &mut Line, value: &Value) -> fmt::Result {
    match value {
        Value::Unit | Value::Option(None) => out.write_str("none"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Uint(value) => write!(out, "{value}"),
        Value::Float(value) => write!(out, "{value:?}"),
        Value::Str(text) => quoted(out, text),
        Value::Bytes(bytes) => {
            write!(out, "{} bytes", bytes.len())?;
            for (i, byte) in bytes.iter().take(BYTES_SHOWN).enumerate() {
                write!(out, "{}{byte:02x}", if i == 0 { " " } else { "" })?;
            }
            out.write_str(if bytes.len() > BYTES_SHOWN { ".." } else { "" })
        }
        Value::List(values) => all(out, "[", "]", values, put),
        Value::Tuple(values) => all(out, "(", ")", values, put),
        Value::Option(Some(of)) => put(out, of),
        Value::Map(entries) if entries.is_empty() => out.write_str("{}"),
        Value::Map(entries) => all(out, "{ ", " }", entries, |out, (key, value)| {
            put(out, key)?;
            out.write_str(" = ")?;
            put(out, value)
        }),
        Value::Struct(fields) if fields.is_empty() => out.write_str("{}"),
        Value::Struct(fields) => all(out, "{ ", " }", fields, |out, (name, value)| {
            write!(out, "{name}: ")?;
            put(out, value)
        }),
        Value::Enum { variant, value } => {
            out.write_str(variant)?;
            match &**value {
                Value::Unit => Ok(()),
                value @ Value::Tuple(_) => put(out, value),
                value @ Value::Struct(_) => {
                    out.write_str(" ")?;
                    put(out, value)
                }
                value => {
                    out.write_str("(")?;
                    put(out, value)?;
                    out.write_str(")")
                }
            }
        }
    }
}

fn quoted(out: &mut Line, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(out, "\\{c}")?,
            c if c.is_control() => write!(out, "{}", c.escape_default())?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

fn all<T>(
    out: &mut Line,
    open: &str,
    close: &str,
    parts: &[T],
    put: impl Fn(&mut Line, &T) -> fmt::Result,
) -> fmt::Result {
    out.write_str(open)?;
    for (i, part) in parts.iter().enumerate() {
        out.write_str(if i == 0 { "" } else { ", " })?;
        put(out, part)?;
    }
    out.write_str(close)
}
