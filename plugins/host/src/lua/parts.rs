//! Parts of tables. They lie on the stack of a coroutine that no script sees, so that results and parts do not get into
//! each other's way; calls within calls (a finalizer may call a function) lie above each other.
//!
//! Each part takes three slots: the number of the table that it is of, the key under which it was found (`false`: it is a
//! key itself), and the value. So an error can say which item of which field it was. Tables are read raw: no metamethod
//! runs.

use std::os::raw::c_int;
use std::ptr;

use gshell_plugin_abi::{self as abi, Bytes};
use mlua_sys as ffi;
use mlua_sys::lua_State;

use super::arguments::At;
use super::call::Call;
use super::protected::{given, push_bytes};
use super::{PARTS, key};
use crate::noted::{Place, Step, lent};

/// Slots of a part.
const SLOTS: c_int = 3;

impl Call {
    /// Where the part `n` lies.
    #[cold]
    #[inline(never)]
    pub(super) fn part(&self, n: u32) -> Option<At> {
        let index = self.slot(n)?;
        Some(At { l: self.parts, index })
    }

    /// The slot of the value of part `n`.
    fn slot(&self, n: u32) -> Option<c_int> {
        let before = n.checked_sub(abi::PARTS)?.checked_sub(1)?;
        if self.parts.is_null() || before >= self.part_count() {
            return None;
        }
        Some(self.parts_base + (before as c_int + 1) * SLOTS)
    }

    fn part_count(&self) -> u32 {
        // SAFETY: reads the height of a live stack.
        let top = unsafe { ffi::lua_gettop(self.parts) };
        ((top - self.parts_base) / SLOTS).max(0) as u32
    }

    /// The number of the part that was added last.
    fn last_part(&self) -> u32 {
        abi::PARTS + self.part_count()
    }

    /// Closes all parts.
    pub(super) fn forget_parts(&mut self) {
        if !self.parts.is_null() {
            // SAFETY: parts of this call are all that lies above.
            unsafe { ffi::lua_settop(self.parts, self.parts_base) };
        }
    }

    /// The stack for parts, with room for `count` more; `None` after an error was noted.
    fn parts_for(&mut self, count: c_int) -> Option<*mut lua_State> {
        // SAFETY: a slot is free in the reserve; the registry has the coroutine since the module was made, and keeps it.
        unsafe {
            if self.parts.is_null() {
                ffi::lua_rawgetp(self.l, ffi::LUA_REGISTRYINDEX, key(&PARTS));
                self.parts = ffi::lua_tothread(self.l, -1);
                ffi::lua_settop(self.l, -2);
                if self.parts.is_null() {
                    self.misuse("it opens a table in a state that has no place for it");
                    return None;
                }
                self.parts_base = ffi::lua_gettop(self.parts);
            }
            if ffi::lua_checkstack(self.parts, count * SLOTS) == 0 {
                self.note_full(self.parts, "opens more parts of tables than fit");
                return None;
            }
        }
        Some(self.parts)
    }

    /// Where the argument or part `n` is, for an error.
    pub(super) fn place(&self, n: u32) -> Place {
        let mut place = Place {
            argument: n,
            path: String::new(),
        };
        while let Some(slot) = self.slot(place.argument) {
            // SAFETY: the three slots of a part; keys are only read as what they are.
            unsafe {
                let (parts, key) = (self.parts, slot - 1);
                let mut len = 0;
                place.within(&match ffi::lua_type(parts, key) {
                    ffi::LUA_TBOOLEAN if ffi::lua_toboolean(parts, key) == 0 => Step::Key,
                    ffi::LUA_TNUMBER if ffi::lua_isinteger(parts, key) != 0 => {
                        Step::Item(ffi::lua_tointegerx(parts, key, ptr::null_mut()))
                    }
                    ffi::LUA_TSTRING => {
                        let at = ffi::lua_tolstring(parts, key, &mut len).cast::<u8>();
                        Step::Field(std::slice::from_raw_parts(at, len))
                    }
                    _ => Step::Other,
                });
                let of = ffi::lua_tointegerx(parts, slot - 2, ptr::null_mut());
                // Each part is of one with a smaller number, so this ends.
                place.argument = u32::try_from(of).unwrap_or(0).min(place.argument - 1);
            }
        }
        place
    }

    /// A table; `None` after an error was noted.
    fn table(&mut self, n: u32) -> Option<At> {
        match self.at(n) {
            // SAFETY: there is a value.
            Some(at) if unsafe { ffi::lua_type(at.l, at.index) } == ffi::LUA_TTABLE => Some(at),
            _ => {
                self.misfit(n, "table");
                None
            }
        }
    }

    /// Adds a part: the top two values of the calling coroutine are its key and value.
    ///
    /// # Safety
    /// They are there, and [`Call::parts_for`] made room.
    unsafe fn add_part(&mut self, of: u32) {
        // SAFETY: by the condition above; nothing here allocates.
        unsafe {
            ffi::lua_pushinteger(self.parts, of.into());
            ffi::lua_xmove(self.l, self.parts, 2);
        }
    }
}

