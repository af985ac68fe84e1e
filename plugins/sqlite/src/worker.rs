//! The thread of a connection. Statements and cursors borrow the connection and may not leave its thread; so they live
//! here, under numbers, and others send tasks.

use std::collections::BTreeMap;

use gshell_plugin_sdk::{Code, Error, Result, Value};
use rusqlite::{Connection, Rows, Statement};
use self_cell::{MutBorrow, self_cell};

use crate::errors;
use crate::values::{self, Bind, Parameters};

/// Bytes that the rows of one query take at most: 16 MiB.
pub const BYTES_LIMIT: u32 = 16 << 20;
/// Bytes of rows that a cursor gives at once, and one row.
const BATCH: usize = 64 << 10;
/// Prepared statements and cursors of a connection.
const KEPT_MAX: usize = 256;

/// What is run: SQL, or what was prepared.
#[derive(Debug)]
pub enum What {
    /// One statement.
    Sql(String),
    /// The number of a prepared one.
    Prepared(u32),
}

/// What the thread is asked for.
#[derive(Debug)]
pub enum Task {
    /// Any number of statements without parameters.
    Batch(String),
    /// One statement whose rows nobody wants.
    Exec(What, Parameters),
    /// One statement and so many rows at most.
    Query(What, Parameters, u32),
    /// A cursor.
    Rows(What, Parameters),
    /// So many rows of a cursor at most.
    Next(u32, u32),
    /// A prepared statement.
    Prepare(String),
    /// Ends a cursor or a prepared statement.
    Forget(u32),
    /// Ends all of it.
    Close,
}

/// What the thread answers.
#[derive(Debug)]
pub enum Answer {
    /// It is done.
    Nothing,
    /// Rows that changed, and the number of the row that was added last.
    Done(i64, i64),
    /// Rows; none of a cursor: it has ended.
    Rows(Vec<Value>),
    /// The number of what was made.
    Number(u32),
}

type RowsOf<'a> = Rows<'a>;

self_cell! {
    /// A statement that gives its rows.
    struct Cursor<'c> {
        owner: MutBorrow<Statement<'c>>,
        #[covariant]
        dependent: RowsOf,
    }
}

/// The things of a connection.
pub struct Worker<'c> {
    connection: &'c Connection,
    path: &'c str,
    statements: BTreeMap<u32, (String, Statement<'c>)>,
    cursors: BTreeMap<u32, Cursor<'c>>,
    last: u32,
}

