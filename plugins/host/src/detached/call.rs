//! One call: its context, its arguments and parts of them, its results.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gshell_plugin_abi as abi;

use super::host::HOST;
use super::value::{Owned, Table};
use crate::noted::{Noted, Place, Step};
use crate::record::Record;
use crate::room::Room;

/// Parts of tables that a call may have open at once.
const PARTS_MAX: usize = 1 << 20;

/// The context of a call. Only its first field is known to the plugin.
#[repr(C)]
pub(super) struct Call<'a> {
    abi: abi::Call,
    pub record: &'a Record,
    args: &'a [Owned],
    parts: Vec<Part<'a>>,
    pub results: Vec<Owned>,
    noted: Option<Noted>,
    pub buffer: Room,
    pub cancelled: Arc<AtomicBool>,
}

/// A part of a table: of which one, and where in it.
struct Part<'a> {
    of: u32,
    key: Key<'a>,
    value: Value<'a>,
}

pub(super) enum Key<'a> {
    Item(i64),
    Of(&'a Owned),
    /// The name of a field that is not there.
    Missing(Vec<u8>),
    /// It is a key itself: of the pair with this number.
    Itself(usize),
}

pub(super) enum Value<'a> {
    At(&'a Owned),
    Own(Owned),
}

impl Value<'_> {
    fn get(&self) -> &Owned {
        match self {
            Value::At(value) => value,
            Value::Own(value) => value,
        }
    }
}

/// Calls the function.
pub(super) fn run(
    record: &Record,
    args: Vec<Owned>,
    cancelled: Arc<AtomicBool>,
) -> Result<Vec<Owned>, Noted> {
    let mut call = Call {
        abi: abi::Call { host: &HOST },
        record,
        args: &args,
        parts: Vec::new(),
        results: Vec::new(),
        noted: None,
        buffer: Room::new(),
        cancelled,
    };
    // SAFETY: the function is one of the plugin's, for a call context, which outlives the call; while it runs the context is
    // only used through the pointer that the plugin gives back.
    let status = unsafe { (record.call)((&raw mut call).cast()) };
    match call.noted.take() {
        Some(noted) => Err(noted),
        None if status == abi::OK => Ok(call.results),
        None => Err(Noted::silent(record)),
    }
}

impl<'a> Call<'a> {
    /// The call that a plugin speaks of.
    ///
    /// # Safety
    /// `call` is what [`run`] gave to the plugin, on the same thread, before the plugin returned; one reference at a time.
    pub(super) unsafe fn of(call: *mut abi::Call) -> &'a mut Call<'a> {
        // SAFETY: it is the first field of a Call, and the pointer was made from the whole of it.
        unsafe { &mut *call.cast::<Call<'a>>() }
    }

    /// How many arguments there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.args.len()).unwrap_or(u32::MAX)
    }

    /// The argument or part `n`.
    pub(super) fn at(&self, n: u32) -> Option<&Owned> {
        match self.part(n) {
            Some(part) => Some(part.value.get()),
            None => self.args.get(usize::try_from(n).ok()?.checked_sub(1)?),
        }
    }

    /// The part `n`.
    fn part(&self, n: u32) -> Option<&Part<'a>> {
        self.parts.get(part_index(n)?)
    }

    /// The table that the argument or part `n` is; `None` after an error was noted.
    pub(super) fn table(&mut self, n: u32) -> Option<&'a Table> {
        let args: &'a [Owned] = self.args;
        let found: Option<&'a Owned> = match self.part(n) {
            Some(Part {
                value: Value::At(value),
                ..
            }) => Some(value),
            // What a call made itself is never a table.
            Some(_) => None,
            None => usize::try_from(n).ok().and_then(|n| args.get(n.checked_sub(1)?)),
        };
        if let Some(Owned::Table(table)) = found {
            return Some(table);
        }
        self.misfit(n, "table");
        None
    }

    /// Adds a part of `of`; its number, or `None` after an error was noted.
    pub(super) fn open(&mut self, of: u32, key: Key<'a>, value: Value<'a>) -> Option<u32> {
        if self.parts.len() >= PARTS_MAX {
            let text = format!("'{}' opens more parts of tables than fit", self.record.path());
            self.note(Noted::new(gshell_wire::Code::Limit, text));
            return None;
        }
        self.parts.push(Part { of, key, value });
        u32::try_from(self.parts.len()).ok()?.checked_add(abi::PARTS)
    }

    /// Closes the part `n` and those after it.
    pub(super) fn close(&mut self, n: u32) {
        if let Some(at) = part_index(n) {
            self.parts.truncate(at);
        }
    }

    /// How far a walk has come whose key is the part `n` of the table `of`: the number of the pair.
    pub(super) fn walked(&self, of: u32, n: u32) -> Option<usize> {
        match self.part(n) {
            Some(Part {
                of: table,
                key: Key::Itself(pair),
                ..
            }) if *table == of => Some(*pair),
            _ => None,
        }
    }

    /// Notes why the call fails; the first reason counts. Gives 0, what functions of the host give then.
    pub(super) fn note(&mut self, noted: Noted) -> i32 {
        self.noted.get_or_insert(noted);
        0
    }

    pub(super) fn misuse(&mut self, what: &str) -> i32 {
        self.note(Noted::misuse(self.record, what))
    }

    /// Notes that an argument is not what was expected.
    pub(super) fn misfit(&mut self, n: u32, expected: &str) -> i32 {
        let given = self.at(n).map_or_else(|| "no value".to_owned(), Owned::describe);
        let place = self.place(n);
        self.note(Noted::misfit(self.record, &place, expected, &given))
    }

    fn place(&self, n: u32) -> Place {
        let mut place = Place {
            argument: n,
            path: String::new(),
        };
        while let Some(part) = self.part(place.argument) {
            place.within(&match &part.key {
                Key::Item(index) => Step::Item(*index),
                Key::Of(Owned::Bytes(name)) | Key::Missing(name) => Step::Field(name),
                Key::Of(Owned::Integer(index)) => Step::Item(*index),
                Key::Of(_) => Step::Other,
                Key::Itself(_) => Step::Key,
            });
            // Each part is of one with a smaller number, so this ends.
            place.argument = part.of.min(place.argument - 1);
        }
        place
    }
}

/// Where the part `n` lies among the parts.
fn part_index(n: u32) -> Option<usize> {
    usize::try_from(n.checked_sub(abi::PARTS)?.checked_sub(1)?).ok()
}
