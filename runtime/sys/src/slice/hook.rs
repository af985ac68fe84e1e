//! The hook that ends a slice.

use std::sync::atomic::Ordering::Relaxed;

use mlua_sys::{LUA_MASKCOUNT, lua_Debug, lua_State};
use mlua_sys::{lua_error, lua_isyieldable, lua_pushstring, lua_sethook, lua_yield};

use super::{SHARED, bump};

/// Makes `state`'s next instruction call the hook. Async-signal-safe; a null pointer is ignored.
pub(super) fn set(state: *mut lua_State) {
    if state.is_null() {
        return;
    }
    // SAFETY: lua_sethook needs a live state and may be called from a signal handler of the thread that runs it.
    // Callers pass the thread's current coroutine, which its guard or its resumer keeps alive while it is current.
    unsafe { lua_sethook(state, Some(slice_over), LUA_MASKCOUNT, 1) }
}

/// Takes the hook off.
///
/// # Safety
/// `state` is a live Lua state of this thread.
pub(super) unsafe fn clear(state: *mut lua_State) {
    // SAFETY: the state is live by the contract of this function.
    unsafe { lua_sethook(state, None, 0, 0) }
}

/// Called by Lua with a live state. New coroutines inherit hooks, so it looks whether a slice really is over.
unsafe extern "C-unwind" fn slice_over(state: *mut lua_State, _: *mut lua_Debug) {
    // Copied out, because what follows may leave this function without returning.
    let (over, condemned) = SHARED.with(|s| (s.over.load(Relaxed), s.condemned.load(Relaxed)));
    // SAFETY: Lua passes the live state that runs; in a count hook lua_yield with no values and lua_error are
    // allowed; no value with a destructor is alive when they leave this frame.
    unsafe {
        if !over {
            clear(state);
        } else if lua_isyieldable(state) != 0 {
            // The hook stays set: that is how mlua knows that this yield came from one.
            SHARED.with(|s| {
                s.yielded.store(state, Relaxed);
                bump(&s.slices);
            });
            lua_yield(state, 0);
        } else if blocked(condemned) {
            refuse(state);
        } else {
            clear(state);
        }
    }
}

/// Notes that Lua could not yield here; gives back whether it gets an error for that.
pub(super) fn blocked(condemned: bool) -> bool {
    SHARED.with(|s| {
        s.blocked.store(true, Relaxed);
        bump(&s.overruns);
    });
    condemned
}

/// What a script gets that overstayed where it cannot be interrupted.
pub(super) const OVERSTAYED: &std::ffi::CStr =
    c"ran too long where it cannot be interrupted (a callback of sort or gsub, or a metamethod), while others wait";

/// Raises that error. It travels as Lua's memory error (that is what raising this very text means to Lua 5.4),
/// because that is the only kind for which Lua calls no message handler: one would run inside this hook, where no
/// hook could stop it. Whoever catches it sees [`OVERSTAYED`].
///
/// # Safety
/// Called from C code or a hook that Lua called, with the state that runs; no destructor is pending in the caller.
pub(super) unsafe fn refuse(state: *mut lua_State) -> ! {
    // SAFETY: a slot is always free in a C function and in a hook (LUA_MINSTACK); the text is a valid C string;
    // leaving this frame is allowed by the contract of this function.
    unsafe {
        lua_pushstring(state, c"not enough memory".as_ptr());
        lua_error(state)
    }
}
