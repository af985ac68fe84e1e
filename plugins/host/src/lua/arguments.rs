//! What a plugin reads: arguments where Lua has them, and parts of tables that it opened.

use std::os::raw::c_int;
use std::ptr;

use gshell_plugin_abi::{self as abi, Bytes, Data, kind};
use mlua_sys as ffi;
use mlua_sys::lua_State;

use super::call::Call;
use super::objects;
use crate::noted::Noted;

/// Where a value lies.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub l: *mut lua_State,
    pub index: c_int,
}

impl Call {
    /// Where the argument or part `n` lies; `None` when there is none of this number.
    #[inline(always)]
    pub(super) fn at(&self, n: u32) -> Option<At> {
        // 0 becomes the largest of all.
        if n.wrapping_sub(1) < self.args as u32 {
            return Some(At {
                l: self.l,
                index: n as c_int,
            });
        }
        self.part(n)
    }

    /// Notes that an argument is not what was expected.
    #[cold]
    #[inline(never)]
    pub(super) fn misfit(&mut self, n: u32, expected: &str) -> i32 {
        let given = self.describe(n);
        let place = self.place(n);
        self.note(Noted::misfit(self.record, &place, expected, &given))
    }

    /// What a script calls the value that it gave.
    fn describe(&self, n: u32) -> String {
        let Some(At { l, index }) = self.at(n) else {
            return "no value".to_owned();
        };
        // SAFETY: the index is that of a value of the stack.
        unsafe {
            match kind_at(l, index) {
                kind::INTEGER => format!("integer {}", ffi::lua_tointegerx(l, index, ptr::null_mut())),
                kind::NUMBER => format!("number {}", ffi::lua_tonumberx(l, index, ptr::null_mut())),
                kind::OBJECT => match objects::at(l, index) {
                    Some(object) => object.class_name().to_owned(),
                    None => "an object that has ended".to_owned(),
                },
                kind::OTHER => {
                    let name = ffi::lua_typename(l, ffi::lua_type(l, index));
                    std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned()
                }
                other => crate::noted::kind_name(other).to_owned(),
            }
        }
    }
}

/// The kind of a value.
///
/// # Safety
/// The index is that of a value of the stack.
unsafe fn kind_at(l: *mut lua_State, index: c_int) -> u32 {
    // SAFETY: by the condition above.
    unsafe {
        match ffi::lua_type(l, index) {
            ffi::LUA_TNIL => kind::NIL,
            ffi::LUA_TBOOLEAN => kind::BOOLEAN,
            ffi::LUA_TNUMBER if ffi::lua_isinteger(l, index) != 0 => kind::INTEGER,
            ffi::LUA_TNUMBER => kind::NUMBER,
            ffi::LUA_TSTRING => kind::BYTES,
            ffi::LUA_TTABLE => kind::TABLE,
            ffi::LUA_TUSERDATA if objects::is_object(l, index) => kind::OBJECT,
            _ => kind::OTHER,
        }
    }
}

pub(super) unsafe extern "C" fn count(call: *mut abi::Call) -> u32 {
    // SAFETY: the plugin gives the call that it got.
    unsafe { Call::of(call).args as u32 }
}

pub(super) unsafe extern "C" fn kind(call: *mut abi::Call, n: u32) -> u32 {
    // SAFETY: as in count; where `at` says, there is a value.
    unsafe {
        match Call::of(call).at(n) {
            Some(At { l, index }) => kind_at(l, index),
            None => kind::NONE,
        }
    }
}

pub(super) unsafe extern "C" fn get_boolean(call: *mut abi::Call, n: u32, out: *mut i32) -> i32 {
    // SAFETY: as in kind; the plugin gives a place for the result.
    unsafe {
        let call = Call::of(call);
        if let Some(At { l, index }) = call.at(n)
            && ffi::lua_type(l, index) == ffi::LUA_TBOOLEAN
        {
            *out = ffi::lua_toboolean(l, index);
            return 1;
        }
        call.misfit(n, "boolean")
    }
}

pub(super) unsafe extern "C" fn get_integer(call: *mut abi::Call, n: u32, out: *mut i64) -> i32 {
    // SAFETY: as in get_boolean.
    unsafe {
        let call = Call::of(call);
        if let Some(At { l, index }) = call.at(n)
            && ffi::lua_isinteger(l, index) != 0
        {
            *out = ffi::lua_tointegerx(l, index, ptr::null_mut());
            return 1;
        }
        integral(call, n, out)
    }
}

/// A float without a fraction; else the error.
///
/// # Safety
/// As for [`get_integer`].
#[cold]
#[inline(never)]
unsafe fn integral(call: &mut Call, n: u32, out: *mut i64) -> i32 {
    // SAFETY: as in get_integer.
    unsafe {
        if let Some(At { l, index }) = call.at(n)
            && ffi::lua_type(l, index) == ffi::LUA_TNUMBER
        {
            let mut is_integral = 0;
            let value = ffi::lua_tointegerx(l, index, &mut is_integral);
            if is_integral != 0 {
                *out = value;
                return 1;
            }
        }
        call.misfit(n, "integer")
    }
}

pub(super) unsafe extern "C" fn get_number(call: *mut abi::Call, n: u32, out: *mut f64) -> i32 {
    // SAFETY: as in get_boolean.
    unsafe {
        let call = Call::of(call);
        if let Some(At { l, index }) = call.at(n)
            && ffi::lua_type(l, index) == ffi::LUA_TNUMBER
        {
            *out = ffi::lua_tonumberx(l, index, ptr::null_mut());
            return 1;
        }
        call.misfit(n, "number")
    }
}

pub(super) unsafe extern "C" fn get_bytes(call: *mut abi::Call, n: u32, out: *mut Bytes) -> i32 {
    // SAFETY: as in get_boolean. Only of a string are bytes asked for, so nothing is converted; they lie there while the
    // string is an argument or part.
    unsafe {
        let call = Call::of(call);
        if let Some(At { l, index }) = call.at(n)
            && ffi::lua_type(l, index) == ffi::LUA_TSTRING
        {
            let mut len = 0;
            let ptr = ffi::lua_tolstring(l, index, &mut len).cast::<u8>();
            let Ok(len) = u32::try_from(len) else {
                return call.misfit(n, "a string of less than 4 GiB");
            };
            *out = Bytes { ptr, len };
            return 1;
        }
        call.misfit(n, "string")
    }
}

pub(super) unsafe extern "C" fn get_object(
    call: *mut abi::Call,
    n: u32,
    of: *const abi::Class,
    out: *mut Data,
) -> i32 {
    // SAFETY: as in get_boolean; the class is only looked at if it is one of the plugin's.
    unsafe {
        let call = Call::of(call);
        if let Some(At { l, index }) = call.at(n)
            && let Some(object) = objects::of_class(l, index, of)
        {
            if object.is_busy() {
                return call.note(Noted::in_use(call.record, object.class_name()));
            }
            *out = object.data();
            return 1;
        }
        let plugin = call.record.plugin;
        match crate::object::own_class(plugin, of) {
            Some(class) => call.misfit(n, plugin.text(class.name)),
            None => call.misuse("it asks for an object of a class that its descriptor does not have"),
        }
    }
}
