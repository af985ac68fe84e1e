//! The command line from outside: what each command prints, and how it ends, with a node of its own per test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod attached;
mod bad_input;
mod bad_scripts;
mod completion;
mod examples;
mod flavours;
mod groups;
mod leaks;
mod lifecycle;
mod limits;
mod logs;
mod lying_plugins;
mod meetings;
mod native;
mod nodes;
mod output;
mod plugin_examples;
mod plugin_files;
mod plugin_pages;
mod plugin_shipped;
mod plugins;
mod restart;
mod services;
mod strangers;
mod terminals;
mod traces;

/// A script that runs until it is stopped, and says so in its log at both ends.
const SLEEPER: &str = "local gshell = require 'gshell'\n\
                       gshell.on_stop(function() print('stopping') end)\n\
                       print('started', table.unpack(arg))\n\
                       while true do gshell.sleep(60) end\n";
