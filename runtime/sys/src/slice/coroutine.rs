//! `coroutine.resume` and `coroutine.wrap` that let waits and slices pass through a script's own coroutines.
//!
//! When a coroutine yields because it waits for something of the runtime (it yields mlua's pending marker) or
//! because its slice is over, the script's `resume` must not return: the resumer yields the marker to its own
//! resumer, and so on up to the executor, and each resumes its inner coroutine again when it is resumed. The common
//! case, a yield or return meant for the script, takes the same path as in the stock library: one C function.
//!
//! Otherwise they behave as stock: same results, errors and messages.

use std::os::raw::{c_int, c_void};
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use mlua::{Function, Lua, Table};
use mlua_sys as ffi;
use mlua_sys::{lua_KContext, lua_State};

use super::{SHARED, hook, protect};

/// What resuming a coroutine came to.
enum Step {
    /// This many results are on the resumer's stack.
    Results(c_int),
    /// The error object is on the resumer's stack; the status says what kind.
    Failed(c_int),
    /// It waits; nothing was moved. The marker to yield, so that the resumers up to the executor wait too.
    Pending(*mut c_void),
}

/// In Lua, because it is where the resumer waits: it must be able to yield, any number of times, in constant space.
const WAIT: &str = "
local step, yield = ...
local function wait(co, marker, ...)
  if marker then return wait(co, step(co, yield(marker))) end
  return ...
end
return wait";

/// Its address is the marker of a slice's end. To mlua it is an ordinary value that a coroutine yields: it polls
/// the outermost one again without waiting for anything.
static SLICE: u8 = 0;

fn slice_marker() -> *mut c_void {
    ptr::from_ref(&SLICE).cast_mut().cast()
}

/// Replaces `coroutine.resume` and `coroutine.wrap`, and `pcall` and `xpcall` by [`super::Protect`], in `lua`'s
/// globals. Call it once, before any script code runs.
///
/// # Errors
/// When Lua's memory is full.
pub fn install(lua: &Lua, protect: &protect::Protect) -> mlua::Result<()> {
    protect::install(lua, protect)?;
    let coroutine: Table = lua.globals().get("coroutine")?;
    let stock_yield: Function = coroutine.get("yield")?;
    // SAFETY: each function below keeps to the protocol of Lua's C functions.
    let (step, make_resume, make_wrap) = unsafe {
        (
            lua.create_c_function(step)?,
            lua.create_c_function(make_resume)?,
            lua.create_c_function(make_wrap)?,
        )
    };
    let marker = mlua::Value::LightUserData(Lua::poll_pending());
    let wait: Function = lua
        .load(WAIT)
        .set_name("=gshell")
        .call((step, stock_yield, marker))?;
    coroutine.set("resume", make_resume.call::<Function>(&wait)?)?;
    coroutine.set("wrap", make_wrap.call::<Function>(&wait)?)
}

/// `(wait) -> resume`
unsafe extern "C-unwind" fn make_resume(l: *mut lua_State) -> c_int {
    // SAFETY: called by Lua with one argument, which becomes the closure's upvalue.
    unsafe {
        ffi::lua_settop(l, 1);
        ffi::lua_pushcclosure(l, resume, 1);
    }
    1
}

/// `(wait) -> wrap`
unsafe extern "C-unwind" fn make_wrap(l: *mut lua_State) -> c_int {
    // SAFETY: as in make_resume.
    unsafe {
        ffi::lua_settop(l, 1);
        ffi::lua_pushcclosure(l, wrap, 1);
    }
    1
}

