//! What a service said that it handles, with shapes instead of bytes.

use gshell_service::blocking::Client;
use gshell_service::builtin::messages::{
    Describe, Description, Load, LoadFigures, Ping, Pong, Stats, StatsFigures,
};
use gshell_wire::{Message, Priority, Shape};

use super::{Failure, ask};

/// A message type that a service handles.
pub struct Type {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: u64,
    /// How it looks.
    pub shape: Shape,
    /// How urgent it is.
    pub priority: Priority,
    /// One line for people.
    pub help: String,
    /// Its handler uses the stream.
    pub stream: bool,
    /// What it is answered with, as far as that is known.
    pub replies: Vec<Reply>,
}

/// A message type that a service sends.
pub struct Reply {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: u64,
    /// How it looks.
    pub shape: Shape,
}

/// What a service handles.
pub struct Known {
    /// Publisher and service.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// The node that provides it.
    pub provider: String,
    /// Sorted by name.
    pub types: Vec<Type>,
    /// What every service handles.
    builtin: Vec<Type>,
}

impl Known {
    /// Asks the service that is called `name` on the command line.
    pub fn ask(client: &mut Client, name: &str) -> Result<Self, Failure> {
        let described: Description = ask(client, name, &Describe {})?;
        let own = format!("{}/{}", described.publisher, described.service);
        if !described.service.is_empty() && own != name {
            return Err(Failure::error(format!("{name} is not at this address, {own} is")));
        }
        let read = |name: &str, bytes: &[u8]| {
            Shape::read(bytes)
                .map_err(|error| Failure::error(format!("the shape of {name} does not read: {error}")))
        };
        let mut types = Vec::with_capacity(described.messages.len());
        for message in described.messages {
            let mut replies = Vec::with_capacity(message.replies.len());
            for reply in message.replies {
                replies.push(Reply {
                    shape: read(&reply.name, &reply.shape)?,
                    name: reply.name,
                    key: reply.key,
                });
            }
            let ty = Type {
                shape: read(&message.name, &message.shape)?,
                name: message.name,
                key: message.key,
                priority: message.priority,
                help: message.help,
                stream: message.stream,
                replies,
            };
            // Those of one name keep their order: the shape of today comes first.
            let at = types.partition_point(|known: &Type| known.name <= ty.name);
            types.insert(at, ty);
        }
        Ok(Self {
            name: name.to_owned(),
            version: described.version,
            provider: described.provider,
            types,
            builtin: vec![
                builtin::<Ping, Pong>(),
                builtin::<Describe, Description>(),
                builtin::<Load, LoadFigures>(),
                builtin::<Stats, StatsFigures>(),
            ],
        })
    }

    /// All types, those of every service last.
    pub fn all(&self) -> impl Iterator<Item = &Type> {
        self.types.iter().chain(&self.builtin)
    }
}

fn builtin<Q: Message, R: Message>() -> Type {
    Type {
        name: Q::NAME.to_owned(),
        key: Q::KEY,
        shape: Shape::of::<Q>(),
        priority: Q::PRIORITY,
        help: Q::HELP.to_owned(),
        stream: false,
        replies: vec![Reply {
            name: R::NAME.to_owned(),
            key: R::KEY,
            shape: Shape::of::<R>(),
        }],
    }
}
