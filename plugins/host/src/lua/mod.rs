//! Calls of plugin functions straight from Lua's stack.
//!
//! Each function is a C closure whose one upvalue points to its `Record`. The context of a call lies on the stack of
//! the closure's own function; arguments are read where Lua has them, and results are pushed where Lua wants them. What
//! may allocate in Lua runs protected (`protected`), so that no memory error jumps over frames of a plugin; an error
//! is noted, and raised after the plugin has returned and all that belongs to the call is gone.

mod arguments;
mod call;
mod cmodule;
mod failing;
mod module;
mod objects;
mod parts;
mod protected;
mod results;

use std::os::raw::c_void;
use std::ptr;

pub use cmodule::c_module;
pub use module::{Hooks, module};
pub(crate) use objects::{give, peek};

use crate::record::Record;

// Their addresses are keys in Lua's registry. They are not constants of the same value that could be merged.
/// The function that makes errors, see [`Hooks::error`].
static MAKE_ERROR: u8 = 1;
/// A coroutine on whose stack the parts of tables lie that calls have opened.
static PARTS: u8 = 2;

fn key(of: &'static u8) -> *const c_void {
    ptr::from_ref(of).cast()
}
