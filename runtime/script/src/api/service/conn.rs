//! Connections to services.

use std::cell::RefCell;
use std::rc::Rc;

use gshell_service::builtin::difference;
use gshell_service::builtin::messages::{Describe, Description};
use gshell_service::{CallOptions, Client, Incoming, Outgoing, Stream as Raw};
use gshell_wire::{Code, Fault, Shape};
use mlua::{Lua, Result, Table, UserData, UserDataFields, UserDataRef, Value, WeakLua};

use super::calling::Calling;
use super::fault::raised;
use super::message::{Message, Sent, Type, Types, unknown};
use super::stream::Stream;
use super::{Shared, hooks, seconds};
use crate::Context;
use crate::call::{self, Functions};
use crate::errors::raise;
use crate::resources::Ticket;

/// What a script holds of a connection.
pub struct Connection(Rc<Slot>);

struct Slot {
    shared: Rc<Shared>,
    name: String,
    open: RefCell<Option<Rc<Open>>>,
    _ticket: RefCell<Option<Ticket>>,
}

/// A connection that is open.
pub struct Open {
    /// None once it was closed: streams of it may still be around.
    client: RefCell<Option<Rc<Client>>>,
    reconnects: bool,
    described: RefCell<Option<Rc<Described>>>,
}

/// What the service says of itself.
struct Described {
    description: Description,
    /// The types that it handles and sends, as far as they can be read.
    types: Vec<Rc<Type>>,
}

impl Connection {
    /// Takes over a client; it counts as one open thing of the environment.
    pub fn new(shared: &Rc<Shared>, name: String, client: Client, reconnects: bool) -> Result<Connection> {
        let open = Rc::new(Open {
            client: RefCell::new(Some(Rc::new(client))),
            reconnects,
            described: RefCell::default(),
        });
        let slot = Rc::new(Slot {
            shared: Rc::clone(shared),
            name,
            open: RefCell::new(Some(open)),
            _ticket: RefCell::default(),
        });
        let weak = Rc::downgrade(&slot);
        let ticket = shared.cx.resources.add("a connection", move || {
            if let Some(open) = weak.upgrade().and_then(|slot: Rc<Slot>| slot.open.take()) {
                drop(open.client.take());
            }
        })?;
        *slot._ticket.borrow_mut() = Some(ticket);
        Ok(Connection(slot))
    }

    fn parts(&self) -> Result<(Rc<Shared>, Rc<Open>)> {
        match &*self.0.open.borrow() {
            Some(open) => Ok((Rc::clone(&self.0.shared), Rc::clone(open))),
            None => Err(raise(
                "closed",
                format!("the connection to {} is closed", self.0.name),
            )),
        }
    }

    fn close(&self) {
        if let Some(open) = self.0.open.take() {
            drop(open.client.take());
        }
        drop(self.0._ticket.take());
    }
}

impl Open {
    /// The client.
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn client(&self) -> Result<Rc<Client>> {
        let client = self.client.borrow().clone();
        client.ok_or_else(|| raise("closed", "the connection is closed"))
    }

    /// Whether it connects again when it is lost.
    pub fn reconnects(&self) -> bool {
        self.reconnects
    }

    /// Asks the service what it handles, once for a connection.
    async fn described(&self, shared: &Shared, lua: &WeakLua) -> Result<Rc<Described>> {
        if let Some(known) = &*self.described.borrow() {
            return Ok(Rc::clone(known));
        }
        let client = self.client()?;
        let asked = client.call::<Describe, Description>(Describe {});
        let description = shared.cx.wait(asked).await?.map_err(raised)?;
        let Some(lua) = lua.try_upgrade() else {
            return Err(raise("stopped", "stopped"));
        };
        let mut types = Vec::new();
        let mut add = |name: &str, bytes: &[u8], help: &str| {
            // A shape that this side cannot read is one that it cannot use; the others can be used.
            if let Ok(shape) = Shape::read(bytes) {
                types.push(shared.types.get(&lua, name, shape, help, Default::default())?);
            }
            Result::Ok(())
        };
        for message in &description.messages {
            add(&message.name, &message.shape, &message.help)?;
            for reply in &message.replies {
                add(&reply.name, &reply.shape, "")?;
            }
        }
        let described = Rc::new(Described { description, types });
        *self.described.borrow_mut() = Some(Rc::clone(&described));
        Ok(described)
    }

