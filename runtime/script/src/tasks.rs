//! The coroutines that a script runs beside its main chunk, and what their failures mean.
//!
//! An environment ends when its main chunk has returned and no task and no timer is left. A failure that nobody can
//! learn of any more (its handle was collected without a `join`, or the environment ends) ends the environment.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use gshell_service::current;
use gshell_sys::slice::{self, Running};
use mlua::{Function, Lua, MultiValue, Value, Variadic};

use crate::environment::{Ending, Outcome};
use crate::errors;
use crate::sliced::Sliced;
use crate::sync::Notify;
use crate::{Context, sandbox};

/// How a task failed.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// The error object.
    pub value: Value,
    /// Its text.
    pub message: String,
    /// Lines `\t...`, without a heading.
    pub traceback: String,
}

/// What became of a task.
#[derive(Debug, Clone)]
pub(crate) enum Done {
    Values(MultiValue),
    Failed(Failure),
    Cancelled,
}

/// Counts what keeps an environment alive.
#[derive(Default)]
pub(crate) struct Tasks {
    alive: Cell<u32>,
    main_returned: Cell<bool>,
    unheard: RefCell<Vec<Rc<Task>>>,
}

/// A task, shared by its coroutine and its handle.
pub(crate) struct Task {
    pub done: RefCell<Option<Done>>,
    pub changed: Notify,
    /// Somebody joined it, or its failure was reported.
    pub heard: Cell<bool>,
    pub has_handle: Cell<bool>,
    pub runs: RefCell<Option<async_executor::Task<()>>>,
}

impl Tasks {
    fn enter(&self, limit: u32) -> mlua::Result<()> {
        if self.alive.get() >= limit {
            return Err(errors::raise(
                "limit",
                format!("the limit of {limit} tasks and timers is reached"),
            ));
        }
        self.alive.set(self.alive.get() + 1);
        Ok(())
    }

    fn leave(&self) {
        self.alive.set(self.alive.get().saturating_sub(1));
    }
}

/// One of those counted; dropping it counts it off.
pub(crate) struct Alive(Rc<Context>);

impl Alive {
    pub(crate) fn new(cx: &Rc<Context>) -> mlua::Result<Alive> {
        cx.tasks.enter(cx.limits.coroutines)?;
        Ok(Alive(Rc::clone(cx)))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.tasks.leave();
        end_if_idle(&self.0);
    }
}

/// Runs `function(args)` as a task. It starts when the caller yields.
pub(crate) fn spawn(
    lua: &Lua,
    cx: &Rc<Context>,
    function: &Function,
    args: MultiValue,
) -> mlua::Result<Rc<Task>> {
    let alive = Alive::new(cx)?;
    let body = guarded(lua, cx, function, args)?;
    let task = Rc::new(Task {
        done: RefCell::new(None),
        changed: Notify::new(),
        heard: Cell::new(false),
        has_handle: Cell::new(true),
        runs: RefCell::new(None),
    });
    let (cx2, task2, weak) = (Rc::clone(cx), Rc::clone(&task), lua.weak());
    // What a request's handler starts is part of that request.
    let scope = current::scope();
    let runs = cx.spawn(async move {
        let done = current::scoped(scope, body).await;
        finish(&cx2, &task2, done);
        if cx2.tasks.unheard.borrow().iter().any(|t| t.has_handle.get()) {
            // A failure whose handle is garbage already must not wait for the next collection.
            weak.try_upgrade().iter().for_each(|lua| collect(&cx2, lua));
        }
        drop(alive);
    });
    *task.runs.borrow_mut() = runs;
    Ok(task)
}

/// A full collection; finalizers are watched like any code of the script.
fn collect(cx: &Context, lua: &Lua) {
    let thread = lua.current_thread();
    let guard = slice::enter(&thread, &cx.running());
    let _ = lua.gc_collect();
    guard.finish();
}

/// A slice's worth of a collection, watched in the same way; true when it is complete.
pub(crate) fn collect_some(running: &Running, lua: &Lua) -> bool {
    let thread = lua.current_thread();
    let guard = slice::enter(&thread, running);
    let end = Instant::now() + running.slice;
    let mut done = false;
    while !done && Instant::now() < end {
        // An error, which only a full memory makes here, ends it as well.
        done = lua.gc_step().unwrap_or(true);
    }
    guard.finish();
    done
}

/// The coroutine of a task, and what became of it.
pub(crate) fn guarded(
    lua: &Lua,
    cx: &Context,
    function: &Function,
    args: MultiValue,
) -> mlua::Result<impl Future<Output = Done> + use<>> {
    let mut all = MultiValue::new();
    all.push_back(Value::Function(function.clone()));
    all.extend(args);
    Ok(outcome(
        cx.sliced(lua, &sandbox::guard(lua)?, all)?,
        cx.limits.memory_message(),
    ))
}

