//! A fleet of nodes of different processors on one network: services and clients in Rust and Lua call each other in every
//! direction, calls are traced through all of them, and what one node has written is read by all others.
//!
//! Each node has a network namespace of its own on one bridge, and programs of another architecture run under qemu-user.
//! `ci/cross fleet` names the builds, as `ARCH=PATH,...`: `GSHELL_FLEET_BINS` the programs, `GSHELL_FLEET_EXAMPLES` the
//! folders of the examples, `GSHELL_FLEET_SYSROOTS` where emulated programs find their loader, `GSHELL_FLEET_CCS` the C
//! compilers; and `GSHELL_FLEET_BUNDLES` a folder of plugins for all of them. Without these there are two nodes of this
//! machine's own build. `GSHELL_FLEET_TABLE` names a file for the table of who called whom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod conversations;
mod examples;
mod machine;
mod namespaces;
mod plugins;
mod portable;
mod table;
mod traces;
