//! Who runs: each call into a plugin is marked, so that a crash or a call that never returns is told with the plugin's name.
//!
//! A mark costs a few stores. The place where it lies is `gshell_sys::crash`, whose signal handlers read it.

use gshell_plugin_abi::Function;
use gshell_sys::crash::{self, Before};

use crate::plugin::Plugin;

/// From here on, `part` of the plugin runs on this thread: the name of a function, which [`Plugin::text`] gives. What it gives
/// is for [`restore`]; whoever may be left by a long jump restores where that lands.
#[inline]
pub fn mark(plugin: &'static Plugin, part: &'static str) -> Before {
    crash::mark(plugin.owner(), part)
}

/// Ends a mark, and those inside it.
#[inline]
pub fn restore(before: Before) {
    crash::restore(before);
}

/// A mark that ends when it is dropped.
#[derive(Debug)]
pub struct Entered(Before);

/// Marks a function of the plugin as running on this thread. Looks at its name each time: [`mark`] is cheaper.
pub fn enter(plugin: &'static Plugin, function: &'static Function) -> Entered {
    enter_part(plugin, plugin.text(function.name))
}

/// As [`enter`], by the name of what runs.
pub fn enter_part(plugin: &'static Plugin, part: &'static str) -> Entered {
    Entered(mark(plugin, part))
}

impl Drop for Entered {
    fn drop(&mut self) {
        restore(self.0);
    }
}
