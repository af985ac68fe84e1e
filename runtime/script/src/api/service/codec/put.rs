//! Lua values to bytes or to a tree, or only checked: one walk for all three.

use std::fmt;

use gshell_wire::{DEPTH_MAX, Value as Tree, Width, Writer};
use mlua::{Table, Value};

use super::plan::{Part, Plan};

/// Why a value is none of the shape. Its text is `num: expected i32, got string`.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    path: String,
    what: String,
}

impl Misfit {
    #[cold]
    fn new(what: impl Into<String>) -> Misfit {
        Misfit {
            path: String::new(),
            what: what.into(),
        }
    }

    #[cold]
    fn under(mut self, name: &str) -> Misfit {
        let dot = match self.path.chars().next() {
            None | Some('[') => "",
            Some(_) => ".",
        };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }

    /// The text, with the name of the message before the path.
    pub fn of(&self, message: &str) -> String {
        match self.path.chars().next() {
            None | Some('[') => format!("{message}{self}"),
            Some(_) => format!("{message}.{self}"),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

type Result<T> = std::result::Result<T, Misfit>;

enum Sink<'a> {
    Bytes(Writer<'a>),
    Tree,
    Nothing,
}

/// One walk over a value.
pub struct Put<'a> {
    sink: Sink<'a>,
    depth: u8,
    /// Bytes that may still be written, about.
    left: usize,
    /// A field that the shape does not have is an error.
    strict: bool,
}

impl Put<'_> {
    fn new(sink: Sink<'_>, strict: bool, limit: u32) -> Put<'_> {
        Put {
            sink,
            depth: DEPTH_MAX,
            left: usize::try_from(limit).unwrap_or(usize::MAX),
            strict,
        }
    }

    /// Appends `value` to `out`, which is as it was after an error. `strict`: fields that the plan does not have are an
    /// error; `limit`: most bytes.
    pub fn bytes(plan: &Plan, value: &Value, strict: bool, limit: u32, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let result = Put::new(Sink::Bytes(Writer::new(out)), strict, limit).value(plan, value);
        if result.is_err() {
            out.truncate(start);
        }
        result.map(drop)
    }

    /// `value` as a tree.
    pub fn tree(plan: &Plan, value: &Value, strict: bool, limit: u32) -> Result<Tree> {
        Put::new(Sink::Tree, strict, limit).value(plan, value)
    }

    /// Only checks.
    pub fn check(plan: &Plan, value: &Value, limit: u32) -> Result<()> {
        Put::new(Sink::Nothing, true, limit).value(plan, value).map(drop)
    }

    fn pay(&mut self, bytes: usize) -> Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Misfit::new(
                "the message is too long: send it in pieces, on a stream",
            )),
        }
    }

    fn value(&mut self, plan: &Plan, value: &Value) -> Result<Tree> {
        self.pay(1)?;
        match plan {
            Plan::Bool => match value {
                Value::Boolean(yes) => {
                    if let Sink::Bytes(out) = &mut self.sink {
                        out.bool(*yes);
                    }
                    Ok(Tree::Bool(*yes))
                }
                _ => Err(expected("bool", value)),
            },
            Plan::Int(width) => self.int(*width, value),
            Plan::Uint(width) => self.uint(*width, value),
            Plan::F32 => {
                let number = float("f32", value)?;
                let narrow = number as f32;
                if narrow.is_infinite() && number.is_finite() {
                    return Err(range(value, "f32"));
                }
                if let Sink::Bytes(out) = &mut self.sink {
                    out.f32(narrow);
                }
                Ok(Tree::Float(f64::from(narrow)))
            }
            Plan::F64 => {
                let number = float("f64", value)?;
                if let Sink::Bytes(out) = &mut self.sink {
                    out.f64(number);
                }
                Ok(Tree::Float(number))
            }
            Plan::Str => self.text(value),
            Plan::Bytes => self.raw(value),
            Plan::Unit => match value {
                value if is_nothing(value) => Ok(Tree::Unit),
                Value::Table(table) if table.is_empty() => Ok(Tree::Unit),
                _ => Err(expected("nothing", value)),
            },
            composite => {
                self.depth = self
                    .depth
                    .checked_sub(1)
                    .ok_or_else(|| Misfit::new("nested too deep"))?;
                let tree = self.composite(composite, value)?;
                self.depth += 1;
                Ok(tree)
            }
        }
    }

    fn int(&mut self, width: Width, value: &Value) -> Result<Tree> {
        let (name, max) = match width {
            Width::W8 => ("i8", i64::from(i8::MAX)),
            Width::W16 => ("i16", i64::from(i16::MAX)),
            Width::W32 => ("i32", i64::from(i32::MAX)),
            Width::W64 => ("i64", i64::MAX),
        };
        let number = whole(value).ok_or_else(|| misnumber(name, value))?;
        if number > max || number < -max - 1 {
            return Err(range(value, name));
        }
        if let Sink::Bytes(out) = &mut self.sink {
            let _ = out.int(width, number);
        }
        Ok(Tree::Int(number))
    }

    fn uint(&mut self, width: Width, value: &Value) -> Result<Tree> {
        let (name, max) = match width {
            Width::W8 => ("u8", u64::from(u8::MAX)),
            Width::W16 => ("u16", u64::from(u16::MAX)),
            Width::W32 => ("u32", u64::from(u32::MAX)),
            Width::W64 => ("u64", u64::MAX),
        };
        let number = match whole(value) {
            Some(number) => u64::try_from(number).ok(),
            // What is above Lua's integers is text, see `take`.
            None => Some(large(value).ok_or_else(|| misnumber(name, value))?),
        };
        let number = number
            .filter(|number| *number <= max)
            .ok_or_else(|| range(value, name))?;
        if let Sink::Bytes(out) = &mut self.sink {
            let _ = out.uint(width, number);
        }
        Ok(Tree::Uint(number))
    }

    fn text(&mut self, value: &Value) -> Result<Tree> {
        let Value::String(string) = value else {
            return Err(expected("string", value));
        };
        let Ok(text) = string.to_str() else {
            return Err(Misfit::new("expected string, got bytes that are not UTF-8"));
        };
        self.pay(text.len())?;
        Ok(match &mut self.sink {
            Sink::Bytes(out) => {
                out.str(&text);
                Tree::Unit
            }
            Sink::Tree => Tree::Str((*text).to_owned()),
            Sink::Nothing => Tree::Unit,
        })
    }

    fn raw(&mut self, value: &Value) -> Result<Tree> {
        let Value::String(string) = value else {
            return Err(expected("bytes", value));
        };
        let bytes = string.as_bytes();
        self.pay(bytes.len())?;
        Ok(match &mut self.sink {
            Sink::Bytes(out) => {
                out.bytes(&bytes);
                Tree::Unit
            }
            Sink::Tree => Tree::Bytes(bytes.to_vec()),
            Sink::Nothing => Tree::Unit,
        })
    }

    fn composite(&mut self, plan: &Plan, value: &Value) -> Result<Tree> {
        match (plan, value) {
            (Plan::Option(of), value) => {
                let there = !is_nothing(value);
                if let Sink::Bytes(out) = &mut self.sink {
                    out.bool(there);
                }
                if !there {
                    return Ok(Tree::Option(None));
                }
                Ok(Tree::Option(Some(Box::new(self.value(of, value)?))))
            }
            (Plan::Enum(variants), value) => self.variant(variants, value),
            (Plan::Struct(fields), Value::Table(table)) => self.fields(fields, table),
            (Plan::List(of, _), Value::Table(table)) => self.list(of, table),
            (Plan::Map(keys, values, _), Value::Table(table)) => self.map(keys, values, table),
            (Plan::Tuple(plans), Value::Table(table)) => {
                let mut trees = self.room(plans.len());
                for (index, plan) in plans.iter().enumerate() {
                    let tree = self.entry(plan, table, index + 1)?;
                    self.keep(&mut trees, tree);
                }
                Ok(Tree::Tuple(trees))
            }
            (Plan::Struct(_), _) => Err(expected("table", value)),
            (Plan::List(..), _) => Err(expected("list", value)),
            (Plan::Map(..), _) => Err(expected("map", value)),
            _ => Err(expected("tuple", value)),
        }
    }

    /// Entries of a tree, if one is made.
    fn room<T>(&self, entries: usize) -> Vec<T> {
        match self.sink {
            Sink::Tree => Vec::with_capacity(entries.min(1024)),
            _ => Vec::new(),
        }
    }

    fn keep<T>(&self, trees: &mut Vec<T>, tree: T) {
        if matches!(self.sink, Sink::Tree) {
            trees.push(tree);
        }
    }

    fn fields(&mut self, fields: &[Part], table: &Table) -> Result<Tree> {
        let mut trees = self.room(fields.len());
        let mut found = 0usize;
        for field in fields {
            let value: Value = table.raw_get(&field.name).map_err(from_lua)?;
            found += usize::from(!value.is_nil());
            let tree = self
                .value(&field.plan, &value)
                .map_err(|misfit| misfit.under(&field.text))?;
            if matches!(self.sink, Sink::Tree) {
                trees.push((field.text.to_string(), tree));
            }
        }
        if self.strict {
            self.strangers(fields, table, found)?;
        }
        Ok(Tree::Struct(trees))
    }

    /// A field that the shape does not have is a misspelt one.
    fn strangers(&self, fields: &[Part], table: &Table, found: usize) -> Result<()> {
        let mut entries = 0usize;
        // As booleans, so that no references to the values are made.
        let walked = table.for_each(|_: bool, _: bool| {
            entries += 1;
            Ok(())
        });
        walked.map_err(from_lua)?;
        if entries <= found {
            return Ok(());
        }
        for entry in table.pairs::<Value, Value>() {
            let (key, _) = entry.map_err(from_lua)?;
            let known = |name: &str| fields.iter().any(|field| &*field.text == name);
            let text = shown(&key);
            if !key
                .as_string()
                .is_some_and(|key| key.to_str().is_ok_and(|key| known(&key)))
            {
                let names: Vec<_> = fields.iter().take(20).map(|field| &*field.text).collect();
                let what = format!("no such field; there are: {}", names.join(", "));
                return Err(Misfit::new(what).under(&text));
            }
        }
        Ok(())
    }

    fn entry(&mut self, plan: &Plan, table: &Table, index: usize) -> Result<Tree> {
        let value: Value = table.raw_get(index).map_err(from_lua)?;
        self.value(plan, &value)
            .map_err(|misfit| misfit.under(&format!("[{index}]")))
    }

    fn list(&mut self, of: &Plan, table: &Table) -> Result<Tree> {
        let length = table.raw_len();
        let Ok(count) = u32::try_from(length) else {
            return Err(Misfit::new("too many entries"));
        };
        if length == 0 && !table.is_empty() {
            return Err(Misfit::new("expected list, got a table with names"));
        }
        if let Sink::Bytes(out) = &mut self.sink {
            out.len(count);
        }
        let mut trees = self.room(length);
        for index in 1..=length {
            let tree = self.entry(of, table, index)?;
            self.keep(&mut trees, tree);
        }
        Ok(Tree::List(trees))
    }

    fn map(&mut self, keys: &Plan, values: &Plan, table: &Table) -> Result<Tree> {
        let entries = table.pairs::<Value, Value>().collect::<mlua::Result<Vec<_>>>();
        let entries = entries.map_err(from_lua)?;
        let Ok(count) = u32::try_from(entries.len()) else {
            return Err(Misfit::new("too many entries"));
        };
        if let Sink::Bytes(out) = &mut self.sink {
            out.len(count);
        }
        let mut trees = self.room(entries.len());
        for (key, value) in entries {
            let named = |misfit: Misfit| misfit.under(&shown(&key));
            let key_tree = self.value(keys, &key).map_err(named)?;
            let tree = self.value(values, &value).map_err(named)?;
            self.keep(&mut trees, (key_tree, tree));
        }
        Ok(Tree::Map(trees))
    }

    /// A variant that holds nothing is its name, another a table with one entry, `{ Name = value }`.
    fn variant(&mut self, variants: &[Part], value: &Value) -> Result<Tree> {
        let (name, held) = match value {
            Value::String(name) => (name.clone(), Value::Nil),
            Value::Table(table) => match table.pairs::<Value, Value>().next() {
                Some(Ok((Value::String(name), held))) if table.pairs::<Value, Value>().count() == 1 => {
                    (name, held)
                }
                _ => {
                    return Err(Misfit::new(
                        "expected the name of a variant, or a table with one entry",
                    ));
                }
            },
            _ => return Err(expected("the name of a variant", value)),
        };
        let found = (0u32..).zip(variants).find(|(_, variant)| variant.name == name);
        let Some((index, variant)) = found else {
            let names: Vec<_> = variants.iter().take(20).map(|variant| &*variant.text).collect();
            let what = format!("no such variant; there are: {}", names.join(", "));
            return Err(Misfit::new(what).under(&shown(&Value::String(name))));
        };
        if let Sink::Bytes(out) = &mut self.sink {
            out.variant(index);
        }
        let held = match (&variant.plan, held) {
            // `{ Off = true }`, as it is natural for a set of names.
            (Plan::Unit, Value::Boolean(true)) => Value::Nil,
            (_, held) => held,
        };
        let tree = self
            .value(&variant.plan, &held)
            .map_err(|misfit| misfit.under(&variant.text))?;
        Ok(match self.sink {
            Sink::Tree => Tree::Enum {
                variant: variant.text.to_string(),
                value: Box::new(tree),
            },
            _ => Tree::Unit,
        })
    }
}

