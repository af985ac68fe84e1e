//! The way to the thread of a connection, and the connections of this process by number.
//!
//! Scripts call by the number and not by the object: an object is in use during a call, and several tasks may use one
//! connection. Their calls go one after the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use gshell_plugin_sdk::{Call, Code, Error, Result};
use rusqlite::limits::Limit;
use rusqlite::{Connection, InterruptHandle, OpenFlags};

use crate::errors;
use crate::worker::{Answer, Task, Worker};

/// How long a caller waits before it looks whether somebody waits for it.
const LOOK: Duration = Duration::from_millis(50);
/// Stack of a connection's thread; only what is used of it costs memory.
const STACK: usize = 512 << 10;
/// How deep expressions of SQL may be: SQLite follows them on the stack.
const EXPR_DEPTH: i32 = 200;
/// Bytes of one value, row or statement: 16 MiB.
const LENGTH: i32 = 16 << 20;
/// Tasks that wait for their turn.
const WAITING_MAX: usize = 256;

/// How a database is opened.
#[derive(Debug)]
pub struct Opening {
    /// Where it is; `:memory:` for one that is nowhere else.
    pub path: String,
    /// Only for reading.
    pub readonly: bool,
    /// Whether a missing one is made.
    pub create: bool,
    /// How long to wait while others write.
    pub timeout: Duration,
}

struct Job {
    task: Task,
    number: u32,
    wanted: Arc<AtomicBool>,
    /// `None`: nobody waits.
    reply: Option<SyncSender<Result<Answer>>>,
}

/// A connection, seen from elsewhere.
pub struct Link {
    path: String,
    jobs: SyncSender<Job>,
    interrupt: InterruptHandle,
    running: Arc<Mutex<Running>>,
}

/// The number of the job that runs, 0 for none, and of the one that came last.
#[derive(Default)]
struct Running {
    now: u32,
    last: u32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed(path: &str) -> Error {
    Error::new(Code::State, format!("{path}: it is closed"))
}

impl Link {
    /// Opens a database on a thread of its own.
    ///
    /// # Errors
    /// When there is none, or no thread.
    pub fn open(opening: Opening) -> Result<Link> {
        let (jobs, todo) = mpsc::sync_channel(WAITING_MAX);
        let (opened, ready) = mpsc::sync_channel(1);
        let running = Arc::<Mutex<Running>>::default();
        let (path, shared) = (opening.path.clone(), Arc::clone(&running));
        let run = move || match connect(&opening) {
            Ok(connection) => {
                let handle = connection.get_interrupt_handle();
                let last = match opened.send(Ok(handle)) {
                    Ok(()) => serve(&connection, &opening.path, &todo, &shared),
                    Err(_) => None,
                };
                drop(connection);
                // Whoever asked for the end is told when the file is closed.
                drop(last.map(|reply| reply.send(Ok(Answer::Nothing))));
            }
            Err(error) => drop(opened.send(Err(errors::of(&opening.path, &error)))),
        };
        let made = thread::Builder::new()
            .name("sqlite".to_owned())
            .stack_size(STACK)
            .spawn(run);
        made.map_err(|error| Error::new(Code::Limit, format!("{path}: no thread for it: {error}")))?;
        let interrupt = ready.recv().map_err(|_| closed(&path))??;
        Ok(Link {
            path,
            jobs,
            interrupt,
            running,
        })
    }

    /// Has a task done and waits for its answer.
    ///
    /// # Errors
    /// What SQLite says, that nobody waits any more, or that the database is closed.
    pub fn ask(&self, call: &Call<'_>, task: Task) -> Result<Answer> {
        let number = self.number();
        let wanted = Arc::new(AtomicBool::new(true));
        let (reply, answer) = mpsc::sync_channel(1);
        let job = Job {
            task,
            number,
            wanted: Arc::clone(&wanted),
            reply: Some(reply),
        };
        self.jobs.send(job).map_err(|_| closed(&self.path))?;
        loop {
            match answer.recv_timeout(LOOK) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => return Err(closed(&self.path)),
                Err(RecvTimeoutError::Timeout) if call.is_cancelled() => self.give_up(number, &wanted),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Ends a cursor or a statement without waiting for it. When too many wait it stays until the connection ends.
    pub fn forget(&self, number: u32) {
        let job = Job {
            task: Task::Forget(number),
            number: self.number(),
            wanted: Arc::new(AtomicBool::new(true)),
            reply: None,
        };
        // Nobody can be told, and a connection that has ended has none of them.
        let _ = self.jobs.try_send(job);
    }

    fn number(&self) -> u32 {
        let mut running = lock(&self.running);
        running.last = running.last.wrapping_add(1).max(1);
        running.last
    }

    /// Has a job not begin, or end early.
    fn give_up(&self, number: u32, wanted: &AtomicBool) {
        wanted.store(false, Relaxed);
        // Under the lock, so that it is not the next job that is interrupted.
        let running = lock(&self.running);
        if running.now == number {
            self.interrupt.interrupt();
        }
    }
}

fn connect(opening: &Opening) -> rusqlite::Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags |= match (opening.readonly, opening.create) {
        (true, _) => OpenFlags::SQLITE_OPEN_READ_ONLY,
        (_, false) => OpenFlags::SQLITE_OPEN_READ_WRITE,
        (_, true) => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    let connection = Connection::open_with_flags(&opening.path, flags)?;
    connection.busy_timeout(opening.timeout)?;
    connection.set_limit(Limit::SQLITE_LIMIT_EXPR_DEPTH, EXPR_DEPTH)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LENGTH)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, LENGTH)?;
    // SQLite opens the file when it is needed first: what is wrong with it is to be told here.
    connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
    Ok(connection)
}

/// Does jobs until one asks for the end, whose sender it gives, or nobody is there to send any.
fn serve(
    connection: &Connection,
    path: &str,
    todo: &Receiver<Job>,
    running: &Mutex<Running>,
) -> Option<SyncSender<Result<Answer>>> {
    let mut worker = Worker::new(connection, path);
    while let Ok(job) = todo.recv() {
        if matches!(job.task, Task::Close) {
            return job.reply;
        }
        lock(running).now = job.number;
        let answer = match job.wanted.load(Relaxed) {
            true => worker.run(job.task),
            false => Err(Error::new(
                Code::Cancelled,
                format!("{path}: nobody waits for it any more"),
            )),
        };
        lock(running).now = 0;
        // A sender that is gone was not interested.
        drop(job.reply.map(|reply| reply.send(answer)));
    }
    None
}

/// Connections by number.
static LINKS: Mutex<Links> = Mutex::new(Links {
    open: BTreeMap::new(),
    last: 0,
});

struct Links {
    open: BTreeMap<i64, Arc<Link>>,
    last: i64,
}

/// Keeps a connection until [`remove`], and gives its number.
pub fn add(link: Link) -> i64 {
    let mut links = lock(&LINKS);
    links.last += 1;
    let number = links.last;
    links.open.insert(number, Arc::new(link));
    number
}

/// The connection of this number.
///
/// # Errors
/// When it is closed.
pub fn find(number: i64) -> Result<Arc<Link>> {
    let found = lock(&LINKS).open.get(&number).map(Arc::clone);
    found.ok_or_else(|| Error::new(Code::State, "the database is closed"))
}

/// Forgets a connection, which ends when nobody uses it any more.
pub fn remove(number: i64) -> Option<Arc<Link>> {
    lock(&LINKS).open.remove(&number)
}
