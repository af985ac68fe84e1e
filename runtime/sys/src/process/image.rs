//! What a child becomes, ready for `execve` before the fork.

use std::ffi::{CString, OsString};
use std::io;
use std::os::raw::c_char;
use std::os::unix::ffi::OsStringExt;
use std::ptr;

use gshell_small::Map;

use super::Spawn;

/// A program's file, its arguments and its environment as the kernel takes them.
pub(super) struct Image {
    path: CString,
    args: Strings,
    vars: Strings,
}

/// Strings, and a list of pointers to them that ends with a null pointer.
struct Strings {
    _owned: Vec<CString>,
    pointers: Vec<*const c_char>,
}

// SAFETY: the pointers lead to heap memory that the strings beside them own and that nobody changes or frees before
// both go together.
unsafe impl Send for Strings {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Strings {}

impl Strings {
    fn of(strings: impl IntoIterator<Item = OsString>) -> io::Result<Strings> {
        let owned = strings
            .into_iter()
            .map(c_string)
            .collect::<io::Result<Vec<_>>>()?;
        let mut pointers: Vec<_> = owned.iter().map(|string| string.as_ptr()).collect();
        pointers.push(ptr::null());
        Ok(Strings {
            _owned: owned,
            pointers,
        })
    }
}

fn c_string(text: OsString) -> io::Result<CString> {
    CString::new(text.into_vec()).map_err(io::Error::from)
}

impl Image {
    pub(super) fn of(job: &Spawn) -> io::Result<Image> {
        let name = job.name.as_ref().unwrap_or(&job.program);
        let mut vars: Map<OsString, OsString> = Map::new();
        if !job.clear_env {
            vars.extend(std::env::vars_os());
        }
        vars.extend(job.env.iter().flatten().cloned());
        let vars = vars.into_iter().map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            name
        });
        Ok(Image {
            path: c_string(job.program.clone())?,
            args: Strings::of(std::iter::once(name).chain(&job.args).cloned())?,
            vars: Strings::of(vars)?,
        })
    }

    /// Becomes the program; returns only with the reason why not. Async-signal-safe.
    pub(super) fn exec(&self) -> io::Error {
        // SAFETY: the path is a C string, and both lists are C strings that end with a null pointer; all live in self.
        unsafe {
            libc::execve(
                self.path.as_ptr(),
                self.args.pointers.as_ptr(),
                self.vars.pointers.as_ptr(),
            );
        }
        io::Error::last_os_error()
    }
}
