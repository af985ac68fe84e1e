//! The command line: one thin file per subcommand.
//!
//! Every command is a client of the node's own services, in the product's own messages. Little happens before the
//! connection, because a command that only asks should be over in milliseconds; and there is no reactor here, except
//! where a script runs in this process.

mod act;
mod args;
mod attach;
mod autostart;
mod daemon;
mod elf;
mod exec;
mod failure;
mod help;
mod id;
mod info;
mod kill;
mod link;
mod list;
mod local;
mod log;
mod output;
mod pack;
mod plugin;
mod ps;
mod run;
mod selftest;
mod service;
mod shell;
mod time;
#[cfg_attr(not(feature = "tools"), path = "tools/absent.rs")]
mod tools;
mod value;
mod values;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use gshell_control::{Invalid, LogLevel};

use self::args::help::{Style, help};
use self::args::{Command, Matches, Opt, Stop, Values};
use self::failure::{Failure, Outcome};
use self::link::Global;
use gshell_plugin_host::folders;
use gshell_service::dirs::{Dirs, RUN_VARIABLE, STATE_VARIABLE};

use crate::VERSION;
use crate::exit_codes::{self, Status};

/// What `-p` means when it is not given.
const SELF: &str = "self";

/// The first word of a shell that asks what the words behind it can be completed to.
const COMPLETE: &str = "__complete";

/// Options of every command.
const GLOBAL_OPTIONS: &[Opt] = &[
    Opt::value(
        "log-level",
        "LEVEL",
        "How much a node or group started by this command logs: error, warn, info or debug",
    )
    .short('l')
    .default(LogLevel::Info.as_str())
    .values(Values::Words(&["error", "warn", "info", "debug"])),
    Opt::value("provider", "NODE", "Node that the command is for")
        .short('p')
        .default(SELF),
    tools::TRACE,
    Opt::flag("json", "Print tables and results as JSON"),
    Opt::value(
        "run-dir",
        "DIR",
        "Folder of sockets and logs [default: /run/gshell for root, else the user's]",
    )
    .env(RUN_VARIABLE)
    .values(Values::Folder),
    Opt::value(
        "state-dir",
        "DIR",
        "Folder of the state that lasts [default: /var/lib/gshell for root, else the user's]",
    )
    .env(STATE_VARIABLE)
    .values(Values::Folder),
    Opt::value(
        "plugin-dir",
        "DIR",
        "Folder of plugins that comes before the default ones; several with ':' between them",
    )
    .env(folders::VARIABLE)
    .values(Values::Folder),
];

/// Asks for the version of the program.
const VERSION_OPTION: Opt = Opt::flag("version", "Print version").short('V');

/// The program. A command is a table in a file of its own, and a line here.
const PROGRAM: Command = Command {
    long: "A node (the daemon) keeps groups, a group is a process that runs environments, and an environment is one \
           script or program with its arguments, output and restart policy. Commands that need a node start one for \
           this user.",
    options: &[VERSION_OPTION],
    commands: &[
        &daemon::COMMAND,
        &run::COMMAND,
        &exec::COMMAND,
        &ps::COMMAND,
        &attach::COMMAND,
        &act::STOP,
        &act::START,
        &act::RESTART,
        &act::REMOVE,
        &kill::COMMAND,
        &log::COMMAND,
        &list::COMMAND,
        &plugin::COMMAND,
        &tools::SCHEMA,
        &tools::CALL,
        &tools::STATS,
        &tools::MONITOR,
        &tools::MTRACE,
        &id::COMMAND,
        &info::COMMAND,
        &shell::COMMAND,
        &tools::COMPLETIONS,
        &selftest::COMMAND,
        &help::COMMAND,
    ],
    after: exit_codes::HELP,
    ..Command::new(
        "gshell",
        "Runs Lua scripts in supervised groups on this machine",
        no_command,
    )
};

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let outcome = match words.first().is_some_and(|word| word == COMPLETE) {
        true => tools::complete(words.split_off(1)),
        false => command(words),
    };
    match outcome {
        Ok(status) => status.into(),
        Err(failure) => {
            if !failure.text.is_empty() {
                output::note(&failure.text);
            }
            failure.status.into()
        }
    }
}

