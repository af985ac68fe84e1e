//! A coroutine of a script as a future that never runs longer than its slice.
//!
//! Near its memory limit Lua by itself collects all garbage in one go, again and again as memory fills up, and no neighbour has
//! a turn meanwhile. So for as long as a slice takes a script may use somewhat more than its limit, and one that does at the end
//! of a slice waits until the garbage of its state has been collected, in slices as well. If that was not enough it has
//! no room left, and its next allocation fails: behind one last collection by Lua, which alone knows what is alive in
//! the midst of a function.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use gshell_sys::slice::{self, Running};
use mlua::thread::AsyncThread;
use mlua::{FromLuaMulti, Function, IntoLuaMulti, Lua, Thread};

use crate::errors;
use crate::held::Pending;
use crate::tasks::collect_some;

/// Collections after which all is gone that was garbage before: the first may be in the midst of its work.
const CYCLES: u32 = 2;

/// Runs a Lua function in a coroutine of its own.
pub(crate) struct Sliced<R> {
    thread: Thread,
    future: AsyncThread<R>,
    running: Running,
    /// The last poll ended because the slice was over.
    cut: bool,
    /// Collections that are still to be made before it goes on.
    collections: u32,
    done: bool,
    pending: Rc<Pending>,
    group: u32,
}

impl<R: FromLuaMulti> Sliced<R> {
    pub(crate) fn new(
        lua: &Lua,
        function: &Function,
        args: impl IntoLuaMulti,
        running: Running,
        pending: &Rc<Pending>,
    ) -> mlua::Result<Sliced<R>> {
        Sliced::on(lua.create_thread(function.clone())?, args, running, pending)
    }

    /// In a coroutine that is there already and has not run yet.
    pub(crate) fn on(
        thread: Thread,
        args: impl IntoLuaMulti,
        running: Running,
        pending: &Rc<Pending>,
    ) -> mlua::Result<Sliced<R>> {
        let future = thread.clone().into_async::<R>(args)?;
        Ok(Sliced {
            thread,
            future,
            running,
            cut: false,
            collections: 0,
            done: false,
            pending: Rc::clone(pending),
            group: pending.group(),
        })
    }
}

impl<R> Sliced<R> {
    /// The coroutine, to be used again once it has ended.
    pub(crate) fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Whether the last poll ended because the slice was over, not because the function waits.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }
}

impl<R> Drop for Sliced<R> {
    fn drop(&mut self) {
        if !self.done {
            self.pending.clear_group(self.group);
        }
    }
}

impl<R> Unpin for Sliced<R> {}

impl<R> Sliced<R> {
    fn uses_too_much(&self) -> bool {
        let lua = self.thread.weak_lua().try_upgrade();
        lua.is_some_and(|lua| self.pending.is_over(lua.used_memory()))
    }

    /// A slice's worth of the collections that are to be made; true when there are none left.
    fn collect(&mut self) -> bool {
        let Some(lua) = self.thread.weak_lua().try_upgrade() else {
            return true;
        };
        if !collect_some(&self.running, &lua) {
            return false;
        }
        let used = lua.used_memory();
        self.collections = match self.pending.is_over(used) {
            true => self.collections - 1,
            false => 0,
        };
        if self.collections == 0 {
            // It fails only where the allocator is not that of mlua.
            let _ = lua.set_memory_limit(self.pending.room(used));
        }
        self.collections == 0
    }
}

impl<R: FromLuaMulti> Future for Sliced<R> {
    type Output = mlua::Result<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let around = this.pending.enter(this.group);
        if this.collections > 0 && !this.collect() {
            this.pending.enter(around);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let guard = slice::enter(&this.thread, &this.running);
        // mlua goes on with a panic that nobody caught in Lua; it ends the script, not its neighbours.
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.future).poll(cx)));
        let cut = guard.finish();
        this.pending.enter(around);
        this.done = !matches!(polled, Ok(Poll::Pending));
        // A slice can end between the poll of a built-in function's future and the yield that says that it waits.
        // What woke the future since then woke this task, whose next poll only makes that yield: so a poll after a
        // cut one that says "waiting" is followed by another, which asks the future again.
        if std::mem::replace(&mut this.cut, cut) && !cut && matches!(polled, Ok(Poll::Pending)) {
            cx.waker().wake_by_ref();
        }
        if cut && this.uses_too_much() {
            this.collections = CYCLES;
        }
        polled.unwrap_or_else(|panic| Poll::Ready(Err(errors::raise("internal", panic_text(&*panic)))))
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!(
        "internal error in a built-in function: {}",
        text.unwrap_or("panic")
    )
}
