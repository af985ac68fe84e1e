//! What a plugin and its host agree on: the Rust view of `include/gshell_plugin.h`, where the rules stand.
//!
//! Types only, no code that runs: whoever calls through them, the host and the SDK, says why that is sound. A test compiles
//! the header and compares size and place of every field with these.
#![no_std]

use core::ffi::c_void;

mod descriptor;
mod host;
mod note;

pub use descriptor::{
    CallFn, Class, Constant, Function, Handler, HandlerFn, Message, Plugin, Service, flags,
};
pub use host::{Call, Host, Request, ServiceHost, kind};
pub use note::{NOTE_BODY, NOTE_NAME, NOTE_OWNER, NOTE_TYPE, NOTE_VERSION, Note};

/// Goes up when plugins that were built before no longer fit.
pub const ABI: u16 = 1;
/// Goes up when something is added at the end of a struct.
pub const MINOR: u16 = 0;
/// What a function of a plugin returns after it put its results.
pub const OK: i32 = 0;
/// What it returns after an error was noted.
pub const FAILED: i32 = 1;
/// The numbers of arguments are not above it, those of parts of tables are.
pub const PARTS: u32 = 0x100_0000;
/// Bytes of a plugin's name at most.
pub const NAME_MAX: u32 = 63;
/// In front of the plugin's name in the name of the exported descriptor.
pub const SYMBOL_PREFIX: &str = "gshell_plugin_";

/// Bytes of somebody else; for how long they are there depends on where they come from.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// The first of them; anything when there are none.
    pub ptr: *const u8,
    /// How many.
    pub len: u32,
}

impl Bytes {
    /// None.
    pub const EMPTY: Bytes = Bytes::new("");

    /// A constant text. One of 4 GiB or more does not compile as a constant.
    pub const fn new(text: &'static str) -> Bytes {
        assert!(text.len() <= u32::MAX as usize, "a constant of 4 GiB");
        Bytes {
            ptr: text.as_ptr(),
            len: text.len() as u32,
        }
    }
}

/// A pointer to data of a plugin.
pub type Data = *mut c_void;
