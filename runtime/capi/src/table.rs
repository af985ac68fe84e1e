//! The objects that C programs hold, by handle.
//!
//! A handle is the place of an object in this table together with how often the place was used before. So a handle that
//! was freed is known as such, also when its place has been given to another object since; one of another kind is
//! called by its name; and a number that was never given out is none. On a machine of 32 bits the count has 12 of them:
//! a handle that is 4096 objects of the same place old can then be taken for a new one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gshell_wire::{Code, Fault};

use crate::client::{Conn, StreamHandle};
use crate::message::Message;
use crate::request::Request;
use crate::server::Server;

/// Bits of a handle that are the place.
const PLACE_BITS: u32 = if usize::BITS >= 64 { 32 } else { 20 };
/// Objects at most.
const MOST: usize = (1 << PLACE_BITS) - 2;
/// Places that are free before one of them is used again, so that a stale handle stays one for long.
const REST: usize = 64;

/// Something that a C program holds.
#[derive(Clone)]
pub enum Object {
    /// A connection to a service.
    Conn(Arc<Mutex<Conn>>),
    /// A stream of a connection.
    Stream(Arc<StreamHandle>),
    /// A message.
    Message(Arc<Mutex<Message>>),
    /// A service of this program.
    Server(Arc<Server>),
    /// A request that a handler answers.
    Request(Arc<Request>),
}

impl Object {
    fn kind(&self) -> &'static str {
        match self {
            Object::Conn(_) => "connection",
            Object::Stream(_) => "stream",
            Object::Message(_) => "message",
            Object::Server(_) => "server",
            Object::Request(_) => "request",
        }
    }

    /// For [`remove`].
    pub fn is_conn(&self) -> bool {
        matches!(self, Object::Conn(_))
    }

    /// For [`remove`].
    pub fn is_stream(&self) -> bool {
        matches!(self, Object::Stream(_))
    }

    /// For [`remove`].
    pub fn is_message(&self) -> bool {
        matches!(self, Object::Message(_))
    }

    /// For [`remove`].
    pub fn is_server(&self) -> bool {
        matches!(self, Object::Server(_))
    }

    /// For [`remove`].
    pub fn is_request(&self) -> bool {
        matches!(self, Object::Request(_))
    }
}

#[derive(Default)]
struct Place {
    /// How often it was used before.
    count: usize,
    object: Option<Object>,
}

struct Table {
    places: Vec<Place>,
    free: VecDeque<usize>,
}

static TABLE: Mutex<Table> = Mutex::new(Table {
    places: Vec::new(),
    free: VecDeque::new(),
});

fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The mark of the count that a handle carries; never 0, so that no handle is NULL and small numbers are none.
fn mark(count: usize) -> usize {
    let most = usize::MAX >> PLACE_BITS;
    count % most + 1
}

/// Keeps an object and gives its handle.
///
/// # Errors
/// `Limit` when there are too many.
pub fn insert(object: Object) -> Result<usize, Fault> {
    let mut table = table();
    let place = match table.free.len() > REST || table.places.len() >= MOST {
        true => table.free.pop_front(),
        false => None,
    };
    let place = match place {
        Some(place) => place,
        None if table.places.len() < MOST => {
            table.places.push(Place::default());
            table.places.len() - 1
        }
        None => {
            let text = format!("there are {MOST} objects of this library: free those that are not used");
            return Err(Fault::new(Code::Limit, text));
        }
    };
    let slot = &mut table.places[place];
    slot.object = Some(object);
    Ok(mark(slot.count) << PLACE_BITS | place)
}

/// The place of a handle if it is one of the present.
fn place_of(table: &Table, handle: usize, wanted: &str) -> Result<usize, Fault> {
    let invalid = |text: String| Err(Fault::new(Code::Invalid, text));
    if handle == 0 {
        return invalid(format!("NULL is no {wanted}"));
    }
    let place = handle & ((1 << PLACE_BITS) - 1);
    let Some(slot) = table.places.get(place) else {
        return invalid(format!("this is no {wanted}, nor any other object of gshell"));
    };
    if mark(slot.count) != handle >> PLACE_BITS || slot.object.is_none() {
        return invalid(format!("this {wanted} was freed before, or never was one"));
    }
    Ok(place)
}

/// The object of a handle; `wanted` says in errors what it should be.
fn get(handle: usize, wanted: &str) -> Result<Object, Fault> {
    let table = table();
    let place = place_of(&table, handle, wanted)?;
    match &table.places[place].object {
        Some(object) => Ok(object.clone()),
        None => Err(Fault::new(Code::Internal, "an object is gone")),
    }
}

fn other_kind(object: &Object, wanted: &str) -> Fault {
    let text = format!("this is a {}, not a {wanted}", object.kind());
    Fault::new(Code::Invalid, text)
}

macro_rules! getters {
    ($($name:ident, $variant:ident, $of:ty, $wanted:literal;)*) => { $(
        /// The object of that kind.
        ///
        /// # Errors
        /// `Invalid` for any other handle.
        pub fn $name(handle: usize) -> Result<$of, Fault> {
            match get(handle, $wanted)? {
                Object::$variant(object) => Ok(object),
                other => Err(other_kind(&other, $wanted)),
            }
        }
    )* };
}

getters! {
    conn, Conn, Arc<Mutex<Conn>>, "connection";
    stream, Stream, Arc<StreamHandle>, "stream";
    message, Message, Arc<Mutex<Message>>, "message";
    server, Server, Arc<Server>, "server";
    request, Request, Arc<Request>, "request";
}

/// Takes an object of the kind that `like` accepts out of the table; who uses it at this moment may finish.
///
/// # Errors
/// `Invalid` for any other handle.
pub fn remove(handle: usize, wanted: &str, like: fn(&Object) -> bool) -> Result<Object, Fault> {
    let mut table = table();
    let place = place_of(&table, handle, wanted)?;
    let slot = &mut table.places[place];
    match slot.object.take() {
        Some(object) if like(&object) => {
            slot.count = slot.count.wrapping_add(1);
            table.free.push_back(place);
            Ok(object)
        }
        Some(object) => {
            let fault = other_kind(&object, wanted);
            slot.object = Some(object);
            Err(fault)
        }
        None => Err(Fault::new(Code::Internal, "an object is gone")),
    }
}

/// Objects that were made and not freed.
pub fn count() -> usize {
    let table = table();
    table.places.len() - table.free.len()
}

/// The object, for this thread alone.
///
/// # Errors
/// `Busy` when another thread uses it, because waiting for it could take for ever.
pub fn own<'a, T>(object: &'a Mutex<T>, what: &str) -> Result<MutexGuard<'a, T>, Fault> {
    match object.try_lock() {
        Ok(guard) => Ok(guard),
        Err(std::sync::TryLockError::Poisoned(broken)) => Ok(broken.into_inner()),
        Err(std::sync::TryLockError::WouldBlock) => {
            let text = format!("this {what} is being used by another thread");
            Err(Fault::new(Code::Busy, text))
        }
    }
}
