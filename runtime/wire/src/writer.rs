//! The primitives that every encoder of a body is made of; [`Reader`](crate::Reader) reads them back.

use crate::Width;

/// Appends primitives to a body.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Writer<'a> {
        Writer { out }
    }

    /// One byte as it is.
    pub fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    /// A bool; the mark of an option is one as well, the value follows a `true`.
    pub fn bool(&mut self, value: bool) {
        self.out.push(u8::from(value));
    }

    /// An unsigned integer; `false` if it does not fit `width`, and then nothing was written.
    #[must_use = "a number that does not fit is not written"]
    pub fn uint(&mut self, width: Width, value: u64) -> bool {
        let fits = width == Width::W64 || value >> width.bits() == 0;
        match width {
            _ if !fits => {}
            Width::W8 => self.out.push(value as u8),
            _ => self.number(value),
        }
        fits
    }

    /// A signed integer; `false` if it does not fit `width`, and then nothing was written.
    #[must_use = "a number that does not fit is not written"]
    pub fn int(&mut self, width: Width, value: i64) -> bool {
        let unused = 64 - width.bits();
        let fits = (value << unused) >> unused == value;
        match width {
            _ if !fits => {}
            Width::W8 => self.out.push(value as u8),
            // The sign goes to the lowest bit, so that small negative numbers are short as well.
            _ => self.number(((value << 1) ^ (value >> 63)).cast_unsigned()),
        }
        fits
    }

    /// Four bytes of IEEE 754.
    pub fn f32(&mut self, value: f32) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Eight bytes of IEEE 754.
    pub fn f64(&mut self, value: f64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Length, then the bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    /// Length in bytes, then the text.
    pub fn str(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// How many entries a list or map has; they follow, a map's as key and value.
    pub fn len(&mut self, entries: u32) {
        self.number(u64::from(entries));
    }

    /// As [`Writer::len`]; nothing in memory has four billion entries that could be sent.
    pub(crate) fn count(&mut self, entries: usize) {
        self.len(crate::reader::short(entries));
    }

    /// The number of a variant, counted from 0; what it holds follows.
    pub fn variant(&mut self, index: u32) {
        self.number(u64::from(index));
    }
}
