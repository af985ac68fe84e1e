//! A shape as a Lua state uses it.

use gshell_wire::{Shape, Width};
use mlua::{Lua, Result, Table};

/// The twin of a [`Shape`], with names that are strings of the state.
pub struct Plan {
    pub form: Form,
    /// The names that [`Part::name`] counts, from 1.
    pub names: Table,
}

/// What a value looks like.
pub enum Form {
    Bool,
    Int(Width),
    Uint(Width),
    F32,
    F64,
    Str,
    Bytes,
    Unit,
    /// With the fewest bytes that an entry takes.
    List(Box<Form>, u32),
    /// With the fewest bytes that a key and a value take.
    Map(Box<Form>, Box<Form>, u32),
    Option(Box<Form>),
    Tuple(Vec<Form>),
    Struct(Vec<Part>),
    Enum(Vec<Part>),
}

/// A field or a variant.
pub struct Part {
    pub name: u32,
    pub text: Box<str>,
    pub form: Form,
}

impl Plan {
    /// The plan for values of `shape`.
    pub fn new(lua: &Lua, shape: &Shape) -> Result<Plan> {
        let mut names = Names {
            table: lua.create_table()?,
            count: 0,
        };
        Ok(Plan {
            form: names.form(shape)?,
            names: names.table,
        })
    }
}

struct Names {
    table: Table,
    count: u32,
}

impl Names {
    fn form(&mut self, shape: &Shape) -> Result<Form> {
        Ok(match shape {
            Shape::Bool => Form::Bool,
            Shape::I8 => Form::Int(Width::W8),
            Shape::I16 => Form::Int(Width::W16),
            Shape::I32 => Form::Int(Width::W32),
            Shape::I64 => Form::Int(Width::W64),
            Shape::U8 => Form::Uint(Width::W8),
            Shape::U16 => Form::Uint(Width::W16),
            Shape::U32 => Form::Uint(Width::W32),
            Shape::U64 => Form::Uint(Width::W64),
            Shape::F32 => Form::F32,
            Shape::F64 => Form::F64,
            Shape::Str => Form::Str,
            Shape::Bytes => Form::Bytes,
            Shape::Unit => Form::Unit,
            Shape::List(of) => Form::List(self.boxed(of)?, of.min_len()),
            Shape::Map(keys, values) => {
                let least = keys.min_len().saturating_add(values.min_len());
                Form::Map(self.boxed(keys)?, self.boxed(values)?, least)
            }
            Shape::Option(of) => Form::Option(self.boxed(of)?),
            Shape::Tuple(shapes) => {
                let forms = shapes.iter().map(|shape| self.form(shape));
                Form::Tuple(forms.collect::<Result<_>>()?)
            }
            Shape::Struct { fields, .. } => {
                let parts = fields.iter().map(|field| self.part(&field.name, &field.shape));
                Form::Struct(parts.collect::<Result<_>>()?)
            }
            Shape::Enum { variants, .. } => {
                let parts = variants
                    .iter()
                    .map(|variant| self.part(&variant.name, &variant.shape));
                Form::Enum(parts.collect::<Result<_>>()?)
            }
        })
    }

    fn boxed(&mut self, shape: &Shape) -> Result<Box<Form>> {
        self.form(shape).map(Box::new)
    }

    fn part(&mut self, name: &str, shape: &Shape) -> Result<Part> {
        self.count += 1;
        self.table.raw_push(name)?;
        Ok(Part {
            name: self.count,
            text: name.into(),
            form: self.form(shape)?,
        })
    }
}
