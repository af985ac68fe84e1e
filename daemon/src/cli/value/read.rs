//! JSON text to trees.

use std::fmt;
use std::io::BufRead;

use gshell_wire::Value;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Bytes of one value on standard input at most: what the longest message can take as text, and some.
const LONGEST: usize = 128 << 20;

/// A tree as JSON has it.
struct Tree(Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Builder).map(Tree)
    }
}

struct Builder;

impl<'de> Visitor<'de> for Builder {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Unit)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Uint(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Str(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Tree(value)) = entries.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((Tree(name), Tree(value))) = entries.next_entry()? {
            // Names are nothing else in JSON.
            if let Value::Str(name) = name {
                fields.push((name, value));
            }
        }
        Ok(Value::Struct(fields))
    }
}

/// Reads one value; the error says what is wrong and where.
pub fn parse(text: &[u8]) -> Result<Value, String> {
    let Tree(value) = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    Ok(value)
}

/// The values of a text, one at a time as they come: one a line, and one that goes over several lines as a whole.
pub struct Chunks<R> {
    input: R,
}

impl<R: BufRead> Chunks<R> {
    /// Those of `input`.
    pub fn new(input: R) -> Self {
        Self { input }
    }

    /// The text of the next value; `None` at the end.
    pub fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let (mut chunk, mut scan) = (Vec::new(), Scan::default());
        loop {
            let start = chunk.len();
            if self.input.read_until(b'\n', &mut chunk)? == 0 {
                return Ok((!blank(&chunk)).then_some(chunk));
            }
            chunk[start..].iter().for_each(|byte| scan.take(*byte));
            if scan.is_done() && !blank(&chunk) {
                return Ok(Some(chunk));
            }
            if chunk.len() > LONGEST {
                let text = format!("a value of more than {LONGEST} bytes");
                return Err(std::io::Error::other(text));
            }
        }
    }
}

fn blank(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_whitespace)
}

/// Whether a value can be over at the end of a line: outside of all brackets and strings.
#[derive(Default)]
struct Scan {
    depth: i32,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    fn take(&mut self, byte: u8) {
        match byte {
            // A string never goes over the end of a line, so one that is open there is an error to be told now.
            b'\n' => (self.in_string, self.escaped) = (false, false),
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = self.in_string,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => self.depth += 1,
            b'}' | b']' if !self.in_string => self.depth -= 1,
            _ => {}
        }
    }

    fn is_done(&self) -> bool {
        self.depth <= 0
    }
}
