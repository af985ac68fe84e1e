//! A small host for tests of plugins: calls their functions, methods and handlers in the process of the test, without a
//! node and without Lua.
//!
//! ```
//! use gshell_plugin_sdk::{Code, Value, testing};
//!
//! #[gshell_plugin_sdk::plugin(name = "half", summary = "Divides.", version = "1.0.0")]
//! mod plugin {
//!     use gshell_plugin_sdk::{Code, Error, Result};
//!
//!     #[function]
//!     fn half(number: i64) -> Result<i64> {
//!         match number % 2 {
//!             0 => Ok(number / 2),
//!             _ => Err(Error::new(Code::Invalid, format!("{number} is odd"))),
//!         }
//!     }
//! }
//!
//! # fn main() {
//! assert_eq!(testing::call(&PLUGIN, "half", &[Value::Integer(8)]).unwrap(), [Value::Integer(4)]);
//! assert_eq!(testing::call(&PLUGIN, "half", &[Value::Integer(7)]).unwrap_err().text(), "7 is odd");
//! let error = testing::call(&PLUGIN, "half", &["8".into()]).unwrap_err();
//! assert_eq!((error.code(), error.text()), (Code::Invalid, "argument 1: an integer expected, got a string"));
//! # }
//! ```

mod frame;
mod host;
mod service;

use std::ptr::NonNull;
use std::slice;

use gshell_plugin_abi as abi;
use gshell_wire::Code;

pub use service::{Conversation, Sent, notice, request};

use crate::{Error, Result, Value};
use frame::Frame;

/// A function of a plugin.
#[derive(Clone, Copy, Debug)]
pub struct Function(&'static abi::Function);

/// An object that a plugin made; its end is the object's.
#[derive(Debug)]
pub struct Object {
    class: &'static abi::Class,
    data: NonNull<std::ffi::c_void>,
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub enum Given<'a> {
    /// A value.
    Value(Value),
    /// An object that the plugin has made before.
    Object(&'a Object),
}

impl<T: Into<Value>> From<T> for Given<'_> {
    fn from(value: T) -> Self {
        Given::Value(value.into())
    }
}

impl<'a> From<&'a Object> for Given<'a> {
    fn from(object: &'a Object) -> Self {
        Given::Object(object)
    }
}

/// What lies behind a descriptor's pointer and count.
///
/// # Safety
/// Both are from a descriptor that the SDK's macros made.
unsafe fn table<T>(start: *const T, count: u32) -> &'static [T] {
    if count == 0 {
        return &[];
    }
    // SAFETY: by the condition of this function they are those of a static slice.
    unsafe { slice::from_raw_parts(start, count as usize) }
}

fn text(bytes: abi::Bytes) -> &'static str {
    // SAFETY: descriptors that the SDK's macros made have static texts.
    let bytes = unsafe { table(bytes.ptr, bytes.len) };
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Calls a function.
///
/// # Errors
/// What it fails with, or that there is none of this name.
pub fn call(plugin: &'static abi::Plugin, name: &str, arguments: &[Value]) -> Result<Vec<Value>> {
    find(plugin, name)?.call(arguments)
}

/// Calls a function that makes an object.
///
/// # Errors
/// What it fails with, that there is none of this name, or that its first result is no object.
pub fn object(plugin: &'static abi::Plugin, name: &str, arguments: &[Value]) -> Result<Object> {
    let given: Vec<Given<'_>> = arguments.iter().cloned().map(Given::Value).collect();
    let mut frame = find(plugin, name)?.run(&given)?;
    frame.object()
}

/// A function of a plugin.
///
/// # Panics
/// When there is none of this name.
pub fn function(plugin: &'static abi::Plugin, name: &str) -> Function {
    match find(plugin, name) {
        Ok(function) => function,
        #[allow(clippy::panic)] // tests fail by panicking
        Err(error) => panic!("{error}"),
    }
}

/// Calls what a plugin wants to have called first, if there is such a function.
///
/// # Errors
/// What it fails with.
pub fn load(plugin: &'static abi::Plugin) -> Result<()> {
    match plugin.load {
        Some(load) => Frame::new(&[]).call(load).map(drop),
        None => Ok(()),
    }
}

