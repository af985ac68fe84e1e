//! One environment: a Lua state, its tasks, and how they end.

use std::cell::RefCell;
use std::rc::Rc;

use async_executor::LocalExecutor;
use gshell_sys::slice;
use mlua::{Function, Lua, MultiValue, Value};

use crate::drive::drive;
use crate::sync::Notify;
use crate::{Context, LoadError, Spec, Stream, errors, package, sandbox, tasks};

/// Bytes of a state that are freed at once: that takes some 3 ms.
const LARGE: usize = 4 << 20;
/// Collections of a large state before the rest is freed at once: the first may be in the middle of its work.
const SHRINK_CYCLES: u32 = 2;

/// How an environment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It returned, and nothing was left running.
    Ok,
    /// `os.exit` with this status.
    Exit(i32),
    /// An error that nobody caught. It has been written to standard error.
    Error {
        /// Its text.
        message: String,
        /// Lines that start with a tab; may be empty.
        traceback: String,
    },
    /// The memory limit was reached and the error was not caught. Written to standard error.
    OutOfMemory {
        /// Names the limit and how to raise it.
        message: String,
    },
    /// It was told to stop and did.
    Stopped,
    /// [`Environment::kill`].
    Killed,
}

/// Where the outcome is kept until [`Environment::run`] returns it.
#[derive(Default)]
pub(crate) struct Ending {
    pub(crate) outcome: RefCell<Option<Outcome>>,
    pub(crate) changed: Notify,
}

/// A script with everything that belongs to it.
pub struct Environment {
    cx: Rc<Context>,
    lua: RefCell<Option<Lua>>,
    main: RefCell<Option<Function>>,
    executor: RefCell<Option<Rc<LocalExecutor<'static>>>>,
}

impl Environment {
    /// Makes the Lua state on this thread and compiles the main file. The environment stays on this thread.
    ///
    /// # Errors
    /// Says what is wrong with the package; a syntax error with file and line.
    pub fn new(spec: Spec) -> Result<Rc<Environment>, LoadError> {
        spec.package.check()?;
        slice::init().map_err(|e| LoadError::Setup(e.to_string()))?;
        let executor = Rc::new(LocalExecutor::new());
        let cx = Context::new(spec, &executor);
        let lua = sandbox::state(&cx).map_err(|error| not_made(&cx, &error))?;
        let main = compile_main(&lua, &cx)?;
        Ok(Rc::new(Environment {
            cx,
            lua: RefCell::new(Some(lua)),
            main: RefCell::new(Some(main)),
            executor: RefCell::new(Some(executor)),
        }))
    }

    /// What its built-in functions see.
    pub fn context(&self) -> &Rc<Context> {
        &self.cx
    }

    /// Runs it to its end, and frees everything that belongs to it. Call it once.
    pub async fn run(self: &Rc<Self>) -> Outcome {
        self.start();
        let Some(executor) = self.executor.borrow().clone() else {
            return Outcome::Killed;
        };
        let ending = &self.cx.ending;
        let outcome = drive(&self.cx, &executor, &ending.changed, || ending.take()).await;
        drop(executor);
        self.report(&outcome);
        self.let_go();
        self.shrink().await;
        self.tear_down();
        outcome
    }

    /// Asks it to stop: its `on_stop` callbacks run, then everything that waits fails with code `stopped`.
    pub fn stop(&self) {
        if !self.cx.begin_stop() {
            return;
        }
        let (cx, lua) = (Rc::clone(&self.cx), self.lua.borrow().as_ref().map(Lua::weak));
        let task = self.cx.spawn(async move {
            let callbacks = cx.on_stop.take();
            for callback in callbacks {
                // Upgraded for each call only: nothing may keep the state alive while it waits.
                let body = lua
                    .as_ref()
                    .and_then(|l| l.try_upgrade())
                    .map(|l| tasks::guarded(&l, &cx, &callback, MultiValue::new()));
                if let Some(Ok(body)) = body
                    && let tasks::Done::Failed(failure) = body.await
                {
                    tasks::fail(&cx, &failure);
                }
            }
            cx.fail_waits();
        });
        if let Some(task) = task {
            task.detach();
        }
    }

    /// Ends it now: [`Environment::run`] returns [`Outcome::Killed`] at its next turn.
    pub fn kill(&self) {
        self.cx.ending.set(Outcome::Killed);
    }

    /// Bytes of Lua memory in use; 0 after its end.
    pub fn memory(&self) -> u64 {
        self.lua
            .borrow()
            .as_ref()
            .map_or(0, |lua| lua.used_memory() as u64)
    }

