//! What the host gives to a plugin's functions and handlers. The header says what each entry does.

use crate::{Bytes, Class, Data, Message};

/// Kinds of values.
pub mod kind {
    /// There is no such argument.
    pub const NONE: u32 = 0;
    /// `nil`.
    pub const NIL: u32 = 1;
    /// A boolean.
    pub const BOOLEAN: u32 = 2;
    /// An integer.
    pub const INTEGER: u32 = 3;
    /// A float.
    pub const NUMBER: u32 = 4;
    /// A string of Lua.
    pub const BYTES: u32 = 5;
    /// A table.
    pub const TABLE: u32 = 6;
    /// An object that a plugin made.
    pub const OBJECT: u32 = 7;
    /// A function, a thread, ...
    pub const OTHER: u32 = 8;
}

/// One call of a function. What lies behind `host` is the host's own.
#[repr(C)]
#[derive(Debug)]
pub struct Call {
    /// What can be asked for.
    pub host: *const Host,
}

/// One request to a service. What lies behind `host` is the host's own.
#[repr(C)]
#[derive(Debug)]
pub struct Request {
    /// What can be asked for.
    pub host: *const ServiceHost,
}

/// `gsp_host`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // the header says it, in the same order
pub struct Host {
    pub size: u32,
    pub minor: u32,
    pub count: unsafe extern "C" fn(*mut Call) -> u32,
    pub kind: unsafe extern "C" fn(*mut Call, u32) -> u32,
    pub get_boolean: unsafe extern "C" fn(*mut Call, u32, *mut i32) -> i32,
    pub get_integer: unsafe extern "C" fn(*mut Call, u32, *mut i64) -> i32,
    pub get_number: unsafe extern "C" fn(*mut Call, u32, *mut f64) -> i32,
    pub get_bytes: unsafe extern "C" fn(*mut Call, u32, *mut Bytes) -> i32,
    pub get_object: unsafe extern "C" fn(*mut Call, u32, *const Class, *mut Data) -> i32,
    pub get_length: unsafe extern "C" fn(*mut Call, u32, *mut u32) -> i32,
    pub open_item: unsafe extern "C" fn(*mut Call, u32, u32, *mut u32) -> i32,
    pub open_field: unsafe extern "C" fn(*mut Call, u32, Bytes, *mut u32) -> i32,
    pub open_next: unsafe extern "C" fn(*mut Call, u32, *mut u32, *mut u32) -> i32,
    pub close: unsafe extern "C" fn(*mut Call, u32),
    pub put_nil: unsafe extern "C" fn(*mut Call) -> i32,
    pub put_boolean: unsafe extern "C" fn(*mut Call, i32) -> i32,
    pub put_integer: unsafe extern "C" fn(*mut Call, i64) -> i32,
    pub put_number: unsafe extern "C" fn(*mut Call, f64) -> i32,
    pub put_bytes: unsafe extern "C" fn(*mut Call, Bytes) -> i32,
    pub put_object: unsafe extern "C" fn(*mut Call, *const Class, Data) -> i32,
    pub put_table: unsafe extern "C" fn(*mut Call, u32, u32) -> i32,
    pub end_item: unsafe extern "C" fn(*mut Call) -> i32,
    pub end_field: unsafe extern "C" fn(*mut Call, Bytes) -> i32,
    pub end_pair: unsafe extern "C" fn(*mut Call) -> i32,
    pub buffer: unsafe extern "C" fn(*mut Call, u32) -> *mut u8,
    pub put_buffer: unsafe extern "C" fn(*mut Call, u32) -> i32,
    pub fail: unsafe extern "C" fn(*mut Call, u32, Bytes) -> i32,
    pub misfit: unsafe extern "C" fn(*mut Call, u32, Bytes) -> i32,
    pub cancelled: unsafe extern "C" fn(*mut Call) -> i32,
}

/// `gsp_service_host`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // the header says it, in the same order
pub struct ServiceHost {
    pub size: u32,
    pub minor: u32,
    pub reply: unsafe extern "C" fn(*mut Request, *const Message, Bytes) -> i32,
    pub buffer: unsafe extern "C" fn(*mut Request, u32) -> *mut u8,
    pub reply_buffer: unsafe extern "C" fn(*mut Request, *const Message, u32) -> i32,
    pub fail: unsafe extern "C" fn(*mut Request, u32, Bytes) -> i32,
    pub cancelled: unsafe extern "C" fn(*mut Request) -> i32,
    pub send: unsafe extern "C" fn(*mut Request, *const Message, Bytes) -> i32,
    pub receive: unsafe extern "C" fn(*mut Request, u64, *mut *const Message, *mut Bytes) -> i32,
}
