//! Commands for those who write plugins.

mod new;
mod pack;

pub use self::new::COMMAND as PLUGIN_NEW;
pub use self::pack::COMMAND as PLUGIN_PACK;
