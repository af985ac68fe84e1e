//! What a plugin gives: results on the stack, in the order in which they were put.

use std::os::raw::c_int;
use std::ptr;

use gshell_plugin_abi::{self as abi, Bytes, Data};
use mlua_sys as ffi;
use mlua_sys::lua_State;

use super::call::Call;
use super::objects;
use super::protected::{given, push_bytes};
use crate::noted::{Noted, lent, nil_item};
use crate::object::{self, Object};

pub(super) unsafe extern "C" fn put_nil(call: *mut abi::Call) -> i32 {
    // SAFETY: the plugin gives the call that it got; there is room for the value.
    unsafe {
        let call = Call::of(call);
        if !call.fits() {
            return 0;
        }
        ffi::lua_pushnil(call.l);
    }
    1
}

pub(super) unsafe extern "C" fn put_boolean(call: *mut abi::Call, value: i32) -> i32 {
    // SAFETY: as in put_nil.
    unsafe {
        let call = Call::of(call);
        if !call.fits() {
            return 0;
        }
        ffi::lua_pushboolean(call.l, c_int::from(value != 0));
    }
    1
}

pub(super) unsafe extern "C" fn put_integer(call: *mut abi::Call, value: i64) -> i32 {
    // SAFETY: as in put_nil.
    unsafe {
        let call = Call::of(call);
        if !call.fits() {
            return 0;
        }
        ffi::lua_pushinteger(call.l, value);
    }
    1
}

pub(super) unsafe extern "C" fn put_number(call: *mut abi::Call, value: f64) -> i32 {
    // SAFETY: as in put_nil.
    unsafe {
        let call = Call::of(call);
        if !call.fits() {
            return 0;
        }
        ffi::lua_pushnumber(call.l, value);
    }
    1
}

/// `(bytes) -> string`
unsafe extern "C-unwind" fn string(l: *mut lua_State) -> c_int {
    // SAFETY: run by Call::protected with bytes.
    unsafe { push_bytes(l, given::<&[u8]>(l)) };
    1
}

impl Call {
    fn put(&mut self, bytes: &[u8]) -> i32 {
        // SAFETY: there is room for the string, and the reserve for what `protected` needs.
        i32::from(self.fits() && unsafe { self.protected(string, 0, &bytes, 1) })
    }
}

pub(super) unsafe extern "C" fn put_bytes(call: *mut abi::Call, value: Bytes) -> i32 {
    // SAFETY: as in put_nil; the bytes are lent for this call.
    unsafe { Call::of(call).put(lent(value)) }
}

pub(super) unsafe extern "C" fn put_object(call: *mut abi::Call, of: *const abi::Class, data: Data) -> i32 {
    // SAFETY: as in put_nil. The plugin gives the data away; of a class that it does not have nobody knows how to end it.
    unsafe {
        let call = Call::of(call);
        let plugin = call.record.plugin;
        let Some(class) = object::own_class(plugin, of) else {
            return call.misuse("it gives an object of a class that its descriptor does not have");
        };
        let object = Object::new(plugin, class, data);
        if !call.fits() {
            return 0;
        }
        i32::from(call.protected(objects::wrap, 0, &object, 1))
    }
}

/// `(items, fields) -> table`
unsafe extern "C-unwind" fn table(l: *mut lua_State) -> c_int {
    // SAFETY: run by Call::protected with two numbers.
    unsafe {
        let (items, fields) = *given::<(c_int, c_int)>(l);
        ffi::lua_createtable(l, items, fields);
    }
    1
}

pub(super) unsafe extern "C" fn put_table(call: *mut abi::Call, items: u32, fields: u32) -> i32 {
    // SAFETY: as in put_nil, and as for strings.
    unsafe {
        let call = Call::of(call);
        let size = |count: u32| c_int::try_from(count).unwrap_or(c_int::MAX);
        let with = (size(items), size(fields));
        i32::from(call.fits() && call.protected(table, 0, &with, 1))
    }
}

