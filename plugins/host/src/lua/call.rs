//! One call: its context, and the C function that Lua calls.

use std::os::raw::c_int;
use std::ptr;

use gshell_plugin_abi::{self as abi, Host};
use gshell_wire::Code;
use mlua_sys as ffi;
use mlua_sys::lua_State;

use super::{Record, arguments, failing, parts, results};
use crate::noted::Noted;
use crate::room::Room;
use crate::running;

/// Slots of the stack that are kept free for protected calls: a function, and what it gets.
const RESERVE: c_int = 6;
/// Slots that Lua lets a stack have.
const STACK_MAX: c_int = 1_000_000;
/// Further slots that are asked for at once.
const MORE: c_int = 32;

/// The context of a call. Only its first field is known to the plugin.
#[repr(C)]
pub(super) struct Call {
    pub abi: abi::Call,
    /// The coroutine that called: its stack has the arguments, from 1 on, then the results.
    pub l: *mut lua_State,
    /// How many arguments there are.
    pub args: c_int,
    /// Results that can be pushed before the stack has to grow.
    room: c_int,
    /// Results on the stack, unless something failed.
    results: c_int,
    pub record: &'static Record,
    /// Where the opened parts of tables lie; null while none was opened.
    pub parts: *mut lua_State,
    /// Values on that stack that belong to calls further out.
    pub parts_base: c_int,
    pub noted: Option<Box<Noted>>,
    pub buffer: Room,
}

static HOST: Host = Host {
    size: size_of::<Host>() as u32,
    minor: abi::MINOR as u32,
    count: arguments::count,
    kind: arguments::kind,
    get_boolean: arguments::get_boolean,
    get_integer: arguments::get_integer,
    get_number: arguments::get_number,
    get_bytes: arguments::get_bytes,
    get_object: arguments::get_object,
    get_length: parts::get_length,
    open_item: parts::open_item,
    open_field: parts::open_field,
    open_next: parts::open_next,
    close: parts::close,
    put_nil: results::put_nil,
    put_boolean: results::put_boolean,
    put_integer: results::put_integer,
    put_number: results::put_number,
    put_bytes: results::put_bytes,
    put_object: results::put_object,
    put_table: results::put_table,
    end_item: results::end_item,
    end_field: results::end_field,
    end_pair: results::end_pair,
    buffer: results::buffer,
    put_buffer: results::put_buffer,
    fail: failing::fail,
    misfit: failing::misfit,
    cancelled: failing::cancelled,
};

/// What Lua calls. Its one upvalue points to a [`Record`] that lives as long as the process.
pub(super) unsafe extern "C-unwind" fn trampoline(l: *mut lua_State) -> c_int {
    // SAFETY: called by Lua with such an upvalue. When lua_error leaves this frame, nothing with a destructor is in it:
    // the context of the call ended with `run`.
    unsafe {
        match run(l) {
            count if count >= 0 => count,
            _ => ffi::lua_error(l),
        }
    }
}

/// As [`trampoline`], for `__close`: the object is the only argument.
pub(super) unsafe extern "C-unwind" fn close_trampoline(l: *mut lua_State) -> c_int {
    // SAFETY: as for trampoline, whose function this calls.
    unsafe {
        ffi::lua_settop(l, 1);
        trampoline(l)
    }
}

/// Calls the function of the plugin; gives how many results are on the stack, or -1 with an error object on top of it.
///
/// # Safety
/// Called from a C function of `l` as [`trampoline`] says. Nothing in here raises an error of Lua.
#[inline(always)]
unsafe fn run(l: *mut lua_State) -> c_int {
    // SAFETY: the upvalue is as trampoline says; the context outlives the call, and while the plugin runs it is only used
    // through the pointer that the plugin gives back.
    unsafe {
        let record = ffi::lua_touserdata(l, ffi::lua_upvalueindex(1)).cast::<Record>();
        let record: &'static Record = &*record;
        let args = ffi::lua_gettop(l);
        let mut call = Call {
            abi: abi::Call { host: &HOST },
            l,
            args,
            room: ffi::LUA_MINSTACK - RESERVE,
            results: 0,
            record,
            parts: ptr::null_mut(),
            parts_base: 0,
            noted: None,
            buffer: Room::new(),
        };
        let before = running::mark(record.plugin, record.name);
        let status = (record.call)((&raw mut call).cast());
        running::restore(before);
        if status == abi::OK && call.noted.is_none() && call.parts.is_null() {
            return call.results;
        }
        call.settle(status)
    }
}

impl Call {
    /// The call that a plugin speaks of.
    ///
    /// # Safety
    /// `call` is what [`run`] gave to the plugin, on the same thread, before the plugin returned; one reference at a time.
    #[inline(always)]
    pub(super) unsafe fn of<'a>(call: *mut abi::Call) -> &'a mut Call {
        // SAFETY: it is the first field of a Call, and the pointer was made from the whole of it.
        unsafe { &mut *call.cast::<Call>() }
    }

    /// The end of a call that is not the simple one.
    #[cold]
    #[inline(never)]
    fn settle(&mut self, status: i32) -> c_int {
        self.forget_parts();
        if status == abi::OK && self.noted.is_none() {
            return self.results;
        }
        let noted = self.noted.take();
        let noted = noted.map_or_else(|| Noted::silent(self.record), |noted| *noted);
        // SAFETY: this frame is that of a C function, and its values are not needed any more.
        unsafe { failing::push_error(self.l, &noted) };
        -1
    }

    /// Notes why the call fails; the first reason counts. Gives 0, what functions of the host give then.
    #[cold]
    pub(super) fn note(&mut self, noted: Noted) -> i32 {
        if self.noted.is_none() {
            self.noted = Some(Box::new(noted));
        }
        0
    }

    /// The plugin does something that has no meaning.
    #[cold]
    pub(super) fn misuse(&mut self, what: &str) -> i32 {
        self.note(Noted::misuse(self.record, what))
    }

    /// Room for one more result; `false` after an error was noted.
    #[inline(always)]
    pub(super) fn fits(&mut self) -> bool {
        self.results += 1;
        if self.room > 0 {
            self.room -= 1;
            return true;
        }
        self.make_room()
    }

    /// So many results less than before: they went into a table.
    #[inline(always)]
    pub(super) fn gave_back(&mut self, slots: c_int) {
        self.room += slots;
        self.results -= slots;
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self) -> bool {
        // SAFETY: lua_checkstack raises nothing.
        if unsafe { ffi::lua_checkstack(self.l, MORE + RESERVE) } == 0 {
            self.note_full(self.l, "gives more results than fit");
            return false;
        }
        self.room = MORE - 1;
        true
    }

    /// Notes that a stack could not grow: it has as much as Lua allows, or there is no memory.
    pub(super) fn note_full(&mut self, stack: *mut lua_State, what: &str) {
        // SAFETY: reads the height of a live stack.
        let noted = match unsafe { ffi::lua_gettop(stack) } < STACK_MAX / 2 {
            true => Noted::Memory,
            false => Noted::new(Code::Limit, format!("'{}' {what}", self.record.path())),
        };
        self.note(noted);
    }
}