/// The constants of a plugin, by name.
pub fn constants(plugin: &'static abi::Plugin) -> Vec<(&'static str, Value)> {
    // SAFETY: the SDK's macros made the descriptor.
    let constants = unsafe { table(plugin.constants, plugin.constant_count) };
    let value = |constant: &abi::Constant| match constant.kind {
        abi::kind::BOOLEAN => Value::Boolean(constant.integer != 0),
        abi::kind::INTEGER => Value::Integer(constant.integer),
        abi::kind::NUMBER => Value::Number(constant.number),
        // SAFETY: the SDK's macros made the descriptor.
        _ => Value::Bytes(unsafe { table(constant.bytes.ptr, constant.bytes.len) }.to_vec()),
    };
    constants
        .iter()
        .map(|constant| (text(constant.name), value(constant)))
        .collect()
}

fn find(plugin: &'static abi::Plugin, name: &str) -> Result<Function> {
    // SAFETY: the SDK's macros made the descriptor.
    let functions = unsafe { table(plugin.functions, plugin.function_count) };
    let found = functions.iter().find(|function| text(function.name) == name);
    let missing = || {
        Error::new(
            Code::NotFound,
            format!("{} has no function {name:?}", text(plugin.name)),
        )
    };
    found.map(Function).ok_or_else(missing)
}

impl Function {
    /// Its names and types: "a: integer, b: integer -> integer".
    pub fn signature(&self) -> &'static str {
        text(self.0.signature)
    }

    /// Its documentation.
    pub fn help(&self) -> &'static str {
        text(self.0.help)
    }

    /// Whether it runs on a thread for those that wait or compute for long.
    pub fn is_blocking(&self) -> bool {
        self.0.flags & abi::flags::BLOCKING != 0
    }

    /// Calls it.
    ///
    /// # Errors
    /// What it fails with.
    pub fn call(&self, arguments: &[Value]) -> Result<Vec<Value>> {
        let given: Vec<Given<'_>> = arguments.iter().cloned().map(Given::Value).collect();
        self.call_with(&given)
    }

    /// Calls it with values and objects.
    ///
    /// # Errors
    /// What it fails with.
    pub fn call_with(&self, arguments: &[Given<'_>]) -> Result<Vec<Value>> {
        self.run(arguments)?.values()
    }

    /// Calls it as one whose caller does not wait any more: what it says to that.
    ///
    /// # Errors
    /// What it fails with.
    pub fn call_cancelled(&self, arguments: &[Given<'_>]) -> Result<Vec<Value>> {
        let mut frame = Frame::new(arguments);
        frame.cancelled = true;
        self.run_in(frame)?.values()
    }

    fn run(&self, arguments: &[Given<'_>]) -> Result<Box<Frame>> {
        self.run_in(Frame::new(arguments))
    }

    fn run_in(&self, frame: Box<Frame>) -> Result<Box<Frame>> {
        match self.0.call {
            Some(function) => frame.call(function),
            None => Err(Error::new(Code::Internal, "a function without code")),
        }
    }
}

impl Object {
    /// Calls a method.
    ///
    /// # Errors
    /// What it fails with, or that there is none of this name.
    pub fn call(&self, method: &str, arguments: &[Given<'_>]) -> Result<Vec<Value>> {
        self.method(method)?.call_with(&self.given(arguments))
    }

    /// Calls a method that makes an object.
    ///
    /// # Errors
    /// What it fails with, that there is none of this name, or that its first result is no object.
    pub fn object(&self, method: &str, arguments: &[Given<'_>]) -> Result<Object> {
        let mut frame = self.method(method)?.run(&self.given(arguments))?;
        frame.object()
    }

    /// A method, whose first argument is the object.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn method(&self, name: &str) -> Result<Function> {
        // SAFETY: the SDK's macros made the class.
        let methods = unsafe { table(self.class.methods, self.class.method_count) };
        let missing = || {
            let text = format!("{} has no method {name:?}", text(self.class.name));
            Error::new(Code::NotFound, text)
        };
        let found = methods.iter().find(|found| text(found.name) == name);
        found.map(Function).ok_or_else(missing)
    }

    fn given<'a>(&'a self, arguments: &[Given<'a>]) -> Vec<Given<'a>> {
        let mut given = vec![Given::Object(self)];
        given.extend(arguments.iter().cloned());
        given
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if let Some(drop) = self.class.drop {
            // SAFETY: the data is of this class, this is the one owner of it, and nobody uses it any more.
            unsafe { drop(self.data.as_ptr()) };
        }
    }
}
