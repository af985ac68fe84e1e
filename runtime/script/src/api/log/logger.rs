//! What all loggers of an environment share, and how a line looks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use gshell_small::Map;
use mlua::{Function, Lua, LuaString, MultiValue, Result, Value};

use super::level::{Level, Rules};
use super::sink::Sink;
use crate::api::time::civil;

/// Loggers that an environment may have: names are for parts of a program, not for its data.
pub const MAX_LOGGERS: usize = 1024;

/// A name and its level.
pub struct Logger {
    /// What stands in the second brackets of each line.
    pub name: String,
    /// Lines below are not written.
    pub level: Cell<Level>,
}

/// All loggers of an environment.
pub struct Shared {
    /// Where lines go.
    pub sink: RefCell<Sink>,
    /// Times in UTC instead of the machine's zone.
    pub utc: Cell<bool>,
    /// File and line of the caller in each line.
    pub source: Cell<bool>,
    rules: RefCell<Rules>,
    loggers: RefCell<Map<String, Rc<Logger>>>,
    /// `os.date` of Lua, which knows the machine's time zone; absent, times are in UTC.
    date: Option<Function>,
    /// `string.format` of Lua.
    format: Function,
    /// The last whole second and its text: most lines share it with the line before.
    second: RefCell<(u64, bool, String)>,
}

impl Shared {
    /// No loggers yet, level info, to `sink`.
    pub fn new(date: Option<Function>, format: Function, sink: Sink) -> Self {
        Self {
            sink: RefCell::new(sink),
            utc: Cell::new(false),
            source: Cell::new(false),
            rules: RefCell::default(),
            loggers: RefCell::default(),
            date,
            format,
            second: RefCell::new((u64::MAX, false, String::new())),
        }
    }

    /// The logger of a name, a new one if there is none; `None` when there are too many.
    pub fn logger(&self, name: &str) -> Option<Rc<Logger>> {
        let mut loggers = self.loggers.borrow_mut();
        if let Some(found) = loggers.get(name) {
            return Some(Rc::clone(found));
        }
        if loggers.len() >= MAX_LOGGERS {
            return None;
        }
        let level = Cell::new(self.rules.borrow().level(name));
        let made = Rc::new(Logger {
            name: name.to_owned(),
            level,
        });
        loggers.insert(name.to_owned(), Rc::clone(&made));
        Some(made)
    }

    /// Names and levels, sorted by name.
    pub fn loggers(&self) -> Vec<(String, Level)> {
        let loggers = self.loggers.borrow();
        loggers
            .values()
            .map(|logger| (logger.name.clone(), logger.level.get()))
            .collect()
    }

    /// Sets levels, see [`Rules::set`], also of the loggers there are.
    pub fn set_level(&self, level: Level, patterns: Option<&str>) {
        let mut rules = self.rules.borrow_mut();
        rules.set(level, patterns);
        for logger in self.loggers.borrow().values() {
            logger.level.set(rules.level(&logger.name));
        }
    }

    /// The text of a call: the first value as it is, or a format with the others.
    pub fn text(&self, lua: &Lua, args: MultiValue) -> Result<LuaString> {
        if args.len() > 1 {
            return self.format.call(args);
        }
        match args.into_iter().next().unwrap_or(Value::Nil) {
            Value::String(text) => Ok(text),
            other => lua.create_string(other.to_string()?),
        }
    }

    /// A whole line: `[2026-01-02 15:04:05.000000][NAME][INFO] text` and a line feed.
    pub fn line(
        &self,
        now: Duration,
        name: &str,
        level: Level,
        source: &str,
        text: &[u8],
    ) -> Result<Vec<u8>> {
        let micros = now.subsec_micros();
        let time = self.time(now.as_secs())?;
        let level = level.name().to_ascii_uppercase();
        let mut line = format!("[{time}.{micros:06}][{name}][{level}]{source} ").into_bytes();
        line.extend_from_slice(text);
        if !line.ends_with(b"\n") {
            line.push(b'\n');
        }
        Ok(line)
    }

    fn time(&self, seconds: u64) -> Result<String> {
        let utc = self.utc.get();
        let mut kept = self.second.borrow_mut();
        if (kept.0, kept.1) != (seconds, utc) {
            *kept = (seconds, utc, self.date_text(seconds, utc)?);
        }
        Ok(kept.2.clone())
    }

    fn date_text(&self, seconds: u64, utc: bool) -> Result<String> {
        let signed = i64::try_from(seconds).unwrap_or(i64::MAX);
        match &self.date {
            Some(date) if !utc => date.call(("%Y-%m-%d %H:%M:%S", signed)),
            _ => {
                let text = civil::format(signed, 0, 0).unwrap_or_default();
                Ok(text.replace('T', " ").replace('Z', ""))
            }
        }
    }
}

/// "(file:line)" of the Lua function that called the log function, empty where there is none.
pub fn caller(lua: &Lua) -> String {
    // Level 0 is the log function itself, 1 its caller.
    let found = lua.inspect_stack(1, |frame| {
        let line = frame.current_line()?;
        Some(format!(
            "({}:{line})",
            frame.source().short_src.unwrap_or_default()
        ))
    });
    found.flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(lua: &Lua) -> Shared {
        let format: Function = lua.load("string.format").eval().unwrap();
        Shared::new(None, format, Sink::Discard)
    }

    #[test]
    fn lines_have_time_name_and_level() {
        let lua = Lua::new();
        let shared = shared(&lua);
        let line = |level, source: &str, text: &[u8]| {
            let now = Duration::from_micros(1_767_366_245_000_042);
            String::from_utf8(shared.line(now, "net", level, source, text).unwrap()).unwrap()
        };
        assert_eq!(
            line(Level::Info, "", b"hello"),
            "[2026-01-02 15:04:05.000042][net][INFO] hello\n"
        );
        assert_eq!(
            line(Level::Warn, "(a.lua:3)", b"x\n"),
            "[2026-01-02 15:04:05.000042][net][WARN](a.lua:3) x\n"
        );
    }

    #[test]
    fn one_value_is_no_format() {
        let lua = Lua::new();
        let shared = shared(&lua);
        let text = |code: &str| {
            let args: MultiValue = lua.load(code).eval().unwrap();
            shared.text(&lua, args).map(|text| text.to_string_lossy())
        };
        assert_eq!(text("return '100%'").unwrap(), "100%");
        assert_eq!(text("return nil").unwrap(), "nil");
        assert_eq!(text("return '%d of %s', 3, 'x'").unwrap(), "3 of x");
        assert!(text("return '%d', 'x'").is_err());
    }

    #[test]
    fn levels_reach_loggers_old_and_new_and_their_number_is_bounded() {
        let lua = Lua::new();
        let shared = shared(&lua);
        let old = shared.logger("net.tcp").unwrap();
        shared.set_level(Level::Debug, Some("net.*"));
        assert_eq!(old.level.get(), Level::Debug);
        assert_eq!(shared.logger("net.udp").unwrap().level.get(), Level::Debug);
        assert_eq!(shared.loggers().len(), 2);
        assert!(
            (0..MAX_LOGGERS)
                .map(|n| shared.logger(&n.to_string()))
                .any(|logger| logger.is_none())
        );
        assert!(shared.logger("net.udp").is_some());
    }
}
