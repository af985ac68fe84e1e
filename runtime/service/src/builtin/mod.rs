//! What every service answers beside its own messages: a sign of life, what it handles, how busy it is, what it has
//! counted, and the traces of its process.

mod describe;
pub mod messages;

use std::cell::RefCell;
use std::rc::Rc;

use gshell_wire::{Fault, Message, Priority};

pub(crate) use self::describe::is_unknown;
pub use self::describe::{difference, explain, explain_shape};
use self::messages::{
    Describe, Load, Ping, Pong, Stats, TraceList, TracePurge, TraceRead, TraceTag, TraceUntag,
};
use crate::entry::{Direct, Entry, Kind, Reply, Work};
use crate::handlers::Handlers;
use crate::payload::{Given, Typed};
use crate::stats::Counts;
use crate::trace;

/// Whether a key is one of these messages.
pub(crate) fn handles(key: u64) -> bool {
    [
        Ping::KEY,
        Load::KEY,
        Describe::KEY,
        Stats::KEY,
        TraceTag::KEY,
        TraceUntag::KEY,
        TraceList::KEY,
        TraceRead::KEY,
        TracePurge::KEY,
    ]
    .contains(&key)
}

/// One entry for all of them: they are answered at once.
pub(crate) fn entry() -> Rc<Entry> {
    Rc::new(Entry {
        name: "gshell.*".to_owned(),
        versions: Vec::new(),
        replies: Vec::new(),
        priority: Priority::High,
        help: String::new(),
        kind: Kind::Builtin,
        direct: Direct::Never,
        start: Box::new(|key, given, context| {
            let mut reply = answer(&context.handlers, key, given)?;
            let work: Work = Box::pin(async move { context.reply(&mut *reply).await });
            Ok(work)
        }),
        more_replies: RefCell::default(),
        counts: Counts::default(),
    })
}

fn reply<M: Message>(message: M) -> Result<Reply, Fault> {
    Ok(Box::new(Typed::new(message)))
}

fn answer(handlers: &Handlers, key: u64, given: Given<'_>) -> Result<Reply, Fault> {
    match key {
        Ping::KEY => reply(Pong {}),
        Load::KEY => reply(describe::load(handlers)),
        Describe::KEY => reply(describe::description(handlers)),
        Stats::KEY => reply(describe::stats(handlers)),
        TraceTag::KEY => reply(trace::tag(&given.read(key)?)?),
        TraceUntag::KEY => reply(trace::untag(&given.read(key)?)),
        TraceList::KEY => reply(trace::list(&given.read(key)?)),
        TraceRead::KEY => reply(trace::read(&given.read(key)?)),
        _ => reply(trace::purge()),
    }
}
