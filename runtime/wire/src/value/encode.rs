//! Trees to bytes: the shape says what is written, the tree has to give it.

use std::fmt;

use super::Value;
use crate::{DEPTH_MAX, Shape, ShapeField, ShapeVariant, Width, Writer};

/// Why a tree is not a value of the shape. Its text is `who: expected string, got list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    /// The place in the tree, such as `jobs[2].name`; empty for the tree itself.
    pub path: String,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.what),
            path => write!(f, "{path}: {}", self.what),
        }
    }
}

impl std::error::Error for ValueError {}

impl ValueError {
    fn new(what: impl Into<String>) -> ValueError {
        ValueError {
            path: String::new(),
            what: what.into(),
        }
    }

    /// The same error, seen from where the value is a part.
    fn under(mut self, name: &str) -> ValueError {
        let dot = match self.path.chars().next() {
            None | Some('[') => "",
            Some(_) => ".",
        };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }
}

type Result = std::result::Result<(), ValueError>;

impl Value {
    /// Appends the value as one of `shape` to `out`.
    ///
    /// A script and JSON do not have all variants, so some stand for others:
    /// - an integer for a float; a float without a fraction for an integer; ranges are checked;
    /// - for an option, nothing ([`Value::Unit`]) or the value itself; a missing field is an option without a value;
    /// - bytes that are UTF-8 for a text, a text for bytes;
    /// - a list for a tuple, a struct for a map with text keys and the other way round; an empty one for any other;
    /// - for an enum, the name of a variant that holds nothing, or a struct or map whose only entry is the variant.
    ///
    /// # Errors
    /// What does not fit, and where; `out` is then as it was.
    pub fn encode(&self, shape: &Shape, out: &mut Vec<u8>) -> Result {
        let start = out.len();
        let mut put = Put {
            out: Writer::new(out),
            depth: DEPTH_MAX,
        };
        let result = put.value(self, shape);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }
}

struct Put<'a> {
    out: Writer<'a>,
    depth: u8,
}

