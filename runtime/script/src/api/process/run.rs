//! `process.run`: a command from its start to its end, its output collected.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::future::zip;
use gshell_service::rt;
use gshell_sys::process::{ExitStatus, signal_name};
use mlua::{Lua, LuaString, Result, Table, Value};

use super::command::{self, Command};
use super::running::{Leftovers, Reader, Running, Streams, Wire, Writer, start};
use crate::Context;
use crate::api::options::Options;
use crate::errors::{raise, raise_io};

/// Bytes of each output stream that are collected unless `limit` says otherwise: 4 MiB.
const LIMIT: usize = 4 << 20;
/// Bytes of one read.
const PIECE: usize = 16 * 1024;
/// Characters of standard error that the error of `check` shows.
const SHOWN: usize = 200;

/// Kills the child, and what it started, when its caller goes before the end (stop, time-out, too much
/// output).
struct Guard {
    running: Rc<Running>,
    done: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.done {
            self.running.kill_rest();
        }
    }
}

/// What was collected.
struct Collected {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Lua's `run`.
pub async fn run(
    lua: Lua,
    cx: Rc<Context>,
    leftovers: Rc<Leftovers>,
    (what, options): (Value, Option<Table>),
) -> Result<Table> {
    let known = ["input", "timeout", "check", "merge", "limit"];
    let options = Options::new("process.run", options, &[&known[..], &command::OPTIONS].concat())?;
    let command = Command::new("process.run", what, &options, &lua)?;
    let input = options
        .get::<LuaString>(&lua, "input")?
        .map(|input| input.as_bytes().to_vec());
    let limit = options.limit(&lua, LIMIT)?;
    let timeout = options.seconds(&lua, "timeout")?;
    let (check, merge) = (options.flag("check")?, options.flag("merge")?);
    let shown = command.shown.clone();
    let wires = [
        if input.is_some() { Wire::Pipe } else { Wire::Null },
        Wire::Pipe,
        if merge { Wire::Merge } else { Wire::Pipe },
    ];
    let (running, streams) = start(&cx, &leftovers, command.into_spawn(), &shown, wires)?;
    let mut guard = Guard { running, done: false };
    let collecting = collect(&guard.running, streams, input.unwrap_or_default(), limit, &shown);
    let collected = cx.wait(within(timeout, collecting, &shown)).await??;
    guard.done = true;
    if check && !collected.status.success() {
        return Err(raise("failed", complaint(&shown, &collected)));
    }
    let table = status_table(&lua, collected.status)?;
    table.raw_set("stdout", lua.create_string(&collected.stdout)?)?;
    table.raw_set("stderr", lua.create_string(&collected.stderr)?)?;
    Ok(table)
}

/// `{ code }` of an exit, `{ signal }`, a name such as "SIGTERM", of a kill.
pub fn status_table(lua: &Lua, status: ExitStatus) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, 4)?;
    match status {
        ExitStatus::Code(code) => table.raw_set("code", code)?,
        ExitStatus::Signal { signal, .. } => table.raw_set("signal", signal_name(signal))?,
    }
    table.raw_set("ok", status.success())?;
    Ok(table)
}

async fn within(
    timeout: Option<Duration>,
    collecting: impl Future<Output = Result<Collected>>,
    shown: &str,
) -> Result<Collected> {
    let Some(timeout) = timeout else {
        return collecting.await;
    };
    rt::timeout(timeout, collecting).await.unwrap_or_else(|| {
        let seconds = timeout.as_secs_f64();
        Err(raise(
            "timeout",
            format!("`{shown}` ran longer than {seconds} s and was killed"),
        ))
    })
}

async fn collect(
    running: &Running,
    streams: Streams,
    input: Vec<u8>,
    limit: usize,
    shown: &str,
) -> Result<Collected> {
    let feeding = feed(streams.stdin, input);
    let stdout = drain(streams.stdout, limit, "standard output", shown);
    let stderr = drain(streams.stderr, limit, "standard error", shown);
    // An error of either ends both, and the guard the child.
    let (_, outputs) = zip(feeding, futures_lite::future::try_zip(stdout, stderr)).await;
    let (stdout, stderr) = outputs?;
    Ok(Collected {
        status: running.wait().await,
        stdout,
        stderr,
    })
}

/// Writes the input and closes the pipe. A child need not read its input: what it refuses is no error.
async fn feed(stdin: Option<Writer>, input: Vec<u8>) {
    if let Some(stdin) = stdin {
        let _ = stdin.write_all(&input).await;
    }
}

async fn drain(stream: Option<Reader>, limit: usize, name: &str, shown: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(stream) = stream else { return Ok(bytes) };
    let mut piece = vec![0; PIECE];
    loop {
        let count = stream.read(&mut piece).await;
        let count =
            count.map_err(|error: io::Error| raise_io(&format!("read {name} of `{shown}`"), &error))?;
        if count == 0 {
            return Ok(bytes);
        }
        if bytes.len() + count > limit {
            let message = format!("{name} of `{shown}` is longer than {limit} bytes");
            return Err(raise("limit", format!("{message}; option \"limit\" raises that")));
        }
        bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
    }
}

fn complaint(shown: &str, collected: &Collected) -> String {
    let stderr = String::from_utf8_lossy(&collected.stderr);
    let last = stderr.trim().lines().next_back().unwrap_or_default();
    let last: String = last.chars().take(SHOWN).collect();
    let colon = if last.is_empty() { "" } else { ": " };
    format!("`{shown}`: {}{colon}{last}", collected.status)
}
