//! What may fail inside of Lua, run so that it fails here and nowhere else.
//!
//! Each piece of work is a C function that gets its Rust arguments as one light userdata, and has values of the stack
//! below that. No frame of a plugin lies between it and the protected call.

use std::os::raw::{c_int, c_void};
use std::ptr;

use gshell_wire::Code;
use mlua_sys as ffi;
use mlua_sys::{lua_CFunction, lua_State};

use super::call::Call;
use crate::noted::Noted;

impl Call {
    /// Runs `work` with the top `values` values of the stack and a pointer to `with`; its results, `results` of them, take
    /// their place. `false` after an error was noted; then the values are gone.
    ///
    /// # Safety
    /// The stack has these values and two free slots above them; `work` takes a light userdata that points to a `T` as its
    /// last argument.
    pub(super) unsafe fn protected<T>(
        &mut self,
        work: lua_CFunction,
        values: c_int,
        with: &T,
        results: c_int,
    ) -> bool {
        // SAFETY: two slots are free; a light C function and a pointer are pushed without allocating; lua_pcall raises
        // nothing.
        let status = unsafe {
            ffi::lua_pushcfunction(self.l, work);
            ffi::lua_insert(self.l, -(values + 1));
            ffi::lua_pushlightuserdata(self.l, ptr::from_ref(with).cast_mut().cast());
            ffi::lua_pcall(self.l, values + 1, results, 0)
        };
        if status == ffi::LUA_OK {
            return true;
        }
        // SAFETY: the error object is on top of the stack.
        unsafe { self.note_caught(status) };
        false
    }

    /// Notes the error object on top of the stack, and takes it off.
    ///
    /// # Safety
    /// It is there.
    #[cold]
    unsafe fn note_caught(&mut self, status: c_int) {
        let noted = match status {
            ffi::LUA_ERRMEM => Noted::Memory,
            // SAFETY: the object is on top.
            _ => Noted::new(Code::Limit, unsafe { text(self.l) }),
        };
        self.note(noted);
        // SAFETY: the object is on top.
        unsafe { ffi::lua_settop(self.l, -2) };
    }
}

/// The text of the error object on top of the stack.
///
/// # Safety
/// It is there.
unsafe fn text(l: *mut lua_State) -> String {
    let mut len = 0;
    // SAFETY: of a string, lua_tolstring gives its bytes, which lie there while it is on the stack.
    unsafe {
        if ffi::lua_type(l, -1) != ffi::LUA_TSTRING {
            return "an error in Lua".to_owned();
        }
        let at = ffi::lua_tolstring(l, -1, &mut len);
        String::from_utf8_lossy(std::slice::from_raw_parts(at.cast::<u8>(), len)).into_owned()
    }
}

/// The Rust arguments of a C function that [`Call::protected`] runs; they are taken off the stack.
///
/// # Safety
/// Called first in such a function, with the type that it was given.
pub(super) unsafe fn given<'a, T>(l: *mut lua_State) -> &'a T {
    // SAFETY: the last argument is a pointer to a T that outlives the protected call.
    unsafe {
        let with: *mut c_void = ffi::lua_touserdata(l, -1);
        ffi::lua_settop(l, -2);
        &*with.cast::<T>()
    }
}

/// Pushes bytes as a string. Allocates.
///
/// # Safety
/// In a protected call, with a free slot.
pub(super) unsafe fn push_bytes(l: *mut lua_State, bytes: &[u8]) {
    // SAFETY: the bytes are copied.
    unsafe { ffi::lua_pushlstring(l, bytes.as_ptr().cast(), bytes.len()) };
}
