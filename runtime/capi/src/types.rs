//! The message types that a connection or a server knows, by name and by key.

use std::sync::Arc;

use gshell_wire::{Code, Fault, Shape};

/// A message type.
#[derive(Debug)]
pub struct Type {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: u64,
    /// Its shape.
    pub shape: Arc<Shape>,
    /// One line for people.
    pub help: String,
}

/// Message types; several shapes of one name are versions of it, the one that was added last is that of today.
#[derive(Debug, Default)]
pub struct Types(Vec<Arc<Type>>);

impl Types {
    /// Adds a type that is declared as text.
    ///
    /// # Errors
    /// `Invalid` for a text that is none, `Exists` for a type that is there already.
    pub fn declare(&mut self, name: &str, shape: &str, help: &str) -> Result<(), Fault> {
        let ty = make(name, shape, help)?;
        if self.by_key(ty.key).is_some() {
            let text = format!("{name} is declared with this shape already");
            return Err(Fault::new(Code::Exists, text));
        }
        self.0.push(Arc::new(ty));
        Ok(())
    }

    /// Adds a type unless it is known or there is one of that name.
    pub fn learn(&mut self, name: &str, shape: Shape) {
        let key = shape.key(name);
        if self.by_key(key).is_none() {
            // What the program declared itself stays the type of today.
            self.0.insert(
                0,
                Arc::new(Type {
                    name: name.to_owned(),
                    key,
                    shape: Arc::new(shape),
                    help: String::new(),
                }),
            );
        }
    }

    /// The type of today with that name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Type>> {
        self.0.iter().rev().find(|ty| ty.name == name)
    }

    /// The type with that key.
    pub fn by_key(&self, key: u64) -> Option<&Arc<Type>> {
        self.0.iter().find(|ty| ty.key == key)
    }

    /// All shapes of a name, that of today first.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = &Arc<Type>> {
        self.0.iter().rev().filter(move |ty| ty.name == name)
    }

    /// The names, each once, for error texts.
    pub fn names(&self) -> String {
        let mut names: Vec<_> = self.0.iter().map(|ty| ty.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.join(", ")
    }
}

/// A type that is declared as text.
///
/// # Errors
/// `Invalid` for a text that is none.
pub fn make(name: &str, shape: &str, help: &str) -> Result<Type, Fault> {
    if name.is_empty() {
        return Err(Fault::new(Code::Invalid, "a message needs a name"));
    }
    let shape = Shape::parse(shape).map_err(|what| Fault::new(Code::Invalid, format!("{name}: {what}")))?;
    Ok(Type {
        name: name.to_owned(),
        key: shape.key(name),
        shape: Arc::new(shape),
        help: help.to_owned(),
    })
}