pub(super) unsafe extern "C" fn get_length(call: *mut abi::Call, n: u32, out: *mut u32) -> i32 {
    // SAFETY: the plugin gives the call that it got, and a place for the result.
    unsafe {
        let call = Call::of(call);
        let Some(At { l, index }) = call.table(n) else {
            return 0;
        };
        *out = u32::try_from(ffi::lua_rawlen(l, index)).unwrap_or(u32::MAX);
    }
    1
}

pub(super) unsafe extern "C" fn open_item(call: *mut abi::Call, n: u32, i: u32, to: *mut u32) -> i32 {
    // SAFETY: as in get_length. A raw read of an item allocates nothing; two slots of the reserve are free.
    unsafe {
        let call = Call::of(call);
        if call.table(n).is_none() || call.parts_for(1).is_none() {
            return 0;
        }
        // Asked for again: the stack of the parts may have moved.
        let Some(At { l, index }) = call.at(n) else {
            return 0;
        };
        ffi::lua_pushinteger(call.parts, n.into());
        ffi::lua_pushinteger(call.parts, i.into());
        ffi::lua_rawgeti(l, index, i.into());
        if l != call.parts {
            ffi::lua_xmove(l, call.parts, 1);
        }
        *to = call.last_part();
    }
    1
}

/// `(table, name) -> name, value`
unsafe extern "C-unwind" fn field(l: *mut lua_State) -> c_int {
    // SAFETY: run by Call::protected with a table and bytes that are lent.
    unsafe {
        let name = given::<Bytes>(l);
        push_bytes(l, lent(*name));
        ffi::lua_pushvalue(l, -1);
        ffi::lua_rawget(l, 1);
    }
    2
}

pub(super) unsafe extern "C" fn open_field(call: *mut abi::Call, n: u32, name: Bytes, to: *mut u32) -> i32 {
    // SAFETY: as in get_length; the table and what `protected` needs fit into the reserve.
    unsafe {
        let call = Call::of(call);
        if call.table(n).is_none() || call.parts_for(1).is_none() {
            return 0;
        }
        call.push(n);
        if !call.protected(field, 1, &name, 2) {
            return 0;
        }
        call.add_part(n);
        *to = call.last_part();
    }
    1
}

impl Call {
    /// Pushes the argument or part `n` onto the stack of the calling coroutine; nil if there is none.
    ///
    /// # Safety
    /// A slot is free there.
    unsafe fn push(&mut self, n: u32) {
        // SAFETY: the value is there; the part's stack has room for one more by the slots that a C function always has.
        unsafe {
            match self.at(n) {
                None => ffi::lua_pushnil(self.l),
                Some(At { l, index }) if l == self.l => ffi::lua_pushvalue(l, index),
                Some(At { l, index }) => {
                    ffi::lua_pushvalue(l, index);
                    ffi::lua_xmove(l, self.l, 1);
                }
            }
        }
    }
}

/// `(table, key) -> key, value`, or `nil, nil` after the last pair.
unsafe extern "C-unwind" fn next(l: *mut lua_State) -> c_int {
    // SAFETY: run by Call::protected with a table and a key. lua_next raises an error for a key that is none of the
    // table's, which is why it runs protected.
    unsafe {
        given::<()>(l);
        if ffi::lua_next(l, 1) == 0 {
            ffi::lua_pushnil(l);
            ffi::lua_pushnil(l);
        }
    }
    2
}

pub(super) unsafe extern "C" fn open_next(
    call: *mut abi::Call,
    n: u32,
    key: *mut u32,
    value: *mut u32,
) -> i32 {
    // SAFETY: as in open_field; the plugin gives places for both numbers.
    unsafe {
        let call = Call::of(call);
        if call.table(n).is_none() || call.parts_for(2).is_none() {
            return 0;
        }
        let last = *key;
        if last != 0 && (last <= n || call.slot(last.saturating_add(1)).is_none()) {
            return call.misuse("it walks through a table with a number that is no key");
        }
        call.push(n);
        match last {
            0 => ffi::lua_pushnil(call.l),
            _ => call.push(last),
        }
        if !call.protected(next, 2, &(), 2) {
            return 0;
        }
        if last != 0 {
            // The pair before this one, and what was opened of it.
            close_from(call, last);
        }
        if ffi::lua_type(call.l, -2) == ffi::LUA_TNIL {
            ffi::lua_settop(call.l, -3);
            *key = 0;
            return 0;
        }
        // The key, as a part that is a key; then the value, under that key.
        ffi::lua_pushinteger(call.parts, n.into());
        ffi::lua_pushboolean(call.parts, 0);
        ffi::lua_pushvalue(call.l, -2);
        ffi::lua_xmove(call.l, call.parts, 1);
        call.add_part(n);
        *value = call.last_part();
        *key = *value - 1;
    }
    1
}

/// Closes the part of this number and those after it.
fn close_from(call: &mut Call, n: u32) {
    if let Some(slot) = call.slot(n) {
        // SAFETY: the slot is that of a part of this call.
        unsafe { ffi::lua_settop(call.parts, slot - SLOTS) };
    }
}

pub(super) unsafe extern "C" fn close(call: *mut abi::Call, part: u32) {
    // SAFETY: as in get_length.
    unsafe { close_from(Call::of(call), part) };
}
