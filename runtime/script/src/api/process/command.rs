//! What a script asks to run, as something that can be started.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use gshell_sys::process::Spawn;
use mlua::{LuaString, Result, Table, Value};

use crate::api::options::{Options, invalid};
use crate::api::support::path;

/// The shell that runs commands given as one text.
const SHELL: &str = "/bin/sh";
/// Characters of a command that errors quote.
const SHOWN: usize = 80;

/// A program, its surroundings, and a short name for errors.
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: Option<Vec<(OsString, OsString)>>,
    clear_env: bool,
    dir: Option<PathBuf>,
    /// The command as errors show it.
    pub shown: String,
}

/// Options that every way of starting takes.
pub const OPTIONS: [&str; 3] = ["env", "clear_env", "dir"];

impl Command {
    /// A text runs by the shell, a list directly: the program and its arguments, none of them interpreted.
    pub fn new(function: &'static str, what: Value, options: &Options, lua: &mlua::Lua) -> Result<Self> {
        let argv = match what {
            Value::String(text) => vec![SHELL.into(), "-c".into(), os(function, &text)?],
            Value::Table(list) => argv(function, &list)?,
            other => {
                let message = format!(
                    "a command is a text or a list of texts, not a {}",
                    other.type_name()
                );
                return Err(invalid(function, &message));
            }
        };
        let shown = shown(&argv);
        let mut words = argv.into_iter();
        let program = words
            .next()
            .ok_or_else(|| invalid(function, "the command is empty"))?;
        let dir = options
            .get::<LuaString>(lua, "dir")?
            .map(|dir| path(function, &dir))
            .transpose()?;
        let env = options
            .get::<Table>(lua, "env")?
            .map(|env| variables(function, &env))
            .transpose()?;
        Ok(Self {
            program,
            args: words.collect(),
            env,
            clear_env: options.flag("clear_env")?,
            dir,
            shown,
        })
    }

    /// The request for the operating system, streams not yet connected: leader of its own session, killed
    /// when this process dies.
    pub fn into_spawn(self) -> Spawn {
        let mut spawn = Spawn::new(self.program);
        spawn.args = self.args;
        spawn.env = self.env;
        spawn.clear_env = self.clear_env;
        spawn.dir = self.dir;
        spawn.session = true;
        spawn.death_signal = gshell_sys::process::signal_by_name("KILL");
        spawn
    }
}

fn os(function: &'static str, text: &LuaString) -> Result<OsString> {
    let bytes = text.as_bytes();
    if bytes.contains(&0) {
        return Err(invalid(
            function,
            "a command, argument or variable holds a zero byte",
        ));
    }
    Ok(OsStr::from_bytes(&bytes).to_owned())
}

fn argv(function: &'static str, list: &Table) -> Result<Vec<OsString>> {
    let mut words = Vec::new();
    for word in list.sequence_values::<Value>() {
        match word? {
            Value::String(text) => words.push(os(function, &text)?),
            number @ (Value::Integer(_) | Value::Number(_)) => words.push(number.to_string()?.into()),
            other => {
                let message = format!(
                    "argument {} is a {}, not a text",
                    words.len() + 1,
                    other.type_name()
                );
                return Err(invalid(function, &message));
            }
        }
    }
    Ok(words)
}

fn variables(function: &'static str, env: &Table) -> Result<Vec<(OsString, OsString)>> {
    let mut variables = Vec::new();
    for pair in env.pairs::<Value, Value>() {
        let (name, value) = pair?;
        let (Value::String(name), Value::String(_) | Value::Integer(_) | Value::Number(_)) = (&name, &value)
        else {
            return Err(invalid(function, "option \"env\" is a table of texts by name"));
        };
        let name = os(function, name)?;
        if name.is_empty() || name.as_bytes().contains(&b'=') {
            return Err(invalid(
                function,
                "the name of a variable is empty or holds \"=\"",
            ));
        }
        let value = match &value {
            Value::String(text) => os(function, text)?,
            other => other.to_string()?.into(),
        };
        variables.push((name, value));
    }
    Ok(variables)
}

/// The command as people would type it, cut to a line; the shell's own words are left out.
fn shown(argv: &[OsString]) -> String {
    let words = match argv {
        [shell, dash, text] if shell == SHELL && dash == "-c" => std::slice::from_ref(text),
        all => all,
    };
    let line = words
        .iter()
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ");
    let mut line = line.replace(char::is_control, " ");
    if let Some((cut, _)) = line.char_indices().nth(SHOWN) {
        line.truncate(cut);
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlua::Lua;

    fn command(code: &str) -> Result<Command> {
        let lua = Lua::new();
        let (what, options): (Value, Option<Table>) = lua.load(code).eval().unwrap();
        let options = Options::new("process.run", options, &OPTIONS).unwrap();
        Command::new("process.run", what, &options, &lua)
    }

    #[test]
    fn texts_run_by_the_shell_and_lists_directly() {
        let text = command("'echo $HOME'").unwrap();
        assert_eq!(
            (text.program.as_os_str(), text.args.len()),
            (OsStr::new("/bin/sh"), 2)
        );
        assert_eq!(text.shown, "echo $HOME");
        let list = command("{'printf', '%s', 5}, {env = {A = 1}, dir = '/tmp', clear_env = true}").unwrap();
        assert_eq!(
            (list.program.as_os_str(), list.shown.as_str()),
            (OsStr::new("printf"), "printf %s 5")
        );
        let spawn = list.into_spawn();
        assert_eq!(spawn.env, Some(vec![("A".into(), "1".into())]));
        assert!(spawn.clear_env && spawn.session && spawn.death_signal.is_some());
    }

    #[test]
    fn what_cannot_run_is_refused() {
        let lists = ["{}", "{{}}", "5", "nil", "'a\\0b'", "{'a', print}"];
        let options = [
            "'x', {env = {['a=b'] = '1'}}",
            "'x', {env = {1}}",
            "'x', {dir = ''}",
        ];
        for code in lists.iter().chain(&options) {
            assert!(command(code).is_err(), "{code}");
        }
        assert_eq!(
            command(&format!("'{}'", "ü".repeat(200)))
                .unwrap()
                .shown
                .chars()
                .count(),
            83
        );
    }
}
