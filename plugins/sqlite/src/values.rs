//! Values of scripts as parameters of SQL, and rows as values of scripts.

use gshell_plugin_sdk::{Code, Error, Result, Value};
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Row, Statement};

/// The field of the table that marks a blob.
const BLOB: &str = "blob";

/// Which parameter a value is for.
#[derive(Debug)]
enum Key {
    /// Counted from 1.
    Number(usize),
    /// With or without its sign.
    Name(String),
}

/// Values for the parameters of a statement.
#[derive(Debug, Default)]
pub struct Parameters(Vec<(Key, Sql)>);

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Code::Invalid, text.into())
}

impl Parameters {
    /// Takes a list, or a table by name.
    ///
    /// # Errors
    /// When it is something else, or a value is none that SQL has.
    pub fn from_script(value: Value) -> Result<Parameters> {
        let pairs = match value {
            Value::Nil => Vec::new(),
            Value::Table(pairs) => pairs,
            _ => return Err(invalid("parameters are a table: a list, or values by name")),
        };
        let pairs = pairs.into_iter().map(|(key, value)| {
            let key = match &key {
                Value::Integer(number) => usize::try_from(*number)
                    .ok()
                    .filter(|number| *number > 0)
                    .map(Key::Number),
                key => key.as_str().map(|name| Key::Name(name.to_owned())),
            };
            let key = key.ok_or_else(|| invalid("a parameter is named by a number from 1 or by a string"))?;
            let value = from_script(value).map_err(|problem| match &key {
                Key::Number(number) => invalid(format!("parameter {number}: {problem}")),
                Key::Name(name) => invalid(format!("parameter {name}: {problem}")),
            })?;
            Ok((key, value))
        });
        pairs.collect::<Result<_>>().map(Parameters)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives them to a statement. Parameters without a value are NULL.
    ///
    /// # Errors
    /// When the statement has no such parameter.
    pub fn bind(&self, statement: &mut Statement<'_>) -> std::result::Result<(), Bind> {
        statement.clear_bindings();
        let count = statement.parameter_count();
        for (key, value) in &self.0 {
            let number = match key {
                Key::Number(number) if *number <= count => *number,
                Key::Number(number) => {
                    return Err(Bind::Own(format!(
                        "there is no parameter {number}, the SQL has {count}"
                    )));
                }
                Key::Name(name) => match index(statement, name)? {
                    Some(number) => number,
                    None => return Err(Bind::Own(format!("no parameter is called {name:?}"))),
                },
            };
            statement.raw_bind_parameter(number, value)?;
        }
        Ok(())
    }
}

/// Why parameters do not fit.
pub enum Bind {
    /// As we say it.
    Own(String),
    /// As SQLite says it.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Bind {
    fn from(error: rusqlite::Error) -> Bind {
        Bind::Sqlite(error)
    }
}

/// The number of a parameter, whose name has a sign in SQL that a script may leave out.
fn index(statement: &Statement<'_>, name: &str) -> rusqlite::Result<Option<usize>> {
    for sign in ["", ":", "@", "$"] {
        if let Some(number) = statement.parameter_index(&format!("{sign}{name}"))? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// A value, or what is wrong with it.
fn from_script(value: Value) -> std::result::Result<Sql, &'static str> {
    match value {
        Value::Nil => Ok(Sql::Null),
        Value::Boolean(value) => Ok(Sql::Integer(value.into())),
        Value::Integer(value) => Ok(Sql::Integer(value)),
        Value::Number(value) => Ok(Sql::Real(value)),
        Value::Bytes(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Sql::Text(text)),
            Err(_) => Err("a string that is not UTF-8 is no text of SQL; wrap it by sqlite.blob"),
        },
        Value::Table(pairs) => match &pairs[..] {
            [(key, Value::Bytes(bytes))] if key.as_str() == Some(BLOB) => Ok(Sql::Blob(bytes.clone())),
            _ => Err("a table is no value of SQL"),
        },
    }
}

/// A row as a table by the names of columns, and its bytes, about.
///
/// # Errors
/// When SQLite fails.
pub fn row(row: &Row<'_>) -> rusqlite::Result<(Value, usize)> {
    let names = row.as_ref().column_names();
    let (mut pairs, mut size) = (Vec::with_capacity(names.len()), 0);
    for (index, name) in names.into_iter().enumerate() {
        let value = match row.get_ref(index)? {
            // As a field that is missing.
            ValueRef::Null => continue,
            ValueRef::Integer(value) => Value::Integer(value),
            ValueRef::Real(value) => Value::Number(value),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                size += bytes.len();
                Value::Bytes(bytes.to_vec())
            }
        };
        size += name.len() + size_of::<(Value, Value)>();
        pairs.push((name.into(), value));
    }
    Ok((Value::Table(pairs), size))
}
