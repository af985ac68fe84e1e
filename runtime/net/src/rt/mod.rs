//! The executor of one thread.
//!
//! Measured against a raw socket ping-pong, smol's own reactor costs a third of the throughput
//! (one-shot re-arming, a timer descriptor, a helper thread). Here a thread owns a poller with
//! edge-triggered read interest only; write interest is added after a write would block, and timers
//! are the timeout of the wait. Everything a task touches stays on its thread, so nothing is locked.

mod blocking;
mod child;
mod core;
mod io;
mod joined;
mod tasks;
mod timer;

pub use self::blocking::{Call, result, unblock, unblock_any, unblock_long};
pub use self::child::child_exit;
pub use self::core::{Handle, block_on, handle, leave, on_rest, spawn, yield_now};
pub use self::io::Io;
pub use self::joined::{Joined, join};
pub use self::timer::{Sleep, sleep, sleep_until, timeout};
pub use async_task::Task;
