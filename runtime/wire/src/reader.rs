//! The primitives that every decoder of a body is made of: the reader of Rust types ([`decode`](crate::decode())), the one
//! of [`Value`](crate::Value) trees, and a script that fills its tables field by field without a tree in between.
//!
//! The format is postcard's, the reader is our own for what a peer could do to postcard's: a list of entries that take
//! no bytes keeps it busy for as long as the peer likes, a type that holds itself can be nested until the stack ends,
//! and lengths have the width of a pointer. Here a list may not claim more entries than the bytes that are left can
//! hold, depth is bounded, and a length has 32 bits everywhere.

use crate::DecodeError;

/// Deepest nesting of lists, maps, options, tuples, structs and enums that is read.
pub const DEPTH_MAX: u8 = 64;

pub(crate) type Result<T> = std::result::Result<T, DecodeError>;

/// Bits of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One byte as it is.
    W8,
    /// Seven bits a byte, three bytes at most.
    W16,
    /// Seven bits a byte, five bytes at most.
    W32,
    /// Seven bits a byte, ten bytes at most.
    W64,
}

impl Width {
    /// How many bits that are.
    pub const fn bits(self) -> u32 {
        match self {
            Width::W8 => 8,
            Width::W16 => 16,
            Width::W32 => 32,
            Width::W64 => 64,
        }
    }
}

/// A length for an error text; longer than 4 GiB does not come off a wire.
pub(crate) fn short(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Reads primitives off the front of a body. Each error says where in the body it is.
///
/// Lists, maps, options, tuples, structs and enums are wrapped into [`Reader::enter`] and [`Reader::leave`], which bound
/// their nesting; after an error the reader is of no more use.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
    depth: u8,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            rest: bytes,
            total: bytes.len(),
            depth: DEPTH_MAX,
        }
    }

    /// Bytes that were read.
    pub fn at(&self) -> u32 {
        short(self.total - self.rest.len())
    }

    /// Bytes that are left.
    pub fn left(&self) -> u32 {
        short(self.rest.len())
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When bytes are left.
    pub fn finish(&self) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(DecodeError::Trailing {
            at: self.at(),
            left: self.left(),
        })
    }

    /// One level deeper.
    ///
    /// # Errors
    /// At [`DEPTH_MAX`] levels.
    #[inline]
    pub fn enter(&mut self) -> Result<()> {
        match self.depth.checked_sub(1) {
            Some(depth) => {
                self.depth = depth;
                Ok(())
            }
            None => Err(DecodeError::TooDeep { at: self.at() }),
        }
    }

    /// One level up again.
    #[inline]
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_add(1).min(DEPTH_MAX);
    }

    /// Runs `read` one level deeper.
    #[inline]
    pub(crate) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.enter()?;
        let value = read(self)?;
        self.leave();
        Ok(value)
    }

    /// One byte.
    ///
    /// # Errors
    /// When there is none.
    #[inline]
    pub fn byte(&mut self) -> Result<u8> {
        let Some((first, rest)) = self.rest.split_first() else {
            return Err(DecodeError::Short { at: self.at() });
        };
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((head, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(DecodeError::Short { at: self.at() });
        };
        self.rest = rest;
        Ok(*head)
    }

    /// A number of at most `bits` bits, seven in each byte, the lowest first; the top bit says that more follow.
    #[inline]
    pub(crate) fn number(&mut self, bits: u32) -> Result<u64> {
        let mut value = 0u64;
        let mut shift = 0;
        while shift < bits {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift + 7 > bits && part >> (bits - shift) != 0 {
                break;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
        }
        Err(DecodeError::BadNumber { at: self.at() })
    }

    #[inline]
    pub(crate) fn number32(&mut self) -> Result<u32> {
        let value = self.number(32)?;
        u32::try_from(value).map_err(|_| DecodeError::BadNumber { at: self.at() })
    }

    /// The sign is in the lowest bit, so that small negative numbers are short as well.
    #[inline]
    pub(crate) fn signed(&mut self, bits: u32) -> Result<i64> {
        let raw = self.number(bits)?;
        Ok((raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()))
    }

    /// An unsigned integer; it fits `width`.
    ///
    /// # Errors
    /// When it has more bits, or is cut.
    pub fn uint(&mut self, width: Width) -> Result<u64> {
        match width {
            Width::W8 => self.byte().map(u64::from),
            _ => self.number(width.bits()),
        }
    }

    /// A signed integer; it fits `width`.
    ///
    /// # Errors
    /// When it has more bits, or is cut.
    pub fn int(&mut self, width: Width) -> Result<i64> {
        match width {
            Width::W8 => self.byte().map(|byte| i64::from(byte.cast_signed())),
            _ => self.signed(width.bits()),
        }
    }

    /// Four bytes of IEEE 754.
    ///
    /// # Errors
    /// When it is cut.
    pub fn f32(&mut self) -> Result<f32> {
        self.array().map(f32::from_le_bytes)
    }

    /// Eight bytes of IEEE 754.
    ///
    /// # Errors
    /// When it is cut.
    pub fn f64(&mut self) -> Result<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// A bool; the mark of an option is one as well: `true` says that a value follows.
    ///
    /// # Errors
    /// When the byte is neither 0 nor 1.
    #[inline]
    pub fn bool(&mut self) -> Result<bool> {
        let at = self.at();
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(DecodeError::BadMark { at, found }),
        }
    }

    /// Bytes, borrowed from the body.
    ///
    /// # Errors
    /// When fewer are left than the length says.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let at = self.at();
        let len = self.number32()?;
        let split = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len));
        let (head, rest) = split.ok_or(DecodeError::Short { at })?;
        self.rest = rest;
        Ok(head)
    }

    /// A text, borrowed from the body.
    ///
    /// # Errors
    /// When it is cut or no UTF-8.
    #[inline]
    pub fn str(&mut self) -> Result<&'a str> {
        let at = self.at();
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::BadText { at })
    }

    /// How many entries a list or map has, each of which takes at least `min_len` bytes (see
    /// [`Shape::min_len`](crate::Shape::min_len); one at least): so what a caller reserves is bounded by what was sent.
    ///
    /// # Errors
    /// When the bytes that are left cannot hold them.
    #[inline]
    pub fn len(&mut self, min_len: u32) -> Result<u32> {
        let count = self.number32()?;
        let left = self.left();
        if count <= left / min_len.max(1) {
            return Ok(count);
        }
        Err(DecodeError::TooMany {
            at: self.at(),
            count,
            left,
        })
    }

    /// The number of a variant of an enum that has `variants` of them.
    ///
    /// # Errors
    /// When the enum has no such variant.
    pub fn variant(&mut self, variants: u32) -> Result<u32> {
        let at = self.at();
        let found = self.number32()?;
        if found < variants {
            return Ok(found);
        }
        Err(DecodeError::UnknownVariant { at, found, variants })
    }
}
