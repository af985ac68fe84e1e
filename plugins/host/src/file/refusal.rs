//! Why a file is not taken as a plugin.

use std::fmt;

/// What kind of reason it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The system did not let it be read.
    Unreadable,
    /// It holds nothing.
    Empty,
    /// It is text.
    Text,
    /// It is a bundle of plugins, which is installed and not opened.
    Bundle,
    /// It is something else that no loader takes.
    NotElf,
    /// It ends before what its own header promises.
    Truncated,
    /// Its header says things that cannot be.
    Damaged,
    /// It is an ELF file, but a program or an object file.
    NotShared,
    /// It is a library that does not say that it is a plugin.
    NoDescriptor,
    /// The name that it gives itself is none.
    Name,
    /// It is built for another machine.
    Machine,
    /// It is of another version of the ABI.
    Abi,
    /// It needs what this program does not have yet.
    Needs,
    /// Another file, earlier in the order of the folders, has the name.
    Duplicate,
}

/// Why a file is not taken: one line, without the file's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of reason.
    pub kind: Kind,
    /// The reason in words.
    pub text: String,
}

impl Refusal {
    /// A reason.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    /// What the system says about a file.
    pub fn io(error: &std::io::Error) -> Self {
        let text = error.to_string();
        let words = text.split(" (os error").next().unwrap_or_default();
        Self::new(Kind::Unreadable, format!("cannot be read: {words}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}
