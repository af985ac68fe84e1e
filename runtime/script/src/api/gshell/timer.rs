//! `gshell.every`: a function called at a steady pace.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use gshell_service::rt;
use mlua::{Function, Lua, MultiValue, UserData, UserDataFields, UserDataRef, WeakLua};

use crate::Context;
use crate::call;
use crate::tasks::{self, Alive, Done};

/// No pace is faster, so that a period of 0 is not a busy loop.
const SHORTEST: Duration = Duration::from_millis(1);

/// A script's hold on a timer; the timer goes on without it.
pub(super) struct Timer {
    runs: RefCell<Option<async_executor::Task<()>>>,
    /// Dropping what runs ends it where it waits; a callback that cancels its own timer does not wait, and the next
    /// call may be due already. So the loop looks here too.
    cancelled: Rc<Cell<bool>>,
}

/// Calls `f` each `period`, for the first time after one. A call that takes longer than the period delays the
/// next ones: they never overlap and never pile up. An error in `f` ends the environment.
pub(super) fn every(lua: &Lua, cx: &Rc<Context>, period: Duration, f: Function) -> mlua::Result<Timer> {
    let alive = Alive::new(cx)?;
    let cancelled = Rc::new(Cell::new(false));
    let (cx2, weak, ended) = (Rc::clone(cx), lua.weak(), Rc::clone(&cancelled));
    let task = cx.spawn(async move {
        tick(&cx2, &weak, period.max(SHORTEST), &f, &ended).await;
        drop(alive);
    });
    Ok(Timer {
        runs: RefCell::new(task),
        cancelled,
    })
}

async fn tick(cx: &Context, lua: &WeakLua, period: Duration, f: &Function, cancelled: &Cell<bool>) {
    let mut next = Instant::now() + period;
    while !cancelled.get() && cx.wait(rt::sleep_until(next)).await.is_ok() {
        // Upgraded for the making only: nothing may keep the state alive while it waits.
        let Some(body) = lua
            .try_upgrade()
            .map(|lua| tasks::guarded(&lua, cx, f, MultiValue::new()))
        else {
            return;
        };
        let failed = match body {
            Ok(body) => body.await,
            Err(error) => tasks::failed_to_start(&error),
        };
        if let Done::Failed(failure) = failed {
            tasks::fail(cx, &failure);
            return;
        }
        next = (next + period).max(Instant::now());
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(task) = self.runs.take() {
            task.detach();
        }
    }
}

impl UserData for Timer {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        call::methods(fields, |add| {
            add.value("cancel", |_, (this,): (UserDataRef<Timer>,)| {
                this.cancelled.set(true);
                let task = this.runs.take();
                Ok(task.is_some_and(|task| !task.is_finished()))
            })
        });
        call::metamethod(fields, "__tostring", |lua| call::value(lua, |_, ()| Ok("timer")));
    }
}