    /// The type of this name that the service handles, or sends.
    async fn by_name(&self, shared: &Shared, lua: &WeakLua, name: &str) -> Result<Rc<Type>> {
        let described = self.described(shared, lua).await?;
        let found = described.types.iter().find(|ty| ty.name == name);
        found.cloned().ok_or_else(|| {
            let names: Vec<_> = described
                .description
                .messages
                .iter()
                .map(|message| message.name.as_str())
                .collect();
            let text = format!(
                "unknown message {name}; the service handles: {}",
                names.join(", ")
            );
            raise("unknown_message", text)
        })
    }

    /// The message that came, and its type.
    pub async fn read(
        &self,
        shared: &Shared,
        lua: &WeakLua,
        incoming: Incoming,
    ) -> Result<(Value, Rc<Type>)> {
        let ty = match shared.types.by_key(incoming.key) {
            Some(ty) => ty,
            // Behind a pointer, as all that happens once for a connection: the futures of calls stay small.
            None => Box::pin(self.by_key(shared, lua, incoming.key)).await?,
        };
        let Some(lua) = lua.try_upgrade() else {
            return Err(raise("stopped", "stopped"));
        };
        Ok((ty.read(&lua, incoming.payload)?, ty))
    }

    /// The type with this key that the service handles, or sends.
    async fn by_key(&self, shared: &Shared, lua: &WeakLua, key: u64) -> Result<Rc<Type>> {
        let described = self.described(shared, lua).await?;
        let found = described.types.iter().find(|ty| ty.key == key);
        found.cloned().ok_or_else(|| unknown(key))
    }

    /// What is said of a fault: if the service has the message in another shape, how they differ.
    #[cold]
    pub async fn explain(&self, shared: &Shared, lua: &WeakLua, ty: &Type, fault: Fault) -> mlua::Error {
        if fault.code() == Some(Code::UnknownMessage)
            && let Ok(described) = self.described(shared, lua).await
            && let Some(text) = difference(&described.description, &ty.name, &ty.shape)
        {
            return raise("unknown_message", text);
        }
        raised(fault)
    }
}

/// What a script wants to send: its type, and its value.
pub enum What {
    Known(Rc<Type>, Value),
    Named(String, Value),
}

/// Of the arguments of `send` and `call`: `(Type, table, options)`, `("name", table, options)` or `(message, options)`.
pub fn what(types: &Types, what: &Value, value: Value, options: Value) -> Result<(What, Value)> {
    match what {
        Value::UserData(object) => {
            if let Ok(message) = object.borrow::<Message>() {
                return Ok((What::Known(Rc::clone(&message.0), value), options));
            }
        }
        Value::String(name) => return Ok((What::Named(name.to_string_lossy(), value), options)),
        table @ Value::Table(_) => {
            if let Some(ty) = types.of(table) {
                return Ok((What::Known(ty, table.clone()), value));
            }
        }
        _ => {}
    }
    Err(raise(
        "invalid",
        format!(
            "expected a message type, the name of one, or a message that a type made; got {}",
            match what {
                Value::Table(_) => "a table of no type",
                other => other.type_name(),
            }
        ),
    ))
}

impl What {
    /// Type and value; a name is looked up at the service, or among the types of the script where there is none.
    pub async fn resolve(
        self,
        shared: &Shared,
        open: Option<&Open>,
        lua: &WeakLua,
    ) -> Result<(Rc<Type>, Value)> {
        match (self, open) {
            (What::Known(ty, value), _) => Ok((ty, value)),
            (What::Named(name, value), Some(open)) => {
                Ok((Box::pin(open.by_name(shared, lua, &name)).await?, value))
            }
            (What::Named(name, value), None) => match shared.types.by_name(&name) {
                Some(ty) => Ok((ty, value)),
                None => Err(raise(
                    "unknown_message",
                    format!("the script declares no message {name}"),
                )),
            },
        }
    }
}

/// How a call is made, from its options.
pub fn options(function: &'static str, options: Value) -> Result<CallOptions> {
    let timeout = match options {
        Value::Nil => None,
        Value::Table(table) => seconds(function, table)?,
        other => {
            let text = format!("{function}: the options are a table, not a {}", other.type_name());
            return Err(raise("invalid", text));
        }
    };
    Ok(CallOptions {
        timeout,
        ..CallOptions::default()
    })
}

