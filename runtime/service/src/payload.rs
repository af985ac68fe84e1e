//! What a message carries: bytes that came over a socket, or a Rust value that moved inside the process.
//!
//! A message is sent by value. Over a socket it is encoded from where it lies; inside the process it is moved behind a
//! pointer and taken out again on the other side, so nothing is copied and nothing is serialised. Only when the two
//! sides use different Rust types for the same key do the bytes come into being.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use gshell_session::Body;
use gshell_wire::{
    Code, DecodeError, EncodeError, Fault, Lending, Message, SHARE_FROM, Shape, Value, decode,
    decode_version, encode, lend,
};

/// What a moved value counts against the credit of its stream: its size is not known, so their number is bounded.
const MOVED_COST: u32 = 256;

/// The body of a message.
pub enum Payload {
    /// Postcard bytes.
    Bytes(Vec<u8>),
    /// A Rust value of the sender.
    Moved {
        /// The value.
        value: Box<dyn Any + Send>,
        /// Encodes it, for a receiver that has another type for the same key.
        encode: fn(&dyn Any, &mut Vec<u8>) -> Result<(), EncodeError>,
    },
    /// A tree that a script made, with the shape that it follows.
    Tree(Value, Arc<Shape>),
}

impl Payload {
    /// A payload that holds `message` itself.
    pub fn moved<M: Message>(message: M) -> Payload {
        Payload::Moved {
            value: Box::new(message),
            encode: encode_any::<M>,
        }
    }

    /// What it counts against the credit of its stream: bytes where they are known.
    pub fn cost(&self) -> u32 {
        match self {
            Payload::Bytes(bytes) => u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            Payload::Moved { .. } | Payload::Tree(..) => MOVED_COST,
        }
    }

    /// The postcard bytes, encoded if need be.
    pub fn into_bytes(self) -> Result<Vec<u8>, Fault> {
        match self {
            Payload::Bytes(bytes) => Ok(bytes),
            Payload::Moved { value, encode } => {
                let mut bytes = Vec::new();
                match encode(&*value, &mut bytes) {
                    Ok(()) => Ok(bytes),
                    Err(error) => Err(Fault::new(Code::BadMessage, error.to_string())),
                }
            }
            Payload::Tree(value, shape) => {
                let mut bytes = Vec::new();
                match value.encode(&shape, &mut bytes) {
                    Ok(()) => Ok(bytes),
                    Err(error) => Err(Fault::new(Code::BadMessage, error.to_string())),
                }
            }
        }
    }

    /// Appends the postcard bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Payload::Bytes(bytes) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Payload::Moved { value, encode } => encode(&**value, out),
            Payload::Tree(value, shape) => value.encode(shape, out).map_err(|_| EncodeError::Refused),
        }
    }

    /// The payload as an `M`: moved out when it is one, else read from its bytes. The key is not looked at.
    pub(crate) fn read<M: Message>(self) -> Result<M, Fault> {
        read_source(M::KEY, self.source(TypeId::of::<M>())?)
    }

    /// What a message of the type `wanted` is made of. Apart from reading it, so that it is not compiled for each type.
    fn source(self, wanted: TypeId) -> Result<Source<'static>, Fault> {
        match self {
            Payload::Moved { value, .. } if (*value).type_id() == wanted => Ok(Source::Moved(value)),
            other => other.into_bytes().map(Source::owned),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payload::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Payload::Moved { .. } => f.write_str("Moved"),
            Payload::Tree(value, _) => write!(f, "Tree({})", value.summary(64)),
        }
    }
}

/// A message of type `M` that came as bytes, moved from here on. Of one that does not read, or of another, the bytes are
/// to be kept: they are looked at again by who expects it.
pub(crate) fn read_early<M: Message>(key: u64, bytes: &[u8]) -> Option<Payload> {
    match key == M::KEY {
        true => decode::<M>(bytes).ok().map(Payload::moved),
        false => None,
    }
}

fn encode_any<M: Message>(value: &dyn Any, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode(value.downcast_ref::<M>().ok_or(EncodeError::Refused)?, out)
}

/// What a message is made of: the bytes of it or of another type, or itself.
enum Source<'a> {
    Bytes(Cow<'a, [u8]>),
    /// Long bytes that are of nobody else: the message may keep them.
    Lent(Lending),
    Moved(Box<dyn Any + Send>),
}

// What needs no type is apart from what reads a message: that is compiled for each.
impl Source<'_> {
    fn owned(bytes: Vec<u8>) -> Source<'static> {
        match bytes.len() >= SHARE_FROM {
            true => Source::Lent(lend(Arc::new(bytes))),
            false => Source::Bytes(Cow::Owned(bytes)),
        }
    }

    /// The bytes, of what is not moved.
    fn bytes(&self) -> &[u8] {
        match self {
            Source::Bytes(bytes) => bytes,
            Source::Lent(lending) => lending.bytes(),
            Source::Moved(_) => &[],
        }
    }
}

/// The message of today that came under `key`, also as an earlier shape of it; the fault names `M`.
fn read_source<M: Message>(key: u64, source: Source<'_>) -> Result<M, Fault> {
    if let Source::Moved(value) = source {
        return match value.downcast::<M>() {
            Ok(value) => Ok(*value),
            Err(_) => Err(unreadable_key(M::NAME, key)),
        };
    }
    match decode_version::<M>(key, source.bytes()) {
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(unreadable(M::NAME, &error)),
        None => Err(unreadable_key(M::NAME, key)),
    }
}

pub(crate) fn unreadable(name: &str, error: &DecodeError) -> Fault {
    Fault::new(Code::BadMessage, format!("{name} does not read: {error}"))
}

