//! `gshell.channel`: values from task to task, with a bound.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use gshell_service::rt;
use mlua::{MultiValue, Table, UserData, UserDataFields, UserDataRef, Value};

use crate::call::{self, Functions};
use crate::sync::Notify;
use crate::{Context, errors};

/// A queue that blocks senders when it is full, receivers when it is empty.
pub(super) struct Channel {
    cx: Rc<Context>,
    queue: Rc<Queue>,
}

struct Queue {
    values: RefCell<VecDeque<Value>>,
    size: usize,
    closed: Cell<bool>,
    changed: Notify,
}

/// What a receiver got.
enum Got {
    Value(Value),
    Closed,
    Timeout,
}

impl Channel {
    pub(super) fn new(cx: &Rc<Context>, size: u32) -> mlua::Result<Channel> {
        if size == 0 {
            return Err(errors::raise(
                "invalid",
                "gshell.channel: the size is a number of values, 1 or more",
            ));
        }
        let queue = Queue {
            values: RefCell::default(),
            size: usize::try_from(size).unwrap_or(usize::MAX),
            closed: Cell::new(false),
            changed: Notify::new(),
        };
        Ok(Channel {
            cx: Rc::clone(cx),
            queue: Rc::new(queue),
        })
    }

    fn parts(&self) -> (Rc<Context>, Rc<Queue>) {
        (Rc::clone(&self.cx), Rc::clone(&self.queue))
    }
}

impl Queue {
    /// Whether the value went in; `None` while there is no room.
    fn offer(&self, value: &mut Option<Value>) -> Option<bool> {
        if self.closed.get() {
            return Some(false);
        }
        if self.values.borrow().len() >= self.size {
            return None;
        }
        self.values.borrow_mut().extend(value.take());
        self.changed.notify();
        Some(true)
    }

    fn take(&self) -> Option<Got> {
        let value = self.values.borrow_mut().pop_front();
        match value {
            Some(value) => {
                self.changed.notify();
                Some(Got::Value(value))
            }
            None => self.closed.get().then_some(Got::Closed),
        }
    }

    async fn receive(&self, cx: &Context, timeout: Option<f64>) -> mlua::Result<Got> {
        let receiving = self.changed.until(|| self.take());
        let Some(timeout) = timeout else {
            return cx.wait(receiving).await;
        };
        let limit = super::seconds("channel:recv", timeout)?;
        Ok(cx
            .wait(rt::timeout(limit, receiving))
            .await?
            .unwrap_or(Got::Timeout))
    }
}

fn timeout(options: Option<&Table>) -> mlua::Result<Option<f64>> {
    options.map_or(Ok(None), |options| options.get("timeout"))
}

/// The value, or nil and why there is none.
fn results(lua: &mlua::WeakLua, got: Got) -> mlua::Result<MultiValue> {
    let why = match got {
        Got::Value(value) => return Ok([value].into_iter().collect()),
        Got::Closed => "closed",
        Got::Timeout => "timeout",
    };
    let Some(lua) = lua.try_upgrade() else {
        return Ok(MultiValue::new());
    };
    Ok([Value::Nil, Value::String(lua.create_string(why)?)]
        .into_iter()
        .collect())
}

async fn send(cx: Rc<Context>, queue: Rc<Queue>, value: Value) -> mlua::Result<()> {
    if value.is_nil() {
        return Err(errors::raise(
            "invalid",
            "channel:send: nil cannot be sent; close the channel to end it",
        ));
    }
    let mut value = Some(value);
    let sent = cx.wait(queue.changed.until(|| queue.offer(&mut value))).await?;
    if sent {
        Ok(())
    } else {
        Err(errors::raise("closed", "channel:send: the channel is closed"))
    }
}

type This = UserDataRef<Channel>;

impl UserData for Channel {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        call::methods(fields, methods);
        call::metamethod(fields, "__len", |lua| {
            call::value(lua, |_, (this,): (This,)| Ok(this.queue.values.borrow().len()))
        });
        call::metamethod(fields, "__tostring", |lua| {
            call::value(lua, |_, (this,): (This,)| {
                let (len, size) = (this.queue.values.borrow().len(), this.queue.size);
                Ok(format!(
                    "channel ({len} of {size}{})",
                    if this.queue.closed.get() { ", closed" } else { "" }
                ))
            })
        });
    }
}

fn methods(add: &Functions<'_>) -> mlua::Result<()> {
    add.waiting_method("send", |_, (this, value): (This, Value)| {
        let (cx, queue) = this.parts();
        Ok((Rc::clone(&cx), send(cx, queue, value)))
    })?;
    add.waiting_method("recv", |lua, (this, options): (This, Option<Table>)| {
        let ((cx, queue), lua) = (this.parts(), lua.weak());
        let own = Rc::clone(&cx);
        let got = async move { results(&lua, queue.receive(&cx, timeout(options.as_ref())?).await?) };
        Ok((own, got))
    })?;
    add.value("iter", |lua, (this,): (This,)| {
        let (cx, queue) = this.parts();
        let cx2 = Rc::clone(&cx);
        cx.async_function(lua, move |_, ()| {
            let (cx, queue) = (Rc::clone(&cx2), Rc::clone(&queue));
            async move {
                let got = queue.receive(&cx, None).await?;
                Ok(if let Got::Value(value) = got {
                    value
                } else {
                    Value::Nil
                })
            }
        })
    })?;
    add.nothing("close", |_, (this,): (This,)| {
        this.queue.closed.set(true);
        this.queue.changed.notify();
        Ok(())
    })
}
