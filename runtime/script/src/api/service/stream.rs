//! Streams, on both sides: an ordered pair of message queues.

use std::cell::RefCell;
use std::rc::Rc;

use gshell_service::{Context as Request, Stream as Raw};
use mlua::{Lua, MultiValue, Result, Table, UserData, UserDataFields, UserDataRef, Value, WeakLua};

use super::calling::Calling;
use super::conn::{self, Open};
use super::fault::raised;
use super::handler::Variables;
use super::message::{Sent, unknown};
use super::{Shared, hooks, seconds};
use crate::call::{self, Functions};
use crate::errors::raise;
use crate::resources::Ticket;
use crate::sync::Signal;

/// What a script holds of a stream.
pub struct Stream(Rc<Slot>);

struct Slot {
    shared: Rc<Shared>,
    raw: RefCell<Option<Raw>>,
    /// The connection that it was opened on; none on the side of a service.
    open: Option<Rc<Open>>,
    /// Variables that live as long as the stream; on the side of a service.
    vars: RefCell<Option<Table>>,
    /// The request that the stream is there for; on the side of a service.
    request: Option<Request>,
    closed: Signal,
    ticket: RefCell<Option<Ticket>>,
}

impl Stream {
    /// A stream that the script opened; it counts as one open thing of the environment.
    pub fn opened(shared: &Rc<Shared>, open: Rc<Open>, raw: Raw) -> Result<Stream> {
        let stream = Stream(Rc::new(Slot {
            open: Some(open),
            ..Slot::new(shared, raw)
        }));
        let weak = Rc::downgrade(&stream.0);
        let ticket = shared.cx.resources.add("a stream", move || {
            if let Some(slot) = weak.upgrade() {
                drop(slot.raw.take());
            }
        })?;
        *stream.0.ticket.borrow_mut() = Some(ticket);
        Ok(stream)
    }

    /// The stream of a request.
    pub fn served(shared: &Rc<Shared>, raw: Raw, request: Request) -> Stream {
        Stream(Rc::new(Slot {
            request: Some(request),
            ..Slot::new(shared, raw)
        }))
    }

    /// The stream of a service, for a hook.
    pub fn hooked(shared: &Rc<Shared>, raw: Raw, vars: Table) -> Stream {
        Stream(Rc::new(Slot {
            vars: RefCell::new(Some(vars)),
            ..Slot::new(shared, raw)
        }))
    }
}

impl Slot {
    fn new(shared: &Rc<Shared>, raw: Raw) -> Slot {
        Slot {
            shared: Rc::clone(shared),
            raw: RefCell::new(Some(raw)),
            open: None,
            vars: RefCell::default(),
            request: None,
            closed: Signal::new(),
            ticket: RefCell::default(),
        }
    }

    /// The variables of the stream, made when they are asked for.
    fn vars(&self, lua: &Lua) -> Result<Option<Table>> {
        let (known, request) = (self.vars.borrow().clone(), &self.request);
        let (None, Some(request)) = (&known, request) else {
            return Ok(known);
        };
        let vars = request.vars();
        let table = match vars.get::<Variables>() {
            Some(kept) => kept.0.clone(),
            None => {
                let made = lua.create_table()?;
                vars.set(Variables(made.clone()));
                made
            }
        };
        *self.vars.borrow_mut() = Some(table.clone());
        Ok(Some(table))
    }

    fn raw(&self) -> Result<Raw> {
        let raw = self.raw.borrow().clone();
        raw.ok_or_else(|| raise("closed", "the stream is closed"))
    }

    fn close(&self) {
        if let Some(raw) = self.raw.take() {
            raw.end();
        }
        self.closed.set();
        drop(self.ticket.take());
    }

    /// The next message and the name of its type, or nil and why there is none.
    async fn receive(&self, lua: &WeakLua, timeout: Option<std::time::Duration>) -> Result<MultiValue> {
        let raw = self.raw()?;
        let closed = async {
            self.closed.wait().await;
            Ok(None)
        };
        let next = async {
            match timeout {
                None => raw.recv().await,
                Some(limit) => raw.recv_timeout(limit).await,
            }
        };
        // A stream that its owner has closed receives no more, whatever has become of its connection.
        let got = self
            .shared
            .cx
            .wait(futures_lite::future::or(closed, next))
            .await?;
        let incoming = match got {
            Ok(Some(incoming)) => incoming,
            Ok(None) => return nothing(lua, "closed"),
            Err(fault) if timeout.is_some() && fault.code() == Some(gshell_wire::Code::Timeout) => {
                return nothing(lua, "timeout");
            }
            Err(fault) => return Err(raised(fault)),
        };
        let (value, ty) = match &self.open {
            Some(open) => open.read(&self.shared, lua, incoming).await?,
            None => match (self.shared.types.by_key(incoming.key), lua.try_upgrade()) {
                (Some(ty), Some(lua)) => (ty.read(&lua, incoming.payload)?, ty),
                _ => return Err(unknown(incoming.key)),
            },
        };
        let Some(lua) = lua.try_upgrade() else {
            return Ok(MultiValue::new());
        };
        let name = Value::String(lua.create_string(&ty.name)?);
        Ok([value, name].into_iter().collect())
    }
}

