//! `gshell.spawn` and the handle it gives.

use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, UserData, UserDataMethods, UserDataRef};

use crate::tasks::{self, Done, Task};
use crate::{Context, errors};

/// A script's hold on a task.
pub(super) struct Handle {
    cx: Rc<Context>,
    task: Rc<Task>,
}

pub(super) fn spawn(lua: &Lua, cx: &Rc<Context>, f: &Function, args: MultiValue) -> mlua::Result<Handle> {
    Ok(Handle {
        cx: Rc::clone(cx),
        task: tasks::spawn(lua, cx, f, args)?,
    })
}

impl Handle {
    fn cancel(&self) -> bool {
        if self.task.done.borrow().is_some() {
            return false;
        }
        *self.task.done.borrow_mut() = Some(Done::Cancelled);
        self.task.heard.set(true);
        // Dropping it ends it; a task that cancels itself goes on to its next wait.
        let runs = self.task.runs.take();
        drop(runs);
        self.task.changed.notify();
        true
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.has_handle.set(false);
        if let Some(runs) = self.task.runs.take() {
            runs.detach();
        }
        tasks::report_unheard(&self.cx, false);
    }
}

async fn join(cx: Rc<Context>, task: Rc<Task>) -> mlua::Result<Done> {
    task.heard.set(true);
    cx.wait(task.changed.until(|| task.done.borrow().clone())).await
}

fn results(done: Done) -> mlua::Result<MultiValue> {
    match done {
        Done::Values(values) => Ok(values),
        Done::Failed(failure) => Err(errors::rethrow(failure.value, failure.message)),
        Done::Cancelled => Err(errors::raise("cancelled", "the task was cancelled")),
    }
}

impl UserData for Handle {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_async_method("join", |_, this: UserDataRef<Handle>, ()| {
            let (cx, task) = (Rc::clone(&this.cx), Rc::clone(&this.task));
            async move { results(join(cx, task).await?) }
        });
        methods.add_method("cancel", |_, this, ()| Ok(this.cancel()));
        methods.add_method("done", |_, this, ()| Ok(this.task.done.borrow().is_some()));
        methods.add_meta_method("__tostring", |_, this, ()| {
            let state = match &*this.task.done.borrow() {
                None => "running",
                Some(Done::Values(_)) => "done",
                Some(Done::Failed(_)) => "failed",
                Some(Done::Cancelled) => "cancelled",
            };
            Ok(format!("task ({state})"))
        });
    }
}