/// nil, or the `null` of `gshell.json`, which a list can hold.
fn is_nothing(value: &Value) -> bool {
    value.is_nil() || value.is_null()
}

/// The integer that a value is; a float without a fraction is one too.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Number(number) => {
            let integer = *number as i64;
            // The largest i64 as a float is one more than it.
            (integer as f64 == *number && integer != i64::MAX).then_some(integer)
        }
        _ => None,
    }
}

/// An unsigned number above Lua's integers, in digits.
fn large(value: &Value) -> Option<u64> {
    let text = value.as_string()?;
    let text = text.to_str().ok()?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn float(name: &str, value: &Value) -> Result<f64> {
    match value {
        Value::Number(number) => Ok(*number),
        Value::Integer(number) => Ok(*number as f64),
        _ => Err(expected(name, value)),
    }
}

#[cold]
fn expected(what: &str, got: &Value) -> Misfit {
    let got = match got {
        got if is_nothing(got) => "nil",
        Value::Integer(_) => "number",
        other => other.type_name(),
    };
    Misfit::new(format!("expected {what}, got {got}"))
}

/// A number that is no integer, or no number at all.
#[cold]
fn misnumber(name: &str, value: &Value) -> Misfit {
    match value {
        Value::Number(_) => range(value, name),
        _ => expected(name, value),
    }
}

#[cold]
fn range(value: &Value, name: &str) -> Misfit {
    Misfit::new(format!("{} does not fit {name}", shown(value)))
}

/// A value as an error names it.
#[cold]
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.to_string_lossy(),
        other => other.type_name().to_owned(),
    };
    text.chars().take(40).collect()
}

#[cold]
fn from_lua(error: mlua::Error) -> Misfit {
    Misfit::new(crate::errors::root_message(&error))
}
