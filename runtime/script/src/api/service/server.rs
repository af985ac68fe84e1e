//! `gshell.server`: services of a script.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use gshell_plugin_host::serve;
use gshell_service::{
    Dynamic, Handlers, Identity, PublishOptions, Published, Publisher, Scopes, Workers, current, rt,
};
use gshell_sys::slice;
use mlua::{Function, Lua, Result, Table, UserData, UserDataFields, UserDataRef, Value, WeakLua};

use super::fault::raised;
use super::handler::{self, Handler, Service, message_type};
use super::message::Type;
use super::native;
use super::states::{STATES_MAX, States};
use super::{Shared, discover, hooks};
use crate::api::options::{Options, invalid};
use crate::call::{self, Functions};
use crate::resources::Ticket;
use crate::sync::Signal;
use crate::tasks::Alive;

pub(super) const PUBLISH: &str = "server:publish";
/// Time that handlers which run have when a server closes, unless it says otherwise.
const GRACE: f64 = 1.0;

/// What a script holds of a server.
pub struct Server(Rc<Inner>);

struct Inner {
    shared: Rc<Shared>,
    publisher: Publisher,
    name: String,
    open: RefCell<Vec<Rc<Served>>>,
    closing: Cell<bool>,
    closed: Signal,
}

/// One service that is published. It stays so while the environment runs, also when the script forgets the server.
struct Served {
    name: String,
    tcp: Option<SocketAddr>,
    published: RefCell<Option<Published>>,
    /// What handles its requests; they know it only weakly.
    service: RefCell<Option<Rc<Service>>>,
    ticket: RefCell<Option<Ticket>>,
}

impl Served {
    fn end(&self) {
        drop(self.published.take());
        drop(self.service.take());
    }
}

/// Adds `gshell.server`.
pub fn register(add: &Functions<'_>, shared: &Rc<Shared>) -> Result<()> {
    let shared = Rc::clone(shared);
    add.value("server", move |lua, (options,): (Table,)| {
        let options = Options::new("gshell.server", Some(options), &["publisher"])?;
        let Some(name) = options.get::<String>(lua, "publisher")? else {
            return Err(invalid("gshell.server", "option \"publisher\" is missing"));
        };
        Ok(Server(Rc::new(Inner {
            publisher: Publisher::new(shared.node()?, &name).map_err(raised)?,
            shared: Rc::clone(&shared),
            name,
            open: RefCell::default(),
            closing: Cell::new(false),
            closed: Signal::new(),
        })))
    })
}

const KNOWN: &[&str] = &[
    "scope",
    "tcp",
    "workers",
    "queue",
    "ordered",
    "finishing",
    "on_connect",
    "on_disconnect",
    "on_stream",
    "on_stream_close",
];

impl Inner {
    fn open(&self) -> Result<()> {
        match self.closing.get() {
            true => Err(crate::errors::raise("closed", "the server is closed")),
            false => Ok(()),
        }
    }

    /// The handlers of a module, in states of their own.
    async fn publish_states(
        &self,
        lua: WeakLua,
        name: String,
        module: String,
        options: Option<Table>,
    ) -> Result<Handle> {
        self.open()?;
        let gone = || crate::errors::raise("stopped", "stopped");
        let options = Options::new(PUBLISH, options, KNOWN)?;
        let count = {
            let lua = lua.try_upgrade().ok_or_else(gone)?;
            let workers = options.get::<Table>(&lua, "workers")?;
            let workers = Options::new(PUBLISH, workers, &["states", "resident", "max", "weight"])?;
            workers.get::<u32>(&lua, "states")?.unwrap_or(1)
        };
        if count == 0 || count > STATES_MAX {
            let text = format!("option \"states\" is a number from 1 to {STATES_MAX}, not {count}");
            return Err(invalid(PUBLISH, &text));
        }
        let (cx, node) = (&self.shared.cx, self.shared.node()?);
        let states = cx
            .wait(States::start(cx, node, &module, count))
            .await?
            .map_err(raised)?;
        let lua = lua.try_upgrade().ok_or_else(gone)?;
        let service = Service::new(&self.shared, &lua)?;
        self.finish(&lua, name, states.handlers().map_err(raised)?, &options, service)
    }

