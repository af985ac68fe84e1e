//! What goes wrong with a chip, in one line: which one, why, and what to do.

use std::io;

use gpiocdev_uapi::v2 as uapi;
use gshell_plugin_sdk::{Code, Error};

// Numbers of errors that are the same on all Linux targets.
const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EINTR: i32 = 4;
const ENXIO: i32 = 6;
const EACCES: i32 = 13;
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
const ENOTTY: i32 = 25;

/// The number of the error, 0 if the system gave none.
fn number(error: &uapi::Error) -> i32 {
    match error {
        uapi::Error::Os(errno) => errno.0,
        uapi::Error::UnderRead(_) => 0,
    }
}

/// Whether a call was only interrupted.
pub fn is_interrupted(error: &uapi::Error) -> bool {
    number(error) == EINTR
}

/// Whether somebody else has a line.
pub fn is_busy(error: &uapi::Error) -> bool {
    number(error) == EBUSY
}

/// The error of opening a chip.
pub fn unopened(path: &str, error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(ENOENT) => missing(path),
        Some(EACCES | EPERM) => {
            let text = "permission denied; add the user to the device's group (often gpio), or run as root";
            Error::new(Code::Denied, format!("{path}: {text}"))
        }
        Some(ENXIO | ENODEV) => gone(path),
        _ => Error::new(Code::Storage, format!("{path}: {error}")),
    }
}

/// There is no such file.
fn missing(path: &str) -> Error {
    let text = "there is no such chip; gpio.chips() lists those that there are";
    Error::new(Code::NotFound, format!("{path}: {text}"))
}

fn gone(path: &str) -> Error {
    let text = "the chip is gone: it was unplugged, or its driver was unloaded";
    Error::new(Code::Unreachable, format!("{path}: {text}"))
}

/// The file is something else.
pub fn no_chip(path: &str) -> Error {
    let text = "this is no GPIO chip; those are called /dev/gpiochip0 and so on";
    Error::new(Code::Invalid, format!("{path}: {text}"))
}

/// The error of asking whether a file is a chip.
pub fn unasked(path: &str, error: &uapi::Error) -> Error {
    match number(error) {
        // Other drivers say one or the other to what they do not know.
        ENOTTY | EINVAL => no_chip(path),
        _ => failed(path, error),
    }
}

/// The error of asking a chip for what every chip knows.
pub fn unknown(path: &str, error: &uapi::Error) -> Error {
    match number(error) {
        ENOTTY | EINVAL => {
            let text = "the kernel is too old: this needs Linux 5.10 or newer";
            Error::new(Code::Version, format!("{path}: {text}"))
        }
        _ => failed(path, error),
    }
}

/// The error of requesting or changing lines; `what` names them.
pub fn unrequested(what: &str, error: &uapi::Error) -> Error {
    match number(error) {
        EINVAL => {
            let text = "the chip does not do these settings together (Linux 5.10 or newer is needed)";
            Error::new(Code::Invalid, format!("{what}: {text}"))
        }
        ENXIO => {
            let text =
                "no interrupt comes from such a line, so edges cannot be seen; read it now and then instead";
            Error::new(Code::Invalid, format!("{what}: {text}"))
        }
        _ => failed(what, error),
    }
}

/// Any other error.
pub fn failed(what: &str, error: &uapi::Error) -> Error {
    match number(error) {
        ENODEV => gone(what),
        EPERM => {
            let text = "only lines that were requested as outputs can be set";
            Error::new(Code::State, format!("{what}: {text}"))
        }
        _ => Error::new(Code::Storage, format!("{what}: {error}")),
    }
}
