//! Unpacks what comes in pieces. Not by flate2's own writers: these keep some of what is unpacked until the next piece,
//! count nothing, and do not mind what follows the end.

use flate2::{Crc, Decompress, FlushDecompress, Status};
use gshell_plugin_sdk::{Error, Result};

use crate::bounds::Budget;
use crate::errors;
use crate::streams::Format;

/// Bytes that are made room for at a time.
const ROOM: usize = 32 << 10;
/// Bytes of the header of a gzip file, which has names and comments of any length.
const HEADER_MAX: usize = 128 << 10;
/// Bytes of checksum and length behind a gzip file.
const TRAILER: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Header,
    Body,
    Trailer,
    End,
}

/// Unpacks pieces.
pub struct Inflater {
    format: Format,
    stage: Stage,
    inner: Decompress,
    crc: Crc,
    /// The begin of a header or trailer whose rest has not come.
    held: Vec<u8>,
    budget: Budget,
}

impl Inflater {
    /// Begins. All pieces together may become so many bytes.
    pub fn new(format: Format, limit: u64) -> Inflater {
        Inflater {
            format,
            stage: if format == Format::Gzip {
                Stage::Header
            } else {
                Stage::Body
            },
            inner: Decompress::new(format == Format::Zlib),
            crc: Crc::new(),
            held: Vec::new(),
            budget: Budget::new(limit, 0),
        }
    }

    fn refused(&self, text: &str) -> Error {
        errors::invalid(format!("{}: {text}", self.format.name()))
    }

    /// Adds a piece; what is unpacked by now goes to the end of `out`.
    ///
    /// # Errors
    /// When it is damaged or too much, or something follows behind the end.
    pub fn add(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut input = std::mem::take(&mut self.held);
        input.extend_from_slice(bytes);
        let mut rest = &input[..];
        while !rest.is_empty() {
            let taken = match self.stage {
                Stage::Header => self.header(rest)?,
                Stage::Body => Some(self.body(rest, out)?),
                Stage::Trailer => self.trailer(rest)?,
                Stage::End => {
                    let text = format!("{} bytes follow behind its end", rest.len());
                    return Err(self.refused(&text));
                }
            };
            let Some(taken) = taken else {
                self.held = rest.to_vec();
                break;
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Ends.
    ///
    /// # Errors
    /// When something is missing.
    pub fn finish(&self) -> Result<()> {
        // Behind a gzip file, another one may begin or not.
        let is_between = self.stage == Stage::Header && self.held.is_empty() && self.inner.total_in() > 0;
        match self.stage {
            Stage::End => Ok(()),
            _ if is_between => Ok(()),
            _ => Err(self.refused("it ends too early")),
        }
    }

    /// How long the header is; `None` until all of it is there.
    fn header(&mut self, bytes: &[u8]) -> Result<Option<usize>> {
        let begin = [0x1f, 0x8b, 8];
        if bytes.iter().zip(begin).any(|(byte, expected)| *byte != expected) {
            return Err(self.refused("it does not begin as gzip files do"));
        }
        let len = header_len(bytes);
        match len {
            None if bytes.len() > HEADER_MAX => Err(self.refused("its header has no end")),
            None => Ok(None),
            Some(len) => {
                self.stage = Stage::Body;
                self.inner.reset(false);
                self.crc.reset();
                Ok(Some(len))
            }
        }
    }

    fn body(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize> {
        let mut taken = 0;
        loop {
            out.reserve(ROOM);
            let (len, before) = (out.len(), self.inner.total_in());
            let rest = bytes.get(taken..).unwrap_or_default();
            let done = self.inner.decompress_vec(rest, out, FlushDecompress::None);
            let status = done.map_err(|_| self.refused("it is damaged"))?;
            // One piece has fewer bytes than a usize.
            taken += (self.inner.total_in() - before) as usize;
            let made = out.get(len..).unwrap_or_default();
            self.crc.update(made);
            let counted = self.budget.bytes(made.len() as u64);
            counted.map_err(|error| errors::about(self.format.name(), &error))?;
            if status == Status::StreamEnd {
                self.stage = if self.format == Format::Gzip {
                    Stage::Trailer
                } else {
                    Stage::End
                };
                return Ok(taken);
            }
            // With room left, all that could come has come.
            if taken == bytes.len() && out.len() < out.capacity() {
                return Ok(taken);
            }
            if made.is_empty() && self.inner.total_in() == before {
                return Err(self.refused("it is damaged"));
            }
        }
    }

    /// Compares checksum and length.
    fn trailer(&mut self, bytes: &[u8]) -> Result<Option<usize>> {
        let Some((trailer, _)) = bytes.split_first_chunk::<TRAILER>() else {
            return Ok(None);
        };
        let expected = [self.crc.sum().to_le_bytes(), self.crc.amount().to_le_bytes()].concat();
        if trailer[..] != expected[..] {
            return Err(self.refused("its content is not what its checksum says"));
        }
        self.stage = Stage::Header;
        Ok(Some(TRAILER))
    }
}

/// Bytes of a header of RFC 1952, when all of them are there.
fn header_len(bytes: &[u8]) -> Option<usize> {
    let flags = *bytes.get(3)?;
    let mut len = 10;
    if flags & 4 != 0 {
        let (low, high) = (*bytes.get(len)?, *bytes.get(len + 1)?);
        len += 2 + usize::from(u16::from_le_bytes([low, high]));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            len += bytes.get(len..)?.iter().position(|byte| *byte == 0)? + 1;
        }
    }
    if flags & 2 != 0 {
        len += 2;
    }
    (bytes.len() >= len).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_all_their_parts() {
        assert_eq!(header_len(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), Some(10));
        assert_eq!(header_len(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0]), None);
        let all = [
            &[0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, 9, 9][..],
            b"name\0",
            b"comment\0",
            b"cc",
        ]
        .concat();
        assert_eq!(header_len(&all), Some(all.len()));
        for len in 0..all.len() {
            assert_eq!(header_len(&all[..len]), None, "{len}");
        }
    }
}
