//! Finds, checks, opens and calls plugins.
//!
//! A process says once what plugins it may have ([`set_up`]); [`find`] then opens one when it is asked for by name.
//! Nothing of a plugin is called, followed or shown before `check` has looked at all that its descriptor says.

pub mod alone;
mod asking;
pub mod bundle;
mod check;
pub mod detached;
pub mod file;
pub mod folders;
pub mod json;
pub mod lua;
mod noted;
mod object;
mod opening;
pub mod origin;
pub mod plugin;
pub mod quarantine;
mod record;
pub mod registry;
mod room;
pub mod running;
pub mod serve;
mod source;

pub use gshell_plugin_abi as abi;
pub use noted::Noted;
pub use opening::{CAN_LOAD, OPENING, identity, linked_in, parse_note_text};
pub use origin::{Identity, Origin};
pub use plugin::Plugin;
pub use registry::{Refused, Setup, find, opened, set_up};
