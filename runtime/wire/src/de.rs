//! Bytes to values of Rust types: serde over the primitives of [`Reader`].
//!
//! Memory is bounded by the input: texts and bytes are copied as they are, and a list reserves what the claimed entries
//! take, a mebibyte at most.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::reader::Result;
use crate::{DecodeError, Reader};

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
    let mut reader = Reader::new(bytes);
    let value = seed.deserialize(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

impl<'de> Reader<'de> {
    #[inline]
    fn entries<V: Visitor<'de>>(&mut self, left: u32, visitor: V) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_seq(Entries { reader, left }))
    }
}

/// What the program says about a type; no type has four billion fields.
fn count(len: usize) -> u32 {
    crate::reader::short(len)
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
        deserialize_bool visit_bool bool();
        deserialize_u8 visit_u8 byte();
        deserialize_u16 visit_u16 number(16) u16;
        deserialize_u32 visit_u32 number32();
        deserialize_u64 visit_u64 number(64);
        deserialize_i16 visit_i16 signed(16) i16;
        deserialize_i32 visit_i32 signed(32) i32;
        deserialize_i64 visit_i64 signed(64);
        deserialize_str visit_borrowed_str str();
        deserialize_string visit_borrowed_str str();
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
        visitor.visit_f32(self.f32()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_f64(self.f64()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.bool()? {
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
        let left = self.len(1)?;
        self.entries(left, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.entries(count(len), visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.entries(count(len), visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let left = self.len(1)?;
        self.nested(|reader| visitor.visit_map(Entries { reader, left }))
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_seq(Fields(reader)))
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

/// The fields of a struct. Its visitor knows how many there are, and what serde derives stops after them: that none can
/// be missing spares each field of each type the code for it.
struct Fields<'a, 'de>(&'a mut Reader<'de>);

impl<'de> SeqAccess<'de> for Fields<'_, 'de> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        seed.deserialize(&mut *self.0).map(Some)
    }
}

/// The entries of a list, tuple or map that are still to be read.
struct Entries<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: u32,
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
        usize::try_from(self.left).ok()
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
        usize::try_from(self.left).ok()
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
        self.entries(count(len), visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_seq(Fields(reader)))
    }
}
