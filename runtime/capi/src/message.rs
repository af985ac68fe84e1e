//! Messages that are filled in and read field by field, or carried as bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use gshell_service::{Incoming, Outgoing, Payload};
use gshell_session::Body as Send;
use gshell_wire::{Code, EncodeError, Fault, Shape, Value};

use crate::path;
use crate::types::Type;

type Result<T> = std::result::Result<T, Fault>;

/// Most bytes of a message as text.
const TEXT_MAX: usize = 4096;

#[derive(Clone, Debug)]
enum Body {
    Bytes(Vec<u8>),
    Tree(Value),
}

/// A message.
#[derive(Debug)]
pub struct Message {
    name: String,
    key: u64,
    /// Without it a message is only bytes.
    shape: Option<Arc<Shape>>,
    body: Body,
    /// Texts that C has pointers to, by path, each with a zero byte at its end.
    texts: BTreeMap<String, Box<[u8]>>,
    /// The bytes of the tree as it is, which C may have a pointer to.
    encoded: Option<Vec<u8>>,
}

/// What a value is, by the numbers of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    /// Not there.
    None = 0,
    /// A bool.
    Bool = 1,
    /// A whole number with a sign.
    Int = 2,
    /// A whole number without.
    Uint = 3,
    /// A fraction.
    Double = 4,
    /// A text.
    String = 5,
    /// Bytes.
    Bytes = 6,
    /// A list.
    List = 7,
    /// A map.
    Map = 8,
    /// Named fields.
    Struct = 9,
    /// Values by number.
    Tuple = 10,
    /// One of several variants.
    Enum = 11,
}

impl Message {
    fn with(name: &str, key: u64, shape: Option<Arc<Shape>>, body: Body) -> Message {
        Message {
            name: name.to_owned(),
            key,
            shape,
            body,
            texts: BTreeMap::new(),
            encoded: None,
        }
    }

    /// An empty message of a type.
    pub fn new(ty: &Type) -> Message {
        let body = match &*ty.shape {
            Shape::Struct { .. } => Value::Struct(Vec::new()),
            _ => Value::Unit,
        };
        Message::with(&ty.name, ty.key, Some(ty.shape.clone()), Body::Tree(body))
    }

    /// A message whose bytes are there; with its type they are checked and its fields can be read.
    ///
    /// # Errors
    /// `BadMessage` when the bytes are no message of the type.
    pub fn of_bytes(ty: &Type, bytes: &[u8]) -> Result<Message> {
        let shape = Some(ty.shape.clone());
        let mut message = Message::with(&ty.name, ty.key, shape, Body::Bytes(bytes.to_vec()));
        message.tree()?;
        Ok(message)
    }

    /// A message that is a key and bytes.
    pub fn raw(name: &str, key: u64, bytes: &[u8]) -> Message {
        Message::with(name, key, None, Body::Bytes(bytes.to_vec()))
    }

    /// A message that came, with its type if that is known.
    ///
    /// # Errors
    /// When a message from inside the process cannot be encoded.
    pub fn received(incoming: Incoming, ty: Option<&Type>) -> Result<Message> {
        let key = incoming.key;
        let bytes = incoming.payload.into_bytes()?;
        let (name, shape) = match ty {
            Some(ty) => (ty.name.as_str(), Some(ty.shape.clone())),
            None => ("", None),
        };
        Ok(Message::with(name, key, shape, Body::Bytes(bytes)))
    }

    /// The same message without what C has pointers to.
    pub fn copy(&self) -> Message {
        Message::with(&self.name, self.key, self.shape.clone(), self.body.clone())
    }

    /// The name of its type; empty when that is not known.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its key.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// The shape of its type.
    pub fn shape(&self) -> Option<&Shape> {
        self.shape.as_deref()
    }

