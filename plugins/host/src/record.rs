//! What is kept of each function of a plugin that scripts can call: made once in a process, so that a call finds all it
//! needs behind one pointer.

use std::sync::{Mutex, PoisonError};

use gshell_plugin_abi::{self as abi, CallFn, flags};

use crate::Plugin;

/// One function or method.
#[derive(Debug)]
pub(crate) struct Record {
    pub plugin: &'static Plugin,
    /// Of a method.
    pub class: Option<&'static abi::Class>,
    pub name: &'static str,
    pub call: CallFn,
    pub blocking: bool,
}

/// All of a plugin.
#[derive(Debug)]
pub(crate) struct Records {
    plugin: &'static Plugin,
    pub functions: Box<[Record]>,
    pub classes: Box<[Class]>,
}

/// A class and its methods.
#[derive(Debug)]
pub(crate) struct Class {
    pub class: &'static abi::Class,
    pub name: &'static str,
    pub methods: Box<[Record]>,
}

// SAFETY: records are constant, and so is what they point to: a checked descriptor. Nothing of it belongs to a thread.
unsafe impl Send for Records {}
// SAFETY: as above.
unsafe impl Sync for Records {}
// SAFETY: as above.
unsafe impl Send for Record {}
// SAFETY: as above.
unsafe impl Sync for Record {}

impl Record {
    /// `echo.add`, or `echo.Counter:add`.
    pub(crate) fn path(&self) -> String {
        let plugin = self.plugin.name();
        match self.class {
            None => format!("{plugin}.{}", self.name),
            Some(class) => format!("{plugin}.{}:{}", self.plugin.text(class.name), self.name),
        }
    }
}

/// The records of a plugin, which stay for the rest of the process as it does.
pub(crate) fn of(plugin: &'static Plugin) -> &'static Records {
    static ALL: Mutex<Vec<&'static Records>> = Mutex::new(Vec::new());
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.iter().find(|known| std::ptr::eq(known.plugin, plugin)) {
        return known;
    }
    let made: &'static Records = Box::leak(Box::new(make(plugin)));
    all.push(made);
    made
}

fn make(plugin: &'static Plugin) -> Records {
    let classes = plugin.classes().iter().map(|class| Class {
        class,
        name: plugin.text(class.name),
        methods: records(plugin, Some(class), plugin.methods(class)),
    });
    Records {
        plugin,
        functions: records(plugin, None, plugin.functions()),
        classes: classes.collect(),
    }
}

fn records(
    plugin: &'static Plugin,
    class: Option<&'static abi::Class>,
    functions: &'static [abi::Function],
) -> Box<[Record]> {
    let made = functions.iter().filter_map(|function| {
        Some(Record {
            plugin,
            class,
            name: plugin.text(function.name),
            call: function.call?,
            blocking: function.flags & flags::BLOCKING != 0,
        })
    });
    made.collect()
}
