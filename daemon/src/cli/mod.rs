//! The command line: one thin file per subcommand.
//!
//! Every command is a client of the node's own services, in the product's own messages. Little happens before the
//! connection, because a command that only asks should be over in milliseconds; and there is no reactor here, except
//! where a script runs in this process.

mod act;
mod attach;
mod autostart;
mod completions;
mod daemon;
mod elf;
mod exec;
mod failure;
mod id;
mod info;
mod kill;
mod link;
mod list;
mod local;
mod log;
mod output;
mod pack;
mod ps;
mod run;
mod selftest;
mod shell;
mod time;
mod values;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use gshell_control::LogLevel;
use gshell_control::messages::daemon::Action;

use crate::exit_codes::{HELP, Status};
use failure::{Failure, Outcome};
use gshell_service::dirs::Dirs;
use link::Global;

/// What `-p` means when it is not given.
const SELF: &str = "self";

/// Heading of the options that every command has.
const GLOBAL: &str = "Global options";

/// Runs Lua scripts in supervised groups on this machine.
///
/// A node (the daemon) keeps groups, a group is a process that runs environments, and an environment is one script
/// or program with its arguments, output and restart policy. Commands that need a node start one for this user.
#[derive(Debug, Parser)]
#[command(name = "gshell", version, after_help = HELP, max_term_width = 110)]
pub struct Cli {
    /// How much a node or group started by this command logs: error, warn, info or debug.
    #[arg(short, long, global = true, help_heading = GLOBAL, value_name = "LEVEL", default_value_t = LogLevel::Info)]
    log_level: LogLevel,

    /// Node that the command is for.
    #[arg(short, long, global = true, help_heading = GLOBAL, value_name = "NODE", default_value = SELF)]
    provider: String,

    /// Print tables as JSON.
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,

    /// Folder of sockets and logs [default: /run/gshell for root, else the user's; or GSHELL_RUN_DIR].
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "DIR")]
    run_dir: Option<PathBuf>,

    /// Folder of the state that lasts [default: /var/lib/gshell for root, else the user's; or GSHELL_STATE_DIR].
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "DIR")]
    state_dir: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Daemon(daemon::Args),
    Run(run::Args),
    Exec(exec::Args),
    Ps(ps::Args),
    Attach(attach::Args),
    /// Ask environments to end: their on_stop runs, and after a grace period they are ended.
    Stop(act::Args),
    /// Start environments that have exited, with the same ID and policy.
    Start(act::Args),
    /// Stop environments and start them again.
    Restart(act::Args),
    /// Forget environments that have exited: their records and logs.
    Rm(act::Args),
    Kill(kill::Args),
    Log(log::Args),
    List(list::Args),
    /// Print this node's ID.
    #[command(after_help = "Example:\n  gshell id")]
    Id,
    /// Show this node: version, folders, groups, and what is wrong with it.
    #[command(after_help = "Examples:\n  gshell info\n  gshell info --json")]
    Info,
    /// Try Lua in this process: line editing, history, completion; values are printed.
    #[command(after_help = "Examples:\n  gshell shell\n  echo 'print(1 + 1)' | gshell shell")]
    Shell,
    Completions(completions::Args),
    /// Check that this build computes, sends and measures correctly on this machine.
    #[command(after_help = "Example:\n  gshell selftest")]
    Selftest,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let text = error.render().to_string();
            return report(match error.use_stderr() {
                true => Err(Failure::usage(text.strip_prefix("error: ").unwrap_or(&text))),
                // Help and version are no error, and go where results go.
                false => output::print(&text).map(|_| Status::Ok),
            });
        }
    };
    // Its exit status is the node's own.
    if let Some(Command::Daemon(args)) = &cli.command {
        return match cli.global() {
            Ok(global) => daemon::main(&global, args),
            Err(failure) => report(Err(failure)),
        };
    }
    report(cli.run())
}

/// Says why it did not work, and gives the status.
fn report(outcome: Outcome) -> ExitCode {
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

impl Cli {
    fn global(&self) -> Result<Global, Failure> {
        let dirs = Dirs::find(self.run_dir.as_deref(), self.state_dir.as_deref())
            .map_err(|error| Failure::io("cannot find the working directory", &error))?;
        Ok(Global {
            dirs,
            provider: (self.provider != SELF).then(|| self.provider.clone()),
            log_level: self.log_level,
            json: self.json,
        })
    }

    fn run(self) -> Outcome {
        let global = self.global()?;
        let Some(command) = self.command else {
            return no_command(&global);
        };
        match command {
            Command::Daemon(_) => Ok(Status::Ok), // taken care of by `main`
            Command::Run(args) => run::run(&global, args),
            Command::Exec(args) => exec::run(&global, args),
            Command::Ps(args) => ps::run(&global, args),
            Command::Attach(args) => attach::run(&global, &args),
            Command::Stop(args) => act::run(&global, Action::Stop, args),
            Command::Start(args) => act::run(&global, Action::Start, args),
            Command::Restart(args) => act::run(&global, Action::Restart, args),
            Command::Rm(args) => act::run(&global, Action::Remove, args),
            Command::Kill(args) => kill::run(&global, args),
            Command::Log(args) => log::run(&global, args),
            Command::List(args) => list::run(&global, args),
            Command::Id => id::run(&global),
            Command::Info => info::run(&global),
            Command::Shell => shell::run(&global),
            Command::Completions(args) => completions::run(&args),
            Command::Selftest => selftest::run(),
        }
    }
}

/// Without a command: the shell on a terminal; in a pipe or a script it was a mistake.
fn no_command(global: &Global) -> Outcome {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return shell::run(global);
    }
    let text = format!("no command given\n\n{}", Cli::command().render_help());
    Err(Failure::usage(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once(&"gshell").chain(words))
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_go_before_and_behind_the_command() {
        for words in [["--json", "ps"], ["ps", "--json"]] {
            assert!(parse(&words).unwrap().json);
        }
        let cli = parse(&["ps", "--run-dir", "/r", "-l", "debug", "-p", "0123456789ab"]).unwrap();
        let global = cli.global().unwrap();
        assert_eq!(global.dirs.run, PathBuf::from("/r"));
        assert_eq!(
            (global.log_level, global.provider.as_deref()),
            (LogLevel::Debug, Some("0123456789ab"))
        );
        assert!(parse(&["-l", "loud", "ps"]).is_err());
    }

    #[test]
    fn every_command_has_examples() {
        for command in Cli::command().get_subcommands() {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(help.contains("gshell "), "{} has no example", command.get_name());
            assert!(
                command.get_about().is_some(),
                "{} has no description",
                command.get_name()
            );
        }
    }
}
