//! What breaks from outside: killed processes, full and read-only disks, damaged records, failing system calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod disk;
mod injected;
mod kills;
mod plugins;
mod records;

/// A script that runs until it is stopped.
const SLEEPER: &str = "local gshell = require 'gshell' print 'up' while true do gshell.sleep(60) end";
