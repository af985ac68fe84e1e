//! Tables of single steps, and a simulated machine under random events.

mod steps;
mod world;
