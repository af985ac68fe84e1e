//! The table of a plugin: its functions and constants, and what its objects need.

use std::ptr;

use gshell_plugin_abi::{Constant, kind};
use mlua::{Function, Lua, Result, Table, Value};
use mlua_sys as ffi;

use super::{MAKE_ERROR, PARTS, call, key, objects};
use crate::Plugin;
use crate::detached::Blocking;
use crate::record::{self, Class, Record};

/// What the host of scripts adds to a plugin's table.
pub struct Hooks<'a> {
    /// `error(code, text)`: makes the object that a script catches. The code is one of those that messages carry, or a
    /// number that nobody knows.
    pub error: Function,
    /// Makes the function for one that blocks: it waits where the script can, and runs the call elsewhere.
    pub blocking: &'a dyn Fn(&Lua, Blocking) -> Result<Function>,
}

/// The raw table of a plugin for this Lua state: functions and constants by name. Objects of its classes have their
/// methods from here on.
///
/// # Errors
/// When Lua's memory is full.
pub fn module(lua: &Lua, plugin: &'static Plugin, hooks: &Hooks<'_>) -> Result<Table> {
    prepare(lua, hooks)?;
    let records = record::of(plugin);
    for class in &records.classes {
        class_table(lua, plugin, class, hooks)?;
    }
    let table = lua.create_table_with_capacity(0, records.functions.len() + plugin.constants().len())?;
    for constant in plugin.constants() {
        table.raw_set(plugin.text(constant.name), value_of(lua, plugin, constant)?)?;
    }
    for function in &records.functions {
        table.raw_set(function.name, function_of(lua, function, hooks)?)?;
    }
    Ok(table)
}

/// What all plugins of a state share.
fn prepare(lua: &Lua, hooks: &Hooks<'_>) -> Result<()> {
    // SAFETY: the closure gets the function as the only value; a full memory leaves it by an error, with nothing in it that
    // has a destructor.
    unsafe {
        lua.exec_raw::<()>(&hooks.error, |l| {
            ffi::lua_rawsetp(l, ffi::LUA_REGISTRYINDEX, key(&MAKE_ERROR));
            if ffi::lua_rawgetp(l, ffi::LUA_REGISTRYINDEX, key(&PARTS)) != ffi::LUA_TTHREAD {
                ffi::lua_newthread(l);
                ffi::lua_rawsetp(l, ffi::LUA_REGISTRYINDEX, key(&PARTS));
            }
            ffi::lua_settop(l, 0);
        })
    }
}

fn value_of(lua: &Lua, plugin: &'static Plugin, constant: &Constant) -> Result<Value> {
    Ok(match constant.kind {
        kind::BOOLEAN => Value::Boolean(constant.integer != 0),
        kind::INTEGER => Value::Integer(constant.integer),
        kind::NUMBER => Value::Number(constant.number),
        kind::BYTES => Value::String(lua.create_string(plugin.bytes(constant.bytes))?),
        _ => Value::Nil,
    })
}

fn function_of(lua: &Lua, record: &'static Record, hooks: &Hooks<'_>) -> Result<Function> {
    match record.blocking {
        true => (hooks.blocking)(lua, Blocking::new(record)),
        false => closure(lua, record, call::trampoline),
    }
}

/// As a function that Lua calls when a variable that is to be closed goes out of scope.
fn closer_of(lua: &Lua, record: &'static Record, hooks: &Hooks<'_>) -> Result<Function> {
    match record.blocking {
        true => (hooks.blocking)(lua, Blocking::new(record).with_object_only()),
        false => closure(lua, record, call::close_trampoline),
    }
}

fn closure(lua: &Lua, record: &'static Record, function: ffi::lua_CFunction) -> Result<Function> {
    // SAFETY: the closure's upvalue is what the trampoline asks for; a full memory leaves by an error.
    unsafe {
        lua.exec_raw::<Function>((), |l| {
            ffi::lua_pushlightuserdata(l, ptr::from_ref(record).cast_mut().cast());
            ffi::lua_pushcclosure(l, function, 1);
        })
    }
}

/// Makes the metatable for objects of a class, once in a state: objects of before keep theirs.
fn class_table(lua: &Lua, plugin: &'static Plugin, class: &'static Class, hooks: &Hooks<'_>) -> Result<()> {
    // SAFETY: pushes what the registry has, which is a table or nil.
    let known = unsafe {
        lua.exec_raw::<Value>((), |l| {
            ffi::lua_rawgetp(l, ffi::LUA_REGISTRYINDEX, ptr::from_ref(class.class).cast());
        })?
    };
    if !known.is_nil() {
        return Ok(());
    }
    let methods = lua.create_table_with_capacity(0, class.methods.len())?;
    let table = lua.create_table()?;
    for method in &class.methods {
        methods.raw_set(method.name, function_of(lua, method, hooks)?)?;
        if method.name == "close" {
            table.raw_set("__close", closer_of(lua, method, hooks)?)?;
        }
    }
    let name = format!("{}.{}", plugin.name(), class.name);
    table.raw_set("__index", methods)?;
    table.raw_set("__name", name.as_str())?;
    table.raw_set("__metatable", name.as_str())?;
    // SAFETY: the closure gets the table as the only value, and leaves the stack empty.
    unsafe { lua.exec_raw::<()>(table, |l| objects::enrol(l, class.class)) }
}
