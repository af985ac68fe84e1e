//! A plugin in Rust without the SDK, as any compiler since 1.59 makes it: the ABI is C, so the compiler's version does not
//! matter. Who may take a newer compiler uses the SDK, which needs no unsafe code. See `Makefile`, and `../lua/use_plain.lua`.

// New compilers ask for it in edition 2024, old ones only when told.
#![warn(unsafe_op_in_unsafe_fn)]

use gshell_plugin_abi as abi;

/// Who compiled this, from the environment of the compiler.
const COMPILER: &str = env!("COMPILER");

/// Notes an error for the script.
///
/// # Safety
/// `call` is the call that the host began and that goes on.
unsafe fn fail(call: *mut abi::Call, code: u32, text: &'static str) -> i32 {
    // SAFETY: by the condition of this function; a text of the plugin is there for ever.
    unsafe { ((*(*call).host).fail)(call, code, abi::Bytes::new(text)) }
}

/// Makes 0 an error: what the host's functions give after they noted one.
fn status(done: i32) -> i32 {
    if done == 0 {
        abi::FAILED
    } else {
        abi::OK
    }
}

unsafe extern "C" fn add(call: *mut abi::Call) -> i32 {
    let (mut a, mut b) = (0, 0);
    // SAFETY: the host calls with a call that goes on, and its table stays; the places are there to be written.
    unsafe {
        let host = &*(*call).host;
        if (host.get_integer)(call, 1, &mut a) == 0 || (host.get_integer)(call, 2, &mut b) == 0 {
            return abi::FAILED;
        }
        match a.checked_add(b) {
            Some(sum) => status((host.put_integer)(call, sum)),
            None => fail(call, 8, "the sum has more than 64 bits"),
        }
    }
}

unsafe extern "C" fn shout(call: *mut abi::Call) -> i32 {
    let mut bytes = abi::Bytes::EMPTY;
    // SAFETY: as in `add`; the buffer has as many bytes as were asked for, the argument as many as it says, and the two do
    // not overlap.
    unsafe {
        let host = &*(*call).host;
        if (host.get_bytes)(call, 1, &mut bytes) == 0 {
            return abi::FAILED;
        }
        let out = (host.buffer)(call, bytes.len);
        if out.is_null() {
            return abi::FAILED;
        }
        for at in 0..bytes.len as usize {
            *out.add(at) = (*bytes.ptr.add(at)).to_ascii_uppercase();
        }
        status((host.put_buffer)(call, bytes.len))
    }
}

static FUNCTIONS: [abi::Function; 2] = [
    abi::Function {
        name: abi::Bytes::new("add"),
        signature: abi::Bytes::new("a: integer, b: integer -> integer"),
        help: abi::Bytes::new("The sum of two integers."),
        call: Some(add),
        flags: 0,
        reserved: 0,
    },
    abi::Function {
        name: abi::Bytes::new("shout"),
        signature: abi::Bytes::new("bytes: bytes -> bytes"),
        help: abi::Bytes::new("In capital letters."),
        call: Some(shout),
        flags: 0,
        reserved: 0,
    },
];

static CONSTANTS: [abi::Constant; 1] = [abi::Constant {
    name: abi::Bytes::new("COMPILER"),
    kind: abi::kind::BYTES,
    reserved: 0,
    integer: 0,
    number: 0.0,
    bytes: abi::Bytes::new(COMPILER),
}];

/// The note, for who only reads the file.
#[used]
#[link_section = ".note.gshell"]
static NOTE: abi::Note = abi::Note::new("plain", "1.0.0");

/// The descriptor.
#[export_name = "gshell_plugin_plain"]
pub static PLUGIN: abi::Plugin = abi::Plugin {
    size: std::mem::size_of::<abi::Plugin>() as u32,
    abi: abi::ABI,
    needs: 0,
    pointer_bits: usize::BITS as u8,
    big_endian: cfg!(target_endian = "big") as u8,
    reserved: 0,
    call_size: std::mem::size_of::<abi::Host>() as u32,
    serve_size: std::mem::size_of::<abi::ServiceHost>() as u32,
    built_by: abi::Bytes::new(COMPILER),
    name: abi::Bytes::new("plain"),
    version: abi::Bytes::new("1.0.0"),
    summary: abi::Bytes::new("An example in Rust without the SDK"),
    functions: FUNCTIONS.as_ptr(),
    constants: CONSTANTS.as_ptr(),
    messages: std::ptr::null(),
    classes: std::ptr::null(),
    services: std::ptr::null(),
    function_count: 2,
    constant_count: 1,
    message_count: 0,
    class_count: 0,
    service_count: 0,
    lua: abi::Bytes::EMPTY,
    app: abi::Bytes::EMPTY,
    load: None,
};
