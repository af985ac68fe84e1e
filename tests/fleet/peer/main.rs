//! One end of the fleet test in Rust: a service that checks what it is sent, and a client that calls such services.
//!
//! `tests/fleet/peer_lua` is the same in Lua. Both work out from a number what a message has to hold, so whoever receives
//! one knows every field of it, whatever processor it was made on.

#[path = "../../../runtime/service/examples/common/mod.rs"]
mod common;

mod client;
mod messages;
mod server;
mod values;

use std::process::ExitCode;

const USAGE: &str = "usage: fleet server --name NAME --tcp ADDRESS:PORT [--run-dir DIR]
       fleet client --name NAME --to TARGET,... [--run-dir DIR], a target is tcp:HOST:PORT or the name of a server";

fn main() -> ExitCode {
    common::main(USAGE, &["name", "to"], server::run, client::run)
}
