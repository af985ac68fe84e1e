//! Tracing of messages through services.

pub mod record;
pub mod render;
pub mod tags;
#[cfg(test)]
mod tests;
pub mod token;
pub mod tree;
