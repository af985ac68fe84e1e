//! Lua values to JSON text. What JSON cannot hold is an error that says where in the value it stands.

use std::ffi::c_void;

use mlua::{Result, Table, Value};

use super::MAX_DEPTH;
use crate::errors::raise;

/// How the text looks, and how long it may be.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Blanks for each level; 0 writes everything on one line.
    pub indent: usize,
    /// Keys of objects in the order of their bytes, instead of any.
    pub sort: bool,
    /// Bytes of text at which encoding fails.
    pub limit: usize,
}

/// Writes a value. `array` is the metatable that marks arrays.
///
/// Fails with `invalid_data` for functions and the like, NaN and infinities, strings that are not UTF-8,
/// tables that are neither array nor object, cycles, and more than 127 tables in each other; with `limit`
/// for a text that is too long.
pub fn encode(value: &Value, style: Style, array: &Table) -> Result<Vec<u8>> {
    let mut writer = Writer {
        out: Vec::new(),
        open: Vec::new(),
        style,
        array,
    };
    writer.value(value).map_err(Failure::raise)?;
    Ok(writer.out)
}

/// Whether a table is written as an array: it is marked, or holds 1..n and nothing else, n at least 1.
pub fn is_array(table: &Table, array: &Table) -> Result<bool> {
    if table.metatable().is_some_and(|found| found == *array) {
        return Ok(true);
    }
    let len = table.raw_len() as i64;
    if len == 0 {
        return Ok(false);
    }
    let mut count = 0;
    for pair in table.pairs::<Value, Value>() {
        match pair?.0 {
            Value::Integer(key) if (1..=len).contains(&key) => count += 1,
            _ => return Ok(false),
        }
    }
    Ok(count == len)
}

/// Why and where encoding failed; the place is collected on the way out.
enum Failure {
    Lua(mlua::Error),
    At {
        code: &'static str,
        why: String,
        place: Vec<String>,
    },
}

type Outcome = std::result::Result<(), Failure>;

impl From<mlua::Error> for Failure {
    fn from(error: mlua::Error) -> Self {
        Self::Lua(error)
    }
}

impl Failure {
    fn new(why: impl Into<String>) -> Self {
        Self::At {
            code: "invalid_data",
            why: why.into(),
            place: Vec::new(),
        }
    }

    fn inside(mut self, key: impl FnOnce() -> String) -> Self {
        if let Self::At { place, .. } = &mut self {
            place.push(key());
        }
        self
    }

    fn raise(self) -> mlua::Error {
        match self {
            Self::Lua(error) => error,
            Self::At { code, why, place } if place.is_empty() => raise(code, format!("json.encode: {why}")),
            Self::At { code, why, place } => {
                // The ends of a deep path say enough.
                let mut keys: Vec<&str> = place.iter().rev().map(String::as_str).collect();
                if keys.len() > 12 {
                    keys.splice(6..keys.len() - 6, ["..."]);
                }
                raise(code, format!("json.encode: at value{}: {why}", keys.concat()))
            }
        }
    }
}

