//! Objects of plugins as userdata. Each is a pointer to what the plugin gave, counted; its metatable says of which class it
//! is, and scripts cannot reach it.

use std::mem::ManuallyDrop;
use std::os::raw::c_int;
use std::ptr;
use std::sync::Arc;

use gshell_plugin_abi as abi;
use mlua::{AnyUserData, Lua, Result};
use mlua_sys as ffi;
use mlua_sys::lua_State;

use super::protected::given;
use crate::object::Object;

/// What a userdata holds: nothing once it was collected.
type Held = Option<Arc<Object>>;

/// The object of exactly this class.
///
/// # Safety
/// The index is that of a value of the stack, and two further slots are free.
pub(super) unsafe fn of_class<'a>(
    l: *mut lua_State,
    index: c_int,
    class: *const abi::Class,
) -> Option<&'a Arc<Object>> {
    // SAFETY: reads the value's metatable and that of the class, and takes both off again. Only what `wrap` made has that
    // metatable, and it holds a Held. The reference holds as long as the value is on the stack.
    unsafe {
        if ffi::lua_type(l, index) != ffi::LUA_TUSERDATA || ffi::lua_getmetatable(l, index) == 0 {
            return None;
        }
        ffi::lua_rawgetp(l, ffi::LUA_REGISTRYINDEX, class.cast());
        let same = ffi::lua_rawequal(l, -1, -2) != 0;
        ffi::lua_settop(l, -3);
        let held = ffi::lua_touserdata(l, index).cast::<Held>();
        if same { (*held).as_ref() } else { None }
    }
}

/// Whether a value is an object of any plugin.
///
/// # Safety
/// As for [`of_class`].
pub(super) unsafe fn is_object(l: *mut lua_State, index: c_int) -> bool {
    // SAFETY: by the condition above.
    unsafe { at(l, index).is_some() }
}

/// The object of whichever class.
///
/// # Safety
/// As for [`of_class`].
pub(super) unsafe fn at<'a>(l: *mut lua_State, index: c_int) -> Option<&'a Arc<Object>> {
    // SAFETY: metatables of classes, and only they, have the collector under its own address as a key.
    unsafe {
        if ffi::lua_type(l, index) != ffi::LUA_TUSERDATA || ffi::lua_getmetatable(l, index) == 0 {
            return None;
        }
        let marked = ffi::lua_rawgetp(l, -1, mark()) != ffi::LUA_TNIL;
        ffi::lua_settop(l, -3);
        let held = ffi::lua_touserdata(l, index).cast::<Held>();
        if marked { (*held).as_ref() } else { None }
    }
}

/// The key that metatables of classes have.
static MARK: u8 = 3;

fn mark() -> *const std::os::raw::c_void {
    ptr::from_ref(&MARK).cast()
}

/// `(object) -> userdata`
pub(super) unsafe extern "C-unwind" fn wrap(l: *mut lua_State) -> c_int {
    // SAFETY: run protected with an Arc<Object>. The userdata is filled before it gets the metatable with the finalizer.
    unsafe {
        let object = given::<Arc<Object>>(l);
        let class = ptr::from_ref(object.class());
        let held = ffi::lua_newuserdatauv(l, size_of::<Held>(), 0).cast::<Held>();
        held.write(None);
        if ffi::lua_rawgetp(l, ffi::LUA_REGISTRYINDEX, class.cast()) != ffi::LUA_TTABLE {
            ffi::lua_pushstring(
                l,
                c"an object of a class that this environment does not know".as_ptr(),
            );
            ffi::lua_error(l);
        }
        ffi::lua_setmetatable(l, -2);
        held.write(Some(Arc::clone(object)));
    }
    1
}

/// `__gc`
pub(super) unsafe extern "C-unwind" fn collect(l: *mut lua_State) -> c_int {
    // SAFETY: scripts cannot reach the metatable, so Lua calls this, with one of our userdata; a second time finds None.
    unsafe {
        if ffi::lua_type(l, 1) == ffi::LUA_TUSERDATA {
            let held = ffi::lua_touserdata(l, 1).cast::<Held>();
            drop((*held).take());
        }
    }
    0
}

/// Marks the table on top of the stack as the metatable of `class`.
///
/// # Safety
/// In a protected call, with the table on top and two free slots.
pub(super) unsafe fn enrol(l: *mut lua_State, class: &'static abi::Class) {
    // SAFETY: by the condition above.
    unsafe {
        ffi::lua_pushcfunction(l, collect);
        ffi::lua_setfield(l, -2, c"__gc".as_ptr());
        ffi::lua_pushboolean(l, 1);
        ffi::lua_rawsetp(l, -2, mark());
        ffi::lua_rawsetp(l, ffi::LUA_REGISTRYINDEX, ptr::from_ref(class).cast());
    }
}

/// The object in a userdata, if it is one of a plugin.
pub(crate) fn peek(lua: &Lua, value: &AnyUserData) -> Result<Option<Arc<Object>>> {
    let mut found = None;
    let out = &mut found;
    // SAFETY: the closure gets the value as the only one on the stack; it raises nothing, and leaves the stack empty.
    unsafe {
        lua.exec_raw::<()>(value, |l| {
            *out = at(l, 1).cloned();
            ffi::lua_settop(l, 0);
        })?;
    }
    Ok(found)
}

/// The object as a value of Lua.
pub(crate) fn give(lua: &Lua, object: &Arc<Object>) -> Result<AnyUserData> {
    let with = ManuallyDrop::new(Arc::clone(object));
    // SAFETY: the closure has nothing with a destructor in it when an error of memory leaves it; `wrap` takes the object
    // by reference.
    let made = unsafe {
        lua.exec_raw::<AnyUserData>((), |l| {
            ffi::lua_pushlightuserdata(l, (&raw const *with).cast_mut().cast());
            wrap(l);
        })
    };
    drop(ManuallyDrop::into_inner(with));
    made
}
