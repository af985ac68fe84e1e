//! The harness of the black-box tests: nodes of the built program in folders of their own, commands with deadlines,
//! what `/proc` says about their processes, and terminals.
//!
//! It uses nothing of the product's own code, so that a mistake in a shared type cannot hide itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

pub mod binary;
pub mod children;
pub mod command;
pub mod emulated;
pub mod job;
pub mod node;
pub mod plugins;
pub mod proc;
pub mod programs;
pub mod rng;
pub mod stdin;
pub mod temp;
pub mod terminal;
pub mod tools;
pub mod wait;

pub use command::Out;
pub use job::Job;
pub use node::Node;
pub use wait::{wait_for, wait_until};

use std::time::Duration;

/// How long anything may take that has no bound of its own: long enough for a busy machine of two processors, short
/// enough that a hang is noticed.
pub const DEADLINE: Duration = Duration::from_secs(30);
