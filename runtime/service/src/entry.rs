//! One message type that a service handles: what it is called, how it looks, and what is done with it.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;

use gshell_wire::{Earlier, Fault, Message, Priority, Shape, Type};

use crate::context::Context;
use crate::payload::{Given, Outgoing};
use crate::stats::Counts;

/// The work on one request. It sends its own reply; an error is sent by who runs it.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<(), Fault>>>>;

/// Begins the work on a request that came under a key.
pub(crate) type Start = Box<dyn Fn(u64, Given<'_>, Context) -> Result<Work, Fault>>;

/// What a dynamic handler answers with.
pub type Reply = Box<dyn Outgoing>;

/// How a handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// On the thread that read, as a worker.
    Call,
    /// The same, for as long as its stream; no worker, for it mostly waits.
    Stream,
    /// The same, but the stream outlives it and the caller may go on.
    Session,
    /// On a thread of its own.
    Blocking,
    /// Built in: always at once.
    Builtin,
}

impl Kind {
    /// Messages that have no handler of their own are for this one while it runs.
    pub(crate) fn takes_stream(self) -> bool {
        matches!(self, Kind::Stream | Kind::Session)
    }
}

/// A shape that is a constant, or one that was made.
#[derive(Clone)]
pub(crate) enum Form {
    Fixed(Type),
    Made(Shape),
}

impl Form {
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Form::Fixed(ty) => Shape::from(ty),
            Form::Made(shape) => shape.clone(),
        }
    }
}

/// What is known of a Rust type of messages, without the type.
pub(crate) struct About {
    pub name: &'static str,
    pub priority: Priority,
    pub help: &'static str,
    /// Its earlier shapes, if it has any.
    pub earlier: Option<fn() -> Vec<Described>>,
    key: u64,
    ty: Type,
}

impl About {
    pub fn of<M: Message>() -> &'static About {
        const {
            &About {
                name: M::NAME,
                priority: M::PRIORITY,
                help: M::HELP,
                earlier: match M::EARLIER {
                    [] => None,
                    _ => Some(earlier::<M>),
                },
                key: M::KEY,
                ty: M::TYPE,
            }
        }
    }

    pub fn described(&self) -> Described {
        Described {
            name: self.name.to_owned(),
            key: self.key,
            form: Form::Fixed(self.ty),
        }
    }
}

fn earlier<M: Message>() -> Vec<Described> {
    let described = |earlier: &Earlier<M>| Described {
        name: earlier.name.to_owned(),
        key: earlier.key,
        form: Form::Fixed(earlier.ty),
    };
    M::EARLIER.iter().map(described).collect()
}

/// A message type by name.
#[derive(Clone)]
pub(crate) struct Described {
    pub name: String,
    pub key: u64,
    pub form: Form,
}

impl Described {
    pub(crate) fn made(name: &str, shape: Shape) -> Described {
        Described {
            name: name.to_owned(),
            key: shape.key(name),
            form: Form::Made(shape),
        }
    }
}

/// Whether a handler may be started where the call is made, within the caller's poll.
pub(crate) enum Direct {
    Never,
    Always,
    /// Asked for each call.
    When(Box<dyn Fn() -> bool>),
}

impl Direct {
    pub(crate) fn now(&self) -> bool {
        match self {
            Direct::Never => false,
            Direct::Always => true,
            Direct::When(ask) => ask(),
        }
    }
}

impl From<Kind> for Direct {
    fn from(kind: Kind) -> Direct {
        match kind {
            Kind::Call => Direct::Always,
            _ => Direct::Never,
        }
    }
}

/// What a service knows of a message type that it handles.
pub(crate) struct Entry {
    pub name: String,
    /// The shapes that are read, the one of today first.
    pub versions: Vec<Described>,
    pub replies: Vec<Described>,
    pub priority: Priority,
    pub help: String,
    pub kind: Kind,
    pub direct: Direct,
    pub start: Start,
    /// Replies that were named later.
    pub more_replies: RefCell<Vec<Described>>,
    pub counts: Counts,
}

impl Entry {
    /// The shape that has this key.
    pub(crate) fn version(&self, key: u64) -> Option<&Described> {
        self.versions.iter().find(|version| version.key == key)
    }
}

/// A message type that is made while the program runs: a script's, or one of the C library.
#[derive(Clone, Debug)]
pub struct Dynamic {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// What it is answered with, as far as that is known.
    pub replies: Vec<(String, Shape)>,
    /// How urgent it is.
    pub priority: Priority,
    /// One line for people.
    pub help: String,
    /// Further shapes under the same name; the key of what came says which it is.
    pub versions: Vec<Shape>,
    /// The handler may receive on the stream; messages that have no handler of their own are for it.
    pub stream: bool,
}

impl Dynamic {
    /// A type with nothing but a name and a shape.
    pub fn new(name: impl Into<String>, shape: Shape) -> Dynamic {
        Dynamic {
            name: name.into(),
            shape,
            replies: Vec::new(),
            priority: Priority::Normal,
            help: String::new(),
            versions: Vec::new(),
            stream: false,
        }
    }
}
