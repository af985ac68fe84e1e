//! Services of plugins: their handlers get bytes and give bytes, and no Lua is on the way.

use std::time::Duration;

use gshell_plugin_host::Noted;
use gshell_plugin_host::serve::{Handler, Message, Received, Service, Sink};
use gshell_service::{BlockingReply, ByteStream, DirectReply, Dynamic, Handlers};
use gshell_sys::slice::{self, Running};
use gshell_wire::{Code, Fault};
use mlua::Value;

use super::server::PUBLISH;
use crate::api::options::invalid;
use crate::plugins::{NativeService, on_behalf};

/// What a service of a plugin does with its messages, on behalf of an environment.
pub fn handlers(service: &'static Service, running: Running) -> Result<Handlers, Fault> {
    let mut made = Handlers::new();
    for handler in &service.handlers {
        made = add(made, handler, running)?;
    }
    Ok(made)
}

/// The service of a plugin that is meant: itself, or the plugin's module, of which it is the one of this name.
pub fn service_of(handlers: &Value, name: &str) -> mlua::Result<Option<&'static Service>> {
    let of = |value: &Value| {
        let native = value.as_userdata()?.borrow::<NativeService>().ok()?;
        Some(native.0)
    };
    if let Some(service) = of(handlers) {
        return Ok(Some(service));
    }
    let Value::Table(module) = handlers else {
        return Ok(None);
    };
    let Value::Table(services) = module.raw_get::<Value>("services")? else {
        return Ok(None);
    };
    let found = of(&services.raw_get(name)?);
    let other = services
        .pairs::<String, Value>()
        .flatten()
        .find(|(_, value)| of(value).is_some());
    match (found, other) {
        (None, Some((other, _))) => {
            let text = format!(
                "the plugin has no service \"{name}\", but \"{other}\": publish it by plugin.services"
            );
            Err(invalid(PUBLISH, &text))
        }
        (found, _) => Ok(found),
    }
}

fn add(made: Handlers, handler: &'static Handler, running: Running) -> Result<Handlers, Fault> {
    let shape = |message: &&'static Message| (message.name.to_owned(), message.shape.clone());
    let request = handler.request;
    let message = Dynamic {
        replies: handler.replies.iter().map(shape).collect(),
        priority: request.priority,
        help: request.help.to_owned(),
        ..Dynamic::new(request.name, request.shape.clone())
    };
    if handler.stream {
        return made.on_bytes_stream(message, move |body, stream| {
            on_behalf(running.id, || handler.answer(body, &mut Streamed(stream))).map_err(fault)
        });
    }
    if handler.blocking {
        return made.on_bytes_blocking(message, move |body, reply| {
            on_behalf(running.id, || handler.answer(body, &mut Later(reply))).map_err(fault)
        });
    }
    made.on_bytes(message, move |body, reply| {
        // One that never returns is told as a script would be.
        slice::watched(&running, || handler.answer(body, &mut Now(reply))).map_err(fault)
    })
}

#[cold]
fn fault(noted: Noted) -> Fault {
    match noted {
        Noted::Memory => Fault::new(Code::Limit, "not enough memory"),
        Noted::Error { code, text } => {
            let known = u16::try_from(code).ok().and_then(Code::from_u16);
            Fault::new(known.unwrap_or(Code::Internal), text)
        }
    }
}

#[cold]
fn noted(fault: Fault) -> Noted {
    Noted::Error {
        code: fault.code.into(),
        text: fault.to_string(),
    }
}

struct Now<'a, 'b>(&'a mut DirectReply<'b>);

impl Sink for Now<'_, '_> {
    fn reply(&mut self, of: &'static Message, body: &[u8]) -> Result<(), Noted> {
        self.0.send(of.key, of.name, body).map_err(noted)
    }

    fn cancelled(&self) -> bool {
        false
    }
}

struct Later<'a>(&'a mut BlockingReply);

impl Sink for Later<'_> {
    fn reply(&mut self, of: &'static Message, body: &[u8]) -> Result<(), Noted> {
        self.0.send(of.key, of.name, body);
        Ok(())
    }

    fn cancelled(&self) -> bool {
        self.0.caller().is_cancelled()
    }
}

struct Streamed<'a>(&'a mut ByteStream);

impl Sink for Streamed<'_> {
    fn reply(&mut self, of: &'static Message, body: &[u8]) -> Result<(), Noted> {
        self.send(of, body)
    }

    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn send(&mut self, of: &'static Message, body: &[u8]) -> Result<(), Noted> {
        self.0.send(of.key, of.name, body).map_err(noted)
    }

    fn receive(&mut self, limit: Option<Duration>) -> Received {
        match self.0.receive(limit) {
            Ok(Some((key, bytes))) => Received::Message(key, bytes),
            Ok(None) => Received::End,
            Err(fault) => Received::Failed(noted(fault)),
        }
    }
}
