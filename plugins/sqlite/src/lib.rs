//! The plugin `sqlite`: databases of SQLite, which is compiled into it.

mod errors;
mod link;
mod values;
mod worker;

#[gshell_plugin_sdk::plugin(name = "sqlite", lua = include_str!("../lua/sqlite.lua"))]
mod plugin {
    use std::sync::Arc;
    use std::time::Duration;

    use gshell_plugin_sdk::{Call, Code, Error, Fields, Result, Value};

    use crate::link::{self, Link, Opening};
    use crate::values::Parameters;
    use crate::worker::{self, Answer, Task, What};

    /// Rows that one query gives at most when nothing else is said.
    #[constant]
    pub const ROWS_LIMIT: u32 = 10_000;
    /// Bytes that the rows of one query take at most: 16 MiB.
    #[constant]
    pub const BYTES_LIMIT: u32 = worker::BYTES_LIMIT;

    /// Seconds that a call waits while others write.
    const TIMEOUT: f64 = 5.0;
    /// The longest such wait: an hour.
    const TIMEOUT_MAX: f64 = 3600.0;

    /// How a database may be opened.
    #[derive(Debug, Default, Fields)]
    pub struct Options {
        /// Only for reading.
        readonly: Option<bool>,
        /// Whether a missing one is made.
        create: Option<bool>,
        /// Seconds to wait while others write.
        timeout: Option<f64>,
    }

    /// A connection, which ends with it.
    #[derive(Debug)]
    pub struct Connection(i64);

    impl Drop for Connection {
        fn drop(&mut self) {
            drop(link::remove(self.0));
        }
    }

    #[object]
    impl Connection {
        /// The number of the connection, which functions take.
        #[method]
        fn number(&self) -> i64 {
            self.0
        }
    }

    /// Opens a database.
    #[function(blocking)]
    fn open(path: String, options: Option<Options>) -> Result<Connection> {
        let options = options.unwrap_or_default();
        let timeout = options.timeout.unwrap_or(TIMEOUT);
        if !(0.0..=TIMEOUT_MAX).contains(&timeout) {
            let text = format!("{path}: a timeout is from 0 to {TIMEOUT_MAX} seconds, not {timeout}");
            return Err(Error::new(Code::Invalid, text));
        }
        let link = Link::open(Opening {
            path,
            readonly: options.readonly.unwrap_or(false),
            create: options.create.unwrap_or(true),
            timeout: Duration::from_secs_f64(timeout),
        })?;
        Ok(Connection(link::add(link)))
    }

    /// Closes a database; gives whether it was open.
    #[function(blocking)]
    fn close(call: &Call<'_>, connection: i64) -> Result<bool> {
        match link::remove(connection) {
            Some(link) => link.ask(call, Task::Close).map(|_| true),
            None => Ok(false),
        }
    }

    /// SQL, or the number of a prepared statement.
    fn what(given: &Value) -> Result<What> {
        match given {
            Value::Integer(number) => match u32::try_from(*number) {
                Ok(number) => Ok(What::Prepared(number)),
                Err(_) => Err(Error::new(
                    Code::Invalid,
                    format!("no statement has the number {number}"),
                )),
            },
            given => match given.as_str() {
                Some(sql) => Ok(What::Sql(sql.to_owned())),
                None => Err(Error::new(Code::Invalid, "SQL is a string in UTF-8")),
            },
        }
    }

    fn unexpected(answer: &Answer) -> Error {
        Error::new(Code::Internal, format!("the connection answers {answer:?}"))
    }

    /// Runs SQL (several statements, if there are no parameters) or a prepared statement; gives how many rows changed and the
    /// number of the row that was added last.
    #[function(blocking)]
    fn exec(call: &Call<'_>, connection: i64, sql: Value, parameters: Value) -> Result<(i64, i64)> {
        let parameters = Parameters::from_script(parameters)?;
        let task = match what(&sql)? {
            What::Sql(sql) if parameters.is_empty() => Task::Batch(sql),
            what => Task::Exec(what, parameters),
        };
        match link::find(connection)?.ask(call, task)? {
            Answer::Done(changes, last) => Ok((changes, last)),
            other => Err(unexpected(&other)),
        }
    }

    /// The rows of a query or a prepared statement, so many at most.
    #[function(blocking)]
    fn query(
        call: &Call<'_>,
        connection: i64,
        sql: Value,
        parameters: Value,
        limit: Option<u32>,
    ) -> Result<Vec<Value>> {
        let limit = limit.unwrap_or(ROWS_LIMIT);
        let task = Task::Query(what(&sql)?, Parameters::from_script(parameters)?, limit);
        match link::find(connection)?.ask(call, task)? {
            Answer::Rows(rows) => Ok(rows),
            other => Err(unexpected(&other)),
        }
    }

    /// A statement that is prepared, and ends with it.
    pub struct Prepared {
        link: Arc<Link>,
        number: u32,
    }

    impl Drop for Prepared {
        fn drop(&mut self) {
            self.link.forget(self.number);
        }
    }

    #[object]
    impl Prepared {
        /// The number of the statement, which functions take.
        #[method]
        fn number(&self) -> u32 {
            self.number
        }

        /// Ends it.
        #[method]
        fn close(&self) {
            self.link.forget(self.number);
        }
    }

    /// Prepares a statement.
    #[function(blocking)]
    fn prepare(call: &Call<'_>, connection: i64, sql: String) -> Result<Prepared> {
        let link = link::find(connection)?;
        match link.ask(call, Task::Prepare(sql))? {
            Answer::Number(number) => Ok(Prepared { link, number }),
            other => Err(unexpected(&other)),
        }
    }

    /// Rows that come a few at a time.
    pub struct Cursor {
        link: Arc<Link>,
        number: u32,
    }

    impl Drop for Cursor {
        fn drop(&mut self) {
            self.link.forget(self.number);
        }
    }

    #[object]
    impl Cursor {
        /// The next rows, so many at most; none at the end.
        #[method(blocking)]
        fn next(&self, call: &Call<'_>, count: u32) -> Result<Vec<Value>> {
            match self.link.ask(call, Task::Next(self.number, count.max(1)))? {
                Answer::Rows(rows) => Ok(rows),
                other => Err(unexpected(&other)),
            }
        }

        /// Ends it.
        #[method]
        fn close(&self) {
            self.link.forget(self.number);
        }
    }

    /// Begins to read the rows of a query or a prepared statement.
    #[function(blocking)]
    fn rows(call: &Call<'_>, connection: i64, sql: Value, parameters: Value) -> Result<Cursor> {
        let link = link::find(connection)?;
        let task = Task::Rows(what(&sql)?, Parameters::from_script(parameters)?);
        match link.ask(call, task)? {
            Answer::Number(number) => Ok(Cursor { link, number }),
            other => Err(unexpected(&other)),
        }
    }
}
