//! `gshell.message`: message types of a script, and the tables that are messages.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use gshell_service::{Body, Outgoing, Payload};
use gshell_small::Map;
use gshell_sys::values;
use gshell_wire::{EncodeError, Limits, Priority, Shape};
use mlua::{Lua, Result, Table, UserData, UserDataFields, UserDataRef, Value};

use super::codec::{self, Misfit, Plan, Put};
use super::types;
use crate::api::options::{Options, invalid};
use crate::call::{self, Functions};
use crate::errors::raise;

/// Longest name of a message.
const NAME_MAX: usize = 200;

/// A message type in a Lua state.
pub struct Type {
    pub name: String,
    pub key: u64,
    pub shape: Arc<Shape>,
    pub plan: Plan,
    /// The metatable of the tables that are known to be of this type.
    meta: Table,
    pub help: String,
    pub priority: Priority,
    /// The script declared it; else a service described it.
    declared: Cell<bool>,
}

impl Type {
    /// Says of `value` that it is a message of this type.
    pub fn mark(&self, value: &Value) -> Result<()> {
        match value {
            Value::Table(table) => table.set_metatable(Some(self.meta.clone())),
            _ => Ok(()),
        }
    }

    /// Whether `value` is known to be a message of this type.
    pub fn has(&self, value: &Value) -> bool {
        let lua = self.meta.weak_lua().try_upgrade();
        lua.and_then(|lua| values::metatable(&lua, value)) == Some(self.meta.to_pointer().addr())
    }

    /// The message that came, as a table.
    pub fn read(&self, lua: &Lua, payload: Payload) -> Result<Value> {
        let bytes = match payload {
            Payload::Bytes(bytes) => bytes,
            moved => moved.into_bytes().map_err(super::fault::raised)?,
        };
        codec::read(lua, &self.plan, &self.meta, &bytes).map_err(|error| self.unreadable(error))
    }

    #[cold]
    fn unreadable(&self, error: mlua::Error) -> mlua::Error {
        match crate::errors::raised(&error) {
            Some(raised) => raise(&raised.code, format!("{}: {}", self.name, raised.message)),
            None => error,
        }
    }

    #[cold]
    pub fn misfit(&self, misfit: &Misfit) -> mlua::Error {
        raise("bad_message", misfit.of(&self.name))
    }
}

/// The message types of one environment. A type lives as long as something uses it.
#[derive(Default)]
pub struct Types {
    by_key: RefCell<Map<u64, Weak<Type>>>,
    by_meta: RefCell<Map<usize, Weak<Type>>>,
}

/// Types after which those that are gone are looked for.
const MANY: usize = 64;

impl Types {
    /// The type with this name and shape.
    pub fn get(
        &self,
        lua: &Lua,
        name: &str,
        shape: Shape,
        help: &str,
        priority: Priority,
    ) -> Result<Rc<Type>> {
        let key = shape.key(name);
        if let Some(known) = self.by_key(key) {
            return Ok(known);
        }
        let meta = lua.create_table()?;
        meta.raw_set("__name", name)?;
        meta.raw_set("__metatable", name)?;
        let plan = Plan::new(lua, &shape)?;
        let made = Rc::new(Type {
            name: name.to_owned(),
            key,
            shape: Arc::new(shape),
            plan,
            meta,
            help: help.to_owned(),
            priority,
            declared: Cell::new(false),
        });
        self.keep(&made);
        Ok(made)
    }

    fn keep(&self, made: &Rc<Type>) {
        let (mut by_key, mut by_meta) = (self.by_key.borrow_mut(), self.by_meta.borrow_mut());
        if by_key.len() >= MANY && by_key.len().is_power_of_two() {
            by_key.retain(|_, known| known.strong_count() > 0);
            by_meta.retain(|_, known| known.strong_count() > 0);
        }
        by_key.insert(made.key, Rc::downgrade(made));
        by_meta.insert(made.meta.to_pointer().addr(), Rc::downgrade(made));
    }

