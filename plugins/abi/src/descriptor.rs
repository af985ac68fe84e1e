//! What a plugin says of itself. The header says what each field means.

// For compilers older than 1.80, which do not bring it along.
use core::mem::size_of;

use crate::{Bytes, Call, Data, Request};

/// A function of a plugin.
pub type CallFn = unsafe extern "C" fn(*mut Call) -> i32;
/// A handler of a plugin.
pub type HandlerFn = unsafe extern "C" fn(*mut Request, Bytes) -> i32;

/// What is special about a function or handler.
pub mod flags {
    /// It may wait or compute for long.
    pub const BLOCKING: u32 = 1;
    /// The handler sends and receives on its stream.
    pub const STREAM: u32 = 2;
}

/// Descriptors are constants that every thread may read.
macro_rules! described {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs)] // the header says it, in the same order
        pub struct $name { $(pub $field: $kind,)* }

        // SAFETY: only numbers and pointers, and nothing that is safe follows these. Who follows them has to know that what
        // lies there is constant, which is a rule of the header.
        unsafe impl Sync for $name {}
    };
}

described! {
    /// `gsp_function`.
    Function {
        name: Bytes,
        signature: Bytes,
        help: Bytes,
        call: Option<CallFn>,
        flags: u32,
        reserved: u32,
    }
}

described! {
    /// `gsp_constant`.
    Constant {
        name: Bytes,
        kind: u32,
        reserved: u32,
        integer: i64,
        number: f64,
        bytes: Bytes,
    }
}

described! {
    /// `gsp_class`.
    Class {
        size: u32,
        method_count: u32,
        name: Bytes,
        drop: Option<unsafe extern "C" fn(Data)>,
        methods: *const Function,
    }
}

described! {
    /// `gsp_message`.
    Message {
        size: u32,
        priority: u32,
        name: Bytes,
        shape: Bytes,
        describe: Option<CallFn>,
        help: Bytes,
    }
}

described! {
    /// `gsp_handler`.
    Handler {
        request: *const Message,
        replies: *const *const Message,
        call: Option<HandlerFn>,
        reply_count: u32,
        flags: u32,
    }
}

described! {
    /// `gsp_service`.
    Service {
        size: u32,
        handler_count: u32,
        publisher: Bytes,
        name: Bytes,
        handlers: *const Handler,
        help: Bytes,
    }
}

described! {
    /// `gsp_plugin`.
    Plugin {
        size: u32,
        abi: u16,
        needs: u16,
        pointer_bits: u8,
        big_endian: u8,
        reserved: u16,
        call_size: u32,
        serve_size: u32,
        built_by: Bytes,
        name: Bytes,
        version: Bytes,
        summary: Bytes,
        functions: *const Function,
        constants: *const Constant,
        messages: *const *const Message,
        classes: *const *const Class,
        services: *const *const Service,
        function_count: u32,
        constant_count: u32,
        message_count: u32,
        class_count: u32,
        service_count: u32,
        lua: Bytes,
        app: Bytes,
        load: Option<CallFn>,
    }
}

/// Function pointers that C code left out are `None`; all other pointers are checked before they are followed.
const _: () = assert!(size_of::<Option<CallFn>>() == size_of::<*const u8>());
