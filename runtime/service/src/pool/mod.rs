//! Workers: what waits, how many handle it, and the threads of handlers that block.

pub mod queue;
pub mod scale;
pub mod threads;
