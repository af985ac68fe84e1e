//! What the command line, the daemon and the groups say to each other, and the small decisions that all of them must
//! make alike: names, limits, states, restart policy, and the description of an environment.
//!
//! This crate is pure: no file, no socket, no clock, no thread. Whatever depends on time takes it as an argument.

pub mod group;
pub mod invalid;
pub mod job;
pub mod limits;
pub mod messages;
pub mod names;
pub mod package;
pub mod policy;
pub mod state;
mod text;

pub use group::{GroupInfo, GroupSpec, GroupState, LogLevel};
pub use invalid::Invalid;
pub use job::{Desired, Job, Kind, LastExit, Requester};
pub use names::GroupName;
pub use package::{Package, PackageFile};
pub use policy::{Backoff, Next, Restart};
pub use state::{Exit, State};
pub use text::duration_text;
