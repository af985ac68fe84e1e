//! Lua tables to messages and back, field by field.
//!
//! A declared shape is turned once into a [`Plan`], which has the names of fields as strings of the Lua state. So
//! nothing is made for a field but its value: bytes are written from a table as it is walked, and a table is filled from
//! bytes as they are read, without a tree in between. Between two scripts of a process the value crosses as bytes, too:
//! a tree is slower to make and to read, for it has an allocation for each field, and bytes can be moved as well.

mod plan;
mod put;
mod take;

pub use plan::Plan;
pub use put::{Misfit, Put};
pub use take::read;

#[cfg(test)]
mod tests;
