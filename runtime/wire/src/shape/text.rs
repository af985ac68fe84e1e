//! A shape as one line for people: `{ who: string, num: i32 }`.

use std::fmt::{self, Display, Formatter};

use super::Shape;

impl Display for Shape {
    /// A list is `[i32]`, a map `map<string, i32>`, an option `i32?`, a tuple `(i32, string)`, an enum
    /// `Off | On(i32) | Named { num: i32 }`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = match self {
            Shape::Bool => "bool",
            Shape::I8 => "i8",
            Shape::I16 => "i16",
            Shape::I32 => "i32",
            Shape::I64 => "i64",
            Shape::U8 => "u8",
            Shape::U16 => "u16",
            Shape::U32 => "u32",
            Shape::U64 => "u64",
            Shape::F32 => "f32",
            Shape::F64 => "f64",
            Shape::Str => "string",
            Shape::Bytes => "bytes",
            Shape::Unit => "()",
            Shape::List(of) => return write!(f, "[{of}]"),
            Shape::Map(keys, values) => return write!(f, "map<{keys}, {values}>"),
            Shape::Option(of) if matches!(**of, Shape::Enum { .. }) => return write!(f, "({of})?"),
            Shape::Option(of) => return write!(f, "{of}?"),
            Shape::Tuple(shapes) => return tuple(f, shapes),
            Shape::Struct { fields, .. } if fields.is_empty() => "{}",
            Shape::Struct { fields, .. } => {
                for (i, field) in fields.iter().enumerate() {
                    let before = if i == 0 { "{ " } else { ", " };
                    write!(f, "{before}{}: {}", field.name, field.shape)?;
                }
                " }"
            }
            Shape::Enum { variants, .. } if variants.is_empty() => "!",
            Shape::Enum { variants, .. } => {
                for (i, variant) in variants.iter().enumerate() {
                    let before = if i == 0 { "" } else { " | " };
                    write!(f, "{before}{}", variant.name)?;
                    match &variant.shape {
                        Shape::Unit => {}
                        Shape::Tuple(shapes) => tuple(f, shapes)?,
                        held @ Shape::Struct { .. } => write!(f, " {held}")?,
                        held => write!(f, "({held})")?,
                    }
                }
                ""
            }
        };
        f.write_str(text)
    }
}

fn tuple(f: &mut Formatter<'_>, shapes: &[Shape]) -> fmt::Result {
    f.write_str("(")?;
    for (i, shape) in shapes.iter().enumerate() {
        let before = if i == 0 { "" } else { ", " };
        write!(f, "{before}{shape}")?;
    }
    f.write_str(")")
}
