//! The plugins that are linked into the program, by the features `builtin-NAME`.

use gshell_plugin_host::abi::Plugin;

static PLUGINS: &[&Plugin] = &[
    #[cfg(feature = "builtin-asbench")]
    &gshell_plugin_asbench::PLUGIN,
    #[cfg(feature = "builtin-echo")]
    &gshell_plugin_echo::PLUGIN,
];

/// All of them. They come before files of the same name.
pub fn list() -> &'static [&'static Plugin] {
    PLUGINS
}

/// Their names, as the features have them.
pub const NAMES: &[&str] = &[
    #[cfg(feature = "builtin-asbench")]
    "asbench",
    #[cfg(feature = "builtin-echo")]
    "echo",
];
