//! What a service wants to know of its connections and streams, and what it keeps for each stream.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use gshell_net::Socket;
use gshell_small::Map;
use gshell_wire::Fault;

use crate::dispatch::Waiting;
use crate::link::{Link, Peer};
use crate::stream::Stream;

/// What becomes of a new connection.
pub enum Admission {
    /// It is served.
    Accept,
    /// It is told why not, and closed.
    Refuse(Fault),
    /// The socket is somebody else's from here on; nothing was read from it and nothing written. A connection inside
    /// the process has no socket and is refused instead.
    TakeOver(Box<dyn FnOnce(Socket)>),
}

type OnConnect = Box<dyn Fn(&Peer) -> Admission>;
type OnDisconnect = Box<dyn Fn(&Peer)>;
type OnStream = Box<dyn Fn(&StreamContext)>;

/// The hooks of a service.
#[derive(Default)]
pub(crate) struct Hooks {
    pub connect: Option<OnConnect>,
    pub disconnect: Option<OnDisconnect>,
    pub open: Option<OnStream>,
    pub close: Option<OnStream>,
}

/// Variables of a stream, one of each type; they go with the stream.
#[derive(Default)]
pub struct Vars(RefCell<Map<TypeId, Rc<dyn Any>>>);

impl Vars {
    /// Keeps `value`, in place of the one of its type that was there.
    pub fn set<T: 'static>(&self, value: T) {
        self.0.borrow_mut().insert(TypeId::of::<T>(), Rc::new(value));
    }

    /// The variable of this type.
    pub fn get<T: 'static>(&self) -> Option<Rc<T>> {
        let value = self.0.borrow().get(&TypeId::of::<T>())?.clone();
        value.downcast().ok()
    }

    /// The variable of this type, made if it is not there.
    pub fn get_or<T: 'static>(&self, make: impl FnOnce() -> T) -> Rc<T> {
        if let Some(known) = self.get() {
            return known;
        }
        let made = Rc::new(make());
        self.0.borrow_mut().insert(TypeId::of::<T>(), made.clone());
        made
    }

    /// Takes the variable of this type out.
    pub fn take<T: 'static>(&self) -> Option<Rc<T>> {
        let value = self.0.borrow_mut().remove(&TypeId::of::<T>())?;
        value.downcast().ok()
    }
}

/// What a service keeps of one stream; made when something asks for it.
#[derive(Default)]
pub(crate) struct Served {
    pub vars: Vars,
    /// Requests are handled one after the other.
    pub ordered: Cell<bool>,
    /// One is being handled, or waits for a worker.
    pub busy: Cell<bool>,
    /// Those after it.
    pub line: RefCell<VecDeque<Waiting>>,
}

/// A stream of a service, for hooks.
pub struct StreamContext {
    pub(crate) link: Link,
    pub(crate) id: u32,
    pub(crate) served: Rc<Served>,
}

impl StreamContext {
    /// Number of the stream in its connection; 0 is the default stream.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        self.link.peer()
    }

    /// Variables of the stream.
    pub fn vars(&self) -> &Vars {
        &self.served.vars
    }

    /// The stream, to send on.
    pub fn stream(&self) -> Stream {
        Stream::new(self.link.clone(), self.id)
    }

    /// Whether requests on this stream are handled one after the other, in the order in which they came.
    pub fn set_ordered(&self, ordered: bool) {
        self.served.ordered.set(ordered);
    }
}
