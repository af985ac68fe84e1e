//! Bytes of a file by place: from the disk, or from memory for tests and bundles.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::{Kind, Refusal};

/// Where the bytes come from. Nothing beyond `size` is ever asked for.
pub(super) trait Source {
    /// Bytes in all.
    fn size(&self) -> u64;
    /// Fills `out` from `at` on.
    fn fill(&self, at: u64, out: &mut [u8]) -> io::Result<()>;
}

/// An open file, of a length that was read before.
pub(super) struct Disk<'a> {
    pub file: &'a File,
    pub size: u64,
}

impl Source for Disk<'_> {
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

/// The `len` bytes from `at` on. Bytes that the file does not have mean that it was cut off.
pub(super) fn bytes(source: &dyn Source, at: u64, len: u32) -> Result<Vec<u8>, Refusal> {
    within(source, at, len.into())?;
    let mut out = vec![0; len as usize];
    match source.fill(at, &mut out) {
        Ok(()) => Ok(out),
        // It became shorter while it was read.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Refusal::new(
            Kind::Truncated,
            "an ELF file that ends too early: it became shorter while it was read",
        )),
        Err(error) => Err(Refusal::io(&error)),
    }
}

/// Whether the file has these bytes.
pub(super) fn within(source: &dyn Source, at: u64, len: u64) -> Result<(), Refusal> {
    let size = source.size();
    match at.checked_add(len) {
        Some(end) if end <= size => Ok(()),
        Some(end) => Err(Refusal::new(
            Kind::Truncated,
            format!("an ELF file that ends too early: it has {size} bytes of {end} at least"),
        )),
        None => Err(Refusal::new(
            Kind::Damaged,
            "a damaged ELF file: a place in it lies beyond the end of all numbers",
        )),
    }
}