    /// The tree and its shape; read from the bytes at the first time.
    fn tree(&mut self) -> Result<(&mut Value, &Shape)> {
        let Some(shape) = &self.shape else {
            let text = format!(
                "the fields of the message with key {:016x} are not known: declare its type",
                self.key
            );
            return Err(Fault::new(Code::Invalid, text));
        };
        if let Body::Bytes(bytes) = &self.body {
            let value = Value::decode(shape, bytes).map_err(|error| {
                Fault::new(Code::BadMessage, format!("{} does not read: {error}", self.name))
            })?;
            // The bytes stay for those who have a pointer to them.
            if let Body::Bytes(bytes) = std::mem::replace(&mut self.body, Body::Tree(value)) {
                self.encoded = Some(bytes);
            }
        }
        match &mut self.body {
            Body::Tree(value) => Ok((value, shape)),
            Body::Bytes(_) => Err(Fault::new(Code::Internal, "a message is not read")),
        }
    }

    fn changed(&mut self) {
        self.texts.clear();
        self.encoded = None;
    }

    /// Sets what is at `path`.
    ///
    /// # Errors
    /// `Invalid` for a path that is none, or a value that does not fit there.
    pub fn set(&mut self, path: &str, leaf: Value) -> Result<()> {
        self.tree()?;
        self.changed();
        let (value, shape) = self.tree()?;
        let steps = path::steps(path);
        let of = path::shape_at(shape, &steps, path)?;
        leaf.encode(of, &mut Vec::new()).map_err(|error| {
            let dots = if path.is_empty() { "" } else { ": " };
            Fault::new(Code::Invalid, format!("{path}{dots}{error}"))
        })?;
        *path::place(value, shape, &steps, path)? = leaf;
        Ok(())
    }

    /// Makes what is at `path` an empty list, map, text or struct, or an option without a value.
    ///
    /// # Errors
    /// `Invalid` for a path that is none, or a place whose values are never empty.
    pub fn set_empty(&mut self, path: &str) -> Result<()> {
        self.tree()?;
        self.changed();
        let (value, shape) = self.tree()?;
        let steps = path::steps(path);
        let empty = match path::shape_at(shape, &steps, path)? {
            Shape::Option(_) => Value::Option(None),
            Shape::List(_) => Value::List(Vec::new()),
            Shape::Map(..) => Value::Map(Vec::new()),
            Shape::Struct { .. } => Value::Struct(Vec::new()),
            Shape::Str => Value::Str(String::new()),
            Shape::Bytes => Value::Bytes(Vec::new()),
            Shape::Unit => Value::Unit,
            other => {
                let text = format!("{path}: a {other} is never empty");
                return Err(Fault::new(Code::Invalid, text));
            }
        };
        *path::place(value, shape, &steps, path)? = empty;
        Ok(())
    }

    /// What is at `path`; `None` when it is not there.
    ///
    /// # Errors
    /// `Invalid` for a path that no message of this type has, `BadMessage` for bytes that do not read.
    pub fn find(&mut self, path: &str) -> Result<Option<&Value>> {
        let (value, shape) = self.tree()?;
        let steps = path::steps(path);
        path::shape_at(shape, &steps, path)?;
        Ok(path::get(value, &steps))
    }

    fn get(&mut self, path: &str) -> Result<&Value> {
        // Looked at twice where it is missing only, because the name is needed for the text.
        if self.find(path)?.is_none() {
            let text = format!("{}: {path} is not set", self.name);
            return Err(Fault::new(Code::NotFound, text));
        }
        self.find(path)?.ok_or_else(|| Fault::new(Code::Internal, "a value is gone"))
    }

    /// A bool.
    ///
    /// # Errors
    /// As [`Message::find`]; `NotFound` when it is not there, `Invalid` when it is something else.
    pub fn bool(&mut self, path: &str) -> Result<bool> {
        match self.get(path)? {
            Value::Bool(value) => Ok(*value),
            other => Err(no(path, "bool", other)),
        }
    }

