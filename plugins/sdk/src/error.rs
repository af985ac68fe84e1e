//! What goes wrong in a plugin: an error of the script that called, or a fault for the caller of a service.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::io;

use gshell_wire::{Code, DecodeError, EncodeError, Fault};

/// What functions of plugins return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error for whoever called: a code, which programs look at, and a text for people.
///
/// ```
/// use gshell_plugin_sdk::{Code, Error};
///
/// let error = Error::new(Code::NotFound, "no sensor 4");
/// assert_eq!((error.code(), error.text()), (Code::NotFound, "no sensor 4"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Code,
    text: Cow<'static, str>,
    /// The host knows it already, and better: it names function, position, expected and given.
    noted: bool,
}

impl Error {
    /// An error with this code and text.
    pub fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Error {
        Error {
            code,
            text: text.into(),
            noted: false,
        }
    }

    /// The error that the host has noted itself.
    pub(crate) const fn noted() -> Error {
        Error {
            code: Code::Invalid,
            text: Cow::Borrowed("see the host's error"),
            noted: true,
        }
    }

    /// What kind of error it is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What did not work.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_noted(&self) -> bool {
        self.noted
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        let code = fault.code().unwrap_or(Code::Internal);
        Error::new(code, fault.to_string())
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Error {
        Error::new(Code::BadMessage, error.to_string())
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Error {
        Error::new(Code::Internal, error.to_string())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        let code = match error.kind() {
            io::ErrorKind::NotFound => Code::NotFound,
            io::ErrorKind::PermissionDenied => Code::Denied,
            io::ErrorKind::AlreadyExists => Code::Exists,
            io::ErrorKind::TimedOut => Code::Timeout,
            io::ErrorKind::InvalidInput => Code::Invalid,
            io::ErrorKind::ResourceBusy | io::ErrorKind::WouldBlock => Code::Busy,
            _ => Code::Storage,
        };
        Error::new(code, error.to_string())
    }
}
