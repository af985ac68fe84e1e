//! A command line read against the table, and what it holds.

use std::ffi::{OsStr, OsString};

use lexopt::{Arg, Error, Parser};

use super::nearest::nearest;
use super::{Check, Command, HELP, Many, Opt, Path, Positional, Values, help, options, title};
use crate::build;
use crate::cli::VERSION_OPTION;
use crate::cli::failure::Failure;

/// What a command line says.
pub struct Matches {
    path: Vec<&'static Command>,
    options: Vec<(&'static Opt, OsString)>,
    words: Vec<OsString>,
    pending: Option<&'static Opt>,
}

/// Why reading a command line ended before its end.
#[derive(Debug)]
pub enum Stop {
    /// Help about the command is wanted, with explanations or without.
    Help(bool),
    /// The version is wanted.
    Version,
    /// It is wrong.
    Wrong(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Wrong(failure)
    }
}

/// An option as it was typed.
enum Typed {
    Long(String),
    Short(char),
}

impl Matches {
    /// Nothing said yet to the program `root`.
    pub fn new(root: &'static Command) -> Self {
        Self {
            path: vec![root],
            options: Vec::new(),
            words: Vec::new(),
            pending: None,
        }
    }

    /// Reads `words`, those behind the program's own name. What was read before an error stays.
    pub fn read(&mut self, words: Vec<OsString>) -> Result<(), Stop> {
        let mut parser = Parser::from_args(words);
        loop {
            let typed = match parser.next() {
                Ok(None) => return Ok(()),
                Ok(Some(Arg::Value(word))) => {
                    self.word(word)?;
                    if self.at_rest() {
                        let rest = parser.try_raw_args().into_iter().flatten();
                        return Ok(rest.into_iter().try_for_each(|word| self.word(word))?);
                    }
                    continue;
                }
                Ok(Some(Arg::Long(name))) => Typed::Long(name.to_owned()),
                Ok(Some(Arg::Short(letter))) => Typed::Short(letter),
                Err(error) => return Err(self.unwanted(&error).into()),
            };
            let option = self.find(&typed)?;
            if option.long == HELP.long {
                return Err(Stop::Help(matches!(typed, Typed::Long(_))));
            }
            if option.long == VERSION_OPTION.long {
                return Err(Stop::Version);
            }
            self.take(option, &mut parser)?;
        }
    }

    /// Checks what only the whole line shows: that nothing is missing, and that its options go together.
    pub fn check(&self) -> Result<(), Failure> {
        for (option, _) in &self.options {
            if let Some(other) = option.conflicts.iter().find(|other| self.flag(other)) {
                return Err(self.wrong(&format!(
                    "'--{}' and '--{other}' contradict each other",
                    option.long
                )));
            }
        }
        let missing = self.command().positionals.get(self.words.len());
        match missing.filter(|missing| matches!(missing.many, Many::One | Many::Some)) {
            None => Ok(()),
            Some(missing) => Err(self.wrong(&format!(
                "{} is missing, as in '{}'",
                missing.name,
                help::usage(&self.path)
            ))),
        }
    }

    /// The command and those that it belongs to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The command.
    pub fn command(&self) -> &'static Command {
        self.path[self.path.len() - 1]
    }

