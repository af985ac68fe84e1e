//! Lua values made, and looked at, in one go.
//!
//! Each piece of a table that is made through mlua is a protected call of its own, and each that is read becomes a
//! reference that has to be given back: for a message of three fields that is more work than all else that is done with it.
//! Here a whole value is made within one protected call ([`build()`]), and read where it is, on Lua's stack ([`look()`]).
//!
//! An error of Lua (no memory) leaves the functions that it passes without running what they would have dropped. So
//! nothing but [`build()`]'s own loop stands between Lua and its protected call, and it has nothing to drop; what says
//! how the value is made has returned by then. Looking never makes anything, so it cannot fail.

mod build;
mod look;

pub use build::{Step, build};
pub use look::{Kind, Look, look, metatable};

#[cfg(test)]
mod tests;