fn nothing(lua: &WeakLua, why: &str) -> Result<MultiValue> {
    let Some(lua) = lua.try_upgrade() else {
        return Ok(MultiValue::new());
    };
    Ok([Value::Nil, Value::String(lua.create_string(why)?)]
        .into_iter()
        .collect())
}

type This = UserDataRef<Stream>;

impl UserData for Stream {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        call::members(fields, members, methods);
        call::metamethod(fields, "__close", |lua| {
            call::nothing(lua, |_, (this, _): (This, Value)| {
                this.0.close();
                Ok(())
            })
        });
        call::metamethod(fields, "__tostring", |lua| {
            call::value(lua, |_, (this,): (This,)| {
                Ok(match &*this.0.raw.borrow() {
                    Some(raw) => format!("stream {}", raw.id()),
                    None => "stream (closed)".to_owned(),
                })
            })
        });
    }
}

fn members(add: &Functions<'_>) -> Result<()> {
    add.value("vars", |lua, (this,): (This,)| this.0.vars(lua))?;
    add.value("id", |_, (this,): (This,)| {
        Ok(this.0.raw.borrow().as_ref().map(gshell_service::Stream::id))
    })
}

fn methods(add: &Functions<'_>) -> Result<()> {
    add.waiting_method("send", |lua, (this, ty, value): (This, Value, Value)| {
        let slot = Rc::clone(&this.0);
        let (what, _) = conn::what(&slot.shared.types, &ty, value, Value::Nil)?;
        let lua = lua.weak();
        Ok((Rc::clone(&slot.shared.cx), async move {
            let raw = slot.raw()?;
            let (ty, value) = what.resolve(&slot.shared, slot.open.as_deref(), &lua).await?;
            let sent = Sent::new(&ty, value, conn::is_local(&raw))?;
            conn::send(&slot.shared.cx, &raw, sent).await
        }))
    })?;
    add.nothing("fail", |_, (this, code, message): (This, String, String)| {
        this.0.raw()?.send_error(&super::fault::of_code(&code, &message));
        Ok(())
    })?;
    add.waiting_method("recv", |lua, (this, options): (This, Option<Table>)| {
        let (slot, lua) = (Rc::clone(&this.0), lua.weak());
        let timeout = match options {
            Some(options) => seconds("stream:recv", options)?,
            None => None,
        };
        Ok((Rc::clone(&slot.shared.cx), async move {
            slot.receive(&lua, timeout).await
        }))
    })?;
    add.value("messages", |lua, (this,): (This,)| {
        let slot = Rc::clone(&this.0);
        let cx = Rc::clone(&slot.shared.cx);
        cx.async_function(lua, move |lua, ()| {
            let (slot, lua) = (Rc::clone(&slot), lua.weak());
            async move { slot.receive(&lua, None).await }
        })
    })?;
    add.boxed_method(
        "call",
        |lua, (this, ty, value, given): (This, Value, Value, Value)| {
            let slot = Rc::clone(&this.0);
            let (what, given) = conn::what(&slot.shared.types, &ty, value, given)?;
            let options = conn::options("stream:call", given)?;
            let over = (slot.raw()?, slot.open.clone());
            let mut calling = Calling::on_stream(&slot.shared, over, lua.weak(), what, options)?;
            let cx = Rc::clone(&slot.shared.cx);
            Ok((cx, Box::pin(async move { calling.run().await })))
        },
    )?;
    add.nothing("finish", |_, (this,): (This,)| {
        this.0.raw()?.end();
        Ok(())
    })?;
    add.value("peer", |lua, (this,): (This,)| {
        hooks::table(lua, this.0.raw()?.peer())
    })?;
    add.nothing("close", |_, (this,): (This,)| {
        this.0.close();
        Ok(())
    })
}
