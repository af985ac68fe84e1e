//! Errors: noted by the plugin, and raised after it has returned.

use std::os::raw::c_int;

use gshell_plugin_abi::{self as abi, Bytes};
use mlua_sys as ffi;
use mlua_sys::lua_State;

use super::call::Call;
use super::protected::{given, push_bytes};
use super::{MAKE_ERROR, key};
use crate::noted::{Noted, lent};

pub(super) unsafe extern "C" fn fail(call: *mut abi::Call, code: u32, text: Bytes) -> i32 {
    // SAFETY: the plugin gives the call that it got, and bytes that are lent for this call.
    unsafe { Call::of(call).note(Noted::said(code, lent(text))) };
    abi::FAILED
}

pub(super) unsafe extern "C" fn misfit(call: *mut abi::Call, n: u32, expected: Bytes) -> i32 {
    // SAFETY: as in fail.
    unsafe {
        let expected = String::from_utf8_lossy(lent(expected));
        Call::of(call).misfit(n, &expected);
    }
    abi::FAILED
}

/// The script waits for the call, on this very thread: nobody has given up.
pub(super) unsafe extern "C" fn cancelled(_: *mut abi::Call) -> i32 {
    0
}

/// `(noted) -> error object`
unsafe extern "C-unwind" fn make(l: *mut lua_State) -> c_int {
    // SAFETY: run protected with a code and a text; the registry has the function since the module was made.
    unsafe {
        let (code, text) = *given::<(u32, &[u8])>(l);
        ffi::lua_rawgetp(l, ffi::LUA_REGISTRYINDEX, key(&MAKE_ERROR));
        ffi::lua_pushinteger(l, code.into());
        push_bytes(l, text);
        ffi::lua_callk(l, 2, 1, 0, None);
    }
    1
}

/// Empties the stack, and puts the error object on it that stands for `noted`.
///
/// # Safety
/// Called from a C function of `l` that needs its values no more.
pub(super) unsafe fn push_error(l: *mut lua_State, noted: &Noted) {
    // SAFETY: an empty stack has room. Of lua_pcall, the error object is on top whatever happens: one that says that the
    // memory is full is raised as such.
    unsafe {
        ffi::lua_settop(l, 0);
        match noted {
            // To Lua 5.4, raising this very text is a memory error. It has the string already, so nothing is allocated.
            Noted::Memory => {
                ffi::lua_pushstring(l, c"not enough memory".as_ptr());
            }
            Noted::Error { code, text } => {
                let with = (*code, text.as_bytes());
                ffi::lua_pushcfunction(l, make);
                ffi::lua_pushlightuserdata(l, (&raw const with).cast_mut().cast());
                ffi::lua_pcall(l, 1, 1, 0);
            }
        }
    }
}
