//! Messages, and the services that handle them.

use gshell_plugin_abi as abi;
use gshell_small::Set;
use gshell_wire::{Shape, check_name};

use super::bounds;
use super::reader::Reader;
use super::tables::{Size, once};

/// The highest priority of a message.
const HIGH: u32 = 2;

/// Checks the plugin's messages and services.
pub fn check(reader: &Reader<'_>, plugin: &abi::Plugin) -> Result<(), String> {
    let messages = reader.many(
        "the list of messages",
        plugin.messages,
        plugin.message_count,
        bounds::MESSAGES,
    )?;
    let mut names = Set::new();
    for (n, at) in (1..).zip(messages) {
        let name = message(reader, &format!("message {n}"), *at)?;
        once(&mut names, name, &format!("message {name}"))?;
    }
    let services = reader.many(
        "the list of services",
        plugin.services,
        plugin.service_count,
        bounds::SERVICES,
    )?;
    let mut names = Set::new();
    for (n, at) in (1..).zip(services) {
        service(reader, &format!("service {n}"), *at, &mut names)?;
    }
    Ok(())
}

fn message(reader: &Reader<'_>, what: &str, at: *const abi::Message) -> Result<&'static str, String> {
    let size = *reader.one(what, at.cast::<Size>())?;
    let message = reader.sized(what, at, size.0)?;
    let name = reader.text(&format!("the name of {what}"), message.name, bounds::MESSAGE_NAME)?;
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("{name:?} is no name for {what}"));
    }
    let what = format!("message {name}");
    if message.priority > HIGH {
        return Err(format!(
            "{what} has priority {}, {HIGH} is the highest",
            message.priority
        ));
    }
    reader.text(&format!("the help of {what}"), message.help, bounds::HELP)?;
    let of_shape = format!("the shape of {what}");
    let shape = reader.text(&of_shape, message.shape, gshell_wire::SHAPE_BYTES_MAX)?;
    if !shape.is_empty() {
        Shape::parse(shape).map_err(|error| format!("{of_shape}: {error}"))?;
    }
    match message.describe {
        // What it gives is looked at when it is needed: it is the plugin's code.
        Some(describe) => reader.code(&format!("describe of {what}"), Some(describe as usize))?,
        None if shape.is_empty() => {
            return Err(format!("{what} has no shape, and nothing that describes it"));
        }
        None => {}
    }
    Ok(name)
}

fn service(
    reader: &Reader<'_>,
    what: &str,
    at: *const abi::Service,
    names: &mut Set<(&'static str, &'static str)>,
) -> Result<(), String> {
    let size = *reader.one(what, at.cast::<Size>())?;
    let service = reader.sized(what, at, size.0)?;
    let part = |part: &str, text| {
        let what = format!("the {part} of {what}");
        let text = reader.text(&what, text, gshell_wire::NAME_MAX as u32)?;
        check_name(text).map_err(|error| format!("{what}: {error}"))?;
        Ok::<_, String>(text)
    };
    let (publisher, name) = (part("publisher", service.publisher)?, part("name", service.name)?);
    let what = format!("service {publisher}/{name}");
    once(names, (publisher, name), &what)?;
    reader.text(&format!("the help of {what}"), service.help, bounds::HELP)?;
    let handlers = reader.many(
        &format!("the list of handlers of {what}"),
        service.handlers,
        service.handler_count,
        bounds::HANDLERS,
    )?;
    let mut requests = Set::new();
    for (n, handler) in (1..).zip(handlers) {
        self::handler(reader, &format!("handler {n} of {what}"), handler, &mut requests)?;
    }
    Ok(())
}

fn handler(
    reader: &Reader<'_>,
    what: &str,
    handler: &abi::Handler,
    requests: &mut Set<&'static str>,
) -> Result<(), String> {
    let request = message(reader, &format!("the request of {what}"), handler.request)?;
    once(requests, request, &format!("{what}, for message {request},"))?;
    let replies = reader.many(
        &format!("the list of replies of {what}"),
        handler.replies,
        handler.reply_count,
        bounds::REPLIES,
    )?;
    for (n, at) in (1..).zip(replies) {
        message(reader, &format!("reply {n} of {what}"), *at)?;
    }
    reader.code(what, handler.call.map(|call| call as usize))?;
    if handler.flags & !(abi::flags::BLOCKING | abi::flags::STREAM) != 0 {
        return Err(format!(
            "{what} has flags that nobody knows ({:#x})",
            handler.flags
        ));
    }
    Ok(())
}
