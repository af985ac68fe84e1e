//! `gshell-soak`: a service under clients that come, call, stream and die; under peers that behave badly; and what
//! connections and streams cost.
//!
//! The server is a process of its own, this program again, so that its memory, descriptors and threads are nobody else's.

mod bad;
mod client;
mod cost;
mod good;
mod messages;
mod process;
mod server;
mod soak;

use std::fmt::Display;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use gshell_service::rt;
use gshell_wire::{Code, Fault};

/// Most time for anything that has no bound of its own.
pub const LIMIT: Duration = Duration::from_secs(30);

const USAGE: &str = "\
usage: gshell-soak [soak]       clients that come, work and are killed, for SOAK_SECONDS (60) seconds
       gshell-soak bad-peers    peers that do not behave, beside a client that does
       gshell-soak cost         bytes of a connection and of a stream; --json: one object";

/// A fault of these tests.
pub fn failed(what: &str, why: impl Display) -> Fault {
    Fault::new(Code::Internal, format!("{what}: {why}"))
}

/// Ends this process when nobody holds the other end of its standard input any more.
fn end_with_input() {
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
        std::process::exit(0);
    });
}

fn run(rest: &[String]) -> Result<(), Fault> {
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    match words[..] {
        [] | ["soak"] => rt::block_on(soak::run()),
        ["bad-peers"] => rt::block_on(bad::run()),
        ["cost"] => rt::block_on(cost::run(false)),
        ["cost", "--json"] => rt::block_on(cost::run(true)),
        // What this program starts itself as.
        ["serve", run_dir, ref names @ ..] => {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            rt::block_on(server::serve(&PathBuf::from(run_dir), &names))
        }
        ["client", address, seed] => rt::block_on(client::run(address, seed.parse().unwrap_or(1))),
        // On a processor of its own, and until its input ends.
        ["apart", cpu, ..] => {
            if let Ok(cpu) = cpu.parse() {
                let _ = gshell_sys::sched::set_affinity(&[cpu]);
            }
            run(&rest[2..])
        }
        ["bad-peer", kind, path] => {
            end_with_input();
            bad::peer(kind, &PathBuf::from(path))
        }
        ["bad-service", "silent", run_dir] => {
            end_with_input();
            bad::silent(&PathBuf::from(run_dir))
        }
        ["bad-service", "liar", run_dir] => rt::block_on(bad::liar(&PathBuf::from(run_dir))),
        _ => Err(Fault::new(Code::Invalid, USAGE)),
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("gshell-soak: {fault}");
            ExitCode::FAILURE
        }
    }
}
