//! How a failure of a built-in function reaches a script: as a table with `code` and `message`.
//!
//! Rust code raises a [`Raised`] inside an [`mlua::Error`]; the point that catches it (`pcall`, `xpcall`,
//! `coroutine.resume`, the end of a task) turns it into the table, so raising costs nothing special.

use std::fmt;

use mlua::{Lua, Table, Value};

use crate::call;

/// Registry name of the metatable that all error tables share.
const METATABLE: &str = "gshell.error";

/// An error with a code that programs test and a message that people read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// Short and stable: `stopped`, `timeout`, `not_found`, `limit`, ...
    pub code: String,
    /// Says operation, object and reason.
    pub message: String,
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Raised {}

/// The error to return from a built-in function: scripts see `{ code = code, message = message }`.
pub fn raise(code: &str, message: impl Into<String>) -> mlua::Error {
    mlua::Error::external(Raised {
        code: code.to_owned(),
        message: message.into(),
    })
}

/// The error for a failed system call: `what` names the operation and its object ("open /etc/x").
/// The code is the kind of failure in snake case (`not_found`, `permission_denied`, ...).
pub fn raise_io(what: &str, error: &std::io::Error) -> mlua::Error {
    raise(io_code(error.kind()), format!("{what}: {error}"))
}

/// An error object of the script, on its way through Rust.
#[derive(Debug)]
struct Rethrown {
    value: Value,
    message: String,
}

impl fmt::Display for Rethrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Rethrown {}

/// The error that makes a script catch exactly `value`; `message` is its text.
pub(crate) fn rethrow(value: Value, message: String) -> mlua::Error {
    mlua::Error::external(Rethrown { value, message })
}

/// The stable code of an I/O error kind.
pub fn io_code(kind: std::io::ErrorKind) -> &'static str {
    use std::io::ErrorKind as K;
    match kind {
        K::NotFound => "not_found",
        K::PermissionDenied => "permission_denied",
        K::AlreadyExists => "already_exists",
        K::InvalidInput => "invalid_input",
        K::InvalidData => "invalid_data",
        K::TimedOut => "timeout",
        K::BrokenPipe => "broken_pipe",
        K::NotADirectory => "not_a_directory",
        K::IsADirectory => "is_a_directory",
        K::DirectoryNotEmpty => "directory_not_empty",
        K::ReadOnlyFilesystem => "read_only",
        K::StorageFull => "no_space",
        K::ConnectionRefused => "connection_refused",
        K::Interrupted => "interrupted",
        _ => "io",
    }
}

/// The [`Raised`] inside an error, however many callbacks it went through.
pub fn raised(error: &mlua::Error) -> Option<&Raised> {
    error.downcast_ref::<Raised>()
}

/// Makes the table `{ code, message }` with the shared metatable (`tostring` gives the message).
pub fn to_table(lua: &Lua, code: &str, message: &str) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(0, 2)?;
    table.raw_set("code", code)?;
    table.raw_set("message", message)?;
    table.set_metatable(Some(metatable(lua)?))?;
    Ok(table)
}

/// The message of any error object: the string itself, `message` of a table, else what `tostring` says.
pub fn message_of(value: &Value) -> String {
    match value {
        Value::String(s) => s.to_string_lossy(),
        Value::Table(t) => table_message(t).unwrap_or_else(|| describe(value)),
        Value::Error(e) => raised(e).map_or_else(|| root_message(e), |r| r.message.clone()),
        other => describe(other),
    }
}

/// The `code` of an error table, if it has one.
pub fn code_of(value: &Value) -> Option<String> {
    match value {
        Value::Table(t) => t.raw_get::<Option<String>>("code").ok().flatten(),
        Value::Error(e) => raised(e).map(|r| r.code.clone()),
        _ => None,
    }
}

/// Message of the innermost cause, without the tracebacks that mlua adds on the way.
pub(crate) fn root_message(error: &mlua::Error) -> String {
    match error {
        mlua::Error::CallbackError { cause, .. } => root_message(cause),
        mlua::Error::RuntimeError(text) | mlua::Error::MemoryError(text) => text.clone(),
        mlua::Error::BadArgument { pos, cause, .. } => {
            format!("bad argument #{pos} ({})", root_message(cause))
        }
        mlua::Error::FromLuaConversionError { from, to, .. } => {
            format!("{} expected, got {}", lua_type(to), lua_type(from))
        }
        other => other.to_string(),
    }
}

