//! JSON text to Lua values: the parser of serde_json drives a visitor that builds the values in place.

use std::cell::RefCell;
use std::fmt;

use mlua::{Lua, LuaString, Result, Table, Value};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::array_metatable;
use crate::errors::raise;

/// Reads one JSON value, with nothing but blanks after it.
///
/// Fails with code `invalid_data` and the place (line, column in bytes, both from 1) for anything else, and
/// with Lua's own error when the state has no memory left.
pub fn decode(lua: &Lua, text: &[u8]) -> Result<Value> {
    let builder = Builder {
        lua,
        array: array_metatable(lua)?,
        failure: RefCell::new(None),
    };
    let mut parser = serde_json::Deserializer::from_slice(text);
    let parsed = builder
        .seed()
        .deserialize(&mut parser)
        .and_then(|value| parser.end().map(|()| value));
    parsed.map_err(|error| builder.failure.take().unwrap_or_else(|| located(&error)))
}

fn located(error: &serde_json::Error) -> mlua::Error {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let what = text
        .strip_suffix(&format!(" at line {line} column {column}"))
        .unwrap_or(&text);
    let what = if what == "recursion limit exceeded" {
        "nested deeper than 127 arrays and objects"
    } else {
        what
    };
    raise(
        "invalid_data",
        format!("json.decode: line {line}, column {column}: {what}"),
    )
}

/// What all parts of one text share.
struct Builder<'a> {
    lua: &'a Lua,
    array: Table,
    /// The error of Lua, which the parser's error type does not carry.
    failure: RefCell<Option<mlua::Error>>,
}

impl Builder<'_> {
    fn seed(&self) -> Seed<'_> {
        Seed(self)
    }

    fn lua<T, E: de::Error>(&self, result: Result<T>) -> std::result::Result<T, E> {
        result.map_err(|error| {
            self.failure.replace(Some(error));
            E::custom("Lua failed")
        })
    }
}

#[derive(Clone, Copy)]
struct Seed<'a>(&'a Builder<'a>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> std::result::Result<Value, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::NULL)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        // Beyond Lua's integers a float is the nearest there is.
        Ok(i64::try_from(value).map_or(Value::Number(value as f64), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> std::result::Result<Value, E> {
        self.0.lua(self.0.lua.create_string(value).map(Value::String))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Value, A::Error> {
        let table = self.0.lua(self.0.lua.create_table())?;
        while let Some(item) = items.next_element_seed(self)? {
            self.0.lua(table.raw_push(item))?;
        }
        self.0.lua(table.set_metatable(Some(self.0.array.clone())))?;
        Ok(Value::Table(table))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<Value, A::Error> {
        let table = self.0.lua(self.0.lua.create_table())?;
        while let Some(key) = entries.next_key_seed(Key(self.0))? {
            let value = entries.next_value_seed(self)?;
            self.0.lua(table.raw_set(key, value))?;
        }
        Ok(Value::Table(table))
    }
}

struct Key<'a>(&'a Builder<'a>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = LuaString;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> std::result::Result<LuaString, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = LuaString;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> std::result::Result<LuaString, E> {
        self.0.lua(self.0.lua.create_string(value))
    }
}
