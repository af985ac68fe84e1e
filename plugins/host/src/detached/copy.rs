//! From values of Lua to values of nobody.

use std::sync::Arc;

use gshell_small::Map;
use gshell_wire::Code;
use mlua::{Lua, Value};

use super::value::{Owned, Reference, Table};
use crate::noted::Noted;
use crate::object::InUse;
use crate::record::Record;

/// Tables within each other at most; one that contains itself has no end.
const DEPTH_MAX: u32 = 32;
/// Bytes that the arguments of one call may take together: 64 MiB.
const SIZE_MAX: usize = 64 << 20;
/// What a value counts beside the bytes of a string.
const VALUE: usize = size_of::<Owned>();

/// Copies what a script gives to a function that blocks.
struct Copy<'a> {
    lua: &'a Lua,
    record: &'static Record,
    left: usize,
    /// Objects that occur: each is taken once, however often it is given.
    used: Map<usize, Arc<InUse>>,
}

/// The arguments.
///
/// # Errors
/// When they are too much, or an object is in use.
pub(super) fn arguments<'a>(
    lua: &Lua,
    record: &'static Record,
    args: impl Iterator<Item = &'a Value>,
) -> Result<Vec<Owned>, Noted> {
    let mut copy = Copy {
        lua,
        record,
        left: SIZE_MAX,
        used: Map::new(),
    };
    args.map(|value| copy.value(value, DEPTH_MAX)).collect()
}

impl Copy<'_> {
    fn limit(&self, what: &str) -> Noted {
        let text = format!(
            "'{}' runs elsewhere, with copied arguments: {what}",
            self.record.path()
        );
        Noted::new(Code::Limit, text)
    }

    fn count(&mut self, bytes: usize) -> Result<(), Noted> {
        match self.left.checked_sub(bytes.saturating_add(VALUE)) {
            Some(left) => self.left = left,
            None => {
                let text = format!("they take more than {} MiB", SIZE_MAX >> 20);
                return Err(self.limit(&text));
            }
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, depth: u32) -> Result<Owned, Noted> {
        self.count(0)?;
        Ok(match value {
            Value::Nil => Owned::Nil,
            Value::Boolean(value) => Owned::Boolean(*value),
            Value::Integer(value) => Owned::Integer(*value),
            Value::Number(value) => Owned::Number(*value),
            Value::String(text) => {
                let bytes = text.as_bytes();
                self.count(bytes.len())?;
                Owned::Bytes(bytes.to_vec())
            }
            Value::Table(table) => Owned::Table(Box::new(self.table(table, depth)?)),
            Value::UserData(object) => match crate::lua::peek(self.lua, object) {
                Ok(Some(object)) => self.object(&object)?,
                _ => Owned::Other("userdata"),
            },
            other => Owned::Other(other.type_name()),
        })
    }

    fn object(&mut self, object: &Arc<crate::object::Object>) -> Result<Owned, Noted> {
        let place = Arc::as_ptr(object).addr();
        let used = match self.used.get(&place) {
            Some(used) => Arc::clone(used),
            None => {
                let Some(taken) = object.take() else {
                    return Err(Noted::in_use(self.record, object.class_name()));
                };
                let taken = Arc::new(taken);
                self.used.insert(place, Arc::clone(&taken));
                taken
            }
        };
        Ok(Owned::Object(Reference::used(used)))
    }

    fn table(&mut self, table: &mlua::Table, depth: u32) -> Result<Table, Noted> {
        let Some(depth) = depth.checked_sub(1) else {
            let text = format!("tables in them are nested deeper than {DEPTH_MAX}");
            return Err(self.limit(&text));
        };
        let mut made = Table::default();
        // Items that come before those in front of them: of a table that was not filled in order.
        let mut later = Map::new();
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair.map_err(|_| Noted::Memory)?;
            let value = self.value(&value, depth)?;
            match key {
                Value::Integer(number) if number > 0 => {
                    later.insert(number, value);
                    while let Some(next) = later.remove(&made.next()) {
                        made.items.push(next);
                    }
                }
                key => {
                    let key = self.value(&key, depth)?;
                    made.pairs.push((key, value));
                }
            }
        }
        let rest = later.into_iter();
        made.pairs
            .extend(rest.map(|(number, value)| (Owned::Integer(number), value)));
        Ok(made)
    }
}

impl Table {
    fn next(&self) -> i64 {
        i64::try_from(self.items.len()).map_or(i64::MAX, |len| len.saturating_add(1))
    }
}
