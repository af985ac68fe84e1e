//! What a script does when connections and streams of its service come and go.

use std::rc::{Rc, Weak};

use futures_lite::future;
use gshell_service::{Admission, Handlers, Peer, StreamContext, current, rt};
use gshell_wire::{Code, Fault};
use mlua::{Function, Lua, Result, Table, Value};

use super::fault;
use super::handler::{Outcome, Results, Service, Variables};
use super::stream::Stream;
use crate::api::options::Options;
use crate::sliced::Sliced;

/// Slices of a script (10 ms each) in which a connection is admitted or not; on a slow or busy machine one is not enough.
const DECISION: usize = 10;

/// Adds the hooks that the options have.
pub fn add(lua: &Lua, mut handlers: Handlers, options: &Options, service: &Rc<Service>) -> Result<Handlers> {
    if let Some(function) = options.get::<Function>(lua, "on_connect")? {
        let service = Rc::downgrade(service);
        handlers = handlers.on_connect(move |peer| match admit(&service, &function, peer) {
            Ok(()) => Admission::Accept,
            Err(fault) => Admission::Refuse(fault),
        });
    }
    if let Some(function) = options.get::<Function>(lua, "on_disconnect")? {
        let service = Rc::downgrade(service);
        handlers = handlers.on_disconnect(move |peer| {
            run(&service, "on_disconnect", &function, |lua| {
                table(lua, peer).map(Value::Table)
            });
        });
    }
    if let Some(function) = options.get::<Function>(lua, "on_stream")? {
        let service = Rc::downgrade(service);
        handlers = handlers.on_stream_open(move |stream| {
            run(&service, "on_stream", &function, |lua| {
                object(&service, lua, stream)
            });
        });
    }
    if let Some(function) = options.get::<Function>(lua, "on_stream_close")? {
        let service = Rc::downgrade(service);
        handlers = handlers.on_stream_close(move |stream| {
            run(&service, "on_stream_close", &function, |lua| {
                object(&service, lua, stream)
            });
        });
    }
    Ok(handlers)
}

/// A peer in a table.
pub fn table(lua: &Lua, peer: &Peer) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("text", peer.text.as_str())?;
    table.raw_set("scope", peer.scope.to_string().to_ascii_lowercase())?;
    if let Some(who) = &peer.credentials {
        table.raw_set("pid", who.pid)?;
        table.raw_set("uid", who.uid)?;
        table.raw_set("gid", who.gid)?;
    }
    Ok(table)
}

fn object(service: &Weak<Service>, lua: &Lua, stream: &StreamContext) -> Result<Value> {
    let Some(service) = service.upgrade() else {
        return Ok(Value::Nil);
    };
    let vars = match stream.vars().get::<Variables>() {
        Some(known) => known.0.clone(),
        None => {
            let made = lua.create_table()?;
            stream.vars().set(Variables(made.clone()));
            made
        }
    };
    let made = Stream::hooked(&service.shared, stream.stream(), vars);
    lua.create_userdata(made).map(Value::UserData)
}

/// Calls a function whose answer decides: it has to be there at once.
fn admit(service: &Weak<Service>, function: &Function, peer: &Peer) -> std::result::Result<(), Fault> {
    let gone = || Fault::new(Code::Stopped, "the script of this service has ended");
    let service = service.upgrade().ok_or_else(gone)?;
    let lua = service.lua.try_upgrade().ok_or_else(gone)?;
    let faulty = |error: mlua::Error| fault::of_error(&error);
    let peer = table(&lua, peer).map_err(faulty)?;
    let body = service.begin(&lua, function, Value::Table(peer), Value::Nil);
    let mut body = body.map_err(faulty)?;
    match at_once(&service, &mut body) {
        None => {
            let text = match body.is_cut() {
                true => "on_connect of this service computes for too long",
                false => "on_connect of this service waited: it has to answer at once",
            };
            Err(Fault::new(Code::Script, text))
        }
        Some(Err(failure)) => {
            service.report("on_connect", &failure);
            Err(fault::of_failure(&failure))
        }
        Some(Ok(Value::Boolean(false))) => Err(Fault::new(Code::Denied, "the service does not accept you")),
        Some(Ok(Value::String(why))) => Err(Fault::new(Code::Denied, why.to_string_lossy())),
        Some(Ok(_)) => Ok(()),
    }
}

/// The outcome of a function that does not wait; its neighbours do while it computes, for [`DECISION`] slices at most.
fn at_once(service: &Service, body: &mut Sliced<Results>) -> Option<Outcome> {
    let mut was_cut = true;
    for _ in 0..DECISION {
        let polled = future::block_on(future::poll_once(service.finish(body)));
        // The poll after one that was cut may bring nothing but the yield that the cut kept back.
        if polled.is_some() || !(was_cut || body.is_cut()) {
            return polled;
        }
        was_cut = body.is_cut();
    }
    None
}

/// Calls a function that may go on for some time.
fn run(
    service: &Weak<Service>,
    what: &'static str,
    function: &Function,
    argument: impl FnOnce(&Lua) -> Result<Value>,
) {
    let Some(service) = service.upgrade() else { return };
    let Some(lua) = service.lua.try_upgrade() else {
        return;
    };
    let begun = argument(&lua).and_then(|argument| service.begin(&lua, function, argument, Value::Nil));
    // Only memory that is full keeps it from beginning.
    let Ok(mut body) = begun else { return };
    drop(lua);
    let own = Rc::clone(&service);
    let work = async move {
        if let Err(failure) = own.finish(&mut body).await {
            own.report(what, &failure);
        }
    };
    let mut started = Box::pin(service.start(current::Scope::default(), Box::pin(work)));
    if future::block_on(future::poll_once(&mut started)).is_none() {
        rt::spawn(async move {
            let _ = started.await;
        })
        .detach();
    }
}
