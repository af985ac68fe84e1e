//! An environment as `ps --json` shows it.

use serde_json::Value;

/// The fields that `ps --json` promises.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// 12 hexadecimal digits.
    pub id: String,
    /// Full name of its group, `NAME-VERSION`.
    pub group: String,
    /// File or folder name of what runs.
    pub name: String,
    /// Arguments, without the name.
    pub args: Vec<String>,
    /// `starting`, `running`, `stopping`, `backoff` or `exited`.
    pub state: String,
    /// How it ended: `ok`, `error`, `killed`, `signal` or `oom`.
    pub exit: Option<String>,
    /// The message of an uncaught error.
    pub error: Option<String>,
    /// Exit status.
    pub code: Option<i64>,
    /// RFC 3339.
    pub started_at: Option<String>,
    /// How long it has run, or ran.
    pub duration_ms: u64,
    /// Starts after the first that nobody asked for.
    pub restarts: u64,
    /// The process that it runs in.
    pub pid: Option<i32>,
}

impl Job {
    /// Reads one object; panics with the field that is missing or of a wrong type.
    pub fn from_json(value: &Value) -> Self {
        let text = |field: &str| optional(value, field, Value::as_str).map(str::to_owned);
        let required = |field: &str| text(field).unwrap_or_else(|| panic!("\"{field}\" is null in {value}"));
        let number = |field: &str| optional(value, field, Value::as_u64).unwrap_or(0);
        let args = value["args"]
            .as_array()
            .unwrap_or_else(|| panic!("\"args\" is no array in {value}"));
        Self {
            id: required("id"),
            group: required("group"),
            name: required("name"),
            args: args
                .iter()
                .map(|arg| arg.as_str().expect("an argument is a string").to_owned())
                .collect(),
            state: required("state"),
            exit: text("exit"),
            error: text("error"),
            code: optional(value, "code", Value::as_i64),
            started_at: text("started_at"),
            duration_ms: number("duration_ms"),
            restarts: number("restarts"),
            pid: optional(value, "pid", Value::as_i64).map(|pid| i32::try_from(pid).expect("a pid")),
        }
    }

    /// `state`, with how it ended behind it: `running`, `exited:ok`.
    pub fn status(&self) -> String {
        match &self.exit {
            Some(exit) if self.state == "exited" => format!("{}:{exit}", self.state),
            _ => self.state.clone(),
        }
    }
}

/// A field that must be there, and may be null.
fn optional<'a, T>(value: &'a Value, field: &str, read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
    let found = value
        .get(field)
        .unwrap_or_else(|| panic!("no \"{field}\" in {value}"));
    if found.is_null() {
        None
    } else {
        Some(read(found).unwrap_or_else(|| panic!("\"{field}\" in {value}")))
    }
}
