//! Lua environments: the state, its sandbox, its tasks, its streams and its built-in modules.
//!
//! An [`Environment`] is made from a [`Spec`] on the executor thread where it lives, and [`Environment::run`] runs
//! it to its [`Outcome`]. Everything that blocks in a script yields here; everything that computes is cut into
//! slices (`gshell_sys::slice`), so environments of one thread do not starve each other.

pub mod api;
pub mod call;
mod context;
mod drive;
mod environment;
pub mod errors;
pub mod folders;
mod held;
mod limits;
mod package;
mod plugins;
mod repl;
mod require;
mod resources;
mod sandbox;
mod sliced;
mod stdio;
pub mod sync;
mod tasks;

pub use context::Context;
pub use environment::{Environment, Outcome};
pub use limits::Limits;
pub use package::{LoadError, Package, Spec};
pub use plugins::app;
pub use repl::{Eval, Repl};
pub use resources::{Resources, Ticket};
pub use stdio::{INPUT_ROOM, Input, Output, Stream};