    /// The type with this key, if the environment knows it.
    pub fn by_key(&self, key: u64) -> Option<Rc<Type>> {
        self.by_key.borrow().get(&key)?.upgrade()
    }

    /// The types that the script declared, but for those with the keys `without`; by name.
    pub fn declared(&self, without: &[u64]) -> Vec<Rc<Type>> {
        let types = self.by_key.borrow();
        let mut found: Vec<_> = types
            .values()
            .filter_map(Weak::upgrade)
            .filter(|ty| ty.declared.get() && !without.contains(&ty.key))
            .collect();
        gshell_small::sort_by(&mut found, |a, b| (&a.name, a.key).cmp(&(&b.name, b.key)));
        found
    }

    /// A type with this name, if the environment knows one.
    pub fn by_name(&self, name: &str) -> Option<Rc<Type>> {
        let types = self.by_key.borrow();
        types
            .values()
            .filter_map(Weak::upgrade)
            .find(|ty| ty.name == name)
    }

    /// The type that a table is known to have.
    pub fn of(&self, value: &Value) -> Option<Rc<Type>> {
        let lua = value.weak_lua()?.try_upgrade()?;
        let meta = values::metatable(&lua, value)?;
        self.by_meta.borrow().get(&meta)?.upgrade()
    }
}

/// What a script holds of a type.
pub struct Message(pub Rc<Type>);

type This = UserDataRef<Message>;

fn members(add: &Functions<'_>) -> Result<()> {
    add.value("name", |_, (this,): (This,)| Ok(this.0.name.clone()))?;
    add.value("key", |_, (this,): (This,)| Ok(format!("{:016x}", this.0.key)))?;
    add.value("shape", |_, (this,): (This,)| Ok(this.0.shape.to_string()))
}

impl UserData for Message {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        call::members(fields, members, |add| {
            add.value("is", |_, (this, value): (This, Value)| Ok(this.0.has(&value)))
        });
        call::metamethod(fields, "__call", |lua| {
            call::value(lua, |_, (this, value): (This, Value)| make(&this.0, value))
        });
        call::metamethod(fields, "__tostring", |lua| {
            call::value(lua, |_, (this,): (This,)| {
                Ok(format!("message {} {}", this.0.name, this.0.shape))
            })
        });
    }
}

/// Checks a table and says of it that it is a message.
fn make(ty: &Type, value: Value) -> Result<Value> {
    let value = match value {
        Value::Nil => {
            return Err(raise(
                "bad_message",
                format!("{}: expected table, got nil", ty.name),
            ));
        }
        value => value,
    };
    let foreign = |table: &Table| table.metatable().is_some() && !ty.has(&value);
    if value.as_table().is_some_and(foreign) {
        let text = format!("{}: the table has a metatable already", ty.name);
        return Err(raise("bad_message", text));
    }
    Put::check(&ty.plan, &value, Limits::default().message).map_err(|misfit| ty.misfit(&misfit))?;
    ty.mark(&value)?;
    Ok(value)
}

/// Adds `gshell.message` and `gshell.types`.
pub fn register(add: &Functions<'_>, types: &Rc<Types>) -> Result<()> {
    add.table.raw_set("types", types::register(add.lua)?)?;
    let types = Rc::clone(types);
    add.value(
        "message",
        move |lua, (name, shape, options): (String, Value, Option<Table>)| {
            let bad = |what: &str| invalid("gshell.message", &format!("{name}: {what}"));
            let unfit = |c: char| c.is_whitespace() || c.is_control();
            if name.is_empty() || name.len() > NAME_MAX || name.contains(unfit) {
                return Err(bad("a name is text without spaces, of at most 200 bytes"));
            }
            let shape = match &shape {
                Value::Nil => Value::Table(lua.create_table()?),
                shape => shape.clone(),
            };
            let shape = types::shape(&shape).map_err(|what| bad(&what))?;
            let options = Options::new("gshell.message", options, &["help", "priority"])?;
            let priority = match options.get::<String>(lua, "priority")?.as_deref() {
                None | Some("normal") => Priority::Normal,
                Some("high") => Priority::High,
                Some("low") => Priority::Low,
                Some(other) => return Err(bad(&format!("the priority is high, normal or low, not {other}"))),
            };
            let help = options.get::<String>(lua, "help")?.unwrap_or_default();
            let ty = types.get(lua, &name, shape, &help, priority)?;
            ty.declared.set(true);
            Ok(Message(ty))
        },
    )
}

