//! Calls away from Lua: arguments are copied, and the function runs on whichever thread.
//!
//! For functions that block ([`Blocking`]), and for those that are called without any script ([`plain`]). The plugin
//! sees the same host as in a direct call.

mod call;
mod copy;
mod host;
mod value;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gshell_plugin_abi::CallFn;
use mlua::{Lua, MultiValue, Result};

pub use crate::noted::Noted;
pub use value::Owned;

use crate::record::Record;
use crate::{Plugin, running};

/// A function that blocks.
#[derive(Clone, Copy, Debug)]
pub struct Blocking {
    record: &'static Record,
    object_only: bool,
}

/// A call of it with its arguments, to be run where it may block.
#[derive(Debug)]
pub struct Job {
    record: &'static Record,
    args: Vec<Owned>,
    cancelled: Arc<AtomicBool>,
}

/// Says, when it is dropped, that nobody waits for the result of a call any more.
#[derive(Debug)]
pub struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

impl Blocking {
    pub(crate) fn new(record: &'static Record) -> Blocking {
        Blocking {
            record,
            object_only: false,
        }
    }

    /// Only its first argument is passed on.
    pub(crate) fn with_object_only(mut self) -> Blocking {
        self.object_only = true;
        self
    }

    /// `echo.work`, for errors.
    pub fn path(&self) -> String {
        self.record.path()
    }

    /// Copies the arguments. Objects among them are in use until the call has returned.
    ///
    /// # Errors
    /// When they are too many or too deep, or an object is in use already.
    pub fn job(&self, lua: &Lua, args: &MultiValue) -> std::result::Result<(Job, Wanted), Noted> {
        let count = if self.object_only { 1 } else { args.len() };
        let args = copy::arguments(lua, self.record, args.iter().take(count))?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let wanted = Wanted(Arc::clone(&cancelled));
        let job = Job {
            record: self.record,
            args,
            cancelled,
        };
        Ok((job, wanted))
    }
}

impl Job {
    /// Calls the function and waits for it.
    ///
    /// # Errors
    /// What it says.
    pub fn run(self) -> std::result::Result<Vec<Owned>, Noted> {
        let before = running::mark(self.record.plugin, self.record.name);
        let done = call::run(self.record, self.args, self.cancelled);
        running::restore(before);
        done
    }
}

/// Results as values of Lua.
///
/// # Errors
/// When Lua's memory is full.
pub fn results(lua: &Lua, values: &[Owned]) -> Result<MultiValue> {
    values.iter().map(|value| value.to_lua(lua)).collect()
}

/// Calls a function of a plugin that is none for scripts, without arguments. `name` is what errors and reports of
/// crashes call it.
///
/// # Errors
/// What it says.
pub fn plain(
    plugin: &'static Plugin,
    name: &'static str,
    function: CallFn,
) -> std::result::Result<Vec<Owned>, Noted> {
    let record = Record {
        plugin,
        class: None,
        name,
        call: function,
        blocking: false,
    };
    let before = running::mark(plugin, name);
    let done = call::run(&record, Vec::new(), Arc::default());
    running::restore(before);
    done
}
