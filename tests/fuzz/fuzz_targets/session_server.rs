//! A server against a peer that sends what it likes after its hello.

#![no_main]

use gshell_session::Side;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| gshell_fuzz::play(Side::Server, data));