impl Put<'_> {
    fn value(&mut self, value: &Value, shape: &Shape) -> Result {
        if let (Value::Option(Some(of)), false) = (value, matches!(shape, Shape::Option(_))) {
            return self.value(of, shape);
        }
        match shape {
            Shape::Bool => match value {
                Value::Bool(value) => self.out.bool(*value),
                _ => return Err(expected("bool", value)),
            },
            Shape::I8 => self.int(value, Width::W8)?,
            Shape::I16 => self.int(value, Width::W16)?,
            Shape::I32 => self.int(value, Width::W32)?,
            Shape::I64 => self.int(value, Width::W64)?,
            Shape::U8 => self.uint(value, Width::W8)?,
            Shape::U16 => self.uint(value, Width::W16)?,
            Shape::U32 => self.uint(value, Width::W32)?,
            Shape::U64 => self.uint(value, Width::W64)?,
            Shape::F32 => {
                let number = float(value)?;
                let narrow = number as f32;
                if narrow.is_infinite() && number.is_finite() {
                    return Err(range(value.summary(40), "f32"));
                }
                self.out.f32(narrow);
            }
            Shape::F64 => self.out.f64(float(value)?),
            Shape::Str => match value {
                Value::Str(text) => self.out.str(text),
                Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => self.out.str(text),
                    Err(_) => return Err(ValueError::new("expected string, got bytes that are not UTF-8")),
                },
                _ => return Err(expected("string", value)),
            },
            Shape::Bytes => match value {
                Value::Bytes(bytes) => self.out.bytes(bytes),
                Value::Str(text) => self.out.bytes(text.as_bytes()),
                _ => return Err(expected("bytes", value)),
            },
            Shape::Unit => match value {
                Value::Unit | Value::Option(None) => {}
                _ if is_empty(value) => {}
                _ => return Err(expected("nothing", value)),
            },
            _ => {
                self.depth = self.depth.checked_sub(1).ok_or_else(too_deep)?;
                self.composite(value, shape)?;
                self.depth += 1;
            }
        }
        Ok(())
    }

    fn int(&mut self, value: &Value, width: Width) -> Result {
        let number = match value {
            Value::Int(number) => Some(*number),
            Value::Uint(number) => i64::try_from(*number).ok(),
            Value::Float(number) => whole(*number).and_then(|number| i64::try_from(number).ok()),
            _ => return Err(expected("number", value)),
        };
        match number {
            Some(number) if self.out.int(width, number) => Ok(()),
            _ => Err(not_in_range(value, 'i', width)),
        }
    }

    fn uint(&mut self, value: &Value, width: Width) -> Result {
        let number = match value {
            Value::Int(number) => u64::try_from(*number).ok(),
            Value::Uint(number) => Some(*number),
            Value::Float(number) => whole(*number).and_then(|number| u64::try_from(number).ok()),
            _ => return Err(expected("number", value)),
        };
        match number {
            Some(number) if self.out.uint(width, number) => Ok(()),
            _ => Err(not_in_range(value, 'u', width)),
        }
    }

    fn composite(&mut self, value: &Value, shape: &Shape) -> Result {
        match shape {
            Shape::List(of) => self.list(value, of),
            Shape::Map(keys, values) => self.map(value, keys, values),
            Shape::Option(of) => match value {
                Value::Unit | Value::Option(None) => {
                    self.out.bool(false);
                    Ok(())
                }
                Value::Option(Some(value)) => {
                    self.out.bool(true);
                    self.value(value, of)
                }
                value => {
                    self.out.bool(true);
                    self.value(value, of)
                }
            },
            Shape::Tuple(shapes) => match value {
                Value::List(values) | Value::Tuple(values) if values.len() == shapes.len() => {
                    for (i, (value, shape)) in values.iter().zip(shapes).enumerate() {
                        self.entry(i, value, shape)?;
                    }
                    Ok(())
                }
                Value::List(values) | Value::Tuple(values) => Err(ValueError::new(format!(
                    "expected {} values, got {}",
                    shapes.len(),
                    values.len()
                ))),
                _ if shapes.is_empty() && is_empty(value) => Ok(()),
                _ => Err(expected("tuple", value)),
            },
            Shape::Struct { fields, .. } => self.fields(value, fields),
            Shape::Enum { variants, .. } => self.variant(value, variants),
            // What holds nothing was written by the caller.
            _ => Ok(()),
        }
    }

    /// Numbered from 1, as scripts do.
    fn entry(&mut self, index: usize, value: &Value, shape: &Shape) -> Result {
        self.value(value, shape)
            .map_err(|error| error.under(&format!("[{}]", index + 1)))
    }

    fn list(&mut self, value: &Value, of: &Shape) -> Result {
        let values = match value {
            Value::List(values) | Value::Tuple(values) => values.as_slice(),
            _ if is_empty(value) => &[],
            _ => return Err(expected("list", value)),
        };
        self.out.count(values.len());
        values
            .iter()
            .enumerate()
            .try_for_each(|(i, value)| self.entry(i, value, of))
    }

    fn map(&mut self, value: &Value, keys: &Shape, values: &Shape) -> Result {
        match value {
            Value::Map(entries) => {
                self.out.count(entries.len());
                for (key, value) in entries {
                    let named = |error: ValueError| error.under(&key.summary(40));
                    self.value(key, keys).map_err(named)?;
                    self.value(value, values).map_err(named)?;
                }
                Ok(())
            }
            Value::Struct(entries) if matches!(keys, Shape::Str) => {
                self.out.count(entries.len());
                for (key, value) in entries {
                    self.out.str(key);
                    self.value(value, values).map_err(|error| error.under(key))?;
                }
                Ok(())
            }
            _ if is_empty(value) => {
                self.out.len(0);
                Ok(())
            }
            _ => Err(expected("map", value)),
        }
    }

    fn fields(&mut self, value: &Value, fields: &[ShapeField]) -> Result {
        let given = Given::of(value).ok_or_else(|| expected("struct", value))?;
        for field in fields {
            match given.get(&field.name) {
                Some(value) => self
                    .value(value, &field.shape)
                    .map_err(|error| error.under(&field.name))?,
                // Nothing is a value of an option and of a unit, and of nothing else.
                None => self
                    .value(&Value::Unit, &field.shape)
                    .map_err(|_| ValueError::new("is missing").under(&field.name))?,
            }
        }
        let stranger = given
            .names()
            .find(|name| !fields.iter().any(|field| field.name == *name));
        match stranger {
            Some(name) => Err(no_such("field", fields.iter().map(|field| field.name.as_str())).under(name)),
            None => Ok(()),
        }
    }

    fn variant(&mut self, value: &Value, variants: &[ShapeVariant]) -> Result {
        let (name, held) = match value {
            Value::Enum { variant, value } => (variant.as_str(), &**value),
            Value::Str(name) => (name.as_str(), &Value::Unit),
            _ => match Given::of(value).and_then(|given| given.only()) {
                Some(only) => only,
                None => return Err(expected("the name of a variant", value)),
            },
        };
        let found = variants
            .iter()
            .enumerate()
            .find(|(_, variant)| variant.name == name);
        match found {
            Some((index, variant)) => {
                self.out.variant(crate::reader::short(index));
                self.value(held, &variant.shape)
                    .map_err(|error| error.under(name))
            }
            None => Err(no_such("variant", variants.iter().map(|variant| variant.name.as_str())).under(name)),
        }
    }
}