    /// A whole number; as for all of these, one that does not fit is an error.
    ///
    /// # Errors
    /// As [`Message::bool`].
    pub fn int(&mut self, path: &str) -> Result<i64> {
        let value = self.get(path)?;
        let number = match value {
            Value::Int(number) => Some(*number),
            Value::Uint(number) => i64::try_from(*number).ok(),
            _ => None,
        };
        number.ok_or_else(|| no(path, "whole number of 64 bits with a sign", value))
    }

    /// A whole number that is not below zero.
    ///
    /// # Errors
    /// As [`Message::bool`].
    pub fn uint(&mut self, path: &str) -> Result<u64> {
        let value = self.get(path)?;
        let number = match value {
            Value::Uint(number) => Some(*number),
            Value::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        };
        number.ok_or_else(|| no(path, "whole number of 64 bits without a sign", value))
    }

    /// A number.
    ///
    /// # Errors
    /// As [`Message::bool`].
    pub fn double(&mut self, path: &str) -> Result<f64> {
        match self.get(path)? {
            Value::Float(number) => Ok(*number),
            Value::Int(number) => Ok(*number as f64),
            Value::Uint(number) => Ok(*number as f64),
            other => Err(no(path, "number", other)),
        }
    }

    /// A text or the name of a variant, with a zero byte behind it; it stays where it is until the message is changed.
    ///
    /// # Errors
    /// As [`Message::bool`].
    pub fn text(&mut self, path: &str) -> Result<&[u8]> {
        if !self.texts.contains_key(path) {
            let text = match self.get(path)? {
                Value::Str(text) => text,
                Value::Enum { variant, .. } => variant,
                other => return Err(no(path, "string", other)),
            };
            let text = terminated(text);
            self.texts.insert(path.to_owned(), text);
        }
        Ok(self.texts.get(path).map(|text| &**text).unwrap_or_default())
    }

    /// Bytes, which stay where they are until the message is changed.
    ///
    /// # Errors
    /// As [`Message::bool`].
    pub fn bytes(&mut self, path: &str) -> Result<&[u8]> {
        match self.get(path)? {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Str(text) => Ok(text.as_bytes()),
            other => Err(no(path, "bytes", other)),
        }
    }

    /// Entries of a list or map, values of a tuple, fields of a struct that are set; 0 when it is not there.
    ///
    /// # Errors
    /// As [`Message::find`]; `Invalid` for something that has no parts.
    pub fn count(&mut self, path: &str) -> Result<usize> {
        match self.find(path)? {
            None => Ok(0),
            Some(Value::List(values) | Value::Tuple(values)) => Ok(values.len()),
            Some(Value::Map(entries)) => Ok(entries.len()),
            Some(Value::Struct(fields)) => Ok(fields.len()),
            Some(other) => Err(no(path, "list", other)),
        }
    }

    /// The name of a part by its number, from 1: the key of a map's entry, the name of a struct's field.
    ///
    /// # Errors
    /// As [`Message::count`]; `NotFound` for a number that is too high.
    pub fn part(&mut self, path: &str, number: usize) -> Result<&[u8]> {
        // No path has a zero byte in it.
        let place = format!("{path}\0{number}");
        if !self.texts.contains_key(&place) {
            let index = number.wrapping_sub(1);
            let name = match self.get(path)? {
                Value::Map(entries) => entries.get(index).map(|(key, _)| match key {
                    Value::Str(text) => text.clone(),
                    other => other.summary(64),
                }),
                Value::Struct(fields) => fields.get(index).map(|(name, _)| name.clone()),
                other => return Err(no(path, "map", other)),
            };
            let missing = || Fault::new(Code::NotFound, format!("{path} has no part number {number}"));
            let text = terminated(&name.ok_or_else(missing)?);
            self.texts.insert(place.clone(), text);
        }
        Ok(self.texts.get(&place).map(|text| &**text).unwrap_or_default())
    }