impl Call {
    /// Whether the top `values` results have a table below them. Else an error was noted.
    fn has_table(&mut self, values: c_int, what: &str) -> bool {
        // SAFETY: what lies above the arguments are results.
        let fits = unsafe {
            ffi::lua_gettop(self.l) - self.args > values
                && ffi::lua_type(self.l, -(values + 1)) == ffi::LUA_TTABLE
        };
        if !fits {
            self.misuse(&format!("{what} without a table that was put before"));
        }
        fits
    }
}

/// `(table, value) -> table`: as its next item.
unsafe extern "C-unwind" fn add_item(l: *mut lua_State) -> c_int {
    // SAFETY: run by Call::protected with a table and a value.
    unsafe {
        given::<()>(l);
        let next = ffi::lua_rawlen(l, 1) as ffi::lua_Integer + 1;
        ffi::lua_rawseti(l, 1, next);
    }
    1
}

pub(super) unsafe extern "C" fn end_item(call: *mut abi::Call) -> i32 {
    // SAFETY: as in put_nil; the table and the value are on top of the stack.
    unsafe {
        let call = Call::of(call);
        if !call.has_table(1, "end_item") {
            return 0;
        }
        if ffi::lua_type(call.l, -1) == ffi::LUA_TNIL {
            let at = ffi::lua_rawlen(call.l, -2) + 1;
            return call.misuse(&nil_item(at));
        }
        call.gave_back(1);
        i32::from(call.protected(add_item, 2, &(), 1))
    }
}

/// `(table, value, name) -> table`
unsafe extern "C-unwind" fn add_field(l: *mut lua_State) -> c_int {
    // SAFETY: run by Call::protected with a table, a value and bytes that are lent.
    unsafe {
        let name = given::<Bytes>(l);
        push_bytes(l, lent(*name));
        ffi::lua_insert(l, 2);
        ffi::lua_rawset(l, 1);
    }
    1
}

pub(super) unsafe extern "C" fn end_field(call: *mut abi::Call, name: Bytes) -> i32 {
    // SAFETY: as in end_item.
    unsafe {
        let call = Call::of(call);
        if !call.has_table(1, "end_field") {
            return 0;
        }
        call.gave_back(1);
        i32::from(call.protected(add_field, 2, &name, 1))
    }
}

/// `(table, key, value) -> table`
unsafe extern "C-unwind" fn add_pair(l: *mut lua_State) -> c_int {
    // SAFETY: run by Call::protected with a table, a key that can be one, and a value.
    unsafe {
        given::<()>(l);
        ffi::lua_rawset(l, 1);
    }
    1
}

pub(super) unsafe extern "C" fn end_pair(call: *mut abi::Call) -> i32 {
    // SAFETY: as in end_item; there are a key and a value.
    unsafe {
        let call = Call::of(call);
        if !call.has_table(2, "end_pair") {
            return 0;
        }
        let is_nan = ffi::lua_type(call.l, -2) == ffi::LUA_TNUMBER
            && ffi::lua_tonumberx(call.l, -2, ptr::null_mut()).is_nan();
        if is_nan || ffi::lua_type(call.l, -2) == ffi::LUA_TNIL {
            return call.misuse("a key of its result is nil or not a number");
        }
        call.gave_back(2);
        i32::from(call.protected(add_pair, 3, &(), 1))
    }
}

pub(super) unsafe extern "C" fn buffer(call: *mut abi::Call, len: u32) -> *mut u8 {
    // SAFETY: as in put_nil.
    let call = unsafe { Call::of(call) };
    match call.buffer.grow(len) {
        Some(at) => at.as_ptr(),
        None => {
            let text = format!("'{}': there is no memory for {len} bytes", call.record.path());
            call.note(Noted::new(gshell_wire::Code::Limit, text));
            ptr::null_mut()
        }
    }
}

pub(super) unsafe extern "C" fn put_buffer(call: *mut abi::Call, len: u32) -> i32 {
    // SAFETY: as in put_nil.
    let call = unsafe { Call::of(call) };
    let buffer = std::mem::replace(&mut call.buffer, crate::room::Room::new());
    let put = match buffer.first(len) {
        Some(bytes) => call.put(bytes),
        None => call.misuse("it gives more of its buffer than there is"),
    };
    call.buffer = buffer;
    put
}
