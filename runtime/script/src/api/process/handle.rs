//! `process.spawn`: a running command as Lua's object.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use gshell_service::rt;
use gshell_sys::process::{ExitStatus, signal_by_name};
use mlua::{AnyUserData, Lua, LuaString, Result, Table, UserData, UserDataFields, UserDataRef, Value};

use super::command::{self, Command};
use super::run::status_table;
use super::running::{Leftovers, Running, Wire, Writer, start};
use super::stream::Output;
use crate::Context;
use crate::api::options::{Options, duration, invalid};
use crate::call::{self, Functions};
use crate::errors::{raise, raise_io};

/// What Lua's object and waiting tasks share.
struct Shared {
    running: Rc<Running>,
    shown: String,
    stdin: RefCell<Option<Rc<Writer>>>,
    stdout: Output,
    stderr: Output,
}

struct Object {
    cx: Rc<Context>,
    shared: Rc<Shared>,
}

/// Lua's `spawn`.
pub fn spawn(
    lua: &Lua,
    cx: &Rc<Context>,
    leftovers: &Rc<Leftovers>,
    (what, options): (Value, Option<Table>),
) -> Result<AnyUserData> {
    let known = ["stdin", "stdout", "stderr", "merge"];
    let options = Options::new(
        "process.spawn",
        options,
        &[&known[..], &command::OPTIONS].concat(),
    )?;
    let command = Command::new("process.spawn", what, &options, lua)?;
    let merge = options.flag("merge")?;
    let stderr = wire(lua, &options, "stderr")?;
    let wires = [
        wire(lua, &options, "stdin")?,
        wire(lua, &options, "stdout")?,
        if merge { Wire::Merge } else { stderr },
    ];
    let shown = command.shown.clone();
    let (running, streams) = start(cx, leftovers, command.into_spawn(), &shown, wires)?;
    let shared = Rc::new(Shared {
        running,
        shown,
        stdin: RefCell::new(streams.stdin.map(Rc::new)),
        stdout: Output::new(streams.stdout),
        stderr: Output::new(streams.stderr),
    });
    lua.create_userdata(Object {
        cx: Rc::clone(cx),
        shared,
    })
}

/// How a stream is connected: "pipe", as it is without the option, or "null".
fn wire(lua: &Lua, options: &Options, name: &str) -> Result<Wire> {
    match options.get::<String>(lua, name)?.as_deref() {
        None | Some("pipe") => Ok(Wire::Pipe),
        Some("null") => Ok(Wire::Null),
        Some(_) => Err(invalid(
            "process.spawn",
            &format!("option \"{name}\" is \"pipe\" or \"null\""),
        )),
    }
}

impl Shared {
    fn failed(&self, what: &str, error: &io::Error) -> mlua::Error {
        raise_io(&format!("{what} `{}`", self.shown), error)
    }

    async fn write(&self, cx: &Context, data: &[u8]) -> Result<()> {
        let pipe = self.stdin.borrow().clone();
        let closed = || raise("closed", format!("the input of `{}` is closed", self.shown));
        let pipe = pipe.ok_or_else(closed)?;
        cx.wait(pipe.write_all(data))
            .await?
            .map_err(|error| self.failed("write to", &error))
    }

    async fn wait(&self, cx: &Context, within: Option<Duration>) -> Result<Option<ExitStatus>> {
        match within {
            Some(within) => cx.wait(rt::timeout(within, self.running.wait())).await,
            None => cx.wait(self.running.wait()).await.map(Some),
        }
    }

    fn kill(&self, signal: i32) -> Result<bool> {
        let lives = self.running.status().is_none();
        self.running
            .signal(signal)
            .map_err(|error| self.failed("kill", &error))?;
        Ok(lives)
    }

    /// Ends it by force and lets go of its streams.
    fn close(&self) {
        self.running.kill_rest();
        self.stdin.replace(None);
        self.stdout.close();
        self.stderr.close();
    }
}

