//! The functions of the header, one file for each of its parts. They translate and nothing else: arguments to safe types,
//! results to places and numbers. What they are for is said in the header.
//!
//! `no_mangle` counts as unsafe code, because two functions of one name would be mixed up: all names here begin with
//! `gshell_`, which is this library's. No block of unsafe code is in these files.
#![allow(unsafe_code)]
#![allow(missing_docs)] // the header documents them

mod client;
mod message;
mod server;

use std::ffi::{CStr, c_char, c_int};
use std::sync::{Arc, Mutex};

use gshell_wire::{Code, Fault};

use crate::border::Out;
use crate::guard;
use crate::message::Message;
use crate::table::{self, Object};

/// Number of the binary interface.
pub const ABI: u32 = 1;

#[unsafe(no_mangle)]
pub extern "C" fn gshell_abi() -> u32 {
    ABI
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_version() -> *const c_char {
    constant(concat!(env!("CARGO_PKG_VERSION"), "\0"))
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_objects() -> usize {
    table::count() + guard::count()
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_error_free(error: usize) {
    guard::free(error);
}

/// A text of the program that ends with a zero byte.
fn constant(text: &'static str) -> *const c_char {
    CStr::from_bytes_with_nul(text.as_bytes())
        .unwrap_or_default()
        .as_ptr()
}

macro_rules! names {
    ($code:expr, $($name:ident)*) => {
        match $code {
            $(Some(Code::$name) => concat!(stringify!($name), "\0"),)*
            None => "Unknown\0",
        }
    };
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_code_name(code: c_int) -> *const c_char {
    let code = u16::try_from(code).ok().and_then(Code::from_u16);
    constant(
        names!(code, Internal UnknownMessage BadMessage NotFound Exists Invalid Denied Limit Busy Timeout Stopped
        Unreachable Version Protocol Cancelled State Storage Script),
    )
}

/// Hands a message to C.
fn give(message: Message) -> Result<usize, Fault> {
    table::insert(Object::Message(Arc::new(Mutex::new(message))))
}

/// Receives a message into its place: `OK`, or `END` when no more come.
fn receive(
    message: &Out<usize>,
    error: &Out<usize>,
    next: &mut dyn FnMut() -> Result<Option<Message>, Fault>,
) -> c_int {
    message.set(0);
    guard::run(error, &mut || {
        message.need("the message")?;
        match next()? {
            Some(received) => {
                message.set(give(received)?);
                Ok(guard::OK)
            }
            None => Ok(guard::END),
        }
    })
}