/// Whether messages cross inside of the process.
pub fn is_local(stream: &Raw) -> bool {
    stream.peer().scope == gshell_service::Scope::Process
}

type This = UserDataRef<Connection>;

impl UserData for Connection {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        call::methods(fields, methods);
        call::metamethod(fields, "__close", |lua| {
            call::nothing(lua, |_, (this, _): (This, Value)| {
                this.close();
                Ok(())
            })
        });
        call::metamethod(fields, "__tostring", |lua| {
            call::value(lua, |_, (this,): (This,)| {
                let closed = if this.0.open.borrow().is_none() {
                    ", closed"
                } else {
                    ""
                };
                Ok(format!("connection ({}{closed})", this.0.name))
            })
        });
    }
}

fn methods(add: &Functions<'_>) -> Result<()> {
    add.boxed_method(
        "call",
        |lua, (this, ty, value, given): (This, Value, Value, Value)| {
            let (shared, open) = this.parts()?;
            let (what, given) = what(&shared.types, &ty, value, given)?;
            let options = options("conn:call", given)?;
            let cx = Rc::clone(&shared.cx);
            let mut calling = Calling::on_connection(&shared, open, lua.weak(), what, options)?;
            Ok((cx, Box::pin(async move { calling.run().await })))
        },
    )?;
    add.waiting_method("stream", |_, (this,): (This,)| {
        let (shared, open) = this.parts()?;
        Ok((Rc::clone(&shared.cx), async move {
            let client = open.client()?;
            let stream = shared.cx.wait(client.open()).await?.map_err(raised)?;
            Stream::opened(&shared, open, stream)
        }))
    })?;
    add.waiting_method("describe", |lua, (this,): (This,)| {
        let (shared, open) = this.parts()?;
        let lua = lua.weak();
        Ok((Rc::clone(&shared.cx), async move {
            let described = open.described(&shared, &lua).await?;
            match lua.try_upgrade() {
                Some(lua) => description(&lua, &described).map(Value::Table),
                None => Ok(Value::Nil),
            }
        }))
    })?;
    add.waiting_method("type", |lua, (this, name): (This, String)| {
        let (shared, open) = this.parts()?;
        let lua = lua.weak();
        Ok((Rc::clone(&shared.cx), async move {
            open.by_name(&shared, &lua, &name).await.map(Message)
        }))
    })?;
    add.value("peer", |lua, (this,): (This,)| {
        let (_, open) = this.parts()?;
        hooks::table(lua, &open.client()?.peer())
    })?;
    add.nothing("close", |_, (this,): (This,)| {
        this.close();
        Ok(())
    })
}

/// The service in a table.
fn description(lua: &Lua, described: &Described) -> Result<Table> {
    let from = &described.description;
    let table = lua.create_table()?;
    table.raw_set("publisher", from.publisher.as_str())?;
    table.raw_set("service", from.service.as_str())?;
    table.raw_set("provider", from.provider.as_str())?;
    table.raw_set("version", from.version.as_str())?;
    let messages = lua.create_table()?;
    for message in &from.messages {
        let entry = entry(lua, &message.name, &message.shape)?;
        entry.raw_set("help", message.help.as_str())?;
        entry.raw_set("priority", message.priority.to_string())?;
        entry.raw_set("stream", message.stream)?;
        let replies = lua.create_table()?;
        for reply in &message.replies {
            replies.raw_push(self::entry(lua, &reply.name, &reply.shape)?)?;
        }
        entry.raw_set("replies", replies)?;
        messages.raw_push(entry)?;
    }
    table.raw_set("messages", messages)?;
    Ok(table)
}

fn entry(lua: &Lua, name: &str, shape: &[u8]) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("name", name)?;
    let text = Shape::read(shape).map_or_else(|error| format!("({error})"), |shape| shape.to_string());
    table.raw_set("shape", text)?;
    Ok(table)
}

/// A message on its way out that somebody waits to have sent.
pub async fn send(cx: &Context, stream: &Raw, mut sent: Sent) -> Result<()> {
    let head = gshell_service::Head::default();
    let done = cx
        .wait(stream.send_with(head, &mut sent as &mut dyn Outgoing))
        .await?;
    done.map_err(|fault| sent.error(fault))
}
