//! The messages of the product's own services, by service. Requests name what they are answered by.

pub mod attach;
pub mod daemon;
pub mod groups;
pub mod log;
pub mod node;
pub mod plugins;

#[cfg(test)]
mod tests;
