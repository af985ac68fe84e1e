//! Finds, checks, opens and calls plugins.

pub mod file;
pub mod folders;
