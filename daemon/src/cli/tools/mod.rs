//! The feature `tools`: what a developer asks a board from its command line. A build without it has `absent.rs` instead.

mod call;
mod complete;
mod completions;
mod monitor;
mod mtrace;
mod plugin;
mod schema;
mod stats;

pub use self::call::COMMAND as CALL;
pub use self::complete::run as complete;
pub use self::completions::COMMAND as COMPLETIONS;
pub use self::monitor::COMMAND as MONITOR;
pub use self::mtrace::{COMMAND as MTRACE, traced};
pub use self::plugin::{PLUGIN_NEW, PLUGIN_PACK};
pub use self::schema::COMMAND as SCHEMA;
pub use self::stats::COMMAND as STATS;

use super::args::{Opt, Values};

/// Option of every command: traces what it sends.
pub const TRACE: Opt = Opt::value(
    "trace",
    "TYPES",
    "Trace the messages of these types that this command sends, and print the trace to standard error at the end",
)
.values(Values::Message);
