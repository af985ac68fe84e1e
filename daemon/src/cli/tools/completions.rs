//! `gshell completions`: what a shell needs to complete the commands.
//!
//! The scripts know nothing: they ask the program each time, which also knows what runs.

use crate::cli::args::{Command, Matches, Positional, Values};
use crate::cli::failure::Outcome;
use crate::cli::link::Global;
use crate::cli::output;
use crate::exit_codes::Status;

/// The shells.
const SHELLS: &[&str] = &["bash", "fish", "zsh"];

/// A script for each of them, in the same order.
const SCRIPTS: [&str; 3] = [
    include_str!("completions/gshell.bash"),
    include_str!("completions/gshell.fish"),
    include_str!("completions/gshell.zsh"),
];

/// `gshell completions`.
pub const COMMAND: Command = Command {
    positionals: &[Positional::new("SHELL", "The shell: bash, fish or zsh").values(Values::Words(SHELLS))],
    examples: &[
        "gshell completions bash > ~/.local/share/bash-completion/completions/gshell",
        "gshell completions fish > ~/.config/fish/completions/gshell.fish",
        "source <(gshell completions zsh)",
    ],
    ..Command::new("completions", "Print a completion script for a shell", run)
};

/// Prints the script.
fn run(_: &Global, matches: &Matches) -> Outcome {
    let shell = matches.texts(0).concat();
    let script = SHELLS.iter().zip(SCRIPTS).find(|(name, _)| **name == shell);
    output::print(script.map_or("", |(_, script)| script))?;
    Ok(Status::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_has_its_script() {
        for (shell, word) in SHELLS.iter().zip(["COMPREPLY", "commandline", "compdef"]) {
            let script = SCRIPTS.iter().find(|script| script.contains(word)).unwrap();
            assert!(
                script.contains(crate::cli::COMPLETE) && script.contains(shell),
                "{shell}"
            );
        }
    }
}
