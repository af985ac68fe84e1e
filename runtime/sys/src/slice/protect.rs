//! `pcall` and `xpcall` that give scripts error objects they can use.
//!
//! A Rust function's error travels through Lua as an opaque object of mlua's. Where a script catches it, it is
//! turned into a value of the caller's choice by a conversion function; and Lua's bare "not enough memory" becomes
//! a message that names the limit. Only the error path differs from the stock functions.

use std::os::raw::{c_int, c_void};
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use mlua::{Function, Lua};
use mlua_sys as ffi;
use mlua_sys::{lua_KContext, lua_State};

use super::{SHARED, hook};

/// How caught errors are shown to a script.
pub struct Protect {
    /// Called with mlua's error object; its one result is what the script gets.
    pub convert: Function,
    /// What the script gets when its memory limit was reached.
    pub memory: String,
}

// Their addresses are keys in Lua's registry. They are not constants of the same value that could be merged.
static FAILURE_METATABLE: u8 = 1;
static CONVERT: u8 = 2;
static MEMORY: u8 = 3;

fn key(of: &'static u8) -> *const c_void {
    ptr::from_ref(of).cast()
}

pub(super) fn install(lua: &Lua, protect: &Protect) -> mlua::Result<()> {
    let fail = lua.create_function(|_, ()| Err::<(), _>(mlua::Error::runtime("")))?;
    let args = (fail, &protect.convert, lua.create_string(&protect.memory)?);
    // SAFETY: exec_raw runs the closure in protected mode with the three arguments on the stack, and it leaves
    // the stack empty. The called function fails with mlua's own error object, which has a metatable.
    unsafe {
        lua.exec_raw::<()>(args, |l| {
            ffi::lua_rawsetp(l, ffi::LUA_REGISTRYINDEX, key(&MEMORY));
            ffi::lua_rawsetp(l, ffi::LUA_REGISTRYINDEX, key(&CONVERT));
            ffi::lua_pcall(l, 0, 0, 0);
            if ffi::lua_getmetatable(l, -1) != 0 {
                ffi::lua_rawsetp(l, ffi::LUA_REGISTRYINDEX, key(&FAILURE_METATABLE));
            }
            ffi::lua_settop(l, 0);
        })?;
    }
    // SAFETY: both keep to the protocol of Lua's C functions.
    let (pcall, xpcall) = unsafe { (lua.create_c_function(pcall)?, lua.create_c_function(xpcall)?) };
    lua.globals().set("pcall", pcall)?;
    lua.globals().set("xpcall", xpcall)
}

/// Replaces the error object on top of the stack, caught with `status`, by what the script shall see.
///
/// # Safety
/// `l` is live and its top value is the error object.
pub(super) unsafe fn convert_top(l: *mut lua_State, status: c_int) {
    // SAFETY: stack space is checked; every push is matched by a removal; calls that can fail are protected.
    unsafe {
        if status != ffi::LUA_ERRMEM && ffi::lua_type(l, -1) != ffi::LUA_TUSERDATA {
            return;
        }
        if ffi::lua_checkstack(l, 6) == 0 {
            return;
        }
        if status == ffi::LUA_ERRMEM {
            push_memory_message(l);
            ffi::lua_replace(l, -2);
        } else if is_failure(l) {
            ffi::lua_rawgetp(l, ffi::LUA_REGISTRYINDEX, key(&CONVERT));
            ffi::lua_pushvalue(l, -2);
            let status = ffi::lua_pcall(l, 1, 1, 0);
            if status != ffi::LUA_OK {
                describe_panic(l, status);
            }
            ffi::lua_replace(l, -2);
        }
    }
}

/// What a caught memory error means: also how code that overstayed is stopped.
///
/// # Safety
/// `l` is live, with a free slot.
unsafe fn push_memory_message(l: *mut lua_State) {
    // SAFETY: pushes one value. Only the rare message of overstaying is made here and may need memory.
    unsafe {
        if SHARED.with(|s| s.condemned.load(Relaxed)) {
            ffi::lua_pushstring(l, hook::OVERSTAYED.as_ptr());
        } else {
            ffi::lua_rawgetp(l, ffi::LUA_REGISTRYINDEX, key(&MEMORY));
        }
    }
}

