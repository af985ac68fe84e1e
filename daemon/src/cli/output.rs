//! Writing to standard output and standard error, when the reader may be gone.
//!
//! `gshell ps | head -1` is no error: what nobody reads any more is dropped without a word.

use std::io::{self, ErrorKind, Write};

use gshell_wire::Value;
use serde::Serialize;

use super::failure::Failure;
use super::value::pretty;

/// Writes `text` to standard output; whether somebody still reads.
pub fn print(text: &str) -> Result<bool, Failure> {
    write(text.as_bytes())
}

/// Writes `bytes` to standard output; whether somebody still reads.
pub fn write(bytes: &[u8]) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::io("cannot write to standard output", &error)),
    }
}

/// Writes a value as indented JSON to standard output.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::error(format!("cannot write JSON: {error}")))?;
    text.push('\n');
    print(&text)?;
    Ok(())
}

/// Writes a tree as indented JSON to standard output.
pub fn tree(value: &Value) -> Result<(), Failure> {
    print(&pretty(value)).map(|_| ())
}

/// Says something to the user: a line on standard error, with the program's name.
pub fn note(text: &str) {
    // Nobody can be told that standard error does not work.
    let _ = writeln!(io::stderr().lock(), "gshell: {}", text.trim_end());
}

/// Says what could not be done as asked.
pub fn warn_all(warnings: &[String]) {
    for warning in warnings {
        note(&format!("warning: {warning}"));
    }
}
