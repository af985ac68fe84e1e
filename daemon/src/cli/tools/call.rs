//! `gshell call`: sends a message to any service, with JSON for its fields, and prints what comes back.

use std::time::{Duration, Instant};

use gshell_service::blocking::{Client, Received, Sent};
use gshell_service::{Incoming, Outgoing, Payload};
use gshell_session::Body;
use gshell_wire::{Code, EncodeError, Fault, Shape, Value};

use super::mtrace;
use crate::cli::args::{Command, Many, Matches, Opt, Positional, Values};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::link::Global;
use crate::cli::output;
use crate::cli::service::{self, Known, SCOPE, SERVICE, TCP, Type};
use crate::cli::value::{Chunks, compact, fit, object, parse, text};
use crate::exit_codes::Status;

/// Time for an answer when nothing is said.
const ANSWER: Duration = Duration::from_secs(10);

/// `gshell call`.
pub const COMMAND: Command = Command {
    long: "JSON gives the fields by name: numbers are exact up to 64 bits, bytes are base64 strings, an enum is \
           \"Variant\" or {\"Variant\": ...}, a map an object or an array of pairs, and what is optional may be left \
           out. '-' reads values from standard input, one a line or one over several lines, and sends them one after \
           the other. Each message that comes back is a line of JSON on standard output: the answer, or the messages \
           of a stream until the service ends it or Ctrl-C.",
    options: &[
        Opt::value(
            "timeout",
            "SECONDS",
            "Wait so long for an answer [default: 10], or for each message of a stream",
        )
        .check(check_seconds),
        Opt::flag(
            "follow",
            "Go on after an answer, until the service ends the stream",
        )
        .short('f'),
        Opt::flag("types", "Print each message as {\"type\": ..., \"value\": ...}"),
        Opt::flag(
            "trace",
            "Trace the call through all services, and print the trace to standard error at the end",
        ),
        SCOPE,
        TCP,
    ],
    positionals: &[
        SERVICE,
        Positional::new("TYPE", "Name of the message").values(Values::Message),
        Positional::new("JSON", "Its fields [default: {}]; '-' reads standard input").many(Many::Any),
    ],
    examples: &[
        "gshell call gshell/daemon gshell.Info",
        "gshell call gshell/daemon gshell.List '{\"publisher\": \"*\", \"service\": \"\"}'",
        "gshell call example/echo echo.Request - < requests.json",
        "gshell call --trace --tcp localhost:4711 example/echo echo.Request '{\"msg\": \"hi\"}'",
    ],
    ..Command::new(
        "call",
        "Send a message to a service and print the answer as JSON",
        run,
    )
};

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = gshell_small::decimal(text);
    let limit = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match limit.filter(|limit| !limit.is_zero()) {
        Some(limit) => Ok(limit),
        None => Err("it is a number of seconds above 0, such as 0.5".to_owned()),
    }
}

fn check_seconds(text: &str) -> Result<(), String> {
    seconds(text).map(drop)
}

/// A message that is sent, with what a trace wants to know of it.
struct Request<'a> {
    ty: &'a Type,
    bytes: Vec<u8>,
}

impl Body for Request<'_> {
    fn key(&self) -> u64 {
        self.ty.key
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.bytes);
        Ok(())
    }
}

impl Outgoing for Request<'_> {
    fn name(&self) -> &str {
        &self.ty.name
    }

    fn take(&mut self) -> Payload {
        Payload::Bytes(std::mem::take(&mut self.bytes))
    }

    fn shape(&self) -> Option<Shape> {
        Some(self.ty.shape.clone())
    }
}

/// A conversation with one service.
struct Caller {
    client: Client,
    known: Known,
    limit: Option<Duration>,
    follow: bool,
    types: bool,
}

/// Sends what was given.
fn run(global: &Global, matches: &Matches) -> Outcome {
    let mut words = matches.texts(0).into_iter();
    let (Some(name), Some(ty), json, None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(matches.wrong("more than one JSON argument is given: put it in quotes"));
    };
    let mut client = service::open(global, matches, &name)?;
    let known = Known::ask(&mut client, &name)?;
    let mut caller = Caller {
        client,
        known,
        limit: matches.parse("timeout", seconds)?,
        follow: matches.flag("follow"),
        types: matches.flag("types"),
    };
    let call = &mut || {
        // A type that is not there is told before anything is read.
        service::find_type(&caller.known, &ty)?;
        match json.as_deref() {
            Some("-") => caller.all(&ty),
            json => caller.one(&ty, json.unwrap_or("{}").as_bytes()).map(drop),
        }
        .map(|()| Status::Ok)
    };
    // The global option of this name says which types, and is followed by whoever called this.
    let by_types = matches.text("trace").is_some_and(|types| !types.is_empty());
    match matches.flag("trace") && !by_types {
        true => mtrace::traced(global, &[&ty], call),
        false => call(),
    }
}

