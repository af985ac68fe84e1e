//! Values of scripts whose type is not known before.

use crate::call::Kind;
use crate::{Argument, Call, Error, Result, Returned, Shape};
use gshell_wire::Code;

/// Any value of a script but functions, threads and objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `nil`, or nothing.
    #[default]
    Nil,
    /// `true` or `false`.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Number(f64),
    /// A string of Lua, which need not be text.
    Bytes(Vec<u8>),
    /// A table: its pairs, in no order when it comes from a script.
    Table(Vec<(Value, Value)>),
}

impl Value {
    /// The text of a string in UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The value for a key of a table.
    pub fn get(&self, key: impl Into<Value>) -> Option<&Value> {
        let key = key.into();
        match self {
            Value::Table(pairs) => pairs.iter().find(|pair| pair.0 == key).map(|pair| &pair.1),
            _ => None,
        }
    }

    /// A table of items, counted from 1.
    pub fn list(items: impl IntoIterator<Item = impl Into<Value>>) -> Value {
        let items = items.into_iter().map(Into::into);
        Value::Table((1..).map(Value::Integer).zip(items).collect())
    }

    /// A table of named fields.
    pub fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
        Value::Table(
            fields
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Bytes(value.into())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Value {
        Value::Bytes(value.into())
    }
}

impl<'c> Argument<'c> for Value {
    const SHAPE: Shape = Shape::Word("any");

    fn take(call: &Call<'c>, n: u32) -> Result<Self> {
        Ok(match call.kind(n) {
            Kind::None | Kind::Nil => Value::Nil,
            Kind::Boolean => Value::Boolean(call.boolean(n)?),
            Kind::Integer => Value::Integer(call.integer(n)?),
            Kind::Number => Value::Number(call.number(n)?),
            Kind::Bytes => Value::Bytes(call.bytes(n)?.to_vec()),
            Kind::Table => {
                let mut pairs = Vec::new();
                call.pairs(n, |key, value| {
                    pairs.push((Value::take(call, key)?, Value::take(call, value)?));
                    Ok(())
                })?;
                Value::Table(pairs)
            }
            Kind::Object | Kind::Other => {
                return Err(call.misfit(n, "nil, a boolean, a number, a string or a table"));
            }
        })
    }
}

impl Returned for Value {
    const SHAPE: Shape = Shape::Word("any");

    fn put(self, call: &mut Call<'_>) -> Result<()> {
        match self {
            Value::Nil => call.put_nil(),
            Value::Boolean(value) => call.put_boolean(value),
            Value::Integer(value) => call.put_integer(value),
            Value::Number(value) => call.put_number(value),
            Value::Bytes(value) => call.put_bytes(&value),
            Value::Table(pairs) => {
                call.put_table(0, pairs.len())?;
                for (key, value) in pairs {
                    if key == Value::Nil {
                        return Err(Error::new(Code::Internal, "a table with nil as a key"));
                    }
                    call.put_pair(key, value)?;
                }
                Ok(())
            }
        }
    }
}
