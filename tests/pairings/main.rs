//! The examples in all pairings: Rust, Lua and C as client and as server, over the machine and over TCP; Lua within one
//! group. What crosses the process only is in the unit tests of the crates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod echo;
mod hello;
mod languages;
mod others;
