//! A shape as a Lua state uses it.

use gshell_wire::{Shape, Width};
use mlua::{Lua, LuaString, Result};

/// The twin of a [`Shape`], with names that are strings of the state.
pub enum Plan {
    Bool,
    Int(Width),
    Uint(Width),
    F32,
    F64,
    Str,
    Bytes,
    Unit,
    /// With the fewest bytes that an entry takes.
    List(Box<Plan>, u32),
    /// With the fewest bytes that a key and a value take.
    Map(Box<Plan>, Box<Plan>, u32),
    Option(Box<Plan>),
    Tuple(Vec<Plan>),
    Struct(Vec<Part>),
    Enum(Vec<Part>),
}

/// A field or a variant.
pub struct Part {
    pub name: LuaString,
    pub text: Box<str>,
    pub plan: Plan,
}

impl Plan {
    /// The plan for values of `shape`.
    pub fn new(lua: &Lua, shape: &Shape) -> Result<Plan> {
        let boxed = |shape: &Shape| Plan::new(lua, shape).map(Box::new);
        Ok(match shape {
            Shape::Bool => Plan::Bool,
            Shape::I8 => Plan::Int(Width::W8),
            Shape::I16 => Plan::Int(Width::W16),
            Shape::I32 => Plan::Int(Width::W32),
            Shape::I64 => Plan::Int(Width::W64),
            Shape::U8 => Plan::Uint(Width::W8),
            Shape::U16 => Plan::Uint(Width::W16),
            Shape::U32 => Plan::Uint(Width::W32),
            Shape::U64 => Plan::Uint(Width::W64),
            Shape::F32 => Plan::F32,
            Shape::F64 => Plan::F64,
            Shape::Str => Plan::Str,
            Shape::Bytes => Plan::Bytes,
            Shape::Unit => Plan::Unit,
            Shape::List(of) => Plan::List(boxed(of)?, of.min_len()),
            Shape::Map(keys, values) => {
                let least = keys.min_len().saturating_add(values.min_len());
                Plan::Map(boxed(keys)?, boxed(values)?, least)
            }
            Shape::Option(of) => Plan::Option(boxed(of)?),
            Shape::Tuple(shapes) => {
                let plans = shapes.iter().map(|shape| Plan::new(lua, shape));
                Plan::Tuple(plans.collect::<Result<_>>()?)
            }
            Shape::Struct { fields, .. } => {
                let parts = fields
                    .iter()
                    .map(|field| Part::new(lua, &field.name, &field.shape));
                Plan::Struct(parts.collect::<Result<_>>()?)
            }
            Shape::Enum { variants, .. } => {
                let parts = variants
                    .iter()
                    .map(|variant| Part::new(lua, &variant.name, &variant.shape));
                Plan::Enum(parts.collect::<Result<_>>()?)
            }
        })
    }
}

impl Part {
    fn new(lua: &Lua, name: &str, shape: &Shape) -> Result<Part> {
        Ok(Part {
            name: lua.create_string(name)?,
            text: name.into(),
            plan: Plan::new(lua, shape)?,
        })
    }
}
