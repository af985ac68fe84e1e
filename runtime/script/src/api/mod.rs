//! The built-in modules: each file has one `register` that gives the module's table; it runs at the first
//! `require` of that module, so a script pays only for what it uses.

use std::rc::Rc;

use mlua::{Lua, Table};

use crate::Context;

pub mod fs;
pub mod gshell;
pub mod json;
pub mod log;
mod options;
pub mod proc;
pub mod process;
mod service;
mod support;
pub mod time;

pub(crate) use service::code_name;

type Register = fn(&Lua, &Rc<Context>) -> mlua::Result<Table>;

/// Name for `require`, and how the module is made.
pub const MODULES: &[(&str, Register)] = &[
    ("gshell", gshell::register),
    ("gshell.fs", fs::register),
    ("gshell.json", json::register),
    ("gshell.log", log::register),
    ("gshell.proc", proc::register),
    ("gshell.process", process::register),
    ("gshell.time", time::register),
];
