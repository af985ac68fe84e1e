//! Small pieces of Lua's C interface that the sandbox needs and that cannot be had safely from outside.

use std::os::raw::c_int;
use std::ptr;

use mlua::{Function, Lua, Table};
use mlua_sys as ffi;
use mlua_sys::lua_State;

/// Functions for a sandbox to hand out or to build on.
pub struct Helpers {
    /// The whole `debug` library: not for scripts.
    pub debug: Table,
    /// `line(...)`: the text that `print` writes, as one string.
    pub line: Function,
    /// `join(...)`: strings and numbers as one string; `nil, index` of the first argument that is neither.
    pub join: Function,
    /// `object(metatable)`: a full userdata without content that has this metatable.
    pub object: Function,
}

/// Makes them for one Lua state.
///
/// # Errors
/// When Lua's memory is full.
pub fn helpers(lua: &Lua) -> mlua::Result<Helpers> {
    // SAFETY: all are C functions that keep to Lua's protocol; luaopen_debug is Lua's own and returns its table.
    unsafe {
        Ok(Helpers {
            debug: lua.create_c_function(ffi::luaopen_debug)?.call(())?,
            line: lua.create_c_function(line)?,
            join: lua.create_c_function(join)?,
            object: lua.create_c_function(object)?,
        })
    }
}

unsafe extern "C-unwind" fn line(l: *mut lua_State) -> c_int {
    // SAFETY: a C function called by Lua; space for two values per argument is checked before they are pushed.
    unsafe {
        let n = ffi::lua_gettop(l);
        ffi::luaL_checkstack(
            l,
            n.saturating_mul(2).saturating_add(2),
            c"too many values to print".as_ptr(),
        );
        for i in 1..=n {
            ffi::luaL_tolstring(l, i, ptr::null_mut());
            ffi::lua_pushstring(l, if i < n { c"\t" } else { c"\n" }.as_ptr());
        }
        if n == 0 {
            ffi::lua_pushstring(l, c"\n".as_ptr());
        } else {
            ffi::lua_concat(l, n * 2);
        }
    }
    1
}

unsafe extern "C-unwind" fn join(l: *mut lua_State) -> c_int {
    // SAFETY: a C function called by Lua; only strings and numbers are concatenated, so no metamethod runs.
    unsafe {
        let n = ffi::lua_gettop(l);
        for i in 1..=n {
            let kind = ffi::lua_type(l, i);
            if kind != ffi::LUA_TSTRING && kind != ffi::LUA_TNUMBER {
                ffi::lua_settop(l, 0);
                ffi::lua_pushnil(l);
                ffi::lua_pushinteger(l, ffi::lua_Integer::from(i));
                return 2;
            }
        }
        ffi::luaL_checkstack(l, 1, ptr::null());
        ffi::lua_concat(l, n);
        ffi::lua_tolstring(l, -1, ptr::null_mut());
    }
    1
}

unsafe extern "C-unwind" fn object(l: *mut lua_State) -> c_int {
    // SAFETY: a C function called by Lua; the new userdata has no memory of its own, so nothing is uninitialised.
    unsafe {
        ffi::luaL_checktype(l, 1, ffi::LUA_TTABLE);
        ffi::lua_settop(l, 1);
        ffi::lua_newuserdatauv(l, 0, 0);
        ffi::lua_insert(l, 1);
        ffi::lua_setmetatable(l, 1);
    }
    1
}
