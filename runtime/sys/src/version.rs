//! The version of the C library that the process runs on.

/// Version of glibc on this machine, which may be newer than the one that the program was built with; `None` where the
/// C library is another one.
#[cfg(target_env = "gnu")]
pub fn glibc() -> Option<String> {
    // SAFETY: the function takes nothing, and gives a text with an end that stays as long as the process.
    let text = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    text.to_str().ok().map(str::to_owned)
}

/// As above: there is none.
#[cfg(not(target_env = "gnu"))]
pub fn glibc() -> Option<String> {
    None
}