/// Resumes `co` with the top `narg` values of `l`, and keeps the thread's current coroutine right meanwhile.
///
/// # Safety
/// `l` runs and called this through a C function; `co` is a live coroutine of the same Lua state, anchored by the
/// caller's frame.
unsafe fn run(l: *mut lua_State, co: *mut lua_State, mut narg: c_int) -> Step {
    // SAFETY: all calls follow the API's rules for stack use: values are moved only after the space was checked,
    // and only as many as are there. lua_resume catches all errors of the coroutine, so the current coroutine is
    // always restored.
    unsafe {
        if ffi::lua_checkstack(co, narg) == 0 {
            ffi::lua_pushstring(l, c"too many arguments to resume".as_ptr());
            return Step::Failed(ffi::LUA_OK);
        }
        ffi::lua_xmove(l, co, narg);
        loop {
            let mut nres = 0;
            let previous = SHARED.with(|s| {
                let previous = s.current.load(Relaxed);
                if !previous.is_null() {
                    s.current.store(co, Relaxed);
                }
                previous
            });
            let status = ffi::lua_resume(co, l, narg, &mut nres);
            let by_hook = SHARED.with(|s| {
                s.current.store(previous, Relaxed);
                s.yielded.load(Relaxed) == co
            });
            if status == ffi::LUA_YIELD && by_hook {
                if !slice_over(l, co) {
                    narg = 0;
                    continue;
                }
                return Step::Pending(slice_marker());
            }
            if status != ffi::LUA_OK && status != ffi::LUA_YIELD {
                ffi::lua_xmove(co, l, 1);
                return Step::Failed(status);
            }
            if status == ffi::LUA_YIELD && nres == 1 {
                let marker = ffi::lua_tolightuserdata(co, -1);
                if marker == Lua::poll_pending().0 || marker == slice_marker() {
                    ffi::lua_settop(co, -2);
                    return Step::Pending(marker);
                }
            }
            if ffi::lua_checkstack(l, nres + 2) == 0 {
                ffi::lua_settop(co, -nres - 1);
                ffi::lua_pushstring(l, c"too many results to resume".as_ptr());
                return Step::Failed(ffi::LUA_OK);
            }
            ffi::lua_xmove(co, l, nres);
            return Step::Results(nres);
        }
    }
}

/// The hook made `co` yield. True if `l` can pass that on; else `co` has to go on at once (or `l` gets an error).
///
/// # Safety
/// As for [`run`].
unsafe fn slice_over(l: *mut lua_State, co: *mut lua_State) -> bool {
    // SAFETY: both states are live; refuse leaves this frame, in which nothing has a destructor.
    unsafe {
        let passes = ffi::lua_isyieldable(l) != 0;
        hook::clear(co);
        let condemned = SHARED.with(|s| {
            s.yielded.store(ptr::null_mut(), Relaxed);
            if passes {
                s.sliced.store(true, Relaxed);
            }
            s.condemned.load(Relaxed)
        });
        if !passes && hook::blocked(condemned) {
            hook::refuse(l);
        }
        passes
    }
}

/// Calls `wait(co, marker)`, whose results are those of [`step`]; returns only if nothing had to be waited for.
/// `co` and `wait` are indices of the two.
///
/// # Safety
/// Called from a C function of `l` that has these values.
unsafe fn wait(
    l: *mut lua_State,
    co: c_int,
    wait: c_int,
    marker: *mut c_void,
    k: ffi::lua_KFunction,
) -> c_int {
    // SAFETY: pushes three values for which the space is checked. With a continuation, lua_callk may yield.
    unsafe {
        ffi::luaL_checkstack(l, 4, ptr::null());
        ffi::lua_pushvalue(l, wait);
        ffi::lua_pushvalue(l, co);
        ffi::lua_pushlightuserdata(l, marker);
        ffi::lua_callk(l, 2, ffi::LUA_MULTRET, 0, Some(k));
        k(l, ffi::LUA_OK, 0)
    }
}

/// `step(co, ...)`: the marker while it waits, else `false` and what `coroutine.resume` gives.
unsafe extern "C-unwind" fn step(l: *mut lua_State) -> c_int {
    // SAFETY: called by wait with a coroutine first, which this frame anchors.
    unsafe {
        let co = ffi::lua_tothread(l, 1);
        match run(l, co, ffi::lua_gettop(l) - 1) {
            Step::Pending(marker) => {
                ffi::lua_pushlightuserdata(l, marker);
                1
            }
            done => {
                let n = outcome(l, done);
                ffi::lua_pushboolean(l, 0);
                ffi::lua_insert(l, -(n + 1));
                n + 1
            }
        }
    }
}

/// Puts `true, results...` or `false, error` on the stack; gives their number.
///
/// # Safety
/// `step` is what [`run`] just gave for `l`.
unsafe fn outcome(l: *mut lua_State, step: Step) -> c_int {
    // SAFETY: the values are on top of the stack; run checked that two more fit, and converting checks its own.
    unsafe {
        let (n, ok) = match step {
            Step::Results(n) => (n, 1),
            Step::Failed(status) => {
                protect::convert_top(l, status);
                (1, 0)
            }
            Step::Pending(_) => (0, 0),
        };
        ffi::lua_pushboolean(l, ok);
        ffi::lua_insert(l, -(n + 1));
        n + 1
    }
}