/// What a script sees of an error that a Rust function raised: the table of [`raise`], else a text with the
/// position of the call, like Lua's own.
pub(crate) fn to_value(lua: &Lua, error: &mlua::Error) -> mlua::Result<Value> {
    if let Some(raised) = raised(error) {
        return to_table(lua, &raised.code, &raised.message).map(Value::Table);
    }
    if let Some(rethrown) = error.downcast_ref::<Rethrown>() {
        return Ok(rethrown.value.clone());
    }
    let mut message = root_message(error);
    if let (Some(rest), Some(name)) = (
        message.strip_prefix("bad argument #"),
        traceback(error).and_then(function),
    ) && let Some((number, why)) = rest.split_once(' ')
    {
        message = format!("bad argument #{number} to '{name}' {why}");
    }
    let text = match traceback(error).and_then(position) {
        Some(position) => format!("{position}: {message}"),
        None => message,
    };
    lua.create_string(text).map(Value::String)
}

/// Whether Lua's memory was full.
pub(crate) fn is_memory(error: &mlua::Error) -> bool {
    match error {
        mlua::Error::MemoryError(_) => true,
        mlua::Error::CallbackError { cause, .. } => is_memory(cause),
        _ => false,
    }
}

/// The lines of a traceback, without its heading and without the frames below the script's own code.
pub(crate) fn trim_traceback(text: &str) -> String {
    let lines = text
        .trim_start_matches('\n')
        .trim_start_matches("stack traceback:\n");
    let end = lines
        .rfind("\n\t[C]: in function 'xpcall'")
        .unwrap_or(lines.len());
    let kept = lines
        .get(..end)
        .unwrap_or(lines)
        .lines()
        .filter(|line| !internal(line));
    kept.map(built_in).collect::<Vec<_>>().join("\n")
}

/// A frame inside the implementation of a built-in function.
fn internal(line: &str) -> bool {
    line.ends_with("'get_future'") || line.starts_with("\tgshell:") || line.starts_with("\t?: in function <")
}

/// A built-in function that waits is written partly in Lua; to a script it looks like the others.
fn built_in(line: &str) -> String {
    match line
        .strip_prefix("\t__mlua_async_poll:")
        .and_then(|rest| rest.split_once(": "))
    {
        Some((_, rest)) => format!("\t[C]: {rest}"),
        None => line.to_owned(),
    }
}

/// Lua's name of what a Rust type is read from.
fn lua_type(rust: &str) -> &str {
    match rust {
        "integer" | "f32" | "f64" | "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => {
            "number"
        }
        "String" | "LuaString" | "&str" => "string",
        "bool" => "boolean",
        other => other,
    }
}

fn traceback(error: &mlua::Error) -> Option<&str> {
    match error {
        mlua::Error::CallbackError { traceback, .. } => Some(traceback),
        _ => None,
    }
}

/// Name of the innermost function that a script knows, without its module.
fn function(traceback: &str) -> Option<&str> {
    let (_, rest) = traceback.split_once("in function '")?;
    let (name, _) = rest.split_once('\'')?;
    name.rsplit(['.', ':']).next()
}

/// `file:line` of the innermost frame of Lua code that is the script's.
fn position(traceback: &str) -> Option<&str> {
    traceback
        .lines()
        .filter_map(|line| line.strip_prefix('\t')?.split_once(": in "))
        .map(|(at, _)| at)
        .find(|at| {
            !at.starts_with(['[', '?'])
                && !at.starts_with("__mlua")
                && !at.starts_with("gshell:")
                && at.contains(':')
        })
}

fn table_message(table: &Table) -> Option<String> {
    let has_tostring = table
        .metatable()
        .is_some_and(|m| matches!(m.raw_get::<Value>("__tostring"), Ok(Value::Function(_))));
    if has_tostring {
        return None;
    }
    table.raw_get::<Option<String>>("message").ok().flatten()
}

fn describe(value: &Value) -> String {
    value
        .to_string()
        .unwrap_or_else(|_| format!("(error object is a {} value)", value.type_name()))
}

fn metatable(lua: &Lua) -> mlua::Result<Table> {
    if let Ok(Some(found)) = lua.named_registry_value::<Option<Table>>(METATABLE) {
        return Ok(found);
    }
    let made = lua.create_table()?;
    made.raw_set("__name", "error")?;
    made.raw_set(
        "__tostring",
        call::value(lua, |_, (t,): (Table,)| t.raw_get::<Value>("message"))?,
    )?;
    lua.set_named_registry_value(METATABLE, &made)?;
    Ok(made)
}