impl Caller {
    fn all(&mut self, ty: &str) -> Result<(), Failure> {
        let mut chunks = Chunks::new(std::io::stdin().lock());
        let failed = |error| Failure::io("cannot read standard input", &error);
        while let Some(chunk) = chunks.next().map_err(failed)? {
            if !self.one(ty, &chunk)? {
                break;
            }
        }
        Ok(())
    }

    /// Sends one value and prints what comes back; whether somebody still reads.
    fn one(&mut self, name: &str, json: &[u8]) -> Result<bool, Failure> {
        let what = format!("cannot call {} of {}", name, self.known.name);
        let failed = |fault: Fault| Failure::fault(&what, &fault);
        let types = service::find_type(&self.known, name)?;
        let (ty, bytes) = encode(&types, json).map_err(|why| {
            Failure::usage(format!(
                "{what}: {why} (see 'gshell schema {} {name}')",
                self.known.name
            ))
        })?;
        let limit = self.limit.or((!ty.stream).then_some(ANSWER));
        let message = Request { ty, bytes };
        let stream = self.client.open().map_err(failed)?;
        let deadline = limit.filter(|_| !ty.stream);
        let sent = self.client.request(stream, &message, deadline).map_err(failed)?;
        if !self.follow {
            // The service then ends its side with its last word.
            self.client.end(stream).map_err(failed)?;
        }
        let (known, follow, types) = (&self.known, self.follow, self.types);
        let mut last = Instant::now();
        loop {
            let left = limit.map(|limit| limit.saturating_sub(last.elapsed()));
            match self.client.receive(left).map_err(failed)? {
                Some(Received::Message(from, call, message)) if from == stream => {
                    last = Instant::now();
                    let answer = call == Some(sent.call);
                    if answer {
                        note(&self.client, &sent, ty, Ok(&message));
                    }
                    let line = line(known, ty, types, message).map_err(failed)?;
                    let read = output::print(&line)?;
                    if !read || (answer && !follow) {
                        return Ok(read);
                    }
                }
                Some(Received::Error(from, _, fault) | Received::Reset(from, fault)) if from == stream => {
                    note(&self.client, &sent, ty, Err(&fault));
                    return Err(failed(fault));
                }
                Some(Received::Ended(from)) if from == stream => return Ok(true),
                Some(_) => {}
                None => {
                    let text = format!("nothing came within {:?}", limit.unwrap_or_default());
                    return Err(failed(Fault::new(Code::Timeout, text)));
                }
            }
        }
    }
}

fn note(client: &Client, sent: &Sent, ty: &Type, answer: Result<&Incoming, &Fault>) {
    let of = |message: &Incoming| ty.replies.iter().find(|reply| reply.key == message.key);
    let reply = answer.ok().and_then(of);
    client.answered(
        sent,
        reply.map(|reply| (reply.name.as_str(), &reply.shape)),
        answer,
    );
}

/// The message of the first version whose shape the JSON fits; else what does not fit the one of today.
fn encode<'a>(types: &[&'a Type], json: &[u8]) -> Result<(&'a Type, Vec<u8>), String> {
    let value = parse(json).map_err(|why| format!("the JSON does not read: {why}"))?;
    let mut first = None;
    for ty in types {
        let mut bytes = Vec::new();
        let fits = fit(value.clone(), &ty.shape).and_then(|value| value.encode(&ty.shape, &mut bytes));
        match fits {
            Ok(()) => return Ok((ty, bytes)),
            Err(error) => drop(first.get_or_insert_with(|| error.to_string())),
        }
    }
    Err(first.unwrap_or_default())
}

/// A message that came as a line of JSON. One of an unknown type has its key and its bytes.
fn line(known: &Known, ty: &Type, types: bool, message: Incoming) -> Result<String, Fault> {
    let key = message.key;
    let replies = ty.replies.iter().chain(known.all().flat_map(|ty| &ty.replies));
    let replies = replies.map(|reply| (reply.key, &reply.name, &reply.shape));
    // What is only sent may also be what is handled, and is described there.
    let handled = known.all().map(|ty| (ty.key, &ty.name, &ty.shape));
    let found = replies.chain(handled).find(|(known, ..)| *known == key);
    let shape = found.map(|(.., shape)| shape);
    let value = match shape {
        Some(shape) => message.value(shape)?,
        None => object([
            ("key", text(format!("{key:016x}"))),
            ("bytes", Value::Bytes(message.payload.into_bytes()?)),
        ]),
    };
    let value = compact(&value, shape);
    Ok(match (types, found) {
        (false, _) => format!("{value}\n"),
        (true, found) => {
            let name = found.map_or(Value::Unit, |(_, name, _)| text(name));
            format!("{{\"type\":{},\"value\":{value}}}\n", compact(&name, None))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_above_zero() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "NaN", "inf", "x", "", "1e300"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