async fn outcome(body: Sliced<Variadic<Value>>, memory: String) -> Done {
    match body.await {
        Ok(values) => settle(values),
        Err(error) => Done::Failed(rust_failure(&error, &memory)),
    }
}

/// Reads what the guard of the prelude gives: `true, ...` or `false, value, message, traceback`.
fn settle(values: Variadic<Value>) -> Done {
    let mut values = Vec::from(values).into_iter();
    if values.next() == Some(Value::Boolean(true)) {
        return Done::Values(values.collect());
    }
    let mut next = || values.next().unwrap_or(Value::Nil);
    let value = next();
    let text = |v: Value| v.as_string().map(|s| s.to_string_lossy()).unwrap_or_default();
    Done::Failed(Failure {
        value,
        message: text(next()),
        traceback: errors::trim_traceback(&text(next())),
    })
}

/// What the guard could not catch: memory that ran out while it was at work, or a panic.
fn rust_failure(error: &mlua::Error, memory: &str) -> Failure {
    let message = match errors::raised(error) {
        Some(raised) => raised.message.clone(),
        None if errors::is_memory(error) => memory.to_owned(),
        None => errors::root_message(error),
    };
    Failure {
        value: Value::Nil,
        message,
        traceback: String::new(),
    }
}

/// The failure of a task that could not even be made.
pub(crate) fn failed_to_start(error: &mlua::Error) -> Done {
    Done::Failed(rust_failure(error, &errors::root_message(error)))
}

fn finish(cx: &Rc<Context>, task: &Rc<Task>, done: Done) {
    // A task that cancels itself and then does not wait comes to its end all the same; it stays cancelled.
    if task.done.borrow().is_some() {
        return;
    }
    let failed = matches!(done, Done::Failed(_));
    *task.done.borrow_mut() = Some(done);
    task.changed.notify();
    if failed && !task.heard.get() {
        cx.tasks.unheard.borrow_mut().push(Rc::clone(task));
        report_unheard(cx, false);
    }
}

/// Ends the environment if a task failed and nobody can join it any more; `all`: nobody will.
pub(crate) fn report_unheard(cx: &Context, all: bool) {
    let mut unheard = cx.tasks.unheard.borrow_mut();
    unheard.retain(|task| !task.heard.get());
    for task in unheard.iter().filter(|task| all || !task.has_handle.get()) {
        if let Some(Done::Failed(failure)) = &*task.done.borrow() {
            fail(cx, failure);
        }
    }
}

/// Ends the environment by an error that nobody caught. The failure of a wait because the environment stops is none:
/// it ends its task, while others may still be cleaning up.
pub(crate) fn fail(cx: &Context, failure: &Failure) {
    let message = failure.message.clone();
    if message == cx.limits.memory_message() {
        cx.ending.set(Outcome::OutOfMemory { message });
    } else if !(cx.is_stopping() && errors::code_of(&failure.value).as_deref() == Some("stopped")) {
        let traceback = failure.traceback.clone();
        cx.ending.set(Outcome::Error { message, traceback });
    }
}

/// The main chunk has ended.
pub(crate) fn main_ended(cx: &Context, done: Done) {
    cx.tasks.main_returned.set(true);
    if let Done::Failed(failure) = done {
        fail(cx, &failure);
    }
    end_if_idle(cx);
}

fn end_if_idle(cx: &Context) {
    if !cx.tasks.main_returned.get() || cx.tasks.alive.get() > 0 {
        return;
    }
    report_unheard(cx, true);
    cx.ending.set(if cx.is_stopping() {
        Outcome::Stopped
    } else {
        Outcome::Ok
    });
}

/// The handles of tasks keep their results, which are values of the Lua state: forgets them before it goes.
pub(crate) fn forget(cx: &Context) {
    let unheard: Vec<_> = cx.tasks.unheard.take();
    drop(unheard);
    let _: Vec<_> = cx.on_stop.take();
    let _: Vec<_> = cx.on_resize.take();
}

impl Ending {
    /// The first outcome counts.
    pub(crate) fn set(&self, outcome: Outcome) {
        let mut slot = self.outcome.borrow_mut();
        if slot.is_none() {
            *slot = Some(outcome);
            drop(slot);
            self.changed.notify();
        }
    }

    /// The outcome, once there is one.
    pub(crate) fn take(&self) -> Option<Outcome> {
        self.outcome.borrow().clone()
    }
}
