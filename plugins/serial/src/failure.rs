//! What goes wrong with a port, in one line: which one, why, and what to do.

use std::io;

use gshell_plugin_sdk::{Code, Error};
use nix::errno::Errno;

/// The error of a system call on a port.
pub fn failed(path: &str, error: &io::Error) -> Error {
    let errno = error.raw_os_error().map(Errno::from_raw);
    let (code, text) = match errno {
        Some(Errno::ENOENT) => (
            Code::NotFound,
            "there is no such device; serial.ports() lists those that there are",
        ),
        Some(Errno::EACCES | Errno::EPERM) => (
            Code::Denied,
            "permission denied; add the user to the device's group (often dialout), or run as root",
        ),
        Some(Errno::ENOTTY) => (Code::Invalid, "this is no serial port"),
        Some(Errno::EBUSY) => (
            Code::Busy,
            "another program uses it exclusively; stop that one first",
        ),
        Some(Errno::ENXIO | Errno::ENODEV) => (
            Code::Unreachable,
            "no hardware is behind it; is the adapter plugged in?",
        ),
        Some(Errno::EIO) => return hung_up(path),
        _ => return Error::new(Code::Storage, format!("{path}: {error}")),
    };
    Error::new(code, format!("{path}: {text}"))
}

/// The other side is gone, or there never was one.
pub fn hung_up(path: &str) -> Error {
    let text = "hung up: the other side is gone, the adapter was unplugged, or no hardware is behind it; open it again";
    Error::new(Code::Unreachable, format!("{path}: {text}"))
}
