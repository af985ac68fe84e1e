//! `gshell.json`: text to Lua values and back, without a tree in between.
//!
//! What Lua and JSON do not share is settled here: `json.null` stands for null, a table is an array when it
//! is marked (`json.array`, and every decoded array is) or holds 1..n and nothing else, and integers stay
//! integers.

use std::rc::Rc;

use mlua::{LightUserData, Lua, LuaString, Result, Table, Value};

use crate::Context;
use crate::api::options::{Options, invalid};
use crate::call::{self, Functions};

mod decode;
mod encode;

pub use decode::decode;
pub use encode::{Style, encode};

/// Arrays and objects may be this deep in each other, in both directions; the text parser's own bound.
pub const MAX_DEPTH: usize = 127;
/// Bytes that `encode` writes unless `limit` says otherwise: 4 MiB. A table that is shared many times grows
/// without end when written as text, and nothing else of the thread runs meanwhile.
const LIMIT: usize = 4 * 1024 * 1024;
/// Widest indentation.
const MAX_INDENT: usize = 16;
/// Registry name of the metatable that marks arrays.
const ARRAY: &str = "gshell.json.array";

/// Makes the module's table.
pub fn register(lua: &Lua, _cx: &Rc<Context>) -> Result<Table> {
    let module = lua.create_table()?;
    name_null(lua)?;
    module.raw_set("null", Value::NULL)?;
    let add = Functions { lua, table: &module };
    add.value("decode", |lua, (text,): (LuaString,)| {
        decode(lua, &text.as_bytes())
    })?;
    add.value("encode", encode_call)?;
    add.value("array", |lua, (table,): (Option<Table>,)| mark(lua, table))?;
    add.value("is_array", |lua, (value,): (Value,)| match value {
        Value::Table(table) => encode::is_array(&table, &array_metatable(lua)?),
        _ => Ok(false),
    })?;
    Ok(module)
}

fn encode_call(lua: &Lua, (value, options): (Value, Option<Table>)) -> Result<LuaString> {
    let options = Options::new("json.encode", options, &["indent", "sort", "limit"])?;
    let indent = match options.get::<Value>(lua, "indent")? {
        None | Some(Value::Boolean(false)) => 0,
        Some(Value::Boolean(true)) => 2,
        Some(Value::Integer(width)) if (0..=MAX_INDENT as i64).contains(&width) => width as usize,
        Some(_) => {
            return Err(invalid(
                "json.encode",
                "option \"indent\" is true, false, or 0 to 16 blanks",
            ));
        }
    };
    let style = Style {
        indent,
        sort: options.flag("sort")?,
        limit: options.limit(lua, LIMIT)?,
    };
    lua.create_string(encode(&value, style, &array_metatable(lua)?)?)
}

/// The metatable of marked arrays, one for each state.
pub fn array_metatable(lua: &Lua) -> Result<Table> {
    if let Some(found) = lua.named_registry_value::<Option<Table>>(ARRAY)? {
        return Ok(found);
    }
    let made = lua.create_table()?;
    made.raw_set("__name", "json.array")?;
    lua.set_named_registry_value(ARRAY, &made)?;
    Ok(made)
}

fn mark(lua: &Lua, table: Option<Table>) -> Result<Table> {
    let table = table.map_or_else(|| lua.create_table(), Ok)?;
    let mark = array_metatable(lua)?;
    if table.metatable().is_some_and(|found| found != mark) {
        return Err(invalid("json.array", "the table has a metatable already"));
    }
    table.set_metatable(Some(mark))?;
    Ok(table)
}

/// `json.null` is the null pointer, which costs nothing to make and to compare; printing it says "null".
fn name_null(lua: &Lua) -> Result<()> {
    let metatable = match lua.type_metatable::<LightUserData>() {
        Some(found) => found,
        None => lua.create_table()?,
    };
    let text = |_: &Lua, (value,): (LightUserData,)| {
        Ok(if value.0.is_null() {
            "null".to_owned()
        } else {
            format!("userdata: {:p}", value.0)
        })
    };
    metatable.raw_set("__tostring", call::value(lua, text)?)?;
    lua.set_type_metatable::<LightUserData>(Some(metatable));
    Ok(())
}

#[cfg(test)]
mod tests;
