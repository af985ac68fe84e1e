//! `gshell.spawn` and the handle it gives.

use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, UserData, UserDataFields, UserDataRef};

use crate::call::{self, Functions};
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

type This = UserDataRef<Handle>;

impl UserData for Handle {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        call::methods(fields, methods);
        call::metamethod(fields, "__tostring", |lua| {
            call::value(lua, |_, (this,): (This,)| {
                Ok(match &*this.task.done.borrow() {
                    None => "task (running)",
                    Some(Done::Values(_)) => "task (done)",
                    Some(Done::Failed(_)) => "task (failed)",
                    Some(Done::Cancelled) => "task (cancelled)",
                })
            })
        });
    }
}

fn methods(add: &Functions<'_>) -> mlua::Result<()> {
    add.waiting_method("join", |_, (this,): (This,)| {
        let (cx, task) = (Rc::clone(&this.cx), Rc::clone(&this.task));
        Ok((Rc::clone(&cx), async move { results(join(cx, task).await?) }))
    })?;
    add.value("cancel", |_, (this,): (This,)| Ok(this.cancel()))?;
    add.value("done", |_, (this,): (This,)| {
        Ok(this.task.done.borrow().is_some())
    })
}
