//! Shapes as bytes: what a service tells about its messages.
//!
//! A type is one byte from the table of [`key`](crate::key()), then what the table says, with two differences: counts
//! are numbers of seven bits a byte, as everywhere in a body; and the names of structs and enums and the help are there.
//!
//! | type | followed by |
//! | --- | --- |
//! | list, option | type of the entries, of the value |
//! | map | type of the keys, type of the values |
//! | tuple | count, each type |
//! | struct | text(name), count, for each field text(name), text(help), type |
//! | enum | text(name), count, for each variant text(name), text(help), type |
//! | all others | |
//!
//! A text is its length in bytes and UTF-8. The whole is at most [`SHAPE_BYTES_MAX`] bytes and [`SHAPE_NODES_MAX`] types,
//! nested at most [`DEPTH_MAX`] deep; no list or map may have entries that take no bytes, no field
//! or variant an empty name or that of another one of its type, and no name control characters. Lengths and counts are checked before anything is allocated for them.

use super::{Shape, ShapeField, ShapeVariant};
use crate::key::tag;
use crate::reader::Result;
use crate::{DEPTH_MAX, DecodeError, Reader, ShapeFlaw, Writer};

/// Most bytes in the description of a shape.
pub const SHAPE_BYTES_MAX: u32 = 64 * 1024;
/// Most types in a shape, those of fields and entries counted one by one.
pub const SHAPE_NODES_MAX: u32 = 4096;
/// Fewest bytes of a field or variant: two empty texts and a type.
const FIELD_MIN: u32 = 3;

impl Shape {
    /// Appends the description of the shape to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        put(self, &mut Writer::new(out));
    }

    /// Reads a description that fills `bytes` exactly.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(bytes: &[u8]) -> Result<Shape> {
        if bytes.len() > SHAPE_BYTES_MAX as usize {
            return Err(flaw(SHAPE_BYTES_MAX, ShapeFlaw::TooLong));
        }
        let mut take = Take {
            reader: Reader::new(bytes),
            left: SHAPE_NODES_MAX,
        };
        let shape = take.shape()?;
        take.reader.finish()?;
        Ok(shape)
    }

    /// Checks that the shape keeps to the bounds that [`Shape::read`] enforces, so that a peer can read it. For shapes
    /// that are made by hand or declared by a script.
    ///
    /// # Errors
    /// The first bound that it goes over.
    pub fn check(&self) -> std::result::Result<(), ShapeFlaw> {
        count(self, DEPTH_MAX, &mut { SHAPE_NODES_MAX })?;
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        if bytes.len() > SHAPE_BYTES_MAX as usize {
            return Err(ShapeFlaw::TooLong);
        }
        Ok(())
    }
}

fn put(shape: &Shape, out: &mut Writer<'_>) {
    out.byte(shape.tag());
    match shape {
        Shape::List(of) | Shape::Option(of) => put(of, out),
        Shape::Map(keys, values) => {
            put(keys, out);
            put(values, out);
        }
        Shape::Tuple(shapes) => {
            out.count(shapes.len());
            shapes.iter().for_each(|shape| put(shape, out));
        }
        Shape::Struct { name, fields } => {
            out.str(name);
            out.count(fields.len());
            for field in fields {
                out.str(&field.name);
                out.str(&field.help);
                put(&field.shape, out);
            }
        }
        Shape::Enum { name, variants } => {
            out.str(name);
            out.count(variants.len());
            for variant in variants {
                out.str(&variant.name);
                out.str(&variant.help);
                put(&variant.shape, out);
            }
        }
        _ => {}
    }
}

fn count(shape: &Shape, depth: u8, left: &mut u32) -> std::result::Result<(), ShapeFlaw> {
    *left = left.checked_sub(1).ok_or(ShapeFlaw::TooMany)?;
    let inner = |shape: &Shape, left: &mut u32| match depth.checked_sub(1) {
        Some(depth) => count(shape, depth, left),
        None => Err(ShapeFlaw::TooDeep),
    };
    match shape {
        Shape::List(of) | Shape::Option(of) => inner(of, left)?,
        Shape::Map(keys, values) => {
            inner(keys, left)?;
            inner(values, left)?;
        }
        Shape::Tuple(shapes) => shapes.iter().try_for_each(|shape| inner(shape, left))?,
        Shape::Struct { fields, .. } => fields.iter().try_for_each(|field| inner(&field.shape, left))?,
        Shape::Enum { variants, .. } => {
            variants
                .iter()
                .try_for_each(|variant| inner(&variant.shape, left))?;
        }
        _ => {}
    }
    check_parts(shape)
}