impl<'c> Worker<'c> {
    /// Of this connection.
    pub fn new(connection: &'c Connection, path: &'c str) -> Worker<'c> {
        Worker {
            connection,
            path,
            statements: BTreeMap::new(),
            cursors: BTreeMap::new(),
            last: 0,
        }
    }

    /// Does a task.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn run(&mut self, task: Task) -> Result<Answer> {
        match task {
            Task::Batch(sql) => self.batch(&sql),
            Task::Exec(what, parameters) => self.exec(what, &parameters),
            Task::Query(what, parameters, limit) => self.query(what, &parameters, limit),
            Task::Rows(what, parameters) => self.rows(what, &parameters),
            Task::Next(cursor, count) => self.next(cursor, count),
            Task::Prepare(sql) => self.prepare(sql),
            Task::Forget(number) => {
                self.cursors.remove(&number);
                self.statements.remove(&number);
                Ok(Answer::Nothing)
            }
            Task::Close => Ok(Answer::Nothing),
        }
    }

    /// An error, upon which cursors may have to end: as long as one is open, SQLite interrupts whatever follows.
    fn failed(&mut self, error: &rusqlite::Error) -> Error {
        if errors::is_interrupted(error) {
            self.cursors.clear();
        }
        errors::of(self.path, error)
    }

    fn bound(&mut self, problem: Bind) -> Error {
        match problem {
            Bind::Own(text) => Error::new(Code::Invalid, text),
            Bind::Sqlite(error) => self.failed(&error),
        }
    }

    fn changes(&self, before: u64, is_one: bool) -> Answer {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let all = self.connection.total_changes().saturating_sub(before);
        // What triggers changed does not count, as far as SQLite tells both apart.
        let changed = if is_one {
            all.min(self.connection.changes())
        } else {
            all
        };
        Answer::Done(number(changed), self.connection.last_insert_rowid())
    }

    fn batch(&mut self, sql: &str) -> Result<Answer> {
        let before = self.connection.total_changes();
        self.connection
            .execute_batch(sql)
            .map_err(|error| self.failed(&error))?;
        Ok(self.changes(before, false))
    }

    /// Runs a statement with its parameters and gives it rows one by one to `each`, until that says no.
    fn step(
        &mut self,
        what: What,
        parameters: &Parameters,
        mut each: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<bool>,
    ) -> Result<()> {
        let mut fresh;
        let statement = match what {
            What::Sql(sql) => {
                fresh = self
                    .connection
                    .prepare(&sql)
                    .map_err(|error| self.failed(&error))?;
                &mut fresh
            }
            What::Prepared(number) => match self.statements.get_mut(&number) {
                Some((_, statement)) => statement,
                None => return Err(ended("statement")),
            },
        };
        let done = match parameters.bind(statement) {
            Ok(()) => {
                let mut rows = statement.raw_query();
                loop {
                    match rows.next() {
                        Ok(Some(row)) => match each(row) {
                            Ok(true) => {}
                            Ok(false) => break Ok(()),
                            Err(error) => break Err(Bind::Sqlite(error)),
                        },
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(Bind::Sqlite(error)),
                    }
                }
            }
            Err(problem) => Err(problem),
        };
        done.map_err(|problem| self.bound(problem))
    }

    fn exec(&mut self, what: What, parameters: &Parameters) -> Result<Answer> {
        let before = self.connection.total_changes();
        self.step(what, parameters, |_| Ok(true))?;
        Ok(self.changes(before, true))
    }

    fn query(&mut self, what: What, parameters: &Parameters, limit: u32) -> Result<Answer> {
        let (mut found, mut bytes, mut more) = (Vec::new(), 0, None);
        self.step(what, parameters, |row| {
            if found.len() == limit as usize {
                more = Some(format!("{limit} rows"));
                return Ok(false);
            }
            let (value, size) = values::row(row)?;
            bytes += size;
            if bytes > BYTES_LIMIT as usize {
                more = Some(format!("{BYTES_LIMIT} bytes"));
                return Ok(false);
            }
            found.push(value);
            Ok(true)
        })?;
        match more {
            None => Ok(Answer::Rows(found)),
            Some(limit) => {
                let text = format!(
                    "{}: the query gives more than {limit}; take them one by one by rows, or say a limit",
                    self.path
                );
                Err(Error::new(Code::Limit, text))
            }
        }
    }

    /// A number for something new.
    fn number(&mut self) -> Result<u32> {
        if self.statements.len() + self.cursors.len() >= KEPT_MAX {
            let text = format!(
                "{}: it has {KEPT_MAX} prepared statements and iterators; close those that are done",
                self.path
            );
            return Err(Error::new(Code::Limit, text));
        }
        self.last = self.last.wrapping_add(1);
        Ok(self.last)
    }

    fn prepare(&mut self, sql: String) -> Result<Answer> {
        let number = self.number()?;
        let statement = self
            .connection
            .prepare(&sql)
            .map_err(|error| self.failed(&error))?;
        self.statements.insert(number, (sql, statement));
        Ok(Answer::Number(number))
    }

    fn rows(&mut self, what: What, parameters: &Parameters) -> Result<Answer> {
        let number = self.number()?;
        let sql = match &what {
            What::Sql(sql) => sql,
            // One of its own: the prepared one may run meanwhile.
            What::Prepared(number) => match self.statements.get(number) {
                Some((sql, _)) => sql,
                None => return Err(ended("statement")),
            },
        };
        let statement = self.connection.prepare(sql);
        let mut statement = statement.map_err(|error| self.failed(&error))?;
        parameters
            .bind(&mut statement)
            .map_err(|problem| self.bound(problem))?;
        let cursor = Cursor::new(MutBorrow::new(statement), |owner| owner.borrow_mut().raw_query());
        self.cursors.insert(number, cursor);
        Ok(Answer::Number(number))
    }

    fn next(&mut self, number: u32, count: u32) -> Result<Answer> {
        let Some(cursor) = self.cursors.get_mut(&number) else {
            return Err(ended("iterator"));
        };
        let mut found = Vec::new();
        let done = cursor.with_dependent_mut(|_, rows| {
            let mut bytes = 0;
            while found.len() < count as usize && bytes < BATCH {
                let Some(row) = rows.next()? else {
                    break;
                };
                let (value, size) = values::row(row)?;
                bytes += size;
                found.push(value);
            }
            Ok(())
        });
        if done.is_err() || found.is_empty() {
            self.cursors.remove(&number);
        }
        done.map_err(|error| self.failed(&error))?;
        Ok(Answer::Rows(found))
    }
}

fn ended(what: &str) -> Error {
    Error::new(Code::State, format!("the {what} has ended"))
}
