//! `fs.tmpdir`: private folders that end with the environment.

use std::cell::RefCell;
use std::fs::DirBuilder;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use mlua::{Lua, LuaString, Result};

use crate::api::options::{invalid, quoted};
use crate::call::Functions;
use crate::errors::raise_io;
use crate::{Context, Ticket};

/// Names that are tried before giving up.
const ATTEMPTS: usize = 16;

/// A folder that is removed with all that is in it when this goes.
struct Folder {
    path: PathBuf,
    _ticket: Ticket,
}

impl Drop for Folder {
    fn drop(&mut self) {
        clear(&self.path);
    }
}

/// Removes a temporary folder as far as that is possible: there is nobody left to tell.
fn clear(path: &Path) {
    let _ = std::fs::remove_dir_all(path);
}

/// Adds `tmpdir`. The module's function owns the folders, so they live as long as the Lua state.
pub fn register(add: &Functions<'_>, cx: &Rc<Context>) -> Result<()> {
    let cx = Rc::clone(cx);
    let folders = RefCell::new(Vec::new());
    let tmpdir = move |lua: &Lua, (prefix,): (Option<LuaString>,)| {
        let prefix = checked(prefix)?;
        let path = make(&std::env::temp_dir(), &prefix)
            .map_err(|error| raise_io("make a temporary folder", &error))?;
        let closing = path.clone();
        let ticket = cx.resources.add("a temporary folder", move || clear(&closing));
        let ticket = ticket.inspect_err(|_| clear(&path))?;
        let name = lua.create_string(path.as_os_str().as_encoded_bytes())?;
        folders.borrow_mut().push(Folder {
            path,
            _ticket: ticket,
        });
        Ok(name)
    };
    add.value("tmpdir", tmpdir)
}

fn checked(prefix: Option<LuaString>) -> Result<String> {
    let Some(prefix) = prefix else {
        return Ok("gshell-".to_owned());
    };
    let text = quoted(&prefix);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.len() > 64 || text.starts_with('.') || !text.chars().all(plain) {
        let message = "the prefix is at most 64 letters, digits, '-', '_' and '.', and starts with no dot";
        return Err(invalid("fs.tmpdir", message));
    }
    Ok(text)
}

/// Makes a new folder for this user only.
fn make(parent: &Path, prefix: &str) -> io::Result<PathBuf> {
    for attempt in 0..ATTEMPTS {
        // The standard library's keys of its hash tables are random for each process and use.
        let name = format!("{prefix}{:016x}", RandomState::new().hash_one(attempt));
        let path = parent.join(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            other => return other.map(|()| path),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}
