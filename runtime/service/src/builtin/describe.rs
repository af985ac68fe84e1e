//! A service described: what it handles, how busy it is, what it has counted.

use std::time::Duration;

use gshell_sys::sched;
use gshell_wire::{Bytes, Code, Fault, Message, Shape};

use super::messages::{
    Describe, Description, LoadFigures, MessageInfo, MessageStats, ReplyInfo, StatsFigures,
};
use crate::dispatch::workers_of;
use crate::entry::{Described, Entry};
use crate::handlers::Handlers;
use crate::payload::Typed;
use crate::request::CallOptions;
use crate::stream::Stream;

/// Time that a service has to describe itself, for the text of a fault.
const EXPLANATION: Duration = Duration::from_secs(3);

fn shape_bytes(described: &Described) -> Bytes {
    let mut bytes = Vec::new();
    described.form.shape().write(&mut bytes);
    Bytes::from(bytes)
}

fn reply_info(described: &Described) -> ReplyInfo {
    ReplyInfo {
        name: described.name.clone(),
        key: described.key,
        shape: shape_bytes(described),
    }
}

fn message_infos(entry: &Entry) -> impl Iterator<Item = MessageInfo> {
    let more = entry.more_replies.borrow();
    let replies: Vec<_> = entry.replies.iter().chain(more.iter()).map(reply_info).collect();
    entry.versions.iter().map(move |version| MessageInfo {
        name: version.name.clone(),
        key: version.key,
        shape: shape_bytes(version),
        priority: entry.priority,
        help: entry.help.clone(),
        stream: entry.kind.takes_stream(),
        replies: replies.clone(),
    })
}

pub(super) fn description(handlers: &Handlers) -> Description {
    let identity = handlers.identity.borrow().clone();
    Description {
        publisher: identity.publisher,
        service: identity.service,
        provider: identity.provider,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        messages: handlers
            .entries()
            .into_iter()
            .flat_map(|entry| message_infos(entry))
            .collect(),
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

pub(super) fn load(handlers: &Handlers) -> LoadFigures {
    let pool = &handlers.pool;
    let workers = workers_of(handlers);
    let threads = pool
        .threads
        .get()
        .map(|threads| threads.figures())
        .unwrap_or_default();
    let (running, most) = (pool.running.get(), workers.most_running);
    LoadFigures {
        cpus: sched::cpu_count().into(),
        resident: workers.set.resident.into(),
        weight: workers.set.weight.into(),
        queue_len: number(pool.queued()),
        queue_size: number(handlers.options.queue),
        busy: number(running + threads.threads.saturating_sub(threads.idle)),
        // Where nothing blocks, a free place among the handlers in progress is an idle worker.
        idle: number(match threads.threads {
            0 => most.saturating_sub(running),
            _ => threads.idle,
        }),
        workers: number(most),
    }
}

pub(super) fn stats(handlers: &Handlers) -> StatsFigures {
    let mut totals = handlers.totals.get();
    let (mut connections, mut streams) = (0, 0);
    for load in handlers.pool.loads.borrow().values() {
        let counters = load.link.counters();
        totals.bytes_in = totals.bytes_in.wrapping_add(counters.bytes_in);
        totals.bytes_out = totals.bytes_out.wrapping_add(counters.bytes_out);
        connections += 1;
        streams += load.link.table().streams();
    }
    StatsFigures {
        messages: handlers
            .entries()
            .into_iter()
            .map(|entry| message_stats(entry))
            .collect(),
        connections,
        streams: number(streams),
        sessions: number(handlers.pool.sessions.get()),
        accepted: totals.server.accepted,
        refused: totals.server.refused,
        faulted: totals.server.faulted,
        unknown: totals.unknown,
        held: totals.held,
        bytes_in: totals.bytes_in,
        bytes_out: totals.bytes_out,
    }
}

fn message_stats(entry: &Entry) -> MessageStats {
    let counts = &entry.counts;
    let [p50_us, p90_us, p99_us, max_us] = counts.latencies();
    MessageStats {
        name: entry.name.clone(),
        calls: counts.calls.get(),
        errors: counts.errors.get(),
        panics: counts.panics.get(),
        cancelled: counts.cancelled.get(),
        expired: counts.expired.get(),
        in_flight: counts.in_flight.get(),
        queued: counts.queued.get(),
        p50_us,
        p90_us,
        p99_us,
        max_us,
    }
}

/// Why a service does not know a message although it handles one of that name: `echo.Request differs: the service has
/// num: i64, this side has num: i32`. `None` when it does know it, or has nothing of that name.
pub fn difference(description: &Description, name: &str, shape: &Shape) -> Option<String> {
    let key = shape.key(name);
    if description.messages.iter().any(|message| message.key == key) {
        return None;
    }
    // The shape of today comes first.
    let theirs = description.messages.iter().find(|message| message.name == name)?;
    let theirs = Shape::read(&theirs.shape).ok()?;
    let text = shape.difference(&theirs)?;
    Some(format!("{name} differs: {text}"))
}

/// Whether a service said that it has no handler for a message.
pub(crate) fn is_unknown(fault: &Fault) -> bool {
    fault.code() == Some(Code::UnknownMessage)
}

/// The fault of a call that the service has no handler for, with the difference if it handles another shape of `Q`.
pub async fn explain<Q: Message>(stream: &Stream, fault: Fault) -> Fault {
    explain_shape(stream, fault, Q::NAME, Shape::of::<Q>()).await
}

/// As [`explain`], for a message of a shape that is known at run time only.
pub async fn explain_shape(stream: &Stream, fault: Fault, name: &str, shape: Shape) -> Fault {
    let options = CallOptions {
        timeout: Some(EXPLANATION),
        ..CallOptions::default()
    };
    let answer = stream.call_with(&options, &mut Typed::new(Describe {})).await;
    let description = answer.and_then(|answer| answer.decode::<Description>());
    match description.map(|description| difference(&description, name, &shape)) {
        Ok(Some(text)) => Fault::new(Code::UnknownMessage, text),
        _ => fault,
    }
}
