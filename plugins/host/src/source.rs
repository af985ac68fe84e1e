//! Bytes of a file by place: from the disk, or from memory for tests and for what a bundle holds.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::file::{Kind, Refusal};

/// Where the bytes come from. Nothing beyond `size` is ever asked for.
pub(crate) trait Source {
    /// Bytes in all.
    fn size(&self) -> u64;
    /// Fills `out` from `at` on.
    fn fill(&self, at: u64, out: &mut [u8]) -> io::Result<()>;
}

/// An open file, of a length that was read once.
#[derive(Debug)]
pub(crate) struct Disk {
    file: File,
    size: u64,
}

impl Disk {
    /// Opens a regular file. A pipe of that name does not hold up whoever opens it.
    pub fn open(path: &Path) -> Result<Self, Refusal> {
        let failed = |error: io::Error| Refusal::io(&error);
        let file = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        match meta.is_file() {
            true => Ok(Self {
                file,
                size: meta.len(),
            }),
            false if meta.is_dir() => Err(Refusal::new(Kind::Unreadable, "a folder, not a file")),
            false => Err(Refusal::new(Kind::Unreadable, "not a regular file")),
        }
    }
}

impl Source for Disk {
    fn size(&self) -> u64 {
        self.size
    }

    fn fill(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, at)
    }
}

impl Source for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn fill(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let found = usize::try_from(at)
            .ok()
            .and_then(|at| self.get(at..)?.get(..out.len()));
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// The `len` bytes from `at` on, which the file had when it was opened. `what` is the file in words.
pub(crate) fn read(source: &dyn Source, what: &str, at: u64, len: u32) -> Result<Vec<u8>, Refusal> {
    within(source, what, at, len.into())?;
    let mut out = vec![0; len as usize];
    match source.fill(at, &mut out) {
        Ok(()) => Ok(out),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Refusal::new(
            Kind::Truncated,
            format!("{what} that became shorter while it was read"),
        )),
        Err(error) => Err(Refusal::io(&error)),
    }
}

/// Whether the file has these bytes.
pub(crate) fn within(source: &dyn Source, what: &str, at: u64, len: u64) -> Result<(), Refusal> {
    let size = source.size();
    match at.checked_add(len) {
        Some(end) if end <= size => Ok(()),
        Some(end) => Err(Refusal::new(
            Kind::Truncated,
            format!("{what} that ends too early: it has {size} bytes of {end} at least"),
        )),
        None => Err(Refusal::new(
            Kind::Damaged,
            format!("{what} that is damaged: a place in it lies beyond the end of all numbers"),
        )),
    }
}
