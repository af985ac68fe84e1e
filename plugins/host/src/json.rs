//! JSON texts as trees: of manifests, of what a process tells about a plugin, and of values on the command line. There is
//! one reader of them in the program.

use std::fmt;

use gshell_wire::Value;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

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

/// Reads one value; objects become [`Value::Struct`].
///
/// # Errors
/// What is wrong and where.
pub fn parse(text: &[u8]) -> Result<Value, String> {
    let Tree(value) = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    Ok(value)
}

/// The field `key` of an object, the last of that name; [`Value::Unit`] when there is none.
pub fn field<'a>(of: &'a Value, key: &str) -> &'a Value {
    let Value::Struct(fields) = of else {
        return &Value::Unit;
    };
    let found = fields.iter().rev().find(|(name, _)| name == key);
    found.map_or(&Value::Unit, |(_, value)| value)
}

/// The text that a value is; `None` for what is no text.
pub fn text(of: &Value) -> Option<&str> {
    match of {
        Value::Str(text) => Some(text),
        _ => None,
    }
}

/// The entries of a list; none of what is no list.
pub fn list(of: &Value) -> &[Value] {
    match of {
        Value::List(values) => values,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_and_their_parts() {
        let tree = parse(br#"{"a": [1, -2, 0.5, null, true], "b": "x", "b": "y"}"#).unwrap();
        let numbers = [
            Value::Uint(1),
            Value::Int(-2),
            Value::Float(0.5),
            Value::Unit,
            Value::Bool(true),
        ];
        assert_eq!(list(field(&tree, "a")), numbers);
        assert_eq!(text(field(&tree, "b")), Some("y"));
        assert_eq!(
            (field(&tree, "c"), text(&tree), list(&tree)),
            (&Value::Unit, None, [].as_slice())
        );
        assert!(parse(b"{\"a\": }").unwrap_err().contains("column 7"));
    }
}
