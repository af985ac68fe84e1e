//! The plugins that are linked into the program, by the features `builtin-NAME`.

use gshell_plugin_host::abi::Plugin;

/// All of them. They come before files of the same name.
pub fn list() -> &'static [&'static Plugin] {
    &[]
}

/// Their names, as the features have them.
pub const NAMES: &[&str] = &[];
