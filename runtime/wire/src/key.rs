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
    let hash = byte(hash, tag(ty));
    match ty {
        Type::List(of) | Type::Option(of) => walk(hash, of),
        Type::Map(keys, values) => walk(walk(hash, keys), values),
        Type::Tuple(types) => walk_tuple(hash, types),
        Type::Struct { fields, .. } => walk_fields(hash, fields),
        Type::Enum { variants, .. } => walk_variants(hash, variants),
        _ => hash,
    }
}

const fn tag(ty: &Type) -> u8 {
    match ty {
        Type::Bool => 0x01,
        Type::I8 => 0x02,
        Type::I16 => 0x03,
        Type::I32 => 0x04,
        Type::I64 => 0x05,
        Type::U8 => 0x06,
        Type::U16 => 0x07,
        Type::U32 => 0x08,
        Type::U64 => 0x09,
        Type::F32 => 0x0a,
        Type::F64 => 0x0b,
        Type::Str => 0x0c,
        Type::Bytes => 0x0d,
        Type::Unit => 0x0e,
        Type::List(_) => 0x10,
        Type::Map(..) => 0x11,
        Type::Option(_) => 0x12,
        Type::Tuple(_) => 0x13,
        Type::Struct { .. } => 0x14,
        Type::Enum { .. } => 0x15,
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
