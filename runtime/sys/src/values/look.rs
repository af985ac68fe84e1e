//! Reading a value where it is.

use std::os::raw::c_int;
use std::{ptr, slice};

use mlua::{Lua, Result, Table, Value};
use mlua_sys as ffi;
use mlua_sys::lua_State;

/// Slots of the stack that one look needs: a key, its copy, a value, and what a part of that pushes first.
const A_LOOK: c_int = 5;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind<'a> {
    /// Nothing.
    Nil,
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
    /// A table.
    Table,
    /// Something else, by the name of its type.
    Other(&'static str),
}

/// A value that is looked at. Its parts are looked at in turn by functions that get this again.
pub struct Look {
    state: *mut lua_State,
    /// Where on the stack the table of names is.
    names: c_int,
}

/// Looks at `value`. `names` are strings, by which fields are found ([`Look::field`]).
///
/// # Errors
/// When there is no room on Lua's stack.
pub fn look<R>(lua: &Lua, names: &Table, value: &Value, work: impl FnOnce(&mut Look) -> R) -> Result<R> {
    lua.exec_raw_lua(|raw| {
        let state = raw.state();
        // SAFETY: what is pushed has room and is taken away again, whatever `work` does with the stack in between, for
        // each function of `Look` leaves it as it was. An error value is pushed by making an object, so it is not.
        unsafe {
            let top = ffi::lua_gettop(state);
            if ffi::lua_checkstack(state, A_LOOK) == 0 {
                return Err(no_room());
            }
            let pushed = raw.push(names).and_then(|()| match value {
                Value::Error(_) => {
                    ffi::lua_pushlightuserdata(state, state.cast());
                    Ok(())
                }
                value => raw.push_value(value),
            });
            let names = top + 1;
            let done = pushed.map(|()| work(&mut Look { state, names }));
            ffi::lua_settop(state, top);
            done
        }
    })
}

#[cold]
fn no_room() -> mlua::Error {
    mlua::Error::runtime("no room on the stack")
}

/// Where the metatable of a table is, as [`Value::to_pointer`] says it.
pub fn metatable(lua: &Lua, value: &Value) -> Option<usize> {
    let Value::Table(table) = value else {
        return None;
    };
    lua.exec_raw_lua(|raw| {
        let state = raw.state();
        // SAFETY: two values are pushed at most, for which there is room, and taken away again.
        unsafe {
            let top = ffi::lua_gettop(state);
            if ffi::lua_checkstack(state, A_LOOK) == 0 || raw.push(table).is_err() {
                return None;
            }
            let found = on_top(state);
            ffi::lua_settop(state, top);
            found
        }
    })
}

/// The metatable of the value on top.
///
/// # Safety
/// There is one, and room for one more.
unsafe fn on_top(state: *mut lua_State) -> Option<usize> {
    // SAFETY: the metatable is taken away again.
    unsafe {
        if ffi::lua_getmetatable(state, -1) == 0 {
            return None;
        }
        let found = ffi::lua_topointer(state, -1).addr();
        ffi::lua_settop(state, -2);
        Some(found)
    }
}