/// Whether the top value is mlua's error object.
///
/// # Safety
/// `l` is live, with two free slots.
unsafe fn is_failure(l: *mut lua_State) -> bool {
    // SAFETY: reads the top value's metatable, and pops what it pushed.
    unsafe {
        if ffi::lua_getmetatable(l, -1) == 0 {
            return false;
        }
        ffi::lua_rawgetp(l, ffi::LUA_REGISTRYINDEX, key(&FAILURE_METATABLE));
        let same = ffi::lua_rawequal(l, -1, -2) != 0;
        ffi::lua_settop(l, -3);
        same
    }
}

/// A panic cannot be read as a value (mlua would go on with it): the top object is replaced by its text.
///
/// # Safety
/// As for [`convert_top`].
unsafe fn describe_panic(l: *mut lua_State, status: c_int) {
    // SAFETY: replaces the top value by one string; tostring runs protected.
    unsafe {
        if status == ffi::LUA_ERRMEM {
            push_memory_message(l);
            ffi::lua_replace(l, -2);
            return;
        }
        ffi::lua_pushcclosure(l, panic_text, 0);
        ffi::lua_insert(l, -2);
        ffi::lua_pcall(l, 1, 1, 0);
    }
}

unsafe extern "C-unwind" fn panic_text(l: *mut lua_State) -> c_int {
    // SAFETY: called by Lua with the object as argument 1.
    unsafe {
        let text = ffi::luaL_tolstring(l, 1, ptr::null_mut());
        ffi::lua_pushfstring(l, c"internal error in a built-in function: %s".as_ptr(), text);
    }
    1
}

unsafe extern "C-unwind" fn pcall(l: *mut lua_State) -> c_int {
    // SAFETY: a C function called by Lua; `true` is put under the function and its arguments, as the first result.
    unsafe {
        ffi::luaL_checkany(l, 1);
        ffi::lua_pushboolean(l, 1);
        ffi::lua_insert(l, 1);
        let status = ffi::lua_pcallk(l, ffi::lua_gettop(l) - 2, ffi::LUA_MULTRET, 0, 0, Some(finish));
        finish(l, status, 0)
    }
}

unsafe extern "C-unwind" fn xpcall(l: *mut lua_State) -> c_int {
    // SAFETY: a C function called by Lua. The stack becomes: function, handler, true, function, arguments; the
    // handler is wrapped into one that converts first.
    unsafe {
        let n = ffi::lua_gettop(l);
        ffi::luaL_checktype(l, 2, ffi::LUA_TFUNCTION);
        ffi::lua_pushvalue(l, 2);
        ffi::lua_pushcclosure(l, handler, 1);
        ffi::lua_replace(l, 2);
        ffi::lua_pushboolean(l, 1);
        ffi::lua_pushvalue(l, 1);
        ffi::lua_rotate(l, 3, 2);
        let status = ffi::lua_pcallk(l, n - 2, ffi::LUA_MULTRET, 2, 2, Some(finish));
        finish(l, status, 2)
    }
}

/// The message handler of `xpcall`: upvalue 1 is the script's.
unsafe extern "C-unwind" fn handler(l: *mut lua_State) -> c_int {
    // SAFETY: Lua calls it with the error object as its argument.
    unsafe {
        ffi::lua_settop(l, 1);
        convert_top(l, ffi::LUA_ERRRUN);
        ffi::lua_pushvalue(l, ffi::lua_upvalueindex(1));
        ffi::lua_insert(l, 1);
        ffi::lua_callk(l, 1, 1, 0, None);
    }
    1
}

/// Results of a protected call: the first `extra` values of the stack are not among them.
unsafe extern "C-unwind" fn finish(l: *mut lua_State, status: c_int, extra: lua_KContext) -> c_int {
    // SAFETY: Lua calls it in the frame of pcall or xpcall; on an error its object is on top.
    unsafe {
        if status == ffi::LUA_OK || status == ffi::LUA_YIELD {
            return ffi::lua_gettop(l) - extra as c_int;
        }
        convert_top(l, status);
        ffi::lua_pushboolean(l, 0);
        ffi::lua_insert(l, -2);
        2
    }
}
