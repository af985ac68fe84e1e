//! The plugins that are linked into the program, by the features `builtin-NAME`.

use gshell_plugin_host::abi::Plugin;

static PLUGINS: &[&Plugin] = &[
    #[cfg(feature = "builtin-asbench")]
    &gshell_plugin_asbench::PLUGIN,
    #[cfg(feature = "builtin-compress")]
    &gshell_plugin_compress::PLUGIN,
    #[cfg(feature = "builtin-echo")]
    &gshell_plugin_echo::PLUGIN,
    #[cfg(feature = "builtin-gpio")]
    &gshell_plugin_gpio::PLUGIN,
    #[cfg(feature = "builtin-hash")]
    &gshell_plugin_hash::PLUGIN,
    #[cfg(feature = "builtin-i2c")]
    &gshell_plugin_i2c::PLUGIN,
    #[cfg(feature = "builtin-pidinfo")]
    &gshell_plugin_pidinfo::PLUGIN,
    #[cfg(feature = "builtin-regex")]
    &gshell_plugin_regex::PLUGIN,
    #[cfg(feature = "builtin-serial")]
    &gshell_plugin_serial::PLUGIN,
    #[cfg(feature = "builtin-sqlite")]
    &gshell_plugin_sqlite::PLUGIN,
];

/// All of them. They come before files of the same name.
pub fn list() -> &'static [&'static Plugin] {
    PLUGINS
}

/// Their names, as the features have them.
pub const NAMES: &[&str] = &[
    #[cfg(feature = "builtin-asbench")]
    "asbench",
    #[cfg(feature = "builtin-compress")]
    "compress",
    #[cfg(feature = "builtin-echo")]
    "echo",
    #[cfg(feature = "builtin-gpio")]
    "gpio",
    #[cfg(feature = "builtin-hash")]
    "hash",
    #[cfg(feature = "builtin-i2c")]
    "i2c",
    #[cfg(feature = "builtin-pidinfo")]
    "pidinfo",
    #[cfg(feature = "builtin-regex")]
    "regex",
    #[cfg(feature = "builtin-serial")]
    "serial",
    #[cfg(feature = "builtin-sqlite")]
    "sqlite",
];