/// What a shape of right parts can still have wrong.
fn check_parts(shape: &Shape) -> std::result::Result<(), ShapeFlaw> {
    let (of, names): (&str, Vec<&str>) = match shape {
        Shape::Struct { name, fields } => (name, fields.iter().map(|field| field.name.as_str()).collect()),
        Shape::Enum { name, variants } => (
            name,
            variants.iter().map(|variant| variant.name.as_str()).collect(),
        ),
        _ if has_empty_entries(shape) => return Err(ShapeFlaw::EmptyEntries),
        _ => return Ok(()),
    };
    let unreadable = |name: &str| name.contains(char::is_control);
    if unreadable(of) || names.iter().any(|name| name.is_empty() || unreadable(name)) {
        return Err(ShapeFlaw::BadName);
    }
    if has_twins(names) {
        return Err(ShapeFlaw::SameName);
    }
    Ok(())
}

/// Sorted first: a peer may describe thousands of them.
fn has_twins(mut names: Vec<&str>) -> bool {
    gshell_small::sort(&mut names);
    names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

fn has_empty_entries(shape: &Shape) -> bool {
    match shape {
        Shape::List(of) => !of.takes_bytes(),
        Shape::Map(keys, values) => !keys.takes_bytes() && !values.takes_bytes(),
        _ => false,
    }
}

fn flaw(at: u32, what: ShapeFlaw) -> DecodeError {
    DecodeError::BadShape { at, what }
}

struct Take<'a> {
    reader: Reader<'a>,
    /// Types that may still come.
    left: u32,
}

impl Take<'_> {
    fn shape(&mut self) -> Result<Shape> {
        let at = self.reader.at();
        self.left = self.left.checked_sub(1).ok_or(flaw(at, ShapeFlaw::TooMany))?;
        let shape = match self.reader.byte()? {
            tag::BOOL => Shape::Bool,
            tag::I8 => Shape::I8,
            tag::I16 => Shape::I16,
            tag::I32 => Shape::I32,
            tag::I64 => Shape::I64,
            tag::U8 => Shape::U8,
            tag::U16 => Shape::U16,
            tag::U32 => Shape::U32,
            tag::U64 => Shape::U64,
            tag::F32 => Shape::F32,
            tag::F64 => Shape::F64,
            tag::STR => Shape::Str,
            tag::BYTES => Shape::Bytes,
            tag::UNIT => Shape::Unit,
            found @ tag::LIST..=tag::ENUM => {
                self.reader.enter()?;
                let shape = self.composite(found)?;
                self.reader.leave();
                shape
            }
            found => return Err(flaw(at, ShapeFlaw::UnknownType(found))),
        };
        check_parts(&shape).map_err(|what| flaw(at, what))?;
        Ok(shape)
    }

    fn composite(&mut self, tag: u8) -> Result<Shape> {
        Ok(match tag {
            tag::LIST => Shape::List(Box::new(self.shape()?)),
            tag::MAP => Shape::Map(Box::new(self.shape()?), Box::new(self.shape()?)),
            tag::OPTION => Shape::Option(Box::new(self.shape()?)),
            tag::TUPLE => Shape::Tuple(self.all(1, Take::shape)?),
            tag::STRUCT => Shape::Struct {
                name: self.text()?,
                fields: self.all(FIELD_MIN, Take::field)?,
            },
            _ => Shape::Enum {
                name: self.text()?,
                variants: self.all(FIELD_MIN, Take::variant)?,
            },
        })
    }

    fn text(&mut self) -> Result<String> {
        self.reader.str().map(str::to_owned)
    }

    /// As many as are announced, each of at least `min_len` bytes and one type.
    fn all<T>(&mut self, min_len: u32, read: fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.reader.len(min_len)?;
        if count > self.left {
            return Err(flaw(self.reader.at(), ShapeFlaw::TooMany));
        }
        (0..count).map(|_| read(self)).collect()
    }

    fn field(&mut self) -> Result<ShapeField> {
        Ok(ShapeField {
            name: self.text()?,
            help: self.text()?,
            shape: self.shape()?,
        })
    }

    fn variant(&mut self) -> Result<ShapeVariant> {
        let ShapeField { name, shape, help } = self.field()?;
        Ok(ShapeVariant { name, shape, help })
    }
}