/// The named parts of a struct, or of a map with text keys.
enum Given<'a> {
    Fields(&'a [(String, Value)]),
    Entries(&'a [(Value, Value)]),
}

impl<'a> Given<'a> {
    fn of(value: &'a Value) -> Option<Given<'a>> {
        match value {
            Value::Struct(fields) => Some(Given::Fields(fields)),
            Value::Map(entries) if entries.iter().all(|(key, _)| matches!(key, Value::Str(_))) => {
                Some(Given::Entries(entries))
            }
            _ if is_empty(value) => Some(Given::Fields(&[])),
            _ => None,
        }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        match self {
            Given::Fields(fields) => fields
                .iter()
                .find(|(field, _)| field == name)
                .map(|(_, value)| value),
            Given::Entries(entries) => entries
                .iter()
                .find(|(key, _)| matches!(key, Value::Str(key) if key == name))
                .map(|(_, value)| value),
        }
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        let (fields, entries): (&[_], &[_]) = match self {
            Given::Fields(fields) => (fields, &[]),
            Given::Entries(entries) => (&[], entries),
        };
        let keys = entries.iter().filter_map(|(key, _)| match key {
            Value::Str(key) => Some(key.as_str()),
            _ => None,
        });
        fields.iter().map(|(name, _)| name.as_str()).chain(keys)
    }

    /// The name and value of the only part.
    fn only(&self) -> Option<(&'a str, &'a Value)> {
        let mut names = self.names();
        match (names.next(), names.next()) {
            (Some(name), None) => Some((name, self.get(name)?)),
            _ => None,
        }
    }
}

/// An empty table of a script does not say what it is a table of.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::List(values) | Value::Tuple(values) => values.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        Value::Struct(fields) => fields.is_empty(),
        _ => false,
    }
}

fn float(value: &Value) -> std::result::Result<f64, ValueError> {
    match value {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Uint(number) => Ok(*number as f64),
        _ => Err(expected("number", value)),
    }
}

/// The number as an integer, if it is one.
fn whole(number: f64) -> Option<i128> {
    let integer = number as i128;
    (integer as f64 == number).then_some(integer)
}

fn expected(what: &str, got: &Value) -> ValueError {
    ValueError::new(format!("expected {what}, got {}", got.sort()))
}

fn range(number: impl fmt::Display, ty: impl fmt::Display) -> ValueError {
    ValueError::new(format!("{number} does not fit {ty}"))
}

fn not_in_range(value: &Value, sign: char, width: Width) -> ValueError {
    range(value.summary(40), format_args!("{sign}{}", width.bits()))
}

fn no_such<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> ValueError {
    let names: Vec<_> = names.take(20).collect();
    ValueError::new(format!("no such {what}; there are: {}", names.join(", ")))
}

fn too_deep() -> ValueError {
    ValueError::new("nested too deep")
}
