//! Modules of Lua that are written in C: shared objects with a function `luaopen_NAME`, as any Lua 5.4 loads them.
//!
//! They use Lua's own functions, which the program has to export; a C module is trusted as a plugin is, and what it does
//! cannot be checked.

use std::os::raw::{c_int, c_void};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use gshell_sys::crash::{self, Owner};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use mlua::{Function, Lua};
use mlua_sys as ffi;
use mlua_sys::lua_State;

use crate::CAN_LOAD;

/// What every name of a function that opens a module begins with.
const PREFIX: &str = "luaopen_";

/// Opens the file, and gives the function that makes the module `name`; `Ok(None)` when the file has none of that name. The
/// file is never closed.
///
/// # Errors
/// In one line, why the file cannot be loaded, or that Lua's memory is full.
pub fn c_module(lua: &Lua, file: &Path, name: &str) -> Result<Option<Function>, String> {
    if !CAN_LOAD {
        return Err(
            "this gshell is linked statically and cannot load C modules: use a build for glibc".to_owned(),
        );
    }
    let owner = owner_of(file);
    let before = crash::mark(owner, "load");
    // SAFETY: this runs the constructors of the file, and of libraries that it needs: that is what somebody who requires a C
    // module asks for. A crash in them is told with the file's name.
    let library = unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) };
    crash::restore(before);
    let library = library.map_err(|error| text(&error))?;
    let found = symbols(name).find_map(|symbol| {
        // SAFETY: by the convention of Lua's modules, a function of this name is one that Lua can call.
        unsafe { library.get::<*mut c_void>(symbol.as_bytes()) }.ok()
    });
    let opener = found.map(|symbol| symbol.into_raw());
    // Never closed: its functions are called for the rest of the process.
    std::mem::forget(library);
    match opener {
        Some(opener) if !opener.is_null() => closure(lua, opener, owner).map(Some),
        _ => Ok(None),
    }
}

/// Names under which the function may be found: dots are `_`, and of `a-b` either side may be its name.
fn symbols(name: &str) -> impl Iterator<Item = String> {
    let name = name.replace('.', "_");
    let names = match name.split_once('-') {
        Some((before, after)) => vec![before.to_owned(), after.to_owned()],
        None => vec![name],
    };
    names.into_iter().map(|name| format!("{PREFIX}{name}"))
}

/// Who a file is in reports of crashes.
fn owner_of(file: &Path) -> &'static Owner {
    static ALL: Mutex<Vec<&'static Owner>> = Mutex::new(Vec::new());
    // Without spaces, which end the name of an owner.
    let name = format!("C:{}", file.display()).replace(' ', "_");
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.iter().find(|known| known.text() == name) {
        return known;
    }
    let made = Owner::new(name);
    all.push(made);
    made
}

fn closure(lua: &Lua, opener: *mut c_void, owner: &'static Owner) -> Result<Function, String> {
    // SAFETY: the closure's upvalues are what `open` asks for; a full memory leaves by an error.
    let made = unsafe {
        lua.exec_raw::<Function>((), |l| {
            ffi::lua_pushlightuserdata(l, opener);
            ffi::lua_pushlightuserdata(l, std::ptr::from_ref(owner).cast_mut().cast());
            ffi::lua_pushcclosure(l, open, 2);
        })
    };
    made.map_err(|error| error.to_string())
}

/// Calls the function of the file, marked as its.
unsafe extern "C-unwind" fn open(l: *mut lua_State) -> c_int {
    // SAFETY: the upvalues are a C function of Lua and an owner that lives as long as the process. The function runs
    // protected, so that the mark ends with it; lua_error leaves a frame without destructors.
    unsafe {
        let opener = ffi::lua_touserdata(l, ffi::lua_upvalueindex(1));
        let opener: ffi::lua_CFunction = std::mem::transmute(opener);
        let owner: &'static Owner = &*ffi::lua_touserdata(l, ffi::lua_upvalueindex(2)).cast();
        ffi::luaL_checkstack(l, 1, std::ptr::null());
        ffi::lua_pushcfunction(l, opener);
        ffi::lua_insert(l, 1);
        let before = crash::mark(owner, "luaopen");
        let status = ffi::lua_pcall(l, ffi::lua_gettop(l) - 1, 1, 0);
        crash::restore(before);
        if status != ffi::LUA_OK {
            ffi::lua_error(l);
        }
    }
    1
}

fn text(error: &libloading::Error) -> String {
    let text = match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    };
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_as_in_any_lua() {
        let names = |name: &str| symbols(name).collect::<Vec<_>>();
        assert_eq!(names("lpeg"), ["luaopen_lpeg"]);
        assert_eq!(names("a.b.c"), ["luaopen_a_b_c"]);
        assert_eq!(names("v2.a-b.c"), ["luaopen_v2_a", "luaopen_b_c"]);
    }
}
