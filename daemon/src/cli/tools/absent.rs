//! What stands in for the feature `tools` in a build without it: who types one of its words hears why it is not there.

use std::ffi::OsString;

use super::args::{Command, Opt};
use super::failure::{Failure, Outcome};
use super::link::Global;
use crate::build;
use crate::exit_codes::Status;

/// The feature.
const TOOLS: &str = "tools";

pub const CALL: Command = Command::absent("call", TOOLS);
pub const COMPLETIONS: Command = Command::absent("completions", TOOLS);
pub const MONITOR: Command = Command::absent("monitor", TOOLS);
pub const MTRACE: Command = Command::absent("mtrace", TOOLS);
pub const PLUGIN_NEW: Command = Command::absent("new", TOOLS);
pub const PLUGIN_PACK: Command = Command::absent("pack", TOOLS);
pub const SCHEMA: Command = Command::absent("schema", TOOLS);
pub const STATS: Command = Command::absent("stats", TOOLS);

/// Understood, so that the error can say more than that no such option is known.
pub const TRACE: Opt = Opt::value("trace", "TYPES", "Not in this build").hidden();

/// A shell that asks for completions is told of none.
pub fn complete(_: Vec<OsString>) -> Outcome {
    Ok(Status::Ok)
}

/// Nothing is run without the trace that was wanted.
pub fn traced(_: &Global, _: &[&str], _: &mut dyn FnMut() -> Outcome) -> Outcome {
    Err(Failure::usage(build::without("--trace", TOOLS)))
}

#[cfg(test)]
mod tests {
    use crate::cli::tests::try_parse;

    #[test]
    fn what_is_not_there_says_why() {
        let typed: [&[&str]; 5] = [
            &["call", "gshell/daemon", "gshell.Ps"],
            &["stats", "--every", "1"],
            &["mtrace", "show"],
            &["--json", "completions", "bash"],
            &["plugin", "new", "sum"],
        ];
        for line in typed {
            let text = try_parse(line).err().unwrap().text.clone();
            let wanted = "it was built without the feature tools";
            assert!(
                text.starts_with("this build has no '") && text.ends_with(wanted),
                "{text}"
            );
        }
    }
}
