//! The one program of gshell: command line, node daemon, and body of every group.
//!
//! Which of them a process is, its command line says; this file only picks.

mod build;
mod builtin;
#[cfg_attr(
    not(feature = "tools"),
    allow(
        dead_code,
        unused_imports,
        reason = "of its parts, some serve only the commands of that feature"
    )
)]
#[cfg_attr(
    feature = "tools",
    allow(dead_code, reason = "what says that a command is absent")
)]
mod cli;
mod exit_codes;
mod node;

use std::os::fd::AsFd;
use std::process::ExitCode;

/// Version of this build: of the command line, and of the nodes and groups that it starts.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Target triple of this build.
pub const TARGET: &str = env!("GSHELL_TARGET");

/// First argument of the process that forks groups, when the node has to replace it.
const FORK_SERVER: &str = "__forkserver";

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|role| role == FORK_SERVER) {
        return fork_server();
    }
    cli::main()
}

/// Becomes the fork server of the node whose socket is standard input.
fn fork_server() -> ExitCode {
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    // The number of standard input is for the groups that are forked from here.
    if gshell_sys::fork::daemonize_std().is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::from((node::fork_server::main(socket) & 0xff) as u8)
}
