//! What unpacking may take: bytes, entries, and time only as long as somebody waits.

use std::io::{self, Read, Seek, SeekFrom, Write};

use gshell_plugin_sdk::{Call, Code, Error, Result};

use crate::errors;

/// Bytes that are copied between two looks at who waits.
const PIECE: usize = 64 << 10;

/// What is left of the bounds of one call.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    bytes: u64,
    entries_limit: u32,
    entries: u32,
}

impl Budget {
    /// So many bytes in so many entries.
    pub fn new(limit: u64, entries: u32) -> Budget {
        Budget {
            limit,
            bytes: limit,
            entries_limit: entries,
            entries,
        }
    }

    /// Takes bytes off.
    ///
    /// # Errors
    /// When so many are not left.
    pub fn bytes(&mut self, count: u64) -> Result<()> {
        let missing = || {
            let text = format!(
                "it has more than {} bytes when unpacked; if it may, raise the option limit",
                self.limit
            );
            Error::new(Code::Limit, text)
        };
        self.bytes = self.bytes.checked_sub(count).ok_or_else(missing)?;
        Ok(())
    }

    /// Takes an entry off.
    ///
    /// # Errors
    /// When none is left.
    pub fn entry(&mut self) -> Result<()> {
        let missing = || {
            let text = format!(
                "it has more than {} entries; if it may, raise the option entries",
                self.entries_limit
            );
            Error::new(Code::Limit, text)
        };
        self.entries = self.entries.checked_sub(1).ok_or_else(missing)?;
        Ok(())
    }

    /// The bytes that it began with.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Entries taken off so far.
    pub fn entries_taken(&self) -> u32 {
        self.entries_limit - self.entries
    }

    /// Bytes taken off so far.
    pub fn bytes_taken(&self) -> u64 {
        self.limit - self.bytes
    }
}

/// Copies to the end, within the budget.
///
/// # Errors
/// Of either side, of the budget, and when nobody waits any more.
pub fn copy(
    call: &Call<'_>,
    from: &mut dyn Read,
    to: &mut dyn Write,
    budget: &mut Budget,
) -> io::Result<u64> {
    let (mut piece, mut copied) = (vec![0; PIECE], 0);
    loop {
        let count = Watched::new(call, &mut *from).read(&mut piece)?;
        if count == 0 {
            return Ok(copied);
        }
        budget.bytes(count as u64).map_err(errors::inside)?;
        to.write_all(piece.get(..count).unwrap_or_default())?;
        copied += count as u64;
    }
}

/// A reader that ends with an error when nobody waits for the call any more.
pub struct Watched<'a, 'c, R> {
    call: &'a Call<'c>,
    inner: R,
}

impl<'a, 'c, R: Read> Watched<'a, 'c, R> {
    /// Reads from `inner`.
    pub fn new(call: &'a Call<'c>, inner: R) -> Self {
        Watched { call, inner }
    }
}

impl<R: Read> Read for Watched<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.call.is_cancelled() {
                let error = Error::new(Code::Cancelled, "nobody waits for it any more");
                return Err(errors::inside(error));
            }
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

impl<R: Seek> Seek for Watched<'_, '_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// Reads exactly so many bytes: an archive says beforehand how many there are.
pub struct Exactly<R> {
    inner: io::Take<R>,
}

impl<R: Read> Exactly<R> {
    /// Reads so many bytes of `inner`.
    pub fn new(inner: R, size: u64) -> Self {
        Exactly {
            inner: inner.take(size),
        }
    }
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count == 0 && !buffer.is_empty() && self.inner.limit() > 0 {
            let error = Error::new(Code::Busy, "it became shorter while it was read");
            return Err(errors::inside(error));
        }
        Ok(count)
    }
}
