//! Errors that name what failed: the archive, the entry, the file.

use std::fmt::Display;
use std::io;

use gshell_plugin_sdk::{Code, Error};

/// An error of input and output, with the name of what it is about in front.
pub fn at(what: impl Display, error: io::Error) -> Error {
    // Our own readers and writers stop others' loops by an error of ours inside of one of theirs.
    let own = match error.downcast::<Error>() {
        Ok(own) => own,
        Err(error) => {
            use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
            let text = error.to_string();
            match error.kind() {
                InvalidData | InvalidInput | Other | UnexpectedEof => Error::new(Code::Invalid, text),
                _ => Error::new(Error::from(error).code(), text),
            }
        }
    };
    about(what, &own)
}

/// An error with the name of what it is about in front.
pub fn about(what: impl Display, error: &Error) -> Error {
    Error::new(error.code(), format!("{what}: {error}"))
}

/// A refusal.
pub fn invalid(text: impl Into<String>) -> Error {
    Error::new(Code::Invalid, text.into())
}

/// As an error for readers and writers.
pub fn inside(error: Error) -> io::Error {
    io::Error::other(error)
}
