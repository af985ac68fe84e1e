//! Bytes, or a tree, to Lua values.

use gshell_wire::{Reader, Value as Tree};
use mlua::{Lua, Result, Table, Value};

use super::plan::{Part, Plan};
use crate::errors::raise;

/// Entries for which room is made before they were read: a length is only what a peer says.
const ROOM: u32 = 4096;

/// The value that `bytes` hold.
pub fn read(lua: &Lua, plan: &Plan, bytes: &[u8]) -> Result<Value> {
    let mut take = Take {
        lua,
        reader: Reader::new(bytes),
    };
    let value = take.value(plan)?;
    take.reader.finish().map_err(unreadable)?;
    Ok(value)
}

#[cold]
fn unreadable(error: gshell_wire::DecodeError) -> mlua::Error {
    raise("bad_message", format!("it does not read: {error}"))
}

/// What a list, map or tuple holds for nothing: nil would not stay there.
fn present(value: Value) -> Value {
    if value.is_nil() { Value::NULL } else { value }
}

/// An integer above Lua's is its digits, so that nothing of it is lost.
fn unsigned(lua: &Lua, number: u64) -> Result<Value> {
    match i64::try_from(number) {
        Ok(number) => Ok(Value::Integer(number)),
        Err(_) => lua.create_string(number.to_string()).map(Value::String),
    }
}

fn room(lua: &Lua, count: u32) -> Result<Table> {
    lua.create_table_with_capacity(count.min(ROOM) as usize, 0)
}

fn set_entry(table: &Table, key: Value, value: Value) -> Result<()> {
    let usable = match &key {
        Value::Nil => false,
        Value::Number(number) => !number.is_nan(),
        _ => true,
    };
    if !usable {
        return Err(raise(
            "bad_message",
            "a map has a key that Lua cannot have: NaN or nothing",
        ));
    }
    table.raw_set(key, present(value))
}

struct Take<'a> {
    lua: &'a Lua,
    reader: Reader<'a>,
}

impl Take<'_> {
    fn value(&mut self, plan: &Plan) -> Result<Value> {
        let reader = &mut self.reader;
        match plan {
            Plan::Bool => reader.bool().map(Value::Boolean).map_err(unreadable),
            Plan::Int(width) => reader.int(*width).map(Value::Integer).map_err(unreadable),
            Plan::Uint(width) => unsigned(self.lua, reader.uint(*width).map_err(unreadable)?),
            Plan::F32 => {
                let number = reader.f32().map_err(unreadable)?;
                Ok(Value::Number(f64::from(number)))
            }
            Plan::F64 => reader.f64().map(Value::Number).map_err(unreadable),
            Plan::Str => {
                let text = reader.str().map_err(unreadable)?;
                self.lua.create_string(text).map(Value::String)
            }
            Plan::Bytes => {
                let bytes = reader.bytes().map_err(unreadable)?;
                self.lua.create_string(bytes).map(Value::String)
            }
            Plan::Unit => Ok(Value::Nil),
            composite => {
                reader.enter().map_err(unreadable)?;
                let value = self.composite(composite)?;
                self.reader.leave();
                Ok(value)
            }
        }
    }

    fn composite(&mut self, plan: &Plan) -> Result<Value> {
        match plan {
            Plan::Option(of) => {
                if self.reader.bool().map_err(unreadable)? {
                    self.value(of)
                } else {
                    Ok(Value::Nil)
                }
            }
            Plan::Struct(fields) => {
                let table = self.lua.create_table_with_capacity(0, fields.len())?;
                for field in fields {
                    let value = self.value(&field.plan)?;
                    if !value.is_nil() {
                        table.raw_set(&field.name, value)?;
                    }
                }
                Ok(Value::Table(table))
            }
            Plan::List(of, least) => {
                let count = self.reader.len(*least).map_err(unreadable)?;
                let table = room(self.lua, count)?;
                for index in 1..=i64::from(count) {
                    table.raw_set(index, present(self.value(of)?))?;
                }
                Ok(Value::Table(table))
            }
            Plan::Map(keys, values, least) => {
                let count = self.reader.len(*least).map_err(unreadable)?;
                let table = self.lua.create_table_with_capacity(0, count.min(ROOM) as usize)?;
                for _ in 0..count {
                    let key = self.value(keys)?;
                    set_entry(&table, key, self.value(values)?)?;
                }
                Ok(Value::Table(table))
            }
            Plan::Tuple(plans) => {
                let table = self.lua.create_table_with_capacity(plans.len(), 0)?;
                for (index, plan) in (1i64..).zip(plans) {
                    table.raw_set(index, present(self.value(plan)?))?;
                }
                Ok(Value::Table(table))
            }
            Plan::Enum(variants) => {
                let count = u32::try_from(variants.len()).unwrap_or(u32::MAX);
                let index = self.reader.variant(count).map_err(unreadable)?;
                match variants.get(index as usize) {
                    Some(variant) => {
                        let held = self.value(&variant.plan)?;
                        choice(self.lua, variant, held)
                    }
                    None => Ok(Value::Nil),
                }
            }
            // What holds nothing else was read by the caller.
            _ => Ok(Value::Nil),
        }
    }
}

