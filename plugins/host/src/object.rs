//! Objects: data of a plugin that scripts hold, with the class that knows how to end it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};

use gshell_plugin_abi as abi;

use crate::{Plugin, running};

/// Data of a plugin. The script has a reference, and so has each blocking call that works on it: whoever is the last
/// one ends it.
#[derive(Debug)]
pub struct Object {
    plugin: &'static Plugin,
    class: &'static abi::Class,
    data: abi::Data,
    busy: AtomicBool,
}

// SAFETY: by the header the data may be dropped on any thread, and functions that get it run on any; that only one of them
// runs at a time is what `busy` and the one thread of a Lua state are for.
unsafe impl Send for Object {}
// SAFETY: as above; through a shared reference only the pointer is read.
unsafe impl Sync for Object {}

impl Object {
    /// Takes the data.
    ///
    /// # Safety
    /// The plugin gave `data` as an object of this class, which is one of its own, and keeps nothing of it.
    pub(crate) unsafe fn new(
        plugin: &'static Plugin,
        class: &'static abi::Class,
        data: abi::Data,
    ) -> Arc<Object> {
        Arc::new(Object {
            plugin,
            class,
            data,
            busy: AtomicBool::new(false),
        })
    }

    /// Its class; classes are told apart by their addresses.
    pub(crate) fn class(&self) -> &'static abi::Class {
        self.class
    }

    /// The name of its class.
    pub(crate) fn class_name(&self) -> &'static str {
        self.plugin.text(self.class.name)
    }

    /// What the plugin gave.
    pub(crate) fn data(&self) -> abi::Data {
        self.data
    }

    /// Whether a blocking call works on it.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Acquire)
    }

    /// Takes it for a blocking call; `None` if another one has it.
    pub(crate) fn take(self: &Arc<Self>) -> Option<InUse> {
        match self.busy.swap(true, AcqRel) {
            true => None,
            false => Some(InUse(Arc::clone(self))),
        }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if let Some(end) = self.class.drop {
            let before = running::mark(self.plugin, "drop");
            // SAFETY: the class's own function for its data, called once: this is the last reference.
            unsafe { end(self.data) };
            running::restore(before);
        }
    }
}

/// An object that a blocking call works on, until this is dropped.
#[derive(Debug)]
pub(crate) struct InUse(Arc<Object>);

impl InUse {
    pub(crate) fn object(&self) -> &Arc<Object> {
        &self.0
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.busy.store(false, Release);
    }
}

/// The class, if it is one of the plugin's.
pub(crate) fn own_class(plugin: &'static Plugin, class: *const abi::Class) -> Option<&'static abi::Class> {
    let mut classes = plugin.classes().iter();
    classes.find(|own| std::ptr::eq(**own, class)).copied()
}
