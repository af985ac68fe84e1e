//! Arguments of the built-in functions: option tables whose unknown keys are refused, and the errors for
//! what does not fit.

use mlua::{FromLua, Lua, LuaString, Result, Table, Value};

use crate::errors::raise;

/// An optional table of named options.
pub struct Options {
    table: Option<Table>,
    function: &'static str,
}

impl Options {
    /// Takes the options of `function` (its full name, for errors). A key that is not in `known` is an
    /// error that names it: a misspelt option would otherwise be ignored in silence.
    pub fn new(function: &'static str, table: Option<Table>, known: &[&str]) -> Result<Self> {
        if let Some(table) = &table {
            for pair in table.pairs::<Value, Value>() {
                let (key, _) = pair?;
                let name = match &key {
                    Value::String(name) => name.to_string_lossy(),
                    other => other.to_string()?,
                };
                if !known.contains(&name.as_str()) {
                    let known = known.join(", ");
                    return Err(invalid(
                        function,
                        &format!("unknown option \"{name}\" (it takes {known})"),
                    ));
                }
            }
        }
        Ok(Self { table, function })
    }

    /// The option's value, `None` when it is absent; an error that names the option when it does not fit.
    pub fn get<T: FromLua>(&self, lua: &Lua, name: &str) -> Result<Option<T>> {
        let value = match &self.table {
            Some(table) => table.get::<Value>(name)?,
            None => return Ok(None),
        };
        if value.is_nil() {
            return Ok(None);
        }
        let given = value.type_name();
        T::from_lua(value, lua).map(Some).map_err(|_| {
            invalid(
                self.function,
                &format!("option \"{name}\" does not take this {given}"),
            )
        })
    }

    /// A yes or no; absent means no.
    pub fn flag(&self, name: &str) -> Result<bool> {
        Ok(self.switch(name)?.unwrap_or(false))
    }

    /// A yes or no, `None` when it is absent. Only true and false will do: what Lua counts as true, such as
    /// 0, is more likely a mistake.
    pub fn switch(&self, name: &str) -> Result<Option<bool>> {
        match self
            .table
            .as_ref()
            .map(|table| table.get::<Value>(name))
            .transpose()?
        {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::Boolean(value)) => Ok(Some(value)),
            Some(other) => {
                let given = other.type_name();
                Err(invalid(
                    self.function,
                    &format!("option \"{name}\" is true or false, not a {given}"),
                ))
            }
        }
    }

    /// A number of seconds, 0 or more.
    pub fn seconds(&self, lua: &Lua, name: &str) -> Result<Option<std::time::Duration>> {
        let Some(seconds) = self.get::<f64>(lua, name)? else {
            return Ok(None);
        };
        duration(seconds).map(Some).ok_or_else(|| {
            invalid(
                self.function,
                &format!("option \"{name}\" is a number of seconds, 0 or more, not {seconds}"),
            )
        })
    }

    /// A count of bytes, 1 or more.
    pub fn limit(&self, lua: &Lua, default: usize) -> Result<usize> {
        let Some(bytes) = self.get::<i64>(lua, "limit")? else {
            return Ok(default);
        };
        usize::try_from(bytes)
            .ok()
            .filter(|bytes| *bytes > 0)
            .ok_or_else(|| {
                invalid(
                    self.function,
                    &format!("option \"limit\" is a number of bytes, 1 or more, not {bytes}"),
                )
            })
    }
}

/// Seconds as a duration; `None` below 0, beyond the clock's range and for NaN.
pub fn duration(seconds: f64) -> Option<std::time::Duration> {
    std::time::Duration::try_from_secs_f64(seconds).ok()
}

/// The error for an argument that cannot be meant: code `invalid`.
pub fn invalid(function: &str, message: &str) -> mlua::Error {
    raise("invalid", format!("{function}: {message}"))
}

/// Longest part of a name that an error quotes.
const QUOTED: usize = 200;

/// A name for an error message: bytes that are not text are replaced, long ones cut.
pub fn quoted(name: &LuaString) -> String {
    name.to_string_lossy().chars().take(QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lua: &Lua, code: &str) -> Option<Table> {
        lua.load(code).eval().unwrap()
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_named() {
        let lua = Lua::new();
        let wrong = |code| Options::new("m.f", table(&lua, code), &["a", "limit"]);
        let text = wrong("{aa = 1}").err().unwrap().to_string();
        assert!(
            text.contains("m.f: unknown option \"aa\" (it takes a, limit)"),
            "{text}"
        );
        assert!(wrong("{[1] = 1}").is_err());
        let options = wrong("{a = {}, limit = 0}").unwrap();
        let text = options.get::<f64>(&lua, "a").unwrap_err().to_string();
        assert!(text.contains("option \"a\" does not take this table"), "{text}");
        assert!(options.flag("a").is_err());
        assert!(options.limit(&lua, 5).is_err());
    }

    #[test]
    fn absent_options_have_their_defaults() {
        let lua = Lua::new();
        let options = Options::new("m.f", None, &[]).unwrap();
        assert_eq!(options.get::<i64>(&lua, "x").unwrap(), None);
        assert!(!options.flag("x").unwrap());
        assert_eq!(options.limit(&lua, 5).unwrap(), 5);
        let options =
            Options::new("m.f", table(&lua, "{t = 1.5, u = -1, v = 0/0}"), &["t", "u", "v"]).unwrap();
        assert_eq!(options.seconds(&lua, "t").unwrap().unwrap().as_millis(), 1500);
        assert!(options.seconds(&lua, "u").is_err() && options.seconds(&lua, "v").is_err());
    }
}