/// The signal of a name or number; without one SIGTERM.
fn signal_of(value: &Value) -> Result<i32> {
    let found = match value {
        Value::Nil => signal_by_name("TERM"),
        Value::Integer(number) => i32::try_from(*number)
            .ok()
            .filter(|number| (1..=64).contains(number)),
        Value::String(name) => signal_by_name(&name.to_string_lossy()),
        _ => None,
    };
    found.ok_or_else(|| {
        invalid(
            "process:kill",
            "a signal is a name such as \"TERM\", or a number from 1 to 64",
        )
    })
}

fn parts(this: &AnyUserData) -> Result<(Rc<Context>, Rc<Shared>)> {
    let object: UserDataRef<Object> = this.borrow()?;
    Ok((Rc::clone(&object.cx), Rc::clone(&object.shared)))
}

/// The environment of the object, and the future of a method that waits.
fn waiting<B, F>(this: &AnyUserData, body: B) -> Result<(Rc<Context>, F)>
where
    B: FnOnce(Rc<Context>, Rc<Shared>) -> F,
{
    let (cx, shared) = parts(this)?;
    Ok((Rc::clone(&cx), body(cx, shared)))
}

fn text(lua: &Lua, bytes: Option<Vec<u8>>) -> Result<Option<LuaString>> {
    bytes.map(|bytes| lua.create_string(bytes)).transpose()
}

type Pick = fn(&Shared) -> &Output;

fn add_output(add: &Functions<'_>, read: &str, lines: &str, pick: Pick) -> Result<()> {
    add.waiting_method(read, move |lua, (this, most): (AnyUserData, Option<usize>)| {
        waiting(&this, move |cx, shared| async move {
            let bytes = pick(&shared)
                .read(&cx, &shared.shown, most.unwrap_or(usize::MAX).max(1))
                .await?;
            text(&lua, bytes)
        })
    })?;
    add.value(lines, move |lua, (this,): (AnyUserData,)| {
        let (cx, shared) = parts(&this)?;
        let maker = Rc::clone(&cx);
        maker.async_function(lua, move |lua, ()| {
            let (cx, shared) = (Rc::clone(&cx), Rc::clone(&shared));
            async move { text(&lua, pick(&shared).line(&cx, &shared.shown).await?) }
        })
    })
}

type This = UserDataRef<Object>;

impl UserData for Object {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        let pid = |add: &Functions<'_>| add.value("pid", |_, (this,): (This,)| Ok(this.shared.running.pid));
        call::members(fields, pid, methods);
        call::metamethod(fields, "__close", |lua| call::nothing(lua, close));
        call::metamethod(fields, "__tostring", |lua| {
            call::value(lua, |_, (this,): (This,)| {
                let Shared { running, shown, .. } = &*this.shared;
                Ok(format!("process {} (`{shown}`)", running.pid))
            })
        });
    }
}

fn methods(add: &Functions<'_>) -> Result<()> {
    add_output(add, "read", "lines", |shared| &shared.stdout)?;
    add_output(add, "read_error", "error_lines", |shared| &shared.stderr)?;
    add.waiting_method("write", |_, (this, data): (AnyUserData, LuaString)| {
        let data = data.as_bytes().to_vec();
        waiting(&this, |cx, shared| async move { shared.write(&cx, &data).await })
    })?;
    add.waiting_method("wait", |lua, (this, seconds): (AnyUserData, Option<f64>)| {
        waiting(&this, move |cx, shared| async move {
            let refused = || invalid("process:wait", "the timeout is a number of seconds, 0 or more");
            let within = seconds
                .map(|seconds| duration(seconds).ok_or_else(refused))
                .transpose()?;
            let status = shared.wait(&cx, within).await?;
            status.map(|status| status_table(&lua, status)).transpose()
        })
    })?;
    add.value("kill", |_, (this, signal): (This, Value)| {
        this.shared.kill(signal_of(&signal)?)
    })?;
    add.value("running", |_, (this,): (This,)| {
        Ok(this.shared.running.status().is_none())
    })?;
    add.nothing("close_stdin", |_, (this,): (This,)| {
        this.shared.stdin.replace(None);
        Ok(())
    })?;
    add.nothing("close", close)
}

fn close(_: &Lua, (this,): (This,)) -> Result<()> {
    this.shared.close();
    Ok(())
}