    /// The handlers of a plugin's service.
    fn publish_native(
        &self,
        lua: &Lua,
        name: String,
        service: &'static serve::Service,
        options: Option<Table>,
    ) -> Result<Handle> {
        self.open()?;
        let options = Options::new(PUBLISH, options, KNOWN)?;
        let made = native::handlers(service, self.shared.cx.running()).map_err(raised)?;
        self.finish(lua, name, made, &options, Service::new(&self.shared, lua)?)
    }

    fn publish(&self, lua: &Lua, name: String, handlers: &Table, options: Option<Table>) -> Result<Handle> {
        self.open()?;
        let options = Options::new(PUBLISH, options, KNOWN)?;
        let service = Service::new(&self.shared, lua)?;
        let mut made = Handlers::new();
        for entry in entries(&self.shared, handlers)? {
            made = add(made, &service, entry).map_err(raised)?;
        }
        self.finish(lua, name, made, &options, service)
    }

    fn finish(
        &self,
        lua: &Lua,
        name: String,
        made: Handlers,
        options: &Options,
        service: Rc<Service>,
    ) -> Result<Handle> {
        let mut made = settings(lua, made, options)?;
        made = hooks::add(lua, made, options, &service)?;
        made.identify(Identity {
            publisher: self.name.clone(),
            service: name.clone(),
            provider: self.shared.node()?.id.clone(),
        });
        self.put_up(lua, name, made, options, service)
    }

    fn put_up(
        &self,
        lua: &Lua,
        name: String,
        handlers: Handlers,
        options: &Options,
        service: Rc<Service>,
    ) -> Result<Handle> {
        let tcp = match options.get::<String>(lua, "tcp")? {
            None => None,
            Some(text) => Some(
                text.parse::<SocketAddr>()
                    .map_err(|_| invalid(PUBLISH, &format!("option \"tcp\" is ADDRESS:PORT, not {text}")))?,
            ),
        };
        let scopes = match (options.get::<Value>(lua, "scope")?, tcp) {
            (Some(scope), _) => discover::scopes(PUBLISH, &scope)?,
            (None, Some(_)) => Scopes::NONE,
            (None, None) => Scopes::PROCESS | Scopes::OS,
        };
        let with = PublishOptions {
            tcp,
            ..PublishOptions::default()
        };
        let published = self.publisher.publish(&name, handlers, scopes, &with);
        let published = published.map_err(raised)?;
        let served = Rc::new(Served {
            name,
            tcp: published.tcp(),
            published: RefCell::new(Some(published)),
            service: RefCell::new(Some(service)),
            ticket: RefCell::default(),
        });
        let own = Rc::clone(&served);
        let ticket = self.shared.cx.resources.add("a service", move || own.end())?;
        *served.ticket.borrow_mut() = Some(ticket);
        self.open.borrow_mut().push(Rc::clone(&served));
        Ok(Handle(served))
    }

    /// Withdraws everything, and ends it once what runs has ended, or the grace is over.
    fn close(self: &Rc<Self>, grace: Duration) -> Result<()> {
        if self.closing.replace(true) {
            return Ok(());
        }
        let open = self.open.take();
        let (own, alive) = (Rc::clone(self), Alive::new(&self.shared.cx)?);
        let task = self.shared.cx.spawn(async move {
            for served in open {
                end(&served, grace).await;
            }
            own.closed.set();
            drop(alive);
        });
        task.into_iter().for_each(async_executor::Task::detach);
        Ok(())
    }

    /// Waits until the server is closed or the environment is told to stop.
    async fn serve(self: Rc<Self>) -> Result<()> {
        if self.shared.cx.wait(self.closed.wait()).await.is_err() {
            let open = self.open.take();
            for served in open {
                end(&served, Duration::from_secs_f64(GRACE)).await;
            }
        }
        Ok(())
    }
}