fn command(words: Vec<OsString>) -> Outcome {
    let mut matches = Matches::new(&PROGRAM);
    // Help and version are no error, and go where results go.
    let text = match matches.read(words) {
        Ok(()) => {
            matches.check()?;
            return run(&matches);
        }
        Err(Stop::Wrong(failure)) => return Err(failure),
        Err(Stop::Version) => format!("gshell {VERSION}\n"),
        Err(Stop::Help(long)) => help(matches.path(), long, Style::of_stdout()),
    };
    output::print(&text).map(|_| Status::Ok)
}

fn run(matches: &Matches) -> Outcome {
    let (global, run) = (global(matches)?, matches.command().run);
    // A command may have a flag of this name.
    let types = matches.text("trace").filter(|types| !types.is_empty());
    match types {
        Some(types) => {
            let types: Vec<&str> = types.split(',').collect();
            tools::traced(&global, &types, &mut || run(&global, matches))
        }
        None => run(&global, matches),
    }
}

/// What every command is told.
fn global(matches: &Matches) -> Result<Global, Failure> {
    let folder = |long| matches.raw(long).map(std::path::Path::new);
    let dirs = Dirs::find(folder("run-dir"), folder("state-dir"))
        .map_err(|error| Failure::io("cannot find the working directory", &error))?;
    let level = |text: &str| text.parse().map_err(|error: Invalid| error.reason);
    let plugins = std::env::var_os(folders::VARIABLE).filter(|value| !value.is_empty());
    let plugins = folders::chosen(matches.raw("plugin-dir"), plugins.as_deref())
        .map_err(|error| Failure::io("cannot find the working directory", &error))?;
    Ok(Global {
        dirs,
        plugins,
        provider: matches.string("provider").filter(|provider| provider != SELF),
        log_level: matches.parse("log-level", level)?.unwrap_or_default(),
        json: matches.flag("json"),
    })
}

/// Without a command: the shell on a terminal; in a pipe or a script it was a mistake.
fn no_command(global: &Global, matches: &Matches) -> Outcome {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return shell::run(global, matches);
    }
    let text = help(matches.path(), false, Style::of_stdout());
    Err(Failure::usage(format!("no command given\n\n{text}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A command line without error.
    pub fn parse(line: &[&str]) -> Matches {
        try_parse(line).unwrap_or_else(|failure| panic!("{line:?}: {failure}"))
    }

    /// A command line; help is none.
    pub fn try_parse(line: &[&str]) -> Result<Matches, Failure> {
        let mut matches = Matches::new(&PROGRAM);
        match matches.read(line.iter().map(OsString::from).collect()) {
            Ok(()) => matches.check().map(|()| matches),
            Err(Stop::Wrong(failure)) => Err(failure),
            Err(other) => panic!("{line:?}: {other:?}"),
        }
    }

    #[test]
    fn global_options_go_before_and_behind_the_command() {
        for words in [["--json", "ps"], ["ps", "--json"]] {
            assert!(parse(&words).flag("json"));
        }
        let matches = parse(&["ps", "--run-dir", "/r", "-l", "debug", "-p", "0123456789ab"]);
        let global = global(&matches).unwrap();
        assert_eq!(global.dirs.run, PathBuf::from("/r"));
        assert_eq!(
            (global.log_level, global.provider.as_deref()),
            (LogLevel::Debug, Some("0123456789ab"))
        );
        let failure = try_parse(&["-l", "loud", "ps"]).err().unwrap();
        assert!(
            failure.text.contains("allowed are error, warn, info, debug"),
            "{failure}"
        );
        let words: Vec<&str> = LogLevel::ALL.iter().map(|level| level.as_str()).collect();
        assert!(matches!(GLOBAL_OPTIONS[0].values, Values::Words(known) if known == words));
    }
}