/// A message on its way out: written from its table into the output of a socket, or crossing as bytes.
pub struct Sent {
    ty: Rc<Type>,
    what: What,
    misfit: RefCell<Option<Misfit>>,
}

enum What {
    Lua(Value),
    Bytes(Vec<u8>),
}

impl Sent {
    /// `value` as a message of type `ty`. It is looked at when it is written; `local`, inside of the process, now.
    pub fn new(ty: &Rc<Type>, value: Value, local: bool) -> Result<Sent> {
        if local {
            return Sent::now(ty, &value);
        }
        Ok(Sent {
            ty: Rc::clone(ty),
            what: What::Lua(value),
            misfit: RefCell::new(None),
        })
    }

    /// Looks at all of it now, as for a reply, whose sender learns nothing of its sending.
    pub fn now(ty: &Rc<Type>, value: &Value) -> Result<Sent> {
        let mut bytes = Vec::new();
        put(ty, value, &mut bytes).map_err(|misfit| ty.misfit(&misfit))?;
        Ok(Sent {
            ty: Rc::clone(ty),
            what: What::Bytes(bytes),
            misfit: RefCell::new(None),
        })
    }

    /// Its type.
    pub fn of(&self) -> &Type {
        &self.ty
    }

    /// The error of a send: that of the message itself if it was not one of its type.
    pub fn error(&self, fault: gshell_wire::Fault) -> mlua::Error {
        match self.misfit.take() {
            Some(misfit) => self.ty.misfit(&misfit),
            None => super::fault::raised(fault),
        }
    }
}

impl Body for Sent {
    fn key(&self) -> u64 {
        self.ty.key
    }

    fn write(&self, out: &mut Vec<u8>) -> std::result::Result<(), EncodeError> {
        match &self.what {
            What::Lua(value) => put(&self.ty, value, out).map_err(|misfit| {
                *self.misfit.borrow_mut() = Some(misfit);
                EncodeError::Refused
            }),
            What::Bytes(bytes) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
        }
    }
}

fn put(ty: &Type, value: &Value, out: &mut Vec<u8>) -> std::result::Result<(), Misfit> {
    Put::bytes(&ty.plan, &ty.meta, value, Limits::default().message, out)
}

impl Outgoing for Sent {
    fn name(&self) -> &str {
        &self.ty.name
    }

    fn shape(&self) -> Option<Shape> {
        Some(self.ty.shape.as_ref().clone())
    }

    fn take(&mut self) -> Payload {
        match std::mem::replace(&mut self.what, What::Bytes(Vec::new())) {
            What::Bytes(bytes) => Payload::Bytes(bytes),
            // What crosses inside of the process was written before, so this is for completeness.
            What::Lua(value) => {
                let mut bytes = Vec::new();
                if let Err(misfit) = put(&self.ty, &value, &mut bytes) {
                    *self.misfit.borrow_mut() = Some(misfit);
                }
                Payload::Bytes(bytes)
            }
        }
    }
}

/// The error of a message that nobody here can read.
#[cold]
pub fn unknown(key: u64) -> mlua::Error {
    let text =
        format!("a message with the key {key:016x} came, which neither the script nor the service describes");
    raise("unknown_message", text)
}
