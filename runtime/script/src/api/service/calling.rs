//! Calls of a script: a request, and the wait for its reply.
//!
//! What a call holds while it waits is one allocation, made for each call: it is kept below the size (1 kB) up to which C
//! libraries have memory at hand. So all that can be done before the wait is done before it, what happens rarely is
//! behind a pointer, and futures are polled where they are, for one that is passed on by value is there twice.

use std::pin::pin;
use std::rc::Rc;

use gshell_service::{CallOptions, Incoming, Stream as Raw};
use gshell_wire::{Code, Fault};
use mlua::{MultiValue, Result, Value, WeakLua};

use super::Shared;
use super::conn::{Open, What, is_local};
use super::fault::raised;
use super::message::{Sent, Type, unknown};
use crate::errors::raise;

/// A call that is about to be made.
pub struct Calling {
    shared: Rc<Shared>,
    stream: Raw,
    open: Option<Rc<Open>>,
    /// By a client that connects again; it has to be there, else closing it ends its calls.
    reconnects: bool,
    lua: WeakLua,
    options: CallOptions,
    request: Request,
}

enum Request {
    Ready(Sent),
    /// Its type has to be asked for.
    Named(Box<What>),
}

type Answer = std::result::Result<Incoming, Fault>;

impl Calling {
    /// On the default stream of a connection.
    ///
    /// # Errors
    /// When it is closed, or the value does not fit the type.
    pub fn on_connection(
        shared: &Rc<Shared>,
        open: Rc<Open>,
        lua: WeakLua,
        what: What,
        options: CallOptions,
    ) -> Result<Calling> {
        let stream = open.client()?.default_stream();
        Ok(Calling {
            request: Request::new(&stream, what)?,
            reconnects: open.reconnects(),
            shared: Rc::clone(shared),
            stream,
            open: Some(open),
            lua,
            options,
        })
    }

    /// On a stream, and its connection if that is known.
    ///
    /// # Errors
    /// When the value does not fit the type.
    pub fn on_stream(
        shared: &Rc<Shared>,
        (stream, open): (Raw, Option<Rc<Open>>),
        lua: WeakLua,
        what: What,
        options: CallOptions,
    ) -> Result<Calling> {
        Ok(Calling {
            request: Request::new(&stream, what)?,
            reconnects: false,
            shared: Rc::clone(shared),
            stream,
            open,
            lua,
            options,
        })
    }

    /// Sends the request and waits for its reply.
    ///
    /// # Errors
    /// What the service, or the way to it, says.
    pub async fn run(&mut self) -> Result<MultiValue> {
        self.reply().await.map(|reply| MultiValue::from_iter([reply]))
    }

    async fn reply(&mut self) -> Result<Value> {
        if let Request::Named(_) = self.request {
            Box::pin(self.resolve()).await?;
        }
        match self.ask().await? {
            Ok(incoming) => match self.shared.types.by_key(incoming.key) {
                Some(ty) => self.read(&ty, incoming),
                None => Box::pin(self.read_new(incoming)).await,
            },
            Err(fault) => Err(Box::pin(self.failed(fault)).await),
        }
    }

    #[cold]
    async fn resolve(&mut self) -> Result<()> {
        let found = match &mut self.request {
            Request::Named(what) => {
                let what = std::mem::replace(&mut **what, What::Named(String::new(), Value::Nil));
                what.resolve(&self.shared, self.open.as_deref(), &self.lua)
                    .await?
            }
            Request::Ready(_) => return Ok(()),
        };
        self.request = Request::new(&self.stream, What::Known(found.0, found.1))?;
        Ok(())
    }

    async fn ask(&mut self) -> Result<Answer> {
        let Request::Ready(sent) = &mut self.request else {
            return Err(raise("internal", "a request of no type"));
        };
        let (cx, options) = (&self.shared.cx, &self.options);
        match (&self.open, self.reconnects) {
            (Some(open), true) => {
                let client = open.client()?;
                cx.wait(Box::pin(client.call_with(options, sent))).await
            }
            _ => cx.wait(pin!(self.stream.call_with(options, sent))).await,
        }
    }

    fn read(&self, ty: &Type, incoming: Incoming) -> Result<Value> {
        match self.lua.try_upgrade() {
            Some(lua) => ty.read(&lua, incoming.payload),
            None => Err(raise("stopped", "stopped")),
        }
    }

    /// A reply of a type that the script does not know.
    #[cold]
    async fn read_new(&self, incoming: Incoming) -> Result<Value> {
        match &self.open {
            Some(open) => Ok(open.read(&self.shared, &self.lua, incoming).await?.0),
            None => Err(unknown(incoming.key)),
        }
    }

    #[cold]
    async fn failed(&self, fault: Fault) -> mlua::Error {
        let Request::Ready(sent) = &self.request else {
            return raised(fault);
        };
        match &self.open {
            Some(open) if fault.code() == Some(Code::UnknownMessage) => {
                open.explain(&self.shared, &self.lua, sent.of(), fault).await
            }
            _ => sent.error(fault),
        }
    }
}

impl Request {
    fn new(stream: &Raw, what: What) -> Result<Request> {
        match what {
            What::Known(ty, value) => Sent::new(&ty, value, is_local(stream)).map(Request::Ready),
            named => Ok(Request::Named(Box::new(named))),
        }
    }
}