impl Look {
    /// What it is.
    pub fn kind(&self) -> Kind<'_> {
        // SAFETY: there is a value on top, of the type that is asked for; a string's bytes stay where they are as long as
        // it is on the stack, which is as long as this is borrowed, and nothing converts it.
        unsafe {
            let state = self.state;
            match ffi::lua_type(state, -1) {
                ffi::LUA_TNIL | ffi::LUA_TNONE => Kind::Nil,
                ffi::LUA_TBOOLEAN => Kind::Bool(ffi::lua_toboolean(state, -1) != 0),
                ffi::LUA_TNUMBER if ffi::lua_isinteger(state, -1) != 0 => {
                    Kind::Int(ffi::lua_tointegerx(state, -1, ptr::null_mut()))
                }
                ffi::LUA_TNUMBER => Kind::Number(ffi::lua_tonumberx(state, -1, ptr::null_mut())),
                ffi::LUA_TSTRING => {
                    let mut length = 0;
                    let text = ffi::lua_tolstring(state, -1, &raw mut length);
                    Kind::Text(slice::from_raw_parts(text.cast(), length))
                }
                ffi::LUA_TTABLE => Kind::Table,
                ffi::LUA_TLIGHTUSERDATA if ffi::lua_touserdata(state, -1).is_null() => Kind::Null,
                ffi::LUA_TLIGHTUSERDATA => Kind::Other("lightuserdata"),
                ffi::LUA_TFUNCTION => Kind::Other("function"),
                ffi::LUA_TTHREAD => Kind::Other("thread"),
                _ => Kind::Other("userdata"),
            }
        }
    }

    fn is_table(&self) -> bool {
        matches!(self.kind(), Kind::Table)
    }

    /// Where its metatable is, see [`metatable`].
    pub fn metatable(&self) -> Option<usize> {
        // SAFETY: there is a value on top, and room for what one more look pushes.
        unsafe { on_top(self.state) }
    }

    /// Looks at the field whose name has this index among the names, from 1; nil if there is none.
    pub fn field<R>(&mut self, name: u32, work: impl FnOnce(&mut Look) -> R) -> Option<R> {
        let table = self.is_table();
        self.pushed(work, |state, names| {
            // SAFETY: the name is replaced by what is found in the table below it; nothing is called or made.
            unsafe {
                ffi::lua_rawgeti(state, names, name.into());
                match table {
                    true => drop(ffi::lua_rawget(state, -2)),
                    false => {
                        ffi::lua_settop(state, -2);
                        ffi::lua_pushnil(state);
                    }
                }
            }
        })
    }

    /// Looks at the entry with an index; nil if there is none.
    pub fn entry<R>(&mut self, index: i64, work: impl FnOnce(&mut Look) -> R) -> Option<R> {
        let table = self.is_table();
        self.pushed(work, |state, _| {
            // SAFETY: one value is pushed; nothing is called or made.
            unsafe {
                match table {
                    true => drop(ffi::lua_rawgeti(state, -1, index)),
                    false => ffi::lua_pushnil(state),
                }
            }
        })
    }

    /// Looks at the key of an entry; only where [`Look::each`] has called.
    pub fn key<R>(&mut self, work: impl FnOnce(&mut Look) -> R) -> Option<R> {
        self.pushed(work, |state, _| {
            // SAFETY: below what is looked at there always is another value, if only the names.
            unsafe { ffi::lua_pushvalue(state, -2) }
        })
    }

    /// `None`: there is no room to look deeper.
    fn pushed<R>(
        &mut self,
        work: impl FnOnce(&mut Look) -> R,
        push: impl FnOnce(*mut lua_State, c_int),
    ) -> Option<R> {
        // SAFETY: asked for before anything is pushed; what was pushed is taken away again.
        unsafe {
            if ffi::lua_checkstack(self.state, A_LOOK) == 0 {
                return None;
            }
            push(self.state, self.names);
            let done = work(self);
            ffi::lua_settop(self.state, -2);
            Some(done)
        }
    }

    /// Length as a list.
    pub fn len(&self) -> usize {
        match self.is_table() {
            // SAFETY: a table is on top.
            true => unsafe { ffi::lua_rawlen(self.state, -1) },
            false => 0,
        }
    }

    /// Whether there is no entry at all.
    pub fn is_empty(&self) -> bool {
        self.count(1) == 0
    }

    /// Entries of a table, counted up to `most`.
    pub fn count(&self, most: usize) -> usize {
        let mut count = 0;
        let mut own = Look {
            state: self.state,
            names: self.names,
        };
        let _: Option<std::result::Result<(), ()>> = own.each(|_| {
            count += 1;
            if count < most { Ok(()) } else { Err(()) }
        });
        count
    }

    /// Looks at each value of a table, in no order, until an error; see [`Look::key`]. `None`: there is no room to.
    pub fn each<E>(
        &mut self,
        mut work: impl FnMut(&mut Look) -> std::result::Result<(), E>,
    ) -> Option<std::result::Result<(), E>> {
        if !self.is_table() {
            return Some(Ok(()));
        }
        let state = self.state;
        // SAFETY: the table stays below its key, which is one of it, for nothing changes it meanwhile. Each turn takes its value
        // away, the last one there is no key any more.
        unsafe {
            if ffi::lua_checkstack(state, A_LOOK) == 0 {
                return None;
            }
            ffi::lua_pushnil(state);
            while ffi::lua_next(state, -2) != 0 {
                let done = work(self);
                ffi::lua_settop(state, -2);
                if done.is_err() {
                    ffi::lua_settop(state, -2);
                    return Some(done);
                }
            }
            Some(Ok(()))
        }
    }
}