async fn end(served: &Rc<Served>, grace: Duration) {
    let published = served.published.take();
    if let Some(published) = published {
        published.close(grace).await;
        // What was answered is on its way: it takes a turn of the thread.
        rt::yield_now().await;
    }
    served.end();
    drop(served.ticket.take());
}

/// A handler as it was given.
struct Entry {
    ty: Rc<Type>,
    function: Function,
    stream: Option<bool>,
    replies: Vec<Rc<Type>>,
    /// The types that are told of as replies.
    told: Vec<Rc<Type>>,
}

/// The handlers: `[Request] = function`, or `[Request] = { function, reply = Reply, stream = true }`.
fn entries(shared: &Shared, handlers: &Table) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for pair in handlers.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let Some(ty) = message_type(&key) else {
            let text = format!(
                "the keys of the handlers are message types, not a {}",
                key.type_name()
            );
            return Err(invalid(PUBLISH, &text));
        };
        entries.push(entry(ty, value)?);
    }
    let requests: Vec<u64> = entries.iter().map(|entry| entry.ty.key).collect();
    for entry in &mut entries {
        entry.told = match entry.replies.is_empty() {
            // What it returns is not known: one of those that the script declared.
            true => shared.types.declared(&requests),
            false => entry.replies.clone(),
        };
    }
    Ok(entries)
}

fn entry(ty: Rc<Type>, value: Value) -> Result<Entry> {
    let (function, stream, replies) = match value {
        Value::Function(function) => (function, None, Vec::new()),
        Value::Table(table) => {
            let function: Value = table.raw_get(1)?;
            let Value::Function(function) = function else {
                let text = format!(
                    "{}: the first entry of a handler's table is its function",
                    ty.name
                );
                return Err(invalid(PUBLISH, &text));
            };
            (function, table.raw_get("stream")?, replies(&ty, &table)?)
        }
        other => {
            let text = format!(
                "{}: a handler is a function, not a {}",
                ty.name,
                other.type_name()
            );
            return Err(invalid(PUBLISH, &text));
        }
    };
    Ok(Entry {
        ty,
        function,
        stream,
        replies,
        told: Vec::new(),
    })
}

fn replies(ty: &Type, table: &Table) -> Result<Vec<Rc<Type>>> {
    let reply: Value = table.raw_get("reply")?;
    let list = match &reply {
        Value::Nil => Vec::new(),
        Value::Table(list) => list.clone().sequence_values().collect::<Result<Vec<Value>>>()?,
        one => vec![one.clone()],
    };
    let types = list.iter().map(|one| {
        message_type(one).ok_or_else(|| {
            invalid(
                PUBLISH,
                &format!("{}: reply is a message type or a list of them", ty.name),
            )
        })
    });
    types.collect()
}

fn add(
    handlers: Handlers,
    service: &Rc<Service>,
    entry: Entry,
) -> std::result::Result<Handlers, gshell_wire::Fault> {
    let stream = entry
        .stream
        .unwrap_or_else(|| handler::takes_stream(&entry.function));
    let shape = |ty: &Rc<Type>| (ty.name.clone(), ty.shape.as_ref().clone());
    let dynamic = Dynamic {
        replies: entry.told.iter().map(shape).collect(),
        priority: entry.ty.priority,
        help: entry.ty.help.clone(),
        stream,
        ..Dynamic::new(entry.ty.name.clone(), entry.ty.shape.as_ref().clone())
    };
    let handler = Rc::new(Handler {
        ty: entry.ty,
        function: entry.function,
        stream,
        replies: entry.replies,
    });
    let (pending, service) = (Rc::clone(&service.shared.cx.pending), Rc::downgrade(service));
    // A script does not run within itself: its coroutines would share the depth of calls that Lua allows.
    let may = move || !pending.is_running() && slice::may_nest();
    handlers.on_dynamic_within(dynamic, may, move |incoming, request| {
        handler::handle(&service, &handler, incoming, request)
    })
}