/// The fault of a message that came under a key which is none of its own.
pub(crate) fn unreadable_key(name: &str, key: u64) -> Fault {
    Fault::new(
        Code::UnknownMessage,
        format!("expected {name}, got a message with key {key:016x}"),
    )
}

/// A payload on its way to a handler: still in the read buffer of the connection, or moved.
#[derive(Debug)]
pub(crate) enum Given<'a> {
    /// Bytes in the buffer that was read into.
    Bytes(&'a [u8]),
    /// A payload that came from inside the process, or that waited.
    Owned(Payload),
}

impl Given<'_> {
    /// As [`Payload::cost`].
    pub(crate) fn cost(&self) -> u32 {
        match self {
            Given::Bytes(bytes) => u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            Given::Owned(payload) => payload.cost(),
        }
    }

    /// The payload as an `M`, without a copy of the bytes; `key` says whether it is an earlier shape.
    pub(crate) fn read<M: Message>(self, key: u64) -> Result<M, Fault> {
        let source = match self {
            Given::Bytes(bytes) => Source::Bytes(Cow::Borrowed(bytes)),
            Given::Owned(payload) => payload.source(TypeId::of::<M>())?,
        };
        read_source(key, source)
    }

    /// The payload, to be kept.
    pub(crate) fn into_payload(self) -> Payload {
        match self {
            Given::Bytes(bytes) => Payload::Bytes(bytes.to_vec()),
            Given::Owned(payload) => payload,
        }
    }
}

/// A message that came, not yet decoded.
#[derive(Debug)]
pub struct Incoming {
    /// Its key.
    pub key: u64,
    /// Its body.
    pub payload: Payload,
}

impl Incoming {
    /// Whether this is an `M`.
    pub fn is<M: Message>(&self) -> bool {
        self.key == M::KEY
    }

    /// The message as an `M`; another key or a payload that does not read is a fault that names `M`.
    pub fn decode<M: Message>(self) -> Result<M, Fault> {
        if !self.is::<M>() {
            return Err(self.unexpected(M::NAME));
        }
        self.payload.read()
    }

    /// The message as a tree of the given shape, which is that of its key.
    pub fn value(self, shape: &Shape) -> Result<Value, Fault> {
        match self.payload {
            Payload::Tree(value, _) => Ok(value),
            other => {
                let bytes = other.into_bytes()?;
                Value::decode(shape, &bytes).map_err(|error| unreadable("the message", &error))
            }
        }
    }

    fn unexpected(&self, name: &str) -> Fault {
        let text = format!("expected {name}, got a message with key {:016x}", self.key);
        Fault::new(Code::UnknownMessage, text)
    }
}

/// A message on its way out, behind a pointer: a socket has it written, inside the process it is taken.
pub trait Outgoing: Body {
    /// The name of its type, for faults and traces.
    fn name(&self) -> &str;

    /// Takes the message out, to be moved; a message can be taken once.
    fn take(&mut self) -> Payload;

    /// Its shape, where the sender knows it; a trace prints fields by it.
    fn shape(&self) -> Option<Shape> {
        None
    }
}

/// A message of a Rust type, sent by value.
pub struct Typed<M>(Option<M>);

impl<M: Message> Typed<M> {
    /// Wraps `message`.
    pub fn new(message: M) -> Typed<M> {
        Typed(Some(message))
    }
}

impl<M: Message> Body for Typed<M> {
    fn key(&self) -> u64 {
        M::KEY
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode(self.0.as_ref().ok_or(EncodeError::Refused)?, out)
    }
}

impl<M: Message> Outgoing for Typed<M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn take(&mut self) -> Payload {
        match self.0.take() {
            Some(message) => Payload::moved(message),
            None => Payload::Bytes(Vec::new()),
        }
    }

    fn shape(&self) -> Option<Shape> {
        Some(Shape::of::<M>())
    }
}

/// A reply that another thread made.
pub(crate) struct MovedReply {
    key: u64,
    name: &'static str,
    payload: Payload,
}

impl MovedReply {
    pub(crate) fn new(key: u64, name: &'static str, payload: Payload) -> MovedReply {
        MovedReply { key, name, payload }
    }
}

impl Body for MovedReply {
    fn key(&self) -> u64 {
        self.key
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.payload.write(out)
    }
}

impl Outgoing for MovedReply {
    fn name(&self) -> &str {
        self.name
    }

    fn take(&mut self) -> Payload {
        std::mem::replace(&mut self.payload, Payload::Bytes(Vec::new()))
    }
}

/// A message whose bytes are there already.
pub struct Encoded<'a> {
    /// Its key.
    pub key: u64,
    /// The name of its type, for faults and traces.
    pub name: &'a str,
    /// Its postcard bytes.
    pub bytes: Vec<u8>,
}

impl Body for Encoded<'_> {
    fn key(&self) -> u64 {
        self.key
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.bytes);
        Ok(())
    }
}

impl Outgoing for Encoded<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn take(&mut self) -> Payload {
        Payload::Bytes(std::mem::take(&mut self.bytes))
    }
}

/// A message as a tree; over a socket it is encoded by its shape.
pub struct Tree<'a> {
    /// Its key: that of the name and the shape.
    pub key: u64,
    /// The name of its type, for faults and traces.
    pub name: &'a str,
    /// Its shape.
    pub shape: Arc<Shape>,
    /// What it holds.
    pub value: Value,
}

impl Body for Tree<'_> {
    fn key(&self) -> u64 {
        self.key
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.value
            .encode(&self.shape, out)
            .map_err(|_| EncodeError::Refused)
    }
}

impl Outgoing for Tree<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn take(&mut self) -> Payload {
        let value = std::mem::replace(&mut self.value, Value::Unit);
        Payload::Tree(value, self.shape.clone())
    }

    fn shape(&self) -> Option<Shape> {
        Some((*self.shape).clone())
    }
}
