//! The command line as a table: what each command is called, takes and says about itself.
//!
//! The table is data, and everything is made of it: parsing, help, errors with suggestions, completions. Splitting
//! words into options and values is `lexopt`'s work. Nothing here is generic over types of values, because a parser
//! that is compiled once for each of them is a tenth of the whole program.

pub mod help;
mod matches;
mod nearest;
#[cfg(test)]
mod tests;

use super::failure::Outcome;
use super::link::Global;
use crate::exit_codes::Status;
pub use matches::{Matches, Stop};
pub use nearest::nearest;

/// One command.
pub struct Command {
    /// What is typed.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    /// What else there is to know; only `--help` shows it.
    pub long: &'static str,
    /// What it takes besides options, in this order.
    pub positionals: &'static [Positional],
    /// Its own options; those that every command has are not among them.
    pub options: &'static [Opt],
    /// Commands of its own.
    pub commands: &'static [&'static Command],
    /// Command lines to begin with.
    pub examples: &'static [&'static str],
    /// What help says at its end.
    pub after: &'static str,
    /// Whether help and completions keep quiet about it.
    pub hidden: bool,
    /// The feature of the program that this build is without, and with it this command.
    pub absent: Option<&'static str>,
    /// Does it.
    pub run: fn(&Global, &Matches) -> Outcome,
}

impl Command {
    /// A command that takes nothing; the rest is filled in where it is declared.
    pub const fn new(name: &'static str, about: &'static str, run: fn(&Global, &Matches) -> Outcome) -> Self {
        Self {
            name,
            about,
            long: "",
            positionals: &[],
            options: &[],
            commands: &[],
            examples: &[],
            after: "",
            hidden: false,
            absent: None,
            run,
        }
    }

    /// A command that this build is without, because it is without `feature`: typing it says so.
    #[cfg_attr(feature = "tools", allow(dead_code, reason = "no command is absent"))]
    pub const fn absent(name: &'static str, feature: &'static str) -> Self {
        Self {
            hidden: true,
            absent: Some(feature),
            ..Self::new(name, "", |_, _| Ok(Status::Usage))
        }
    }
}

/// Checks a text; the error says what is allowed.
pub type Check = fn(&str) -> Result<(), String>;

/// What completes a value.
#[derive(Clone, Copy)]
pub enum Values {
    /// Nothing is known about it.
    Any,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A file or folder; the one kind of value that need not be text.
    File,
    /// A folder; need not be text either.
    Folder,
    /// ID or name of an environment.
    Job,
    /// Name of a group.
    Group,
    /// What has a log: the daemon, a group, an environment.
    Log,
    /// The name of a command.
    Command,
    /// Publisher and name of a service.
    Service,
    /// The name of a plugin in the folders.
    Plugin,
    /// The name of a message type, of the service that is the argument before it if there is one.
    Message,
}

impl Values {
    const fn is_path(self) -> bool {
        matches!(self, Self::File | Self::Folder)
    }
}

/// An option.
#[derive(Clone, Copy)]
pub struct Opt {
    /// Its letter.
    pub short: Option<char>,
    /// Its word, by which it is also asked for.
    pub long: &'static str,
    /// What its value is called; a flag has none.
    pub value: Option<&'static str>,
    /// A sentence about it.
    pub help: &'static str,
    /// What holds when it is not given.
    pub default: Option<&'static str>,
    /// Variable that stands in for it. Reading it is up to the option's owner.
    pub env: Option<&'static str>,
    /// Options that cannot be given with it.
    pub conflicts: &'static [&'static str],
    /// What its value can be.
    pub values: Values,
    /// What its value must be.
    pub check: Option<Check>,
    /// Whether it can be given more than once.
    pub many: bool,
    /// Whether help and completions keep quiet about it.
    pub hidden: bool,
}

impl Opt {
    /// An option without value.
    pub const fn flag(long: &'static str, help: &'static str) -> Self {
        Self {
            short: None,
            long,
            value: None,
            help,
            default: None,
            env: None,
            conflicts: &[],
            values: Values::Any,
            check: None,
            many: false,
            hidden: false,
        }
    }

    /// An option with a value, which help calls `value`.
    pub const fn value(long: &'static str, value: &'static str, help: &'static str) -> Self {
        Self {
            value: Some(value),
            ..Self::flag(long, help)
        }
    }

    /// With this letter.
    pub const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    /// With this default.
    pub const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// With a variable that stands in for it.
    pub const fn env(mut self, env: &'static str) -> Self {
        self.env = Some(env);
        self
    }

    /// Not together with these.
    pub const fn conflicts(mut self, conflicts: &'static [&'static str]) -> Self {
        self.conflicts = conflicts;
        self
    }

    /// With values of this kind.
    pub const fn values(mut self, values: Values) -> Self {
        self.values = values;
        self
    }

    /// With values that pass this.
    pub const fn check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Any number of times.
    pub const fn many(mut self) -> Self {
        self.many = true;
        self
    }

    /// Not shown.
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// As errors name it: `--group <GROUP>`.
    pub fn shown(&self) -> String {
        match self.value {
            Some(value) => format!("--{} <{value}>", self.long),
            None => format!("--{}", self.long),
        }
    }
}

/// How often a positional argument may be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Many {
    /// Exactly once.
    One,
    /// Any number of times; only the last one can.
    Any,
    /// At least once; only the last one can.
    Some,
    /// Everything that follows, options too; only the last one can.
    Rest,
}

/// An argument that is no option.
#[derive(Clone, Copy)]
pub struct Positional {
    /// What help calls it.
    pub name: &'static str,
    /// A sentence about it.
    pub help: &'static str,
    /// How often.
    pub many: Many,
    /// What it can be.
    pub values: Values,
    /// What it must be.
    pub check: Option<Check>,
}

impl Positional {
    /// An argument that is needed once.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            many: Many::One,
            values: Values::Any,
            check: None,
        }
    }

    /// So many.
    pub const fn many(mut self, many: Many) -> Self {
        self.many = many;
        self
    }

    /// Of this kind.
    pub const fn values(mut self, values: Values) -> Self {
        self.values = values;
        self
    }

    /// That pass this.
    pub const fn check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// As a usage line has it.
    pub fn shown(&self) -> String {
        let name = self.name;
        match self.many {
            Many::One => format!("<{name}>"),
            Many::Any | Many::Rest => format!("[{name}]..."),
            Many::Some => format!("<{name}>..."),
        }
    }
}

/// Asks for help; every command has it.
pub const HELP: Opt = Opt::flag("help", "Print help (-h is shorter, without explanations)").short('h');

/// A command and where it stands: the program first, itself last.
pub type Path = [&'static Command];

/// How the command is typed: `gshell daemon stop`.
pub fn title(path: &Path) -> String {
    let names: Vec<&str> = path.iter().map(|command| command.name).collect();
    names.join(" ")
}

/// The options of the command at the end of `path`, its own first, those of every command behind them.
pub fn options(path: &Path) -> impl Iterator<Item = &'static Opt> {
    let own = path.last().map_or(&[][..], |command| command.options);
    // An own option of the same name comes before that of every command.
    let global = super::GLOBAL_OPTIONS.iter();
    let global = global.filter(|option| own.iter().all(|own| own.long != option.long));
    own.iter().chain([&HELP]).chain(global)
}
