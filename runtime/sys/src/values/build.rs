//! Making a value, step by step, in one protected call.

use std::os::raw::c_int;

use mlua::{Lua, Result, Table, Value};
use mlua_sys as ffi;
use mlua_sys::lua_State;

/// Digits of the largest `u64`.
const DIGITS: usize = 20;
/// Values on the stack below those that are made: the names and the metatable.
const BASE: c_int = 2;
/// Slots of the stack that a table needs: itself, a key, a value, and the one that is put in.
const A_TABLE: c_int = 4;

/// One step of making a value. Values are put onto a stack.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// `null`, which a list can hold.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Number(f64),
    /// A string.
    Text(&'a [u8]),
    /// A string of the digits of a number.
    Digits(u64),
    /// A string that is there already: the one with this index, from 1, in the table of names.
    Name(u32),
    /// An empty table.
    Table {
        /// Entries of a list for which there is room.
        list: u32,
        /// Other entries for which there is room.
        named: u32,
    },
    /// Puts the value on top into the table below it, under an index.
    Index(i64),
    /// Puts the value on top into the table below it and its key, which is neither nil nor NaN.
    Entry,
}

/// The value that is on top after the steps that `next` gives, nil if there is none. A table gets the metatable.
/// `names` has strings only.
///
/// # Errors
/// When Lua's memory is full, or a step does not fit what is there.
pub fn build<'a>(
    lua: &Lua,
    names: &Table,
    meta: &Table,
    next: &mut dyn FnMut() -> Option<Step<'a>>,
) -> Result<Value> {
    // SAFETY: exec_raw calls it in a protected call with the two tables on the stack, and takes what is left there. Lua's
    // errors leave `run` and `apply`, in which nothing is to be dropped: steps are plain data, and `next` has returned.
    unsafe { lua.exec_raw((names, meta), |state| run(state, next)) }
}

/// # Safety
/// In a protected call of `l` whose only arguments are the names and the metatable.
unsafe fn run<'a>(l: *mut lua_State, next: &mut dyn FnMut() -> Option<Step<'a>>) {
    // SAFETY: apply leaves the two arguments where they are, and keeps room for three more values.
    unsafe {
        while let Some(step) = next() {
            apply(l, step);
        }
        if ffi::lua_gettop(l) <= BASE {
            ffi::lua_pushnil(l);
        }
        if ffi::lua_type(l, -1) == ffi::LUA_TTABLE {
            ffi::lua_pushvalue(l, BASE);
            ffi::lua_setmetatable(l, -2);
        }
        ffi::lua_replace(l, 1);
        ffi::lua_settop(l, 1);
    }
}

/// # Safety
/// As for [`run`].
unsafe fn apply(l: *mut lua_State, step: Step<'_>) {
    // SAFETY: whatever pushes has room: checked here by each step, for a C function begins with LUA_MINSTACK. What is taken
    // away is looked at first. The text is borrowed for the call, and Lua copies it.
    unsafe {
        match step {
            Step::Index(index) => {
                expect_table(l, 2);
                return ffi::lua_rawseti(l, -2, index);
            }
            Step::Entry => {
                expect_table(l, 3);
                return ffi::lua_rawset(l, -3);
            }
            _ => ffi::luaL_checkstack(l, A_TABLE, c"values are nested too deep".as_ptr()),
        }
        match step {
            Step::Null => ffi::lua_pushlightuserdata(l, Value::NULL.to_pointer().cast_mut()),
            Step::Bool(yes) => ffi::lua_pushboolean(l, c_int::from(yes)),
            Step::Int(number) => ffi::lua_pushinteger(l, number),
            Step::Number(number) => ffi::lua_pushnumber(l, number),
            Step::Text(text) => {
                ffi::lua_pushlstring(l, text.as_ptr().cast(), text.len());
            }
            Step::Digits(number) => digits(l, number),
            Step::Name(name) => {
                ffi::lua_rawgeti(l, 1, name.into());
            }
            Step::Table { list, named } => {
                let room = |count| c_int::try_from(count).unwrap_or(c_int::MAX);
                ffi::lua_createtable(l, room(list), room(named));
            }
            Step::Index(_) | Step::Entry => {}
        }
    }
}

/// Raises an error unless the value that is the `depth`th from the top was made here and is a table.
///
/// # Safety
/// As for [`run`].
unsafe fn expect_table(l: *mut lua_State, depth: c_int) {
    // SAFETY: the index is looked at only when there are as many values; luaL_error leaves a frame with nothing to drop.
    unsafe {
        let there = ffi::lua_gettop(l) >= BASE + depth && ffi::lua_type(l, -depth) == ffi::LUA_TTABLE;
        if !there {
            ffi::luaL_error(l, c"a value does not fit".as_ptr());
        }
    }
}

/// # Safety
/// As for [`run`], with room for one value.
unsafe fn digits(l: *mut lua_State, mut number: u64) {
    let mut text = [b'0'; DIGITS];
    let mut at = DIGITS;
    for (place, digit) in text.iter_mut().enumerate().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        at = place;
        if number == 0 {
            break;
        }
    }
    let text = text.get(at..).unwrap_or_default();
    // SAFETY: Lua copies the text.
    unsafe {
        ffi::lua_pushlstring(l, text.as_ptr().cast(), text.len());
    }
}
