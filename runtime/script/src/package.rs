//! What an environment is made from.

use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;

use gshell_small::Map;

use crate::limits::Limits;
use crate::stdio::{Input, Output};

/// The files of a script. Paths are relative, `/` separates, no component is `..`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// Content by path.
    pub files: Map<String, Vec<u8>>,
    /// Path of the file that runs.
    pub main: String,
}

impl Package {
    /// Looks for what would let a path leave the package, and for the main file.
    ///
    /// # Errors
    /// Names the first path that is wrong.
    pub fn check(&self) -> Result<(), LoadError> {
        for path in self.files.keys() {
            let bad = path.is_empty()
                || path.contains('\0')
                || path.split('/').any(|part| matches!(part, "" | "." | ".."));
            if bad {
                return Err(LoadError::BadPath(path.clone()));
            }
        }
        if self.files.contains_key(&self.main) {
            Ok(())
        } else {
            Err(LoadError::NoMain(self.main.clone()))
        }
    }
}

/// Everything an environment needs to run.
pub struct Spec {
    /// 12 hex digits, lower case.
    pub id: String,
    /// Full name of its group.
    pub group: String,
    /// The name it is listed under.
    pub name: String,
    /// The path as typed, then the script's arguments.
    pub args: Vec<String>,
    /// Its files.
    pub package: Rc<Package>,
    /// What it may use.
    pub limits: Limits,
    /// Where its output goes.
    pub output: Rc<dyn Output>,
    /// Its standard input.
    pub input: Input,
    /// Folders that `require` searches for modules written in Lua, after all that it has itself.
    pub lua_path: Vec<PathBuf>,
    /// Folders that it searches last, for modules written in C.
    pub c_path: Vec<PathBuf>,
    /// The node whose services it publishes and finds; `None`: the one that the process's surroundings say.
    pub node: Option<gshell_service::Node>,
}

/// Why an environment could not be made.
#[derive(Debug)]
pub enum LoadError {
    /// A path that is empty, absolute, or leaves the package.
    BadPath(String),
    /// The main file is not in the package.
    NoMain(String),
    /// The main file is compiled Lua.
    Binary(String),
    /// It does not compile; the message starts with `file:line:`.
    Syntax(String),
    /// The memory limit is too small for it to start; the message names the limit and how to raise it.
    Memory(String),
    /// The Lua state could not be set up.
    Setup(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::BadPath(p) => write!(f, "the package has a path that leaves it: '{p}'"),
            LoadError::NoMain(p) => write!(f, "the package has no file '{p}' to run"),
            LoadError::Binary(p) => write!(f, "{p}: compiled Lua is not run, only source text"),
            LoadError::Syntax(m) | LoadError::Memory(m) => f.write_str(m),
            LoadError::Setup(m) => write!(f, "cannot set up Lua: {m}"),
        }
    }
}

impl std::error::Error for LoadError {}

/// The text to compile: without a byte order mark, and with a first line that starts with `#` emptied, so that line
/// numbers stay right.
pub(crate) fn source_text(bytes: &[u8]) -> &[u8] {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if text.first() != Some(&b'#') {
        return text;
    }
    let end = text.iter().position(|b| *b == b'\n').unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

/// Whether it is compiled Lua.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    source_text(bytes).first() == Some(&0x1b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(paths: &[&str], main: &str) -> Package {
        Package {
            files: paths.iter().map(|p| (p.to_string(), vec![])).collect(),
            main: main.into(),
        }
    }

    #[test]
    fn paths_stay_inside() {
        assert!(package(&["main.lua", "a/b.lua"], "main.lua").check().is_ok());
        for bad in ["../x.lua", "/etc/passwd", "a/../../x", "a//b", "", "./a", "a\0b"] {
            assert!(
                matches!(
                    package(&["m.lua", bad], "m.lua").check(),
                    Err(LoadError::BadPath(_))
                ),
                "{bad}"
            );
        }
        assert!(matches!(
            package(&["a.lua"], "main.lua").check(),
            Err(LoadError::NoMain(_))
        ));
    }

    #[test]
    fn a_shebang_keeps_the_lines() {
        assert_eq!(source_text(b"#!/bin/x\nprint(1)"), b"\nprint(1)");
        assert_eq!(source_text(b"\xef\xbb\xbf#x"), b"");
        assert_eq!(source_text(b"x"), b"x");
        assert!(is_binary(b"\x1bLua") && !is_binary(b"#!x\n\x1bLua"));
    }
}
