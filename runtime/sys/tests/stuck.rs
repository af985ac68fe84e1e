//! Scripts that cannot be made to yield, each in a process of its own because the limit belongs to the process.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Command;
use std::task::{Context, Waker};
use std::time::Duration;

use gshell_sys::note::{self, Note, Reason};
use gshell_sys::slice::{self, Protect, Running};
use mlua::{Function, Lua, MultiValue};

const ENV_CODE: &str = "GSHELL_TEST_STUCK_CODE";
const ENV_NOTE: &str = "GSHELL_TEST_STUCK_NOTE";
const RUNNING: Running = Running {
    id: *b"0123456789ab",
    slice: Duration::from_millis(2),
};

/// Whom the function `within` runs a text for, at once.
const OTHER: Running = Running {
    id: *b"ba9876543210",
    slice: Duration::from_millis(3),
};

fn within(lua: &Lua) -> Function {
    lua.create_function(|_, code: String| {
        let lua = Lua::new();
        let thread = lua.create_thread(lua.load(code).into_function()?)?;
        let mut future = Box::pin(thread.clone().into_async::<MultiValue>(())?);
        slice::watched(&OTHER, || {
            let guard = slice::enter(&thread, &OTHER);
            let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            guard.finish();
            drop(polled);
        });
        Ok(())
    })
    .unwrap()
}

/// The child's part: runs the script of the environment; prints how it ended.
#[test]
fn child() {
    let (Ok(code), Some(note)) = (std::env::var(ENV_CODE), std::env::var_os(ENV_NOTE)) else {
        return;
    };
    slice::init().unwrap();
    note::register(OwnedFd::from(fs::File::create(note).unwrap())).unwrap();
    slice::set_stuck_exit(77);
    slice::set_stuck_limit(Some(Duration::from_millis(100)));
    let lua = Lua::new();
    let convert = lua
        .create_function(|_, e: mlua::Error| Ok(e.to_string()))
        .unwrap();
    slice::install(
        &lua,
        &Protect {
            convert,
            memory: String::new(),
        },
    )
    .unwrap();
    lua.globals().set("within", within(&lua)).unwrap();
    let function: Function = lua.load(code).into_function().unwrap();
    let thread = lua.create_thread(function).unwrap();
    let mut future = Box::pin(thread.clone().into_async::<MultiValue>(()).unwrap());
    loop {
        let guard = slice::enter(&thread, &RUNNING);
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        guard.finish();
        if let std::task::Poll::Ready(result) = polled {
            std::process::exit(if result.is_ok() { 3 } else { 4 });
        }
    }
}

/// Exit code of the script's process, and its note.
fn run(name: &str, code: &str) -> (Option<i32>, Option<([u8; 12], Reason)>) {
    let path: PathBuf = std::env::temp_dir().join(format!("gshell-stuck-{}-{name}", std::process::id()));
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(ENV_CODE, code)
        .env(ENV_NOTE, &path)
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    let note = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let note = Note::parse(&note).map(|note| (note.id.unwrap(), note.reason));
    (status.code(), note)
}

#[test]
fn a_pattern_that_never_ends_is_reported() {
    let code = "string.find(('a'):rep(40), ('a*'):rep(30) .. 'b')";
    assert_eq!(run("pattern", code), (Some(77), Some((RUNNING.id, Reason::InC))));
}

#[test]
fn a_finalizer_that_never_ends_is_reported() {
    let code = "setmetatable({}, { __gc = function() while true do end end }) collectgarbage()";
    assert_eq!(
        run("finalizer", code),
        (Some(77), Some((RUNNING.id, Reason::InC)))
    );
}

#[test]
fn lua_that_cannot_yield_gets_an_error() {
    let code = "local _, e = pcall(table.sort, { 2, 1 }, function() while true do pcall(error) end end)
        assert(e:find('cannot be interrupted'), e)";
    assert_eq!(run("sort", code), (Some(3), None));
    let code = "local ok = xpcall(error, function() while true do pcall(error) end end) assert(not ok)";
    assert_eq!(run("handler", code), (Some(3), None));
    let code = "('x'):gsub('x', coroutine.wrap(function() while true do pcall(error) end end))";
    assert_eq!(run("inner", code), (Some(4), None));
}

#[test]
fn whoever_is_stuck_is_named_and_not_whoever_waits_for_it() {
    let pattern = "string.find(('a'):rep(40), ('a*'):rep(30) .. 'b')";
    let code = format!("within [[{pattern}]]");
    assert_eq!(run("within", &code), (Some(77), Some((OTHER.id, Reason::InC))));
    let code = format!("within 'local n = 1' {pattern}");
    assert_eq!(run("after", &code), (Some(77), Some((RUNNING.id, Reason::InC))));
    // One that yields is not stuck, nor is whoever calls it again and again.
    let code = "for i = 1, 30 do within 'while true do end' end";
    assert_eq!(run("often", code), (Some(3), None));
}

#[test]
fn a_script_that_yields_is_never_stuck() {
    let code = "local n = 0 for i = 1, 6e7 do n = n + i end";
    assert_eq!(run("busy", code), (Some(3), None));
}
