//! Trees to JSON text.

use gshell_wire::{Shape, Value};

use super::base64;

/// Spaces of a level.
const INDENT: usize = 2;

/// The value in one line; `shape` is its own, where it is known.
pub fn compact(value: &Value, shape: Option<&Shape>) -> String {
    let mut writer = Writer {
        out: String::new(),
        level: None,
    };
    writer.value(value, shape);
    writer.out
}

/// The value with a line for each part, and an end of line.
pub fn pretty(value: &Value) -> String {
    let mut writer = Writer {
        out: String::new(),
        level: Some(0),
    };
    writer.value(value, None);
    writer.out.push('\n');
    writer.out
}

struct Writer {
    out: String,
    /// How deep it is, if there are lines.
    level: Option<usize>,
}

impl Writer {
    fn value(&mut self, value: &Value, shape: Option<&Shape>) {
        match value {
            Value::Unit | Value::Option(None) => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Int(value) => self.out.push_str(&value.to_string()),
            Value::Uint(value) => self.out.push_str(&value.to_string()),
            Value::Float(value) => self.float(*value, matches!(shape, Some(Shape::F32))),
            Value::Str(text) => self.text(text),
            Value::Bytes(bytes) => {
                self.out.push('"');
                base64::encode(bytes, &mut self.out);
                self.out.push('"');
            }
            Value::Option(Some(of)) => match shape {
                Some(Shape::Option(shape)) => self.value(of, Some(shape)),
                _ => self.value(of, None),
            },
            Value::List(values) => {
                let of = match shape {
                    Some(Shape::List(of)) => Some(&**of),
                    _ => None,
                };
                self.all('[', values.len(), ']', |writer, at| writer.value(&values[at], of));
            }
            Value::Tuple(values) => {
                let of = match shape {
                    Some(Shape::Tuple(of)) => of.as_slice(),
                    _ => &[],
                };
                self.all('[', values.len(), ']', |writer, at| {
                    writer.value(&values[at], of.get(at));
                });
            }
            Value::Map(entries) => self.map(entries, shape),
            Value::Struct(fields) => {
                let of = shape.map_or(&[][..], Shape::fields);
                self.all('{', fields.len(), '}', |writer, at| {
                    let (name, value) = &fields[at];
                    writer.name(name);
                    writer.value(value, of.get(at).map(|field| &field.shape));
                });
            }
            Value::Enum { variant, value } => {
                if matches!(**value, Value::Unit) {
                    return self.text(variant);
                }
                let held = match shape {
                    Some(Shape::Enum { variants, .. }) => {
                        variants.iter().find(|known| known.name == *variant)
                    }
                    _ => None,
                };
                self.all('{', 1, '}', |writer, _| {
                    writer.name(variant);
                    writer.value(value, held.map(|held| &held.shape));
                });
            }
        }
    }

    /// An object where all keys are strings, else an array of pairs. An empty one is what its shape says.
    fn map(&mut self, entries: &[(Value, Value)], shape: Option<&Shape>) {
        let (keys, values) = match shape {
            Some(Shape::Map(keys, values)) => (Some(&**keys), Some(&**values)),
            _ => (None, None),
        };
        let texts = match keys {
            Some(keys) => matches!(keys, Shape::Str),
            None => entries.iter().all(|(key, _)| matches!(key, Value::Str(_))),
        };
        let (open, close) = if texts { ('{', '}') } else { ('[', ']') };
        self.all(open, entries.len(), close, |writer, at| match &entries[at] {
            (Value::Str(key), value) if texts => {
                writer.name(key);
                writer.value(value, values);
            }
            (key, value) => writer.all('[', 2, ']', |writer, at| match at {
                0 => writer.value(key, keys),
                _ => writer.value(value, values),
            }),
        });
    }

    fn all(&mut self, open: char, count: usize, close: char, put: impl Fn(&mut Self, usize)) {
        self.out.push(open);
        self.level = self.level.map(|level| level + 1);
        for at in 0..count {
            if at > 0 {
                self.out.push(',');
            }
            self.line();
            put(self, at);
        }
        self.level = self.level.map(|level| level - 1);
        if count > 0 {
            self.line();
        }
        self.out.push(close);
    }

    fn line(&mut self) {
        if let Some(level) = self.level {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', level * INDENT));
        }
    }

    fn name(&mut self, name: &str) {
        self.text(name);
        self.out.push_str(if self.level.is_some() { ": " } else { ":" });
    }

    /// JSON has no word for what is no number, so that is a text, which is also read as one.
    fn float(&mut self, value: f64, narrow: bool) {
        let text = match narrow {
            true => format!("{:?}", value as f32),
            false => format!("{value:?}"),
        };
        match value.is_finite() {
            true => self.out.push_str(&text),
            false => self.text(&text),
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.out.extend(['\\', c]),
                '\n' => self.out.push_str("\\n"),
                '\t' => self.out.push_str("\\t"),
                '\r' => self.out.push_str("\\r"),
                // A terminal would act on the upper control characters too.
                c if c.is_control() => self.out.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}