/// A variant that holds nothing is its name, another a table with one entry.
fn choice(lua: &Lua, variant: &Part, held: Value) -> Result<Value> {
    if matches!(variant.plan, Plan::Unit) {
        return Ok(Value::String(variant.name.clone()));
    }
    let table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set(&variant.name, present(held))?;
    Ok(Value::Table(table))
}

/// The value that a tree holds, which is one of the plan's shape.
pub fn tree(lua: &Lua, plan: &Plan, tree: Tree) -> Result<Value> {
    Ok(match (plan, tree) {
        (_, Tree::Bool(yes)) => Value::Boolean(yes),
        (Plan::F32 | Plan::F64, Tree::Int(number)) => Value::Number(number as f64),
        (_, Tree::Int(number)) => Value::Integer(number),
        (_, Tree::Uint(number)) => unsigned(lua, number)?,
        (Plan::Int(_) | Plan::Uint(_), Tree::Float(number)) => Value::Integer(number as i64),
        (_, Tree::Float(number)) => Value::Number(number),
        (Plan::Enum(variants), Tree::Str(name)) => choose(lua, variants, &name, Tree::Unit)?,
        (_, Tree::Str(text)) => Value::String(lua.create_string(text)?),
        (_, Tree::Bytes(bytes)) => Value::String(lua.create_string(bytes)?),
        (Plan::Option(of), Tree::Option(Some(held))) => self::tree(lua, of, *held)?,
        (_, Tree::Unit | Tree::Option(None)) => Value::Nil,
        (Plan::Option(of), other) => self::tree(lua, of, other)?,
        (Plan::List(of, _), Tree::List(trees)) => {
            let table = lua.create_table_with_capacity(trees.len(), 0)?;
            for (index, entry) in (1i64..).zip(trees) {
                table.raw_set(index, present(self::tree(lua, of, entry)?))?;
            }
            Value::Table(table)
        }
        (Plan::Tuple(plans), Tree::Tuple(trees) | Tree::List(trees)) => {
            let table = lua.create_table_with_capacity(trees.len(), 0)?;
            for (index, (plan, entry)) in (1i64..).zip(plans.iter().zip(trees)) {
                table.raw_set(index, present(self::tree(lua, plan, entry)?))?;
            }
            Value::Table(table)
        }
        (Plan::Map(keys, values, _), Tree::Map(entries)) => {
            let table = lua.create_table_with_capacity(0, entries.len())?;
            for (key, value) in entries {
                let key = self::tree(lua, keys, key)?;
                set_entry(&table, key, self::tree(lua, values, value)?)?;
            }
            Value::Table(table)
        }
        (Plan::Struct(fields), Tree::Struct(trees)) => {
            let table = lua.create_table_with_capacity(0, fields.len())?;
            for (index, (name, held)) in trees.into_iter().enumerate() {
                // In the order of the shape as a rule.
                let field = fields
                    .get(index)
                    .filter(|field| *field.text == *name)
                    .or_else(|| fields.iter().find(|field| *field.text == *name));
                let Some(field) = field else { continue };
                let value = self::tree(lua, &field.plan, held)?;
                if !value.is_nil() {
                    table.raw_set(&field.name, value)?;
                }
            }
            Value::Table(table)
        }
        (Plan::Enum(variants), Tree::Enum { variant, value }) => choose(lua, variants, &variant, *value)?,
        _ => return Err(raise("bad_message", "it does not read: a tree of another shape")),
    })
}

fn choose(lua: &Lua, variants: &[Part], name: &str, held: Tree) -> Result<Value> {
    let Some(variant) = variants.iter().find(|variant| *variant.text == *name) else {
        return Err(raise(
            "bad_message",
            format!("it does not read: no variant {name}"),
        ));
    };
    let held = tree(lua, &variant.plan, held)?;
    choice(lua, variant, held)
}
