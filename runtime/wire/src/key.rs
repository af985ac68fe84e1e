//! The key of a message: 64 bits that two programs agree on only when they mean the same name and the same shape.

use crate::{Field, Type, Variant};

/// FNV-1a, 64 bits: start value and factor.
const START: u64 = 0xcbf2_9ce4_8422_2325;
const FACTOR: u64 = 0x0000_0100_0000_01b3;

/// The key of the message `name` with the shape `ty`.
///
/// This is the definition; an implementation in any language has to come to the same number. The hash is FNV-1a with
/// 64 bits: begin with `0xcbf29ce484222325`; for each byte, first xor it into the value, then multiply the value by
/// `0x100000001b3`, modulo 2^64. The bytes are `text(name)` followed by `type(ty)`, where
///
/// - `text(s)` is the UTF-8 of `s`, then one byte `0xff` (which UTF-8 never has);
/// - `count(n)` is `n` in four bytes, highest first;
/// - `type(t)` is one byte from the table, then what the table says.
///
/// | type | byte | followed by |
/// | --- | --- | --- |
/// | bool | 01 | |
/// | i8 i16 i32 i64 | 02 03 04 05 | |
/// | u8 u16 u32 u64 | 06 07 08 09 | |
/// | f32 f64 | 0a 0b | |
/// | string | 0c | |
/// | bytes | 0d | |
/// | unit | 0e | |
/// | list | 10 | type of the entries |
/// | map | 11 | type of the keys, type of the values |
/// | option | 12 | type of the value |
/// | tuple | 13 | count of the types, each type |
/// | struct | 14 | count of the fields, for each its text(name) and type |
/// | enum | 15 | count of the variants, for each its text(name) and type |
///
/// The names of structs and enums and all help texts do not count. Fields and variants count in the order of
/// declaration. A struct with one unnamed field is that field; one with several unnamed fields is a tuple; one without
/// fields is a struct with count 0. A variant is unit, its one unnamed field, a tuple or a struct.
pub const fn key(name: &str, ty: &Type) -> u64 {
    walk(text(START, name), ty)
}

const fn byte(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(FACTOR)
}

const fn bytes(mut hash: u64, of: &[u8]) -> u64 {
    let mut i = 0;
    while i < of.len() {
        hash = byte(hash, of[i]);
        i += 1;
    }
    hash
}

const fn text(hash: u64, of: &str) -> u64 {
    byte(bytes(hash, of.as_bytes()), 0xff)
}

const fn count(hash: u64, n: usize) -> u64 {
    bytes(hash, &(n as u32).to_be_bytes())
}

const fn walk(hash: u64, ty: &Type) -> u64 {
    let hash = byte(hash, tag_of(ty));
    match ty {
        Type::List(of) | Type::Option(of) => walk(hash, of),
        Type::Map(keys, values) => walk(walk(hash, keys), values),
        Type::Tuple(types) => walk_tuple(hash, types),
        Type::Struct { fields, .. } => walk_fields(hash, fields),
        Type::Enum { variants, .. } => walk_variants(hash, variants),
        _ => hash,
    }
}

/// The bytes of the table.
pub(crate) mod tag {
    macro_rules! tags {
        ($($name:ident = $tag:literal,)*) => {
            $(pub const $name: u8 = $tag;)*
        };
    }
    tags! {
        BOOL = 0x01,
        I8 = 0x02,
        I16 = 0x03,
        I32 = 0x04,
        I64 = 0x05,
        U8 = 0x06,
        U16 = 0x07,
        U32 = 0x08,
        U64 = 0x09,
        F32 = 0x0a,
        F64 = 0x0b,
        STR = 0x0c,
        BYTES = 0x0d,
        UNIT = 0x0e,
        LIST = 0x10,
        MAP = 0x11,
        OPTION = 0x12,
        TUPLE = 0x13,
        STRUCT = 0x14,
        ENUM = 0x15,
    }
}

/// The hash while a [`Shape`](crate::Shape) is walked, which the compiler cannot do.
pub(crate) struct Hash(u64);

impl Hash {
    pub fn new() -> Hash {
        Hash(START)
    }

    pub fn get(&self) -> u64 {
        self.0
    }

    pub fn byte(&mut self, of: u8) {
        self.0 = byte(self.0, of);
    }

    pub fn text(&mut self, of: &str) {
        self.0 = text(self.0, of);
    }

    pub fn count(&mut self, n: usize) {
        self.0 = count(self.0, n);
    }
}

const fn tag_of(ty: &Type) -> u8 {
    match ty {
        Type::Bool => tag::BOOL,
        Type::I8 => tag::I8,
        Type::I16 => tag::I16,
        Type::I32 => tag::I32,
        Type::I64 => tag::I64,
        Type::U8 => tag::U8,
        Type::U16 => tag::U16,
        Type::U32 => tag::U32,
        Type::U64 => tag::U64,
        Type::F32 => tag::F32,
        Type::F64 => tag::F64,
        Type::Str => tag::STR,
        Type::Bytes => tag::BYTES,
        Type::Unit => tag::UNIT,
        Type::List(_) => tag::LIST,
        Type::Map(..) => tag::MAP,
        Type::Option(_) => tag::OPTION,
        Type::Tuple(_) => tag::TUPLE,
        Type::Struct { .. } => tag::STRUCT,
        Type::Enum { .. } => tag::ENUM,
    }
}

const fn walk_tuple(hash: u64, types: &[&Type]) -> u64 {
    let mut hash = count(hash, types.len());
    let mut i = 0;
    while i < types.len() {
        hash = walk(hash, types[i]);
        i += 1;
    }
    hash
}

const fn walk_fields(hash: u64, fields: &[Field]) -> u64 {
    let mut hash = count(hash, fields.len());
    let mut i = 0;
    while i < fields.len() {
        hash = walk(text(hash, fields[i].name), fields[i].ty);
        i += 1;
    }
    hash
}

const fn walk_variants(hash: u64, variants: &[Variant]) -> u64 {
    let mut hash = count(hash, variants.len());
    let mut i = 0;
    while i < variants.len() {
        hash = walk(text(hash, variants[i].name), variants[i].ty);
        i += 1;
    }
    hash
}
