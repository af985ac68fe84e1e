//! Why a command failed, as its user reads it: one line on standard error, and an exit status.

use std::fmt;
use std::ops::{Deref, DerefMut};

use gshell_control::Invalid;
use gshell_wire::Fault;

use crate::exit_codes::Status;

/// The end of a command that did not work: what failed, on what, why, and what to do next. Behind a pointer, which is
/// what all the results that may be one have room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(Box<Parts>);

/// What a failure says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// What the parent process gets.
    pub status: Status,
    /// For people, without "gshell: " in front; empty when everything has been said.
    pub text: String,
}

/// How a command ends.
pub type Outcome = Result<Status, Failure>;

impl Failure {
    /// A failure with this status.
    pub fn new(status: Status, text: impl Into<String>) -> Self {
        Self::plain(status, text.into())
    }

    /// One function for all kinds of texts.
    #[cold]
    #[inline(never)]
    fn plain(status: Status, text: String) -> Self {
        Self(Box::new(Parts { status, text }))
    }

    /// A failure without a number of its own.
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(Status::Error, text)
    }

    /// A command line that cannot be meant so.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(Status::Usage, text)
    }

    /// What a service answered, or the connection to it came to; `what` is the operation and its object.
    pub fn fault(what: &str, fault: &Fault) -> Self {
        Self::new(Status::of_fault(fault), format!("{what}: {fault}"))
    }

    /// A system call that failed; `what` is the operation and its object.
    pub fn io(what: &str, error: &std::io::Error) -> Self {
        Self::error(format!("{what}: {}", reason(error)))
    }
}

impl Deref for Failure {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::usage(invalid.to_string())
    }
}

/// The reason of a system error in words, without the number that the standard library adds.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let words = text
        .split_once(" (os error")
        .map_or(text.as_str(), |(words, _)| words);
    match words.chars().next() {
        Some(first) if words.chars().nth(1).is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(words.chars().skip(1)).collect()
        }
        _ => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gshell_wire::Code;

    #[test]
    fn system_errors_are_words() {
        let failure = Failure::io("cannot read a.lua", &std::io::Error::from_raw_os_error(2));
        assert_eq!(
            failure.to_string(),
            "cannot read a.lua: no such file or directory"
        );
        assert_eq!(failure.status, Status::Error);
    }

    #[test]
    fn faults_keep_their_kind() {
        let fault = Fault::new(Code::Limit, "64 groups are allowed");
        let failure = Failure::fault("cannot run a.lua", &fault);
        assert_eq!(
            (failure.status, failure.text.as_str()),
            (Status::Limit, "cannot run a.lua: 64 groups are allowed")
        );
    }
}
