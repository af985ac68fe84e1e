//! Bytes to values: postcard, read from a slice.
//!
//! The format is postcard's, the reader is our own for what a peer could do to postcard's: a list of entries that take
//! no bytes keeps it busy for as long as the peer likes, a type that holds itself can be nested until the stack ends,
//! and lengths have the width of a pointer. Here a list may not claim more entries than bytes are left, depth is
//! bounded, and a length has 32 bits everywhere. Memory is therefore bounded by the input: texts and bytes are copied
//! as they are, and a list reserves what the claimed entries take, a mebibyte at most.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::DecodeError;

/// Deepest nesting of lists, maps, options, tuples, structs and enums that is read.
pub const DEPTH_MAX: u8 = 64;

type Result<T> = std::result::Result<T, DecodeError>;

/// Reads one value that fills `bytes` exactly; it may borrow from them.
///
/// # Errors
/// What does not fit, and where; bytes behind the value are an error.
pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    decode_seed(std::marker::PhantomData, bytes)
}

/// As [`decode`], for a type that is only known at run time: `seed` knows what to read next.
///
/// # Errors
/// As [`decode`].
pub fn decode_seed<'a, S: DeserializeSeed<'a>>(seed: S, bytes: &'a [u8]) -> Result<S::Value> {
    let mut reader = Reader {
        rest: bytes,
        total: bytes.len(),
        depth: DEPTH_MAX,
    };
    let value = seed.deserialize(&mut reader)?;
    if reader.rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::Trailing {
            at: reader.at(),
            left: short(reader.rest.len()),
        })
    }
}

/// A length for an error text; longer than 4 GiB does not come off a wire.
fn short(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

struct Reader<'de> {
    rest: &'de [u8],
    total: usize,
    depth: u8,
}

impl<'de> Reader<'de> {
    fn at(&self) -> u32 {
        short(self.total - self.rest.len())
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
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
    fn number(&mut self, bits: u32) -> Result<u64> {
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

    fn number16(&mut self) -> Result<u16> {
        let value = self.number(16)?;
        u16::try_from(value).map_err(|_| DecodeError::BadNumber { at: self.at() })
    }

    fn number32(&mut self) -> Result<u32> {
        let value = self.number(32)?;
        u32::try_from(value).map_err(|_| DecodeError::BadNumber { at: self.at() })
    }

    /// The sign is in the lowest bit, so that small negative numbers are short as well.
    fn signed(&mut self, bits: u32) -> Result<i64> {
        let raw = self.number(bits)?;
        Ok((raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()))
    }

    fn mark(&mut self) -> Result<bool> {
        let at = self.at();
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(DecodeError::BadMark { at, found }),
        }
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'de [u8]> {
        let at = self.at();
        let len = self.number32()?;
        let split = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len));
        let (head, rest) = split.ok_or(DecodeError::Short { at })?;
        self.rest = rest;
        Ok(head)
    }

    #[inline]
    fn text(&mut self) -> Result<&'de str> {
        let at = self.at();
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::BadText { at })
    }

    /// Entries of a list or map. Each takes at least one byte: types whose entries take none have no
    /// [`Schema`](crate::Schema).
    fn count(&mut self) -> Result<usize> {
        let count = self.number32()?;
        let left = self.rest.len();
        match usize::try_from(count) {
            Ok(entries) if entries <= left => Ok(entries),
            _ => Err(DecodeError::TooMany {
                at: self.at(),
                count,
                left: short(left),
            }),
        }
    }

    /// Runs `read` one level deeper.
    #[inline]
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth = self
            .depth
            .checked_sub(1)
            .ok_or(DecodeError::TooDeep { at: self.at() })?;
        let value = read(self)?;
        self.depth += 1;
        Ok(value)
    }

    #[inline]
    fn entries<V: Visitor<'de>>(&mut self, left: usize, visitor: V) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_seq(Entries { reader, left }))
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $read:ident($($bits:literal)?) $($as:ident)?;)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            let value = self.$read($($bits)?)?;
            $(let value = $as::try_from(value).map_err(|_| DecodeError::BadNumber { at: self.at() })?;)?
            visitor.$visit(value)
        })*
    };
}

macro_rules! unsupported {
    ($($method:ident $what:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
            Err(DecodeError::Unsupported($what))
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    integers! {
        deserialize_bool visit_bool mark();
        deserialize_u8 visit_u8 byte();
        deserialize_u16 visit_u16 number16();
        deserialize_u32 visit_u32 number32();
        deserialize_u64 visit_u64 number(64);
        deserialize_i16 visit_i16 signed(16) i16;
        deserialize_i32 visit_i32 signed(32) i32;
        deserialize_i64 visit_i64 signed(64);
        deserialize_str visit_borrowed_str text();
        deserialize_string visit_borrowed_str text();
        deserialize_bytes visit_borrowed_bytes bytes();
        deserialize_byte_buf visit_borrowed_bytes bytes();
    }

    unsupported! {
        deserialize_any "a value of unknown type";
        deserialize_ignored_any "a value of unknown type";
        deserialize_identifier "the names of fields";
        deserialize_char "a char";
        deserialize_i128 "an i128";
        deserialize_u128 "a u128";
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_i8(self.byte()?.cast_signed())
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_f32(f32::from_le_bytes(self.array()?))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_f64(f64::from_le_bytes(self.array()?))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.mark()? {
            self.nested(|reader| visitor.visit_some(reader))
        } else {
            visitor.visit_none()
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_newtype_struct(reader))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let left = self.count()?;
        self.entries(left, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.entries(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.entries(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let left = self.count()?;
        self.nested(|reader| visitor.visit_map(Entries { reader, left }))
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.entries(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_enum(reader))
    }
}

/// The entries of a list, tuple, struct or map that are still to be read.
struct Entries<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Entries<'_, 'de> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> EnumAccess<'de> for &mut Reader<'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let index = self.number32()?;
        let variant = seed.deserialize(IntoDeserializer::<DecodeError>::into_deserializer(index))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Reader<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.entries(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.entries(fields.len(), visitor)
    }
}
