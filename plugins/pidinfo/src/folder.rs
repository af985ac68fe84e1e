//! A folder like `/proc`: its numbered folders, and small files in it, read into memory that is kept.

use std::fmt::{self, Write};
use std::path::Path;

use gshell_plugin_sdk::{Code, Error, Result};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::read;

use crate::stat::number;

/// How folders are opened.
const FOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
/// How files are opened.
const FILE: OFlag = OFlag::O_RDONLY.union(OFlag::O_CLOEXEC);
/// Bytes that the memory for files grows by.
const GROWTH: usize = 4096;

/// The folder.
#[derive(Debug)]
pub struct Folder {
    dir: Dir,
    name: String,
    /// Name of what is read.
    path: String,
    text: Vec<u8>,
}

/// What cannot be read because its process has ended, or is somebody's secret.
fn is_gone(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ENOENT | Errno::ESRCH | Errno::ENOTDIR | Errno::EACCES | Errno::EPERM
    )
}

fn failed(folder: &str, path: &str, errno: Errno) -> Error {
    let code = match errno {
        Errno::ENOENT | Errno::ENOTDIR => Code::NotFound,
        Errno::EACCES | Errno::EPERM => Code::Denied,
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM => Code::Limit,
        _ => Code::Storage,
    };
    let between = if path.is_empty() { "" } else { "/" };
    Error::new(code, format!("{folder}{between}{path}: {}", errno.desc()))
}

impl Folder {
    /// Opens it.
    ///
    /// # Errors
    /// When there is none, or it may not be opened.
    pub fn open(name: &str) -> Result<Folder> {
        let missing = |errno| {
            let error = failed(name, "", errno);
            let text = format!("{error}; is the proc file system mounted there?");
            Error::new(error.code(), text)
        };
        let dir = Dir::open(Path::new(name), FOLDER, Mode::empty()).map_err(missing)?;
        Ok(Folder {
            dir,
            name: name.to_owned(),
            path: String::new(),
            text: vec![0; GROWTH],
        })
    }

    /// Adds the numbers of the numbered folders in it, ascending.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn numbers(&mut self, into: &mut Vec<u32>) -> Result<()> {
        collect(&mut self.dir, into).map_err(|errno| failed(&self.name, "", errno))
    }

    /// As [`Folder::numbers`], of a folder in it; `false` if that is gone.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn numbers_in(&mut self, path: fmt::Arguments<'_>, into: &mut Vec<u32>) -> Result<bool> {
        self.point(path);
        let opened = Dir::openat(&self.dir, self.path.as_str(), FOLDER, Mode::empty());
        match opened.and_then(|mut dir| collect(&mut dir, into)) {
            Ok(()) => Ok(true),
            Err(errno) if is_gone(errno) => Ok(false),
            Err(errno) => Err(failed(&self.name, &self.path, errno)),
        }
    }

    /// Reads a file in it, `most` bytes at most; none if it is gone, or may not be read.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&mut self, path: fmt::Arguments<'_>, most: usize) -> Result<Option<&[u8]>> {
        match self.try_read(path, most) {
            Ok(len) => Ok(self.text.get(..len)),
            Err(errno) if is_gone(errno) => Ok(None),
            Err(errno) => Err(failed(&self.name, &self.path, errno)),
        }
    }

    /// As [`Folder::read`], but that it may not be read is an error.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read_secret(&mut self, path: fmt::Arguments<'_>, most: usize) -> Result<Option<&[u8]>> {
        match self.try_read(path, most) {
            Ok(len) => Ok(self.text.get(..len)),
            Err(errno @ (Errno::EACCES | Errno::EPERM)) => Err(failed(&self.name, &self.path, errno)),
            Err(errno) if is_gone(errno) => Ok(None),
            Err(errno) => Err(failed(&self.name, &self.path, errno)),
        }
    }

    /// The error that a file, the one that was read last, is not what the kernel writes.
    pub fn strange(&self) -> Error {
        let text = format!("{}/{}: not what the kernel writes there", self.name, self.path);
        Error::new(Code::Storage, text)
    }

    fn point(&mut self, path: fmt::Arguments<'_>) {
        self.path.clear();
        // Writing into a String does not fail.
        let _ = self.path.write_fmt(path);
    }

    fn try_read(&mut self, path: fmt::Arguments<'_>, most: usize) -> Result<usize, Errno> {
        self.point(path);
        let file = openat(&self.dir, self.path.as_str(), FILE, Mode::empty())?;
        let mut len = 0;
        loop {
            if len == self.text.len() {
                self.text.resize(len + GROWTH, 0);
            }
            let end = self.text.len().min(most);
            match read(&file, &mut self.text[len..end]) {
                Ok(0) => return Ok(len),
                Ok(more) => len += more,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

fn collect(dir: &mut Dir, into: &mut Vec<u32>) -> Result<(), Errno> {
    let first = into.len();
    for entry in dir.iter() {
        into.extend(number::<u32>(entry?.file_name().to_bytes()));
    }
    // The kernel lists them in this order; a made-up folder may not.
    into[first..].sort_unstable();
    Ok(())
}
