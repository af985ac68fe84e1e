//! What is in files: reading whole and by lines, writing, copying.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;

use mlua::{Function, Lua, LuaString, Result, Table, Value};

use super::source::Source;
use crate::api::options::{Options, invalid};
use crate::api::support::{Lines, blocking, path};
use crate::call::Functions;
use crate::errors::{raise, raise_io};
use crate::{Context, Ticket};

/// Bytes that `read` gives unless `limit` says otherwise: 64 MiB, or the environment's memory if that is
/// less.
const READ_LIMIT: usize = 64 << 20;
/// Longest line of `lines` unless `limit` says otherwise: 1 MiB.
const LINE_LIMIT: usize = 1 << 20;

/// Adds the functions of this file.
pub fn register(add: &Functions<'_>, cx: &Rc<Context>) -> Result<()> {
    add.waiting(cx, "read", read)?;
    add.waiting(cx, "lines", lines)?;
    add.waiting(cx, "write", write)?;
    add.waiting(cx, "copy", copy)
}

/// The option `mode`: a number, or its octal text ("0644").
pub fn mode(lua: &Lua, options: &Options, function: &'static str) -> Result<Option<u32>> {
    let mode = match options.get::<Value>(lua, "mode")? {
        None => return Ok(None),
        Some(Value::Integer(mode)) => u32::try_from(mode).ok(),
        Some(Value::String(text)) => text
            .to_str()
            .ok()
            .and_then(|text| u32::from_str_radix(text.trim_start_matches("0o"), 8).ok()),
        Some(_) => None,
    };
    match mode {
        Some(mode) if mode <= 0o7777 => Ok(Some(mode)),
        _ => Err(invalid(
            function,
            "option \"mode\" is a number up to 4095 (7777 octal), or octal text",
        )),
    }
}

async fn read(lua: Lua, cx: Rc<Context>, (name, options): (LuaString, Option<Table>)) -> Result<LuaString> {
    let target = path("fs.read", &name)?;
    let options = Options::new("fs.read", options, &["limit"])?;
    let memory = usize::try_from(cx.limits.memory)
        .ok()
        .filter(|bytes| *bytes > 0)
        .unwrap_or(READ_LIMIT);
    let limit = options.limit(&lua, READ_LIMIT.min(memory))?;
    let failed = |error: io::Error| raise_io(&format!("read {}", target.display()), &error);
    let mut source = Source::open(&target).map_err(failed)?;
    let mut bytes = Vec::new();
    loop {
        // One byte more than the limit tells that there is more.
        let room = limit.saturating_add(1) - bytes.len();
        let (count, rest) = cx.wait(source.read_into(bytes, room)).await?.map_err(failed)?;
        bytes = rest;
        if bytes.len() > limit {
            let message = format!("read {}: more than {limit} bytes", target.display());
            return Err(raise("limit", format!("{message}; option \"limit\" raises that")));
        }
        if count == 0 {
            return lua.create_string(bytes);
        }
    }
}

/// An open file that is read by lines. The source is away while a piece is being read.
struct Reader {
    source: Option<Source>,
    lines: Lines,
    _ticket: Option<Ticket>,
}

async fn lines(lua: Lua, cx: Rc<Context>, (name, options): (LuaString, Option<Table>)) -> Result<Function> {
    let target = path("fs.lines", &name)?;
    let options = Options::new("fs.lines", options, &["limit"])?;
    let limit = options.limit(&lua, LINE_LIMIT)?;
    let what = format!("read {}", target.display());
    let source = Source::open(&target).map_err(|error| raise_io(&what, &error))?;
    let reader = Rc::new(RefCell::new(Reader {
        source: None,
        lines: Lines::default(),
        _ticket: None,
    }));
    let closing = Rc::downgrade(&reader);
    let ticket = cx.resources.add(&what, move || {
        if let Some(reader) = closing.upgrade()
            && let Ok(mut reader) = reader.try_borrow_mut()
        {
            reader.source = None;
        }
    })?;
    {
        let mut reader = reader.borrow_mut();
        reader.source = Some(source);
        reader._ticket = Some(ticket);
    }
    let what: Rc<str> = what.into();
    let maker = Rc::clone(&cx);
    maker.async_function(&lua, move |lua, ()| {
        next_line(lua, Rc::clone(&cx), Rc::clone(&reader), Rc::clone(&what), limit)
    })
}

async fn next_line(
    lua: Lua,
    cx: Rc<Context>,
    reader: Rc<RefCell<Reader>>,
    what: Rc<str>,
    limit: usize,
) -> Result<Option<LuaString>> {
    loop {
        let mut source = {
            let mut reader = reader.borrow_mut();
            if let Some(line) = reader.lines.line() {
                return lua.create_string(line).map(Some);
            }
            if reader.lines.waiting() > limit {
                let message =
                    format!("{what}: a line is longer than {limit} bytes; option \"limit\" raises that");
                return Err(raise("limit", message));
            }
            let Some(source) = reader.source.take() else {
                return Ok(None);
            };
            source
        };
        let (count, piece) = cx
            .wait(source.read_into(Vec::new(), limit.saturating_add(1)))
            .await?
            .map_err(|error| raise_io(&what, &error))?;
        let mut reader = reader.borrow_mut();
        if count == 0 {
            // The end: the file closes, and frees its place among the open ones.
            reader._ticket = None;
            return reader
                .lines
                .rest()
                .map(|line| lua.create_string(line))
                .transpose();
        }
        reader.lines.push(&piece);
        reader.source = Some(source);
    }
}

async fn write(
    lua: Lua,
    cx: Rc<Context>,
    (name, data, options): (LuaString, LuaString, Option<Table>),
) -> Result<()> {
    let target = path("fs.write", &name)?;
    let options = Options::new("fs.write", options, &["append", "atomic", "mode"])?;
    let (append, atomic) = (options.flag("append")?, options.flag("atomic")?);
    if append && atomic {
        return Err(invalid(
            "fs.write",
            "options \"append\" and \"atomic\" exclude each other",
        ));
    }
    let mode = mode(&lua, &options, "fs.write")?;
    let data = data.as_bytes().to_vec();
    let what = format!("write {}", target.display());
    if atomic {
        return blocking(
            &cx,
            || what,
            move || super::replace::replace(&target, &data, mode),
        )
        .await;
    }
    let failed = |error: io::Error| raise_io(&what, &error);
    let sink = Source::create(&target, append, mode).map_err(failed)?;
    cx.wait(sink.write_all(data)).await?.map_err(failed)
}

async fn copy(_: Lua, cx: Rc<Context>, (from, to): (LuaString, LuaString)) -> Result<i64> {
    let (from, to) = (path("fs.copy", &from)?, path("fs.copy", &to)?);
    let what = format!("copy {} to {}", from.display(), to.display());
    let count = blocking(&cx, || what, move || copy_file(&from, &to)).await?;
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Copies a regular file with its mode. Others (pipes, devices) may have no end.
fn copy_file(from: &Path, to: &Path) -> io::Result<u64> {
    if !std::fs::metadata(from)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    std::fs::copy(from, to)
}