/// `coroutine.resume`; upvalue 1 is `wait`.
unsafe extern "C-unwind" fn resume(l: *mut lua_State) -> c_int {
    // SAFETY: a C function called by Lua; the coroutine is argument 1, anchored by this frame.
    unsafe {
        let co = ffi::lua_tothread(l, 1);
        if co.is_null() {
            return not_a_coroutine(l);
        }
        match run(l, co, ffi::lua_gettop(l) - 1) {
            Step::Pending(m) => wait(l, 1, ffi::lua_upvalueindex(1), m, resumed),
            done => outcome(l, done),
        }
    }
}

/// After `wait`: all but argument 1 are results.
unsafe extern "C-unwind" fn resumed(l: *mut lua_State, _: c_int, _: lua_KContext) -> c_int {
    // SAFETY: Lua calls it in resume's frame.
    unsafe { ffi::lua_gettop(l) - 1 }
}

/// `coroutine.wrap`; upvalue 1 is `wait`.
unsafe extern "C-unwind" fn wrap(l: *mut lua_State) -> c_int {
    // SAFETY: a C function called by Lua; makes the coroutine, moves the function into it, and a closure over both.
    unsafe {
        ffi::luaL_checktype(l, 1, ffi::LUA_TFUNCTION);
        let co = ffi::lua_newthread(l);
        ffi::lua_pushvalue(l, 1);
        ffi::lua_xmove(l, co, 1);
        ffi::lua_pushvalue(l, ffi::lua_upvalueindex(1));
        ffi::lua_pushcclosure(l, wrapped, 2);
    }
    1
}

/// What `coroutine.wrap` gave; upvalues: the coroutine, `wait`.
unsafe extern "C-unwind" fn wrapped(l: *mut lua_State) -> c_int {
    // SAFETY: a C function called by Lua; its closure anchors the coroutine.
    unsafe {
        let co = ffi::lua_tothread(l, ffi::lua_upvalueindex(1));
        match run(l, co, ffi::lua_gettop(l)) {
            Step::Results(n) => n,
            Step::Failed(_) => propagate(l, co),
            Step::Pending(m) => wait(
                l,
                ffi::lua_upvalueindex(1),
                ffi::lua_upvalueindex(2),
                m,
                unwrapped,
            ),
        }
    }
}

/// After `wait` in [`wrapped`]: the whole stack is what `resume` would give.
unsafe extern "C-unwind" fn unwrapped(l: *mut lua_State, _: c_int, _: lua_KContext) -> c_int {
    // SAFETY: Lua calls it in wrapped's frame, with the boolean first.
    unsafe {
        if ffi::lua_toboolean(l, 1) != 0 {
            return ffi::lua_gettop(l) - 1;
        }
        propagate(l, ffi::lua_tothread(l, ffi::lua_upvalueindex(1)))
    }
}

/// Raises the error on top of the stack as `coroutine.wrap` does: the coroutine's pending variables are closed, and
/// a message gets the caller's position.
///
/// # Safety
/// `l` is in [`wrapped`]'s frame, the error object on top; `co` is its coroutine.
unsafe fn propagate(l: *mut lua_State, co: *mut lua_State) -> c_int {
    // SAFETY: lua_closethread leaves the error object on co's stack, from where it is moved; a few values fit
    // because a C function always has LUA_MINSTACK; lua_error leaves a frame without destructors.
    unsafe {
        let mut status = ffi::lua_status(co);
        if status != ffi::LUA_OK && status != ffi::LUA_YIELD {
            status = ffi::lua_closethread(co, l);
            ffi::lua_xmove(co, l, 1);
        }
        if status != ffi::LUA_ERRMEM && ffi::lua_type(l, -1) == ffi::LUA_TSTRING {
            ffi::luaL_where(l, 1);
            ffi::lua_insert(l, -2);
            ffi::lua_concat(l, 2);
        }
        ffi::lua_error(l)
    }
}

/// The stock library's complaint about argument 1.
///
/// # Safety
/// In a C function called by Lua.
unsafe fn not_a_coroutine(l: *mut lua_State) -> c_int {
    // SAFETY: luaL_typename gives a valid C string for any index; the frame has no destructors.
    unsafe {
        let what = ffi::luaL_typename(l, 1);
        let text = ffi::lua_pushfstring(l, c"thread expected, got %s".as_ptr(), what);
        ffi::luaL_argerror(l, 1, text)
    }
}
