//! Values that belong to no Lua state.

use std::sync::Arc;

use gshell_plugin_abi::kind;
use mlua::{Lua, Result, Value};

use crate::object::{InUse, Object};

/// A value of Lua, copied.
#[derive(Debug)]
pub enum Owned {
    /// `nil`
    Nil,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Number(f64),
    /// A string.
    Bytes(Vec<u8>),
    /// A table.
    Table(Box<Table>),
    /// An object of a plugin.
    Object(Reference),
    /// What cannot be copied; its type's name.
    Other(&'static str),
}

/// An object: one that a call made, or one that it works on.
#[derive(Debug)]
pub struct Reference(Held);

#[derive(Debug)]
enum Held {
    Made(Arc<Object>),
    Used(Arc<InUse>),
}

impl Reference {
    pub(crate) fn made(object: Arc<Object>) -> Reference {
        Reference(Held::Made(object))
    }

    pub(crate) fn used(object: Arc<InUse>) -> Reference {
        Reference(Held::Used(object))
    }

    pub(crate) fn object(&self) -> &Arc<Object> {
        match &self.0 {
            Held::Made(object) => object,
            Held::Used(used) => used.object(),
        }
    }
}

/// A table: its items 1 to n, and all other pairs.
#[derive(Debug, Default)]
pub struct Table {
    pub(crate) items: Vec<Owned>,
    pub(crate) pairs: Vec<(Owned, Owned)>,
}

impl Table {
    /// The value under the name.
    pub(crate) fn field(&self, name: &[u8]) -> Option<&(Owned, Owned)> {
        let mut pairs = self.pairs.iter();
        pairs.find(|(key, _)| matches!(key, Owned::Bytes(bytes) if bytes == name))
    }

    /// The value under the number.
    pub(crate) fn item(&self, index: u32) -> Option<&Owned> {
        let at = usize::try_from(index).ok()?;
        if let Some(item) = at.checked_sub(1).and_then(|at| self.items.get(at)) {
            return Some(item);
        }
        let mut pairs = self.pairs.iter();
        let is_it = |key: &Owned| matches!(key, Owned::Integer(number) if *number == i64::from(index));
        pairs.find(|(key, _)| is_it(key)).map(|(_, value)| value)
    }

    /// Sets what is under a key. Items come one after the other.
    pub(crate) fn set(&mut self, key: Owned, value: Owned) {
        let next = i64::try_from(self.items.len()).map_or(0, |len| len + 1);
        match key {
            Owned::Integer(number) if number == next => self.items.push(value),
            key => self.pairs.push((key, value)),
        }
    }
}

impl Owned {
    /// What kind the plugin sees.
    pub(crate) fn kind(&self) -> u32 {
        match self {
            Owned::Nil => kind::NIL,
            Owned::Boolean(_) => kind::BOOLEAN,
            Owned::Integer(_) => kind::INTEGER,
            Owned::Number(_) => kind::NUMBER,
            Owned::Bytes(_) => kind::BYTES,
            Owned::Table(_) => kind::TABLE,
            Owned::Object(_) => kind::OBJECT,
            Owned::Other(_) => kind::OTHER,
        }
    }

    /// What a script calls it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Owned::Integer(value) => format!("integer {value}"),
            Owned::Number(value) => format!("number {value}"),
            Owned::Object(object) => object.object().class_name().to_owned(),
            Owned::Other(name) => (*name).to_owned(),
            other => crate::noted::kind_name(other.kind()).to_owned(),
        }
    }

    /// The integer that it is, also as a float without a fraction.
    pub(crate) fn integer(&self) -> Option<i64> {
        match *self {
            Owned::Integer(value) => Some(value),
            // -2^63 to below 2^63: both are floats.
            Owned::Number(value) if value.trunc() == value && (-TWO_63..TWO_63).contains(&value) => {
                Some(value as i64)
            }
            _ => None,
        }
    }

    /// As a value of Lua.
    ///
    /// # Errors
    /// When Lua's memory is full.
    pub fn to_lua(&self, lua: &Lua) -> Result<Value> {
        Ok(match self {
            Owned::Nil | Owned::Other(_) => Value::Nil,
            Owned::Boolean(value) => Value::Boolean(*value),
            Owned::Integer(value) => Value::Integer(*value),
            Owned::Number(value) => Value::Number(*value),
            Owned::Bytes(bytes) => Value::String(lua.create_string(bytes)?),
            Owned::Object(object) => Value::UserData(crate::lua::give(lua, object.object())?),
            Owned::Table(table) => {
                let made = lua.create_table_with_capacity(table.items.len(), table.pairs.len())?;
                for (index, item) in (1_i64..).zip(&table.items) {
                    made.raw_set(index, item.to_lua(lua)?)?;
                }
                for (key, value) in &table.pairs {
                    made.raw_set(key.to_lua(lua)?, value.to_lua(lua)?)?;
                }
                Value::Table(made)
            }
        })
    }
}

/// 2^63.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;
