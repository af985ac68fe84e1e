//! The tags and records of the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gshell_wire::{Code, Fault, matches};

use super::record::{Record, Ring};
use super::tags::{Fields, Tag, Tags};
use super::token::{Base, hex, new_base};
use crate::builtin::messages::{
    TraceDropped, TraceFilter, TraceList, TraceRead, TraceRecords, TraceTag, TraceTagged, TraceTags,
    TraceUntag,
};

struct State {
    tags: Tags,
    ring: Ring,
    /// What this process calls itself, once somebody wanted to know.
    process: String,
}

static STATE: Mutex<State> = Mutex::new(State {
    tags: Tags::new(),
    ring: Ring::new(),
    process: String::new(),
});

/// Whether any tag waits for a call.
static TAGGED: AtomicBool = AtomicBool::new(false);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names this process in traces, such as by its group; otherwise it goes by the name of its program. Its number is
/// added.
pub fn set_process_name(name: &str) {
    state().process = with_pid(name);
}

fn with_pid(name: &str) -> String {
    format!("{name}[{}]", std::process::id())
}

impl State {
    fn process(&mut self) -> &str {
        if self.process.is_empty() {
            let exe = std::env::current_exe().ok();
            let name = exe.as_deref().and_then(std::path::Path::file_name);
            let name = name.map_or_else(|| "process".into(), std::ffi::OsStr::to_string_lossy);
            self.process = with_pid(&name);
        }
        &self.process
    }
}

/// The name of this process in traces.
pub(super) fn process() -> String {
    state().process().to_owned()
}

#[inline]
pub(super) fn is_tagged() -> bool {
    TAGGED.load(Ordering::Relaxed)
}

/// The trace that a call begins, if a tag wants it.
pub(super) fn begin(name: &str, fields: Fields<'_>) -> Option<[u8; 16]> {
    let mut state = state();
    let begun = state.tags.begin(name, fields);
    TAGGED.store(state.tags.any(), Ordering::Relaxed);
    begun
}

/// Whether a tag waits for messages of this name: what it costs to look at the fields is then worth it.
pub(super) fn is_wanted(name: &str) -> bool {
    let wanted = |tag: &Tag| tag.left > 0 && matches(&tag.name, name);
    state().tags.all().iter().any(wanted)
}

pub(super) fn note(record: Record) {
    state().ring.push(record);
}

fn tagged(tag: &Tag) -> TraceTagged {
    TraceTagged {
        name: tag.name.clone(),
        left: tag.left,
        used: tag.used,
        token: hex(&tag.base),
        filters: tag
            .filters
            .iter()
            .map(|(path, pattern)| TraceFilter {
                path: path.clone(),
                pattern: pattern.clone(),
            })
            .collect(),
    }
}

fn base_of(text: &str) -> Result<Base, Fault> {
    let wrong = || Fault::new(Code::Invalid, format!("{text} are not 28 hexadecimal digits"));
    let mut base = Base::default();
    if text.len() != base.len() * 2 || !text.is_ascii() {
        return Err(wrong());
    }
    for (at, byte) in base.iter_mut().enumerate() {
        let digits = text.get(at * 2..at * 2 + 2).ok_or_else(wrong)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(base)
}

/// Tags a message type in this process, as [`TraceTag`] says.
///
/// # Errors
/// `Invalid` for a name, a count or a token that cannot be, or when there are too many tags.
pub fn tag(request: &TraceTag) -> Result<TraceTagged, Fault> {
    let base = match request.token.is_empty() {
        true => new_base(),
        false => base_of(&request.token)?,
    };
    let filters = request.filters.iter();
    let filters = filters.map(|filter| (filter.path.clone(), filter.pattern.clone()));
    let mut state = state();
    let set = state
        .tags
        .set(&request.name, request.count, filters.collect(), base)
        .map(tagged)
        .map_err(|why| Fault::new(Code::Invalid, why));
    TAGGED.store(state.tags.any(), Ordering::Relaxed);
    set
}

/// Takes tags of this process away.
pub fn untag(request: &TraceUntag) -> TraceDropped {
    let mut state = state();
    let count = state.tags.remove(&request.name);
    TAGGED.store(state.tags.any(), Ordering::Relaxed);
    TraceDropped { count }
}

/// The tags of this process.
pub fn list(_: &TraceList) -> TraceTags {
    TraceTags {
        tags: state().tags.all().iter().map(tagged).collect(),
    }
}

/// What this process noted of a trace.
pub fn read(request: &TraceRead) -> TraceRecords {
    let mut state = state();
    TraceRecords {
        process: state.process().to_owned(),
        records: state.ring.read(&request.token, request.clear),
        dropped: state.ring.dropped(),
    }
}

/// Forgets all that this process noted.
pub fn purge() -> TraceDropped {
    TraceDropped {
        count: state().ring.purge(),
    }
}