fn settings(lua: &Lua, mut handlers: Handlers, options: &Options) -> Result<Handlers> {
    if options.flag("ordered")? {
        handlers = handlers.ordered();
    }
    if options.flag("finishing")? {
        handlers = handlers.finishing();
    }
    if let Some(bound) = options.get::<u32>(lua, "queue")? {
        handlers = handlers.queue(usize::try_from(bound).unwrap_or(usize::MAX));
    }
    if let Some(workers) = options.get::<Table>(lua, "workers")? {
        let given = Options::new(PUBLISH, Some(workers), &["resident", "max", "weight", "states"])?;
        let default = Workers::default();
        handlers = handlers.workers(Workers {
            resident: given.get(lua, "resident")?.unwrap_or(default.resident),
            max: given.get(lua, "max")?.unwrap_or(default.max),
            weight: given.get(lua, "weight")?.unwrap_or(default.weight),
        });
    }
    Ok(handlers)
}

/// What a script holds of one service.
struct Handle(Rc<Served>);

impl UserData for Handle {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        let tcp = |add: &Functions<'_>| {
            add.value("tcp", |_, (this,): (UserDataRef<Handle>,)| {
                Ok(this.0.tcp.map(|address| address.to_string()))
            })
        };
        call::members(fields, tcp, |add| {
            add.nothing("close", |_, (this,): (UserDataRef<Handle>,)| {
                this.0.end();
                drop(this.0.ticket.take());
                Ok(())
            })
        });
        call::metamethod(fields, "__tostring", |lua| {
            call::value(lua, |_, (this,): (UserDataRef<Handle>,)| {
                Ok(format!("service ({})", this.0.name))
            })
        });
    }
}

type This = UserDataRef<Server>;

impl UserData for Server {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        call::methods(fields, methods);
        call::metamethod(fields, "__tostring", |lua| {
            call::value(lua, |_, (this,): (This,)| Ok(format!("server ({})", this.0.name)))
        });
    }
}

fn methods(add: &Functions<'_>) -> Result<()> {
    add.waiting_method(
        "publish",
        |lua, (this, name, handlers, options): (This, String, Value, Option<Table>)| {
            let (inner, lua) = (Rc::clone(&this.0), lua.weak());
            let cx = Rc::clone(&inner.shared.cx);
            Ok((cx, async move {
                let native = native::service_of(&handlers, &name)?;
                if let (Some(service), Some(lua)) = (native, lua.try_upgrade()) {
                    return inner.publish_native(&lua, name, service, options);
                }
                match (handlers, lua.try_upgrade()) {
                    (Value::Table(handlers), Some(lua)) => inner.publish(&lua, name, &handlers, options),
                    (Value::String(module), Some(_)) => {
                        let module = module.to_string_lossy();
                        Box::pin(inner.publish_states(lua, name, module, options)).await
                    }
                    (other, _) => {
                        let what = other.type_name();
                        let text = format!("the handlers are a table, the name of a module, or a plugin's service, not a {what}");
                        Err(invalid(PUBLISH, &text))
                    }
                }
            }))
        },
    )?;
    add.waiting_method("serve", |_, (this,): (This,)| {
        let inner = Rc::clone(&this.0);
        // Not part of a request, should a handler call it.
        let serving = current::scoped(current::Scope::default(), Rc::clone(&inner).serve());
        Ok((Rc::clone(&inner.shared.cx), serving))
    })?;
    add.nothing("close", |_, (this, grace): (This, Option<f64>)| {
        let grace = grace.unwrap_or(GRACE);
        let limit = Duration::try_from_secs_f64(grace.min(4e10))
            .map_err(|_| invalid("server:close", "the grace is a number of seconds, 0 or more"))?;
        this.0.close(limit)
    })
}
