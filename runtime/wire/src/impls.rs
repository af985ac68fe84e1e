//! The shapes of what Rust and serde bring along.

use std::collections::BTreeMap;

use crate::{Bytes, Schema, Type};

macro_rules! plain {
    ($($rust:ty => $shape:ident,)*) => {
        $(impl Schema for $rust {
            const TYPE: Type = Type::$shape;
        })*
    };
}

plain! {
    bool => Bool,
    i8 => I8,
    i16 => I16,
    i32 => I32,
    i64 => I64,
    u8 => U8,
    u16 => U16,
    u32 => U32,
    u64 => U64,
    f32 => F32,
    f64 => F64,
    String => Str,
    &str => Str,
    Bytes => Bytes,
    () => Unit,
}

impl<T: Schema> Schema for Box<T> {
    const TYPE: Type = T::TYPE;
}

impl<T: Schema> Schema for Option<T> {
    const TYPE: Type = Type::Option(&T::TYPE);
}

/// Bytes in a `Vec<u8>` are read one by one; [`Bytes`] is the fast way.
impl<T: Schema> Schema for Vec<T> {
    const TYPE: Type = {
        assert!(
            T::TYPE.min_len() > 0,
            "a list whose entries take no bytes cannot be part of a message"
        );
        Type::List(&T::TYPE)
    };
}

impl<K: Schema, V: Schema> Schema for BTreeMap<K, V> {
    const TYPE: Type = {
        let entry = K::TYPE.min_len() + V::TYPE.min_len();
        assert!(
            entry > 0,
            "a map whose entries take no bytes cannot be part of a message"
        );
        Type::Map(&K::TYPE, &V::TYPE)
    };
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {
        $(impl<$($name: Schema),*> Schema for ($($name,)*) {
            const TYPE: Type = Type::Tuple(&[$(&$name::TYPE),*]);
        })*
    };
}

tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
}
