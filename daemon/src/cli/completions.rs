//! `gshell completions`: what a shell needs to complete the commands.

use clap::CommandFactory;
use clap_complete::Shell;

use super::failure::Outcome;
use super::{Cli, output};
use crate::exit_codes::Status;

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  gshell completions bash > ~/.local/share/bash-completion/completions/gshell\n  \
                  gshell completions fish > ~/.config/fish/completions/gshell.fish"
)]
pub struct Args {
    /// The shell: bash, elvish, fish, powershell or zsh.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gshell", &mut script);
    output::write(&script)?;
    Ok(Status::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_know_the_commands() {
        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "gshell", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(
                script.contains("restart") && script.contains("max-threads"),
                "{shell}"
            );
        }
    }
}