    /// What is at a path.
    ///
    /// # Errors
    /// As [`Message::find`].
    pub fn kind(&mut self, path: &str) -> Result<Kind> {
        Ok(match self.find(path)? {
            None | Some(Value::Unit | Value::Option(_)) => Kind::None,
            Some(Value::Bool(_)) => Kind::Bool,
            Some(Value::Int(_)) => Kind::Int,
            Some(Value::Uint(_)) => Kind::Uint,
            Some(Value::Float(_)) => Kind::Double,
            Some(Value::Str(_)) => Kind::String,
            Some(Value::Bytes(_)) => Kind::Bytes,
            Some(Value::List(_)) => Kind::List,
            Some(Value::Map(_)) => Kind::Map,
            Some(Value::Tuple(_)) => Kind::Tuple,
            Some(Value::Struct(_)) => Kind::Struct,
            Some(Value::Enum { .. }) => Kind::Enum,
        })
    }

    /// The whole message as one line for people, with a zero byte behind it.
    ///
    /// # Errors
    /// As [`Message::find`].
    pub fn summary(&mut self) -> Result<&[u8]> {
        let text = match self.shape {
            Some(_) => self.tree()?.0.summary(TEXT_MAX),
            None => format!("({} bytes)", self.encode()?.len()),
        };
        // A place of its own, which no path is.
        let place = self.texts.entry("\0".to_owned());
        Ok(place.or_insert_with(|| terminated(&text)))
    }

    /// The name of its type with a zero byte behind it.
    pub fn name_text(&mut self) -> &[u8] {
        let name = &self.name;
        self.texts.entry("\0name".to_owned()).or_insert_with(|| terminated(name))
    }

    /// Its bytes.
    ///
    /// # Errors
    /// `BadMessage` when it is not complete.
    pub fn encode(&mut self) -> Result<&[u8]> {
        if let (None, Body::Tree(value), Some(shape)) = (&self.encoded, &self.body, &self.shape) {
            let mut bytes = Vec::new();
            value.encode(shape, &mut bytes).map_err(|error| {
                Fault::new(Code::BadMessage, format!("{}: {error}", self.name))
            })?;
            self.encoded = Some(bytes);
        }
        match (&self.encoded, &self.body) {
            (Some(bytes), Body::Tree(_)) | (_, Body::Bytes(bytes)) => Ok(bytes),
            _ => Err(Fault::new(Code::Internal, "a message has no shape")),
        }
    }

    /// The message as it is sent.
    ///
    /// # Errors
    /// As [`Message::encode`].
    pub fn sending(&mut self) -> Result<Sending> {
        Ok(Sending {
            bytes: self.encode()?.to_vec(),
            name: self.name.clone(),
            key: self.key,
            shape: self.shape.clone(),
        })
    }
}

fn terminated(text: &str) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(text.len() + 1);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    bytes.into_boxed_slice()
}

fn no(path: &str, what: &str, value: &Value) -> Fault {
    let text = format!("{path} is no {what}: {}", value.summary(40));
    Fault::new(Code::Invalid, text)
}

/// A message on its way out.
#[derive(Debug)]
pub struct Sending {
    name: String,
    key: u64,
    shape: Option<Arc<Shape>>,
    bytes: Vec<u8>,
}

impl Send for Sending {
    fn key(&self) -> u64 {
        self.key
    }

    fn write(&self, out: &mut Vec<u8>) -> std::result::Result<(), EncodeError> {
        out.extend_from_slice(&self.bytes);
        Ok(())
    }
}

impl Outgoing for Sending {
    fn name(&self) -> &str {
        &self.name
    }

    fn take(&mut self) -> Payload {
        Payload::Bytes(std::mem::take(&mut self.bytes))
    }

    fn shape(&self) -> Option<Shape> {
        self.shape.as_deref().cloned()
    }
}
