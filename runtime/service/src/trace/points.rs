//! Where traced messages are seen: sent and received by clients and by services.

use std::time::{SystemTime, UNIX_EPOCH};

use gshell_wire::{Fault, Shape, Trace, Value};

use super::record::{MOST_TEXT, Point, Record, cut};
use super::state;
use super::token::{hex, new_span, token};
use crate::builtin;
use crate::context::Context;
use crate::current;
use crate::handlers::Handlers;
use crate::link::Link;
use crate::payload::{Given, Incoming, Outgoing, Payload};

fn value(shape: &Shape, bytes: &[u8]) -> Option<Value> {
    Value::decode(shape, bytes).ok()
}

fn text(shape: Option<&Shape>, bytes: &[u8]) -> String {
    match shape.and_then(|shape| value(shape, bytes)) {
        Some(value) => cut(value.summary(MOST_TEXT)),
        None => format!("({} bytes)", bytes.len()),
    }
}

/// What a tag's filter compares: a text without quotes, everything else as a trace prints it.
fn field(value: &Value, path: &str) -> Option<String> {
    match value.at(path)? {
        Value::Str(text) => Some(text.clone()),
        other => Some(other.summary(MOST_TEXT)),
    }
}

fn bytes_of(message: &dyn Outgoing) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = message.write(&mut bytes);
    bytes
}

/// A record with everything but the message.
fn blank(trace: Trace, point: Point, who: String, remote: &str) -> Record {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Record {
        token: token(&trace.id),
        span: hex(&trace.span),
        parent: String::new(),
        point,
        time_us: now.map_or(0, |now| u64::try_from(now.as_micros()).unwrap_or(u64::MAX)),
        message: String::new(),
        text: String::new(),
        who,
        local: format!("pid {}", std::process::id()),
        remote: remote.to_owned(),
        error: String::new(),
    }
}

/// Who is at the other end; only asked when something is traced.
type Remote<'a> = &'a dyn Fn() -> String;

/// A call is about to be sent; gives the token that travels with it if it is traced. One flag test when nothing is.
#[inline]
pub(crate) fn client_send(remote: Remote<'_>, message: &dyn Outgoing, given: Option<Trace>) -> Option<Trace> {
    let around = given.or_else(|| current::scope().trace);
    if around.is_none() && !state::is_tagged() {
        return None;
    }
    traced_send(remote, message, around)
}

#[cold]
fn traced_send(remote: Remote<'_>, message: &dyn Outgoing, around: Option<Trace>) -> Option<Trace> {
    if builtin::handles(message.key()) {
        return None;
    }
    if around.is_none() && !state::is_wanted(message.name()) {
        return None;
    }
    let (shape, bytes) = (message.shape(), bytes_of(message));
    let (id, parent) = match around {
        Some(around) => (around.id, hex(&around.span)),
        None => {
            let value = shape.as_ref().and_then(|shape| value(shape, &bytes));
            let fields = |path: &str| value.as_ref().and_then(|value| field(value, path));
            (state::begin(message.name(), &fields)?, String::new())
        }
    };
    let trace = Trace { id, span: new_span() };
    state::note(Record {
        parent,
        message: message.name().to_owned(),
        text: text(shape.as_ref(), &bytes),
        ..blank(trace, Point::ClientSend, state::process(), &remote())
    });
    Some(trace)
}

/// A message on a stream: of a client it may begin a trace; of a handler it is part of what it answers.
#[inline]
pub(crate) fn stream_send(link: &Link, message: &dyn Outgoing) -> Option<Trace> {
    let around = current::scope().trace;
    match (&link.table().handlers, around) {
        (None, _) => client_send(&|| link.peer().text.clone(), message, None),
        (Some(_), None) => None,
        (Some(handlers), Some(trace)) => {
            part_of_answer(handlers, trace, link, message);
            Some(trace)
        }
    }
}

#[cold]
fn part_of_answer(handlers: &Handlers, trace: Trace, link: &Link, message: &dyn Outgoing) {
    let shape = message.shape();
    state::note(Record {
        message: message.name().to_owned(),
        text: text(shape.as_ref(), &bytes_of(message)),
        ..blank(trace, Point::ServerSend, service(handlers), &link.peer().text)
    });
}

/// What a caller expects, for the text of a trace: the name and the shape.
pub type Expected = fn() -> (&'static str, Shape);

/// A traced call has its answer.
#[cold]
pub(crate) fn client_recv(
    remote: Remote<'_>,
    trace: Trace,
    expected: Option<Expected>,
    answer: Result<&Incoming, &Fault>,
) {
    let expected = expected.map(|expected| expected());
    let known = expected.as_ref().map(|(name, shape)| (*name, shape));
    client_recv_known(remote, trace, known, answer);
}

/// As [`client_recv`], where name and shape of the answer are only known at run time.
#[cold]
pub(crate) fn client_recv_known(
    remote: Remote<'_>,
    trace: Trace,
    expected: Option<(&str, &Shape)>,
    answer: Result<&Incoming, &Fault>,
) {
    let mut record = blank(trace, Point::ClientRecv, state::process(), &remote());
    match answer {
        Err(fault) => record.error = cut(fault.to_string()),
        Ok(incoming) => {
            let mut bytes = Vec::new();
            let _ = incoming.payload.write(&mut bytes);
            let known = expected.filter(|(name, shape)| shape.key(name) == incoming.key);
            record.text = text(known.map(|(_, shape)| shape), &bytes);
            record.message = match known {
                Some((name, _)) => name.to_owned(),
                None => format!("{:016x}", incoming.key),
            };
        }
    }
    state::note(record);
}

fn service(handlers: &Handlers) -> String {
    let path = handlers.identity.borrow().path();
    match path.is_empty() {
        true => state::process(),
        false => path,
    }
}

/// A service has a traced request.
#[cold]
pub(crate) fn server_recv(context: &Context, key: u64, given: &Given<'_>) {
    let Some(trace) = context.scope.trace else { return };
    let mut encoded = Vec::new();
    let bytes = match given {
        Given::Bytes(bytes) => *bytes,
        Given::Owned(Payload::Bytes(bytes)) => bytes,
        Given::Owned(payload) => {
            let _ = payload.write(&mut encoded);
            &encoded
        }
    };
    let shape = context.entry.version(key).map(|version| version.form.shape());
    state::note(Record {
        message: context.entry.name.clone(),
        text: text(shape.as_ref(), bytes),
        ..blank(
            trace,
            Point::ServerRecv,
            service(&context.handlers),
            &context.link.peer().text,
        )
    });
}

/// A service answers a traced request.
#[cold]
pub(crate) fn server_send(context: &Context, message: &dyn Outgoing) {
    let Some(trace) = context.scope.trace else { return };
    let shape = message.shape().or_else(|| {
        let replies = &context.entry.replies;
        let known = replies.iter().find(|reply| reply.key == message.key())?;
        Some(known.form.shape())
    });
    state::note(Record {
        message: message.name().to_owned(),
        text: text(shape.as_ref(), &bytes_of(message)),
        ..blank(
            trace,
            Point::ServerSend,
            service(&context.handlers),
            &context.link.peer().text,
        )
    });
}

/// A service answers a traced request with an error.
#[cold]
pub(crate) fn server_error(context: &Context, fault: &Fault) {
    let Some(trace) = context.scope.trace else { return };
    state::note(Record {
        message: context.entry.name.clone(),
        error: cut(fault.to_string()),
        ..blank(
            trace,
            Point::ServerSend,
            service(&context.handlers),
            &context.link.peer().text,
        )
    });
}
