//! What goes wrong on a bus, in one line: where, why, and what to do.

use std::fmt::Display;
use std::io;

use gshell_plugin_sdk::{Code, Error};
use nix::errno::Errno;

/// The error of a system call; none if it is of another kind.
fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}

fn said(code: Code, place: impl Display, text: impl Display) -> Error {
    Error::new(code, format!("{place}: {text}"))
}

/// The error of opening a bus.
pub fn unopened(path: &str, error: &io::Error) -> Error {
    match errno(error) {
        Some(Errno::ENOENT) => {
            let text = "there is no such bus; i2c.buses() lists those that there are (is the module i2c-dev loaded?)";
            said(Code::NotFound, path, text)
        }
        Some(Errno::EACCES | Errno::EPERM) => {
            let text = "permission denied; add the user to the device's group (often i2c), or run as root";
            said(Code::Denied, path, text)
        }
        // Other drivers say one or the other to what they do not know.
        Some(Errno::ENOTTY | Errno::EINVAL) => no_bus(path),
        _ => failed(path, error),
    }
}

/// The file is something else.
pub fn no_bus(path: &str) -> Error {
    said(
        Code::Invalid,
        path,
        "this is no I2C bus; those are called /dev/i2c-0 and so on",
    )
}

/// The error of talking to an address.
pub fn untold(path: &str, address: u16, error: &io::Error) -> Error {
    let place = format!("{path} address {address:#04x}");
    match errno(error) {
        Some(Errno::EBUSY) => {
            let text =
                "a driver of the kernel has this device; unbind the driver first (/sys/bus/i2c/devices)";
            said(Code::Busy, place, text)
        }
        Some(Errno::ENXIO | Errno::EREMOTEIO) => said(
            Code::NotFound,
            place,
            "nobody answers; is the device powered and its address right?",
        ),
        Some(Errno::ETIMEDOUT) => {
            let text = "the bus is stuck: a device holds a line down, or pull-up resistors are missing";
            said(Code::Timeout, place, text)
        }
        Some(Errno::EAGAIN) => said(Code::Busy, place, "another master has the bus; try again"),
        Some(Errno::EOPNOTSUPP) => {
            let text =
                "the bus cannot do this; many that are only for SMBus do bytes, words and blocks of 32";
            said(Code::Invalid, place, text)
        }
        _ => failed(place, error),
    }
}

fn failed(place: impl Display, error: &io::Error) -> Error {
    match errno(error) {
        Some(Errno::ENODEV | Errno::ENXIO) => said(
            Code::Unreachable,
            place,
            "the bus is gone: its adapter was unplugged, or its driver unloaded",
        ),
        _ => said(Code::Storage, place, error),
    }
}

/// Whether an error says that a bus cannot do something, rather than that nobody answers.
pub fn is_unable(error: &io::Error) -> bool {
    errno(error) == Some(Errno::EOPNOTSUPP)
}

/// Whether a driver of the kernel has an address.
pub fn is_taken(error: &io::Error) -> bool {
    errno(error) == Some(Errno::EBUSY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_device_and_what_to_do() {
        let text = |errno: Errno| untold("/dev/i2c-1", 0x50, &errno.into()).text().to_owned();
        let expected =
            "/dev/i2c-1 address 0x50: nobody answers; is the device powered and its address right?";
        assert_eq!(
            (text(Errno::ENXIO).as_str(), text(Errno::EREMOTEIO).as_str()),
            (expected, expected)
        );
        assert!(text(Errno::EBUSY).contains("a driver of the kernel has this device"));
        assert!(text(Errno::EOPNOTSUPP).contains("only for SMBus"));
        assert!(text(Errno::EIO).ends_with("(os error 5)"), "{}", text(Errno::EIO));
        let error = untold("/dev/i2c-1", 3, &Errno::ETIMEDOUT.into());
        assert_eq!(
            (
                error.code(),
                error.text().starts_with("/dev/i2c-1 address 0x03: ")
            ),
            (Code::Timeout, true)
        );
        assert_eq!(unopened("/dev/i2c-1", &Errno::EACCES.into()).code(), Code::Denied);
        assert!(is_unable(&Errno::EOPNOTSUPP.into()) && !is_unable(&Errno::ENXIO.into()));
        assert!(is_taken(&Errno::EBUSY.into()) && !is_taken(&Errno::EIO.into()));
    }
}
