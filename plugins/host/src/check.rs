//! What a descriptor says is believed only after this has looked at it.

pub mod segments;

use gshell_plugin_abi as abi;

use segments::Segments;

/// Checks everything.
pub fn descriptor(at: *const abi::Plugin, name: &str) -> Result<(&'static abi::Plugin, Segments), String> {
    let _ = name;
    let segments = Segments::around(at.addr());
    if !segments.holds(at.addr(), size_of::<abi::Plugin>() as u64) {
        return Err("its descriptor lies outside of it".to_owned());
    }
    // SAFETY: so many bytes can be read there, for the rest of the process, and any bytes are a descriptor.
    Ok((unsafe { &*at }, segments))
}

/// The name in a descriptor.
pub fn name_of(descriptor: &'static abi::Plugin) -> Result<&'static str, String> {
    let segments = Segments::around(std::ptr::from_ref(descriptor).addr());
    let name = descriptor.name;
    if name.len == 0 || name.len > abi::NAME_MAX || !segments.holds(name.ptr.addr(), u64::from(name.len)) {
        return Err("its name lies outside of it".to_owned());
    }
    // SAFETY: so many bytes can be read there.
    let bytes = unsafe { std::slice::from_raw_parts(name.ptr, name.len as usize) };
    std::str::from_utf8(bytes).map_err(|_| "its name is not UTF-8".to_owned())
}
