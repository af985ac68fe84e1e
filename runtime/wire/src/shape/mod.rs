//! The shape of a message as a value of the program: what came from another process, or was declared by a script. It is
//! the owned twin of [`Type`], which only the compiler makes.

mod bytes;
mod difference;
mod parse;
mod text;

pub use self::bytes::{SHAPE_BYTES_MAX, SHAPE_NODES_MAX};
use crate::key::{Hash, tag};
use crate::{Schema, Type};

/// The shape of a type; see [`Type`] for how the values of each are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As [`Type::Bool`].
    Bool,
    /// As [`Type::I8`].
    I8,
    /// As [`Type::I16`].
    I16,
    /// As [`Type::I32`].
    I32,
    /// As [`Type::I64`].
    I64,
    /// As [`Type::U8`].
    U8,
    /// As [`Type::U16`].
    U16,
    /// As [`Type::U32`].
    U32,
    /// As [`Type::U64`].
    U64,
    /// As [`Type::F32`].
    F32,
    /// As [`Type::F64`].
    F64,
    /// As [`Type::Str`].
    Str,
    /// As [`Type::Bytes`].
    Bytes,
    /// As [`Type::Unit`].
    Unit,
    /// As [`Type::List`].
    List(Box<Shape>),
    /// As [`Type::Map`].
    Map(Box<Shape>, Box<Shape>),
    /// As [`Type::Option`].
    Option(Box<Shape>),
    /// As [`Type::Tuple`].
    Tuple(Vec<Shape>),
    /// As [`Type::Struct`].
    Struct {
        /// The name in the program; not part of the key.
        name: String,
        /// The fields in the order of declaration.
        fields: Vec<ShapeField>,
    },
    /// As [`Type::Enum`].
    Enum {
        /// The name in the program; not part of the key.
        name: String,
        /// The variants in the order of declaration.
        variants: Vec<ShapeVariant>,
    },
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeField {
    /// The name; part of the key.
    pub name: String,
    /// The shape; part of the key.
    pub shape: Shape,
    /// One line of help; not part of the key.
    pub help: String,
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeVariant {
    /// The name; part of the key.
    pub name: String,
    /// What it holds, as in [`Variant`](crate::Variant); part of the key.
    pub shape: Shape,
    /// One line of help; not part of the key.
    pub help: String,
}

impl From<&Type> for Shape {
    fn from(ty: &Type) -> Shape {
        let boxed = |ty: &Type| Box::new(Shape::from(ty));
        match ty {
            Type::Bool => Shape::Bool,
            Type::I8 => Shape::I8,
            Type::I16 => Shape::I16,
            Type::I32 => Shape::I32,
            Type::I64 => Shape::I64,
            Type::U8 => Shape::U8,
            Type::U16 => Shape::U16,
            Type::U32 => Shape::U32,
            Type::U64 => Shape::U64,
            Type::F32 => Shape::F32,
            Type::F64 => Shape::F64,
            Type::Str => Shape::Str,
            Type::Bytes => Shape::Bytes,
            Type::Unit => Shape::Unit,
            Type::List(of) => Shape::List(boxed(of)),
            Type::Map(keys, values) => Shape::Map(boxed(keys), boxed(values)),
            Type::Option(of) => Shape::Option(boxed(of)),
            Type::Tuple(types) => Shape::Tuple(types.iter().map(|ty| Shape::from(*ty)).collect()),
            Type::Struct { name, fields } => Shape::Struct {
                name: (*name).to_owned(),
                fields: fields
                    .iter()
                    .map(|field| ShapeField {
                        name: field.name.to_owned(),
                        shape: Shape::from(field.ty),
                        help: field.help.to_owned(),
                    })
                    .collect(),
            },
            Type::Enum { name, variants } => Shape::Enum {
                name: (*name).to_owned(),
                variants: variants
                    .iter()
                    .map(|variant| ShapeVariant {
                        name: variant.name.to_owned(),
                        shape: Shape::from(variant.ty),
                        help: variant.help.to_owned(),
                    })
                    .collect(),
            },
        }
    }
}

impl Shape {
    /// The shape of a type of the program.
    pub fn of<T: Schema + ?Sized>() -> Shape {
        Shape::from(&T::TYPE)
    }

    /// The key of the message `name` with this shape; the same number as [`key`](crate::key()) for the same type.
    pub fn key(&self, name: &str) -> u64 {
        let mut hash = Hash::new();
        hash.text(name);
        self.hash(&mut hash);
        hash.get()
    }

    fn hash(&self, hash: &mut Hash) {
        hash.byte(self.tag());
        match self {
            Shape::List(of) | Shape::Option(of) => of.hash(hash),
            Shape::Map(keys, values) => {
                keys.hash(hash);
                values.hash(hash);
            }
            Shape::Tuple(shapes) => {
                hash.count(shapes.len());
                shapes.iter().for_each(|shape| shape.hash(hash));
            }
            Shape::Struct { fields, .. } => {
                hash.count(fields.len());
                for field in fields {
                    hash.text(&field.name);
                    field.shape.hash(hash);
                }
            }
            Shape::Enum { variants, .. } => {
                hash.count(variants.len());
                for variant in variants {
                    hash.text(&variant.name);
                    variant.shape.hash(hash);
                }
            }
            _ => {}
        }
    }

    /// The byte that stands for the kind of type, in keys and in [`Shape::write`].
    fn tag(&self) -> u8 {
        match self {
            Shape::Bool => tag::BOOL,
            Shape::I8 => tag::I8,
            Shape::I16 => tag::I16,
            Shape::I32 => tag::I32,
            Shape::I64 => tag::I64,
            Shape::U8 => tag::U8,
            Shape::U16 => tag::U16,
            Shape::U32 => tag::U32,
            Shape::U64 => tag::U64,
            Shape::F32 => tag::F32,
            Shape::F64 => tag::F64,
            Shape::Str => tag::STR,
            Shape::Bytes => tag::BYTES,
            Shape::Unit => tag::UNIT,
            Shape::List(_) => tag::LIST,
            Shape::Map(..) => tag::MAP,
            Shape::Option(_) => tag::OPTION,
            Shape::Tuple(_) => tag::TUPLE,
            Shape::Struct { .. } => tag::STRUCT,
            Shape::Enum { .. } => tag::ENUM,
        }
    }

    /// Fewest bytes that a value of this shape takes.
    pub fn min_len(&self) -> u32 {
        match self {
            Shape::Unit => 0,
            Shape::F32 => 4,
            Shape::F64 => 8,
            Shape::Tuple(shapes) => sum(shapes.iter()),
            Shape::Struct { fields, .. } => sum(fields.iter().map(|field| &field.shape)),
            _ => 1,
        }
    }

    /// Fewest bytes that a value takes, where only some or none matters: without walking through all of a shape that
    /// takes some.
    fn takes_bytes(&self) -> bool {
        match self {
            Shape::Unit => false,
            Shape::Tuple(shapes) => shapes.iter().any(Shape::takes_bytes),
            Shape::Struct { fields, .. } => fields.iter().any(|field| field.shape.takes_bytes()),
            _ => true,
        }
    }

    /// The fields of a struct; none for any other shape.
    pub fn fields(&self) -> &[ShapeField] {
        match self {
            Shape::Struct { fields, .. } => fields,
            _ => &[],
        }
    }
}

fn sum<'a>(shapes: impl Iterator<Item = &'a Shape>) -> u32 {
    shapes.fold(0, |sum: u32, shape| sum.saturating_add(shape.min_len()))
}
