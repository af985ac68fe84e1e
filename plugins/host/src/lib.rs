//! Finds, checks, opens and calls plugins.

pub mod bundle;
pub mod file;
pub mod folders;
mod source;