struct Writer<'a> {
    out: Vec<u8>,
    /// Tables that are being written, outermost first.
    open: Vec<*const c_void>,
    style: Style,
    array: &'a Table,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value) -> Outcome {
        match value {
            Value::Nil => self.raw(b"null"),
            value if value.is_null() => self.raw(b"null"),
            Value::Boolean(true) => self.raw(b"true"),
            Value::Boolean(false) => self.raw(b"false"),
            Value::Integer(number) => self.serde(number),
            Value::Number(number) if number.is_finite() => self.serde(number),
            Value::Number(number) => Err(Failure::new(format!("{number} is no JSON number"))),
            Value::String(text) => self.string(&text.as_bytes()),
            Value::Table(table) => self.table(table),
            other => Err(Failure::new(format!("a {} cannot be JSON", other.type_name()))),
        }
    }

    fn table(&mut self, table: &Table) -> Outcome {
        let place = table.to_pointer();
        if self.open.contains(&place) {
            return Err(Failure::new("the table contains itself"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Failure::new(format!("tables are nested deeper than {MAX_DEPTH}")));
        }
        self.open.push(place);
        if is_array(table, self.array)? {
            self.items(table)
        } else {
            self.entries(table)
        }?;
        self.open.pop();
        Ok(())
    }

    fn items(&mut self, table: &Table) -> Outcome {
        let len = table.raw_len();
        let pairs = table.pairs::<Value, Value>().count();
        if pairs != len {
            return Err(Failure::new("an array has other keys than 1 to its length"));
        }
        self.raw(b"[")?;
        for index in 1..=len {
            self.separate(index == 1)?;
            let item: Value = table.raw_get(index)?;
            self.value(&item)
                .map_err(|failure| failure.inside(|| format!("[{index}]")))?;
        }
        self.close(len == 0, b"]")
    }

    fn entries(&mut self, table: &Table) -> Outcome {
        self.raw(b"{")?;
        let mut first = true;
        if self.style.sort {
            let mut keys = Vec::new();
            for pair in table.pairs::<Value, Value>() {
                keys.push(key_of(pair?.0)?);
            }
            gshell_small::sort_by(&mut keys, |a, b| a.as_bytes().cmp(&b.as_bytes()));
            for key in keys {
                let value = table.raw_get(&key)?;
                self.entry(&key, &value, std::mem::take(&mut first))?;
            }
        } else {
            for pair in table.pairs::<Value, Value>() {
                let (key, value) = pair?;
                self.entry(&key_of(key)?, &value, std::mem::take(&mut first))?;
            }
        }
        self.close(first, b"}")
    }

    fn entry(&mut self, key: &mlua::LuaString, value: &Value, first: bool) -> Outcome {
        self.separate(first)?;
        self.string(&key.as_bytes())?;
        self.raw(if self.style.indent > 0 { b": " } else { b":" })?;
        self.value(value)
            .map_err(|failure| failure.inside(|| format!(".{}", key.to_string_lossy())))
    }

    fn separate(&mut self, first: bool) -> Outcome {
        if !first {
            self.raw(b",")?;
        }
        self.new_line(self.open.len())
    }

    fn close(&mut self, empty: bool, bracket: &[u8]) -> Outcome {
        if !empty {
            self.new_line(self.open.len().saturating_sub(1))?;
        }
        self.raw(bracket)
    }

    fn new_line(&mut self, depth: usize) -> Outcome {
        if self.style.indent > 0 {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + depth * self.style.indent, b' ');
        }
        Ok(())
    }

    fn string(&mut self, bytes: &[u8]) -> Outcome {
        // Escaping makes a byte at most six; refused before the memory is taken.
        self.room(bytes.len())?;
        match std::str::from_utf8(bytes) {
            Ok(text) => self.serde(text),
            Err(error) => Err(Failure::new(format!(
                "the string is not UTF-8 (byte {})",
                error.valid_up_to() + 1
            ))),
        }
    }

    /// Numbers and strings, whose writing into memory does not fail.
    fn serde<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        serde_json::to_writer(&mut self.out, value).map_err(|error| Failure::new(error.to_string()))?;
        self.room(0)
    }

    fn raw(&mut self, bytes: &[u8]) -> Outcome {
        self.out.extend_from_slice(bytes);
        self.room(0)
    }

    fn room(&self, more: usize) -> Outcome {
        let limit = self.style.limit;
        if self.out.len().saturating_add(more) <= limit {
            return Ok(());
        }
        let why = format!("the text is longer than {limit} bytes; option \"limit\" raises that");
        Err(Failure::At {
            code: "limit",
            why,
            place: Vec::new(),
        })
    }
}

fn key_of(key: Value) -> std::result::Result<mlua::LuaString, Failure> {
    match key {
        Value::String(key) => Ok(key),
        other => {
            let name = other.to_string()?;
            Err(Failure::new(format!(
                "the key {name} is no string, and the table is not 1 to n either"
            )))
        }
    }
}