    /// The option at the end of the line whose value is missing.
    pub fn pending(&self) -> Option<&'static Opt> {
        self.pending
    }

    /// What the next word that is no option would be.
    pub fn slot(&self) -> Option<&'static Positional> {
        let all = self.command().positionals;
        let last = all
            .last()
            .filter(|last| matches!(last.many, Many::Any | Many::Some | Many::Rest));
        all.get(self.words.len()).or(last)
    }

    /// Whether nothing that follows is an option.
    pub fn at_rest(&self) -> bool {
        !self.words.is_empty() && self.slot().is_some_and(|slot| slot.many == Many::Rest)
    }

    /// Whether the option was given.
    pub fn flag(&self, long: &str) -> bool {
        self.raw(long).is_some()
    }

    /// The option's value as it was given; only a path can be something else than text.
    pub fn raw(&self, long: &str) -> Option<&OsStr> {
        let found = self.options.iter().find(|(option, _)| option.long == long);
        found.map(|(_, value)| value.as_os_str())
    }

    /// The option's value, or its default.
    pub fn text(&self, long: &str) -> Option<&str> {
        match self.raw(long) {
            Some(value) => value.to_str(),
            None => self.option(long).and_then(|option| option.default),
        }
    }

    /// All values of an option that can be given more than once.
    pub fn all(&self, long: &str) -> Vec<String> {
        let given = self.options.iter().filter(|(option, _)| option.long == long);
        given
            .map(|(_, value)| value.to_string_lossy().into_owned())
            .collect()
    }

    /// The option's value, owned, or its default.
    pub fn string(&self, long: &str) -> Option<String> {
        self.text(long).map(str::to_owned)
    }

    /// The option's value as a whole number in a range.
    pub fn number(&self, long: &str, least: i64, most: i64) -> Result<Option<i64>, Failure> {
        let Some(text) = self.text(long) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(self.invalid(long, &format!("it is a number from {least} to {most}"))),
        }
    }

    /// The option's value, or its default, in a form of its own.
    pub fn parse<T>(&self, long: &str, parse: fn(&str) -> Result<T, String>) -> Result<Option<T>, Failure> {
        match self.text(long).map(parse) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(why)) => Err(self.invalid(long, &why)),
        }
    }

    /// The words that are no options.
    pub fn words(&self) -> &[OsString] {
        &self.words
    }

    /// The words that are no options as texts, from the one with this number on.
    pub fn texts(&self, from: usize) -> Vec<String> {
        let words = self.words.iter().skip(from);
        words.map(|word| word.to_string_lossy().into_owned()).collect()
    }

    /// The error for a value of the option that cannot be used.
    pub fn invalid(&self, long: &str, why: &str) -> Failure {
        let shown = self.option(long).map_or_else(|| long.to_owned(), Opt::shown);
        let value = self.text(long).unwrap_or_default();
        self.wrong(&format!("invalid value {value:?} for '{shown}': {why}"))
    }

    /// The error for a command line that cannot be meant so; says where help is.
    pub fn wrong(&self, text: &str) -> Failure {
        Failure::usage(format!("{text} (see '{} --help')", title(&self.path)))
    }

    fn option(&self, long: &str) -> Option<&'static Opt> {
        options(&self.path).find(|option| option.long == long)
    }

    fn find(&self, typed: &Typed) -> Result<&'static Opt, Failure> {
        let (found, shown, meant) = match typed {
            Typed::Long(long) => {
                let names = options(&self.path).filter(|option| !option.hidden);
                let meant = nearest(long, &mut names.map(|option| option.long));
                (self.option(long), format!("--{long}"), meant)
            }
            Typed::Short(letter) => {
                let found = options(&self.path).find(|option| option.short == Some(*letter));
                (found, format!("-{letter}"), None)
            }
        };
        found.ok_or_else(|| {
            let mut text = format!("'{}' has no option '{shown}'", title(&self.path));
            if let Some(meant) = meant {
                text.push_str(&format!("; did you mean '--{meant}'?"));
            } else if self
                .slot()
                .is_some_and(|slot| matches!(slot.values, Values::File))
            {
                text.push_str(&format!("; a file of this name is './{shown}'"));
            }
            self.wrong(&text)
        })
    }

    /// The option with its value, if it has one, is among what was said.
    fn take(&mut self, option: &'static Opt, parser: &mut Parser) -> Result<(), Failure> {
        let mut value = OsString::new();
        if let Some(name) = option.value {
            let joined = parser.optional_value();
            let apart = joined.is_none();
            let Some(given) = joined.or_else(|| parser.value().ok()) else {
                self.pending = Some(option);
                return Err(self.wrong(&format!("option '--{}' needs a value, {name}", option.long)));
            };
            // A forgotten value must not make the option behind it the value.
            if apart && self.is_option(&given) {
                let (long, given) = (option.long, given.to_string_lossy());
                return Err(self.wrong(&format!(
                    "option '--{long}' needs a value, {name} (should that be '{given}': '--{long}={given}')"
                )));
            }
            self.check_value(
                &format!("'{}'", option.shown()),
                &given,
                option.values,
                option.check,
            )?;
            if self.flag(option.long) && !option.many {
                return Err(self.wrong(&format!("option '--{}' is given twice", option.long)));
            }
            value = given;
        }
        self.options.push((option, value));
        Ok(())
    }

    fn is_option(&self, word: &OsStr) -> bool {
        let long = word.to_str().and_then(|word| word.strip_prefix("--"));
        long.is_some_and(|long| self.option(long).is_some())
    }

    /// A word that is no option: a command, or an argument of one.
    fn word(&mut self, word: OsString) -> Result<(), Failure> {
        let commands = self.command().commands;
        if !commands.is_empty() {
            return self.descend(commands, &word);
        }
        let Some(slot) = self.slot() else {
            let text = format!("'{}' takes no argument {word:?}", title(&self.path));
            return Err(self.wrong(&text));
        };
        self.check_value(slot.name, &word, slot.values, slot.check)?;
        self.words.push(word);
        Ok(())
    }

    fn descend(&mut self, commands: &'static [&'static Command], word: &OsStr) -> Result<(), Failure> {
        let Some(next) = commands.iter().find(|command| word == command.name) else {
            let word = word.to_string_lossy();
            let names = commands.iter().filter(|command| !command.hidden);
            let mut text = format!("'{}' has no command '{word}'", title(&self.path));
            if let Some(meant) = nearest(&word, &mut names.map(|command| command.name)) {
                text.push_str(&format!("; did you mean '{meant}'?"));
            }
            return Err(self.wrong(&text));
        };
        if let Some(feature) = next.absent {
            return Err(Failure::usage(build::without(next.name, feature)));
        }
        let own = |option: &Opt| self.command().options.iter().any(|own| own.long == option.long);
        if let Some((option, _)) = self.options.iter().find(|(option, _)| own(option)) {
            let text = format!("'--{}' and '{}' contradict each other", option.long, next.name);
            return Err(self.wrong(&text));
        }
        self.path.push(next);
        Ok(())
    }

    fn check_value(
        &self,
        what: &str,
        value: &OsStr,
        values: Values,
        check: Option<Check>,
    ) -> Result<(), Failure> {
        let Some(text) = value.to_str() else {
            return match values.is_path() {
                true => Ok(()),
                false => Err(self.wrong(&format!("the value {value:?} for {what} is no text in UTF-8"))),
            };
        };
        let why = match (values, check) {
            (Values::Words(words), _) if !words.contains(&text) => {
                format!("allowed are {}", words.join(", "))
            }
            (_, Some(check)) => match check(text) {
                Ok(()) => return Ok(()),
                Err(why) => why,
            },
            _ => return Ok(()),
        };
        Err(self.wrong(&format!("invalid value {text:?} for {what}: {why}")))
    }

    fn unwanted(&self, error: &Error) -> Failure {
        match error {
            Error::UnexpectedValue { option, value } => self.wrong(&format!(
                "option '{option}' takes no value, and {value:?} is given"
            )),
            other => self.wrong(&other.to_string()),
        }
    }
}
