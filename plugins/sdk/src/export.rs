//! What the macros put plugins together with: constants of the descriptor, and the functions that hosts call.
//!
//! Text that macros write has no unsafe code: it implements traits, and the functions here are made of these.

use std::ptr::NonNull;

use gshell_plugin_abi as abi;
use gshell_wire::{Message, Priority, Shape};

use crate::guard;
use crate::{Call, Result};

pub use crate::argument::argument;
pub use crate::object::drop_object;
pub use crate::service::{Answer, Handler, Known, body, handler, known, unique};

/// Who compiled the plugin, and for what.
pub const BUILT_BY: &str = env!("GSHELL_BUILT_BY");

/// A function for scripts.
pub trait Function {
    /// Reads arguments, does the work, and puts results.
    ///
    /// # Errors
    /// What goes to the script.
    fn call(call: &mut Call<'_>) -> Result<()>;
}

/// What hosts call for a function.
///
/// # Safety
/// `raw` is a call that goes on until this returns, of a host of this ABI.
pub unsafe extern "C" fn function<F: Function>(raw: *mut abi::Call) -> i32 {
    let Some(raw) = NonNull::new(raw) else {
        return abi::FAILED;
    };
    // SAFETY: by the condition of this function; the call's value ends before it returns.
    let mut call = unsafe { Call::new(raw) };
    match guard::caught(|| F::call(&mut call)) {
        Ok(Ok(())) => abi::OK,
        Ok(Err(error)) | Err(error) => {
            call.fail(&error);
            abi::FAILED
        }
    }
}

/// Puts the shape of a message type.
#[derive(Debug)]
pub struct Describe<M>(std::marker::PhantomData<M>);

impl<M: Message> Function for Describe<M> {
    fn call(call: &mut Call<'_>) -> Result<()> {
        call.put(Shape::from(&M::TYPE).to_string())
    }
}

/// The description of a message type.
pub const fn message<M: Message>() -> abi::Message {
    abi::Message {
        size: size_of::<abi::Message>() as u32,
        priority: match M::PRIORITY {
            Priority::Low => 0,
            Priority::Normal => 1,
            Priority::High => 2,
        },
        name: abi::Bytes::new(M::NAME),
        shape: abi::Bytes::EMPTY,
        describe: Some(function::<Describe<M>>),
        help: abi::Bytes::new(M::HELP),
    }
}

/// Constant bytes. 4 GiB or more do not compile.
pub const fn bytes(bytes: &'static [u8]) -> abi::Bytes {
    assert!(bytes.len() <= u32::MAX as usize, "a constant of 4 GiB");
    abi::Bytes {
        ptr: bytes.as_ptr(),
        len: bytes.len() as u32,
    }
}

/// A constant for scripts, with the value in the field that its kind asks for.
pub const fn constant(
    name: &'static str,
    kind: u32,
    integer: i64,
    number: f64,
    value: &'static [u8],
) -> abi::Constant {
    abi::Constant {
        name: abi::Bytes::new(name),
        kind,
        reserved: 0,
        integer,
        number,
        bytes: bytes(value),
    }
}

/// What a plugin consists of, beside what every plugin of this SDK has in common.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as the fields of the descriptor
pub struct Parts {
    pub name: &'static str,
    pub version: &'static str,
    pub summary: &'static str,
    pub functions: &'static [abi::Function],
    pub constants: &'static [abi::Constant],
    pub messages: &'static [&'static abi::Message],
    pub classes: &'static [&'static abi::Class],
    pub services: &'static [&'static abi::Service],
    pub lua: &'static str,
    pub app: &'static str,
    pub load: Option<abi::CallFn>,
}

/// The descriptor of a plugin.
pub const fn plugin(parts: &Parts) -> abi::Plugin {
    abi::Plugin {
        size: size_of::<abi::Plugin>() as u32,
        abi: abi::ABI,
        needs: 0,
        pointer_bits: usize::BITS as u8,
        big_endian: cfg!(target_endian = "big") as u8,
        reserved: 0,
        call_size: size_of::<abi::Host>() as u32,
        serve_size: size_of::<abi::ServiceHost>() as u32,
        built_by: abi::Bytes::new(BUILT_BY),
        name: abi::Bytes::new(parts.name),
        version: abi::Bytes::new(parts.version),
        summary: abi::Bytes::new(parts.summary),
        functions: parts.functions.as_ptr(),
        constants: parts.constants.as_ptr(),
        // References to constants and pointers to them are the same to C.
        messages: parts.messages.as_ptr().cast(),
        classes: parts.classes.as_ptr().cast(),
        services: parts.services.as_ptr().cast(),
        function_count: parts.functions.len() as u32,
        constant_count: parts.constants.len() as u32,
        message_count: parts.messages.len() as u32,
        class_count: parts.classes.len() as u32,
        service_count: parts.services.len() as u32,
        lua: abi::Bytes::new(parts.lua),
        app: abi::Bytes::new(parts.app),
        load: parts.load,
    }
}
