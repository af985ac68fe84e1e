//! What every service answers.

pub mod messages;
