//! The operating system, for everything in the runtime: descriptors, processes, signals, terminals, limits.
//!
//! All unsafe code of the runtime is in this crate, so that the others can forbid it; every function here is safe to
//! call, and says what it needs. It knows nothing of executors or of any other crate of this project. Linux 3.2 is
//! enough, where a newer call has a fallback or its absence is an error that the function names.

pub mod alarm;
mod cgroup;
pub mod clock;
pub mod crash;
pub mod fdio;
pub mod fdpass;
pub mod fork;
pub mod fsx;
pub mod limits;
pub mod lock;
pub mod memory;
pub mod note;
pub mod peer;
pub mod poll;
pub mod process;
pub mod pty;
pub mod random;
pub mod sched;
pub mod signal;
pub mod slice;
pub mod tcp;
pub mod term;
pub mod unix;
pub mod user;
pub mod values;
pub mod version;
pub mod watch;

#[cfg(test)]
mod testing;
