//! gzip, zlib and bare deflate: of bytes as a whole, and of bytes that come in pieces.

use std::io::Write;

use flate2::{Compression, write};
use gshell_plugin_sdk::{Call, Code, Error, Result};

use crate::errors;
use crate::inflate::Inflater;

/// Bytes that are unpacked between two looks at who waits.
const PIECE: usize = 64 << 10;

/// How deflated bytes are wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With a header and a CRC; several may follow each other.
    Gzip,
    /// With two bytes in front and a checksum behind.
    Zlib,
    /// Not at all.
    Deflate,
}

impl Format {
    /// The format of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<Format> {
        match name {
            "gzip" => Ok(Format::Gzip),
            "zlib" => Ok(Format::Zlib),
            "deflate" => Ok(Format::Deflate),
            _ => Err(errors::invalid(format!(
                "no format is called {name:?}; there are: gzip, zlib, deflate"
            ))),
        }
    }

    /// As scripts call it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Gzip => "gzip",
            Format::Zlib => "zlib",
            Format::Deflate => "deflate",
        }
    }
}

/// How hard to try, from 0 (only wraps) to 9.
///
/// # Errors
/// When it is another number.
pub fn level(level: Option<u32>) -> Result<Compression> {
    match level {
        None => Ok(Compression::default()),
        Some(level @ 0..=9) => Ok(Compression::new(level)),
        Some(level) => Err(errors::invalid(format!("a level is from 0 to 9, not {level}"))),
    }
}

/// Unpacks bytes as a whole.
///
/// # Errors
/// When they are damaged, end too early, are followed by others, or are too many.
pub fn unpack(call: &Call<'_>, format: Format, bytes: &[u8], limit: u64) -> Result<Vec<u8>> {
    let (mut out, mut inflater) = (Vec::new(), Inflater::new(format, limit));
    for piece in bytes.chunks(PIECE) {
        if call.is_cancelled() {
            return Err(Error::new(Code::Cancelled, "nobody waits for it any more"));
        }
        inflater.add(piece, &mut out)?;
    }
    inflater.finish()?;
    Ok(out)
}

/// Packs pieces.
pub enum Encoder {
    /// As the format of this name.
    Gzip(write::GzEncoder<Vec<u8>>),
    /// As the format of this name.
    Zlib(write::ZlibEncoder<Vec<u8>>),
    /// As the format of this name.
    Deflate(write::DeflateEncoder<Vec<u8>>),
}

impl Encoder {
    /// Begins.
    pub fn new(format: Format, level: Compression) -> Encoder {
        match format {
            Format::Gzip => Encoder::Gzip(write::GzEncoder::new(Vec::new(), level)),
            Format::Zlib => Encoder::Zlib(write::ZlibEncoder::new(Vec::new(), level)),
            Format::Deflate => Encoder::Deflate(write::DeflateEncoder::new(Vec::new(), level)),
        }
    }

    /// Adds a piece; gives what is packed by now, which may be nothing.
    ///
    /// # Errors
    /// Never for memory; the type has them.
    pub fn add(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        match self {
            Encoder::Gzip(encoder) => encoder
                .write_all(bytes)
                .map(|()| std::mem::take(encoder.get_mut())),
            Encoder::Zlib(encoder) => encoder
                .write_all(bytes)
                .map(|()| std::mem::take(encoder.get_mut())),
            Encoder::Deflate(encoder) => encoder
                .write_all(bytes)
                .map(|()| std::mem::take(encoder.get_mut())),
        }
        .map_err(Error::from)
    }

    /// Ends; gives the rest.
    ///
    /// # Errors
    /// Never for memory; the type has them.
    pub fn finish(self) -> Result<Vec<u8>> {
        match self {
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Zlib(encoder) => encoder.finish(),
            Encoder::Deflate(encoder) => encoder.finish(),
        }
        .map_err(Error::from)
    }
}