    /// The terminal has another size: calls the `on_resize` callbacks.
    pub fn resized(&self) {
        let Some(lua) = self.lua.borrow().as_ref().map(Lua::clone) else {
            return;
        };
        let callbacks = self.cx.on_resize.borrow().clone();
        for callback in callbacks {
            // At the limit of tasks a resize goes unnoticed.
            if let Ok(task) = tasks::spawn(&lua, &self.cx, &callback, MultiValue::new()) {
                task.has_handle.set(false);
            }
        }
    }

    fn start(&self) {
        let (Some(main), Some(lua)) = (self.main.take(), self.lua.borrow().as_ref().map(Lua::clone)) else {
            return;
        };
        let args = arguments(&lua, &self.cx.args);
        let body = args.and_then(|args| tasks::guarded(&lua, &self.cx, &main, args));
        drop(lua);
        let cx = Rc::clone(&self.cx);
        match body {
            Ok(body) => {
                let task = self.cx.spawn(async move { tasks::main_ended(&cx, body.await) });
                task.into_iter().for_each(async_executor::Task::detach);
            }
            Err(error) if errors::is_memory(&error) => cx.ending.set(Outcome::OutOfMemory {
                message: cx.limits.memory_to_start_message(),
            }),
            Err(error) => cx.ending.set(Outcome::Error {
                message: error.to_string(),
                traceback: String::new(),
            }),
        }
    }

    fn report(&self, outcome: &Outcome) {
        let text = match outcome {
            Outcome::Error { message, traceback } if traceback.is_empty() => format!("gshell: {message}\n"),
            Outcome::Error { message, traceback } => {
                format!("gshell: {message}\nstack traceback:\n{traceback}\n")
            }
            Outcome::OutOfMemory { message } => format!("gshell: {message}\n"),
            _ => String::new(),
        };
        if !text.is_empty() {
            self.cx.output.write(Stream::Err, text.as_bytes());
        }
        self.cx.output.flush();
    }

    /// Frees what waits and what is open.
    fn let_go(&self) {
        drop(self.executor.take());
        self.cx.pending.clear();
        tasks::forget(&self.cx);
        self.cx.resources.close_all();
        drop(self.main.take());
    }

    /// Frees most of a large state in pieces, between which neighbours have their turns. What globals and modules hold
    /// stays, for finalizers that use it.
    async fn shrink(&self) {
        // A collection frees everything that is newer than the newest living object in one go: this is that object. A
        // full memory must not hinder it, by a collection in one go.
        let _newest = self.lua.borrow().as_ref().map(|lua| {
            let limit = lua.set_memory_limit(0);
            let newest = lua.create_table();
            // Finalizers keep the limit.
            let _ = limit.and_then(|limit| lua.set_memory_limit(limit));
            newest
        });
        for _ in 0..SHRINK_CYCLES {
            loop {
                let Some(lua) = self.lua.borrow().as_ref().map(Lua::clone) else {
                    return;
                };
                if lua.used_memory() < LARGE {
                    return;
                }
                let done = tasks::collect_some(&self.cx.running(), &lua);
                drop(lua);
                futures_lite::future::yield_now().await;
                if done {
                    break;
                }
            }
        }
    }

    /// Frees everything: at last the state with its finalizers, which are watched as a run.
    fn tear_down(&self) {
        self.let_go();
        let Some(lua) = self.lua.take() else { return };
        let weak = lua.weak();
        slice::close(lua, &self.cx.running());
        if let Some(lua) = weak.try_upgrade() {
            // Something inside the state holds it: take away what that hangs on.
            sandbox::empty(&lua);
            slice::close(lua, &self.cx.running());
        }
        self.cx.output.flush();
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.tear_down();
    }
}

fn arguments(lua: &Lua, args: &[String]) -> mlua::Result<MultiValue> {
    args.iter()
        .skip(1)
        .map(|a| lua.create_string(a).map(Value::String))
        .collect()
}

fn compile_main(lua: &Lua, cx: &Context) -> Result<Function, LoadError> {
    let name = &cx.package.main;
    let bytes = cx
        .package
        .files
        .get(name)
        .ok_or_else(|| LoadError::NoMain(name.clone()))?;
    if package::is_binary(bytes) {
        return Err(LoadError::Binary(name.clone()));
    }
    sandbox::compile(lua, name, bytes).map_err(|error| match error {
        mlua::Error::SyntaxError { message, .. } => LoadError::Syntax(message),
        other => not_made(cx, &other),
    })
}

fn not_made(cx: &Context, error: &mlua::Error) -> LoadError {
    if errors::is_memory(error) {
        return LoadError::Memory(cx.limits.memory_to_start_message());
    }
    LoadError::Setup(error.to_string())
}
