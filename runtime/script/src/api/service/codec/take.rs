//! Bytes to Lua values.

use gshell_sys::values::{self, Step};
use gshell_wire::{DecodeError, Reader};
use mlua::{Lua, Result, Table, Value};

use super::plan::{Form, Part, Plan};
use crate::errors::raise;

/// Entries for which room is made before they were read: a length is only what a peer says.
const ROOM: u32 = 4096;

/// The value that `bytes` hold; a table gets the metatable.
pub fn read(lua: &Lua, plan: &Plan, meta: &Table, bytes: &[u8]) -> Result<Value> {
    let mut take = Take {
        reader: Reader::new(bytes),
        todo: Vec::with_capacity(8),
        flaw: None,
    };
    take.todo.push(Do::Value(&plan.form));
    let mut first = true;
    let made = values::build(lua, &plan.names, meta, &mut || {
        match take.next() {
            // What holds nothing is nil where it is not part of something.
            Some(Step::Null) if std::mem::take(&mut first) => None,
            step => {
                first = false;
                step
            }
        }
    });
    match take.flaw {
        Some(Flaw::Unreadable(error)) => return Err(unreadable(error)),
        Some(Flaw::Key) => {
            return Err(raise(
                "bad_message",
                "a map has a key that Lua cannot have: NaN or nothing",
            ));
        }
        None => {}
    }
    let made = made?;
    take.reader.finish().map_err(unreadable)?;
    Ok(made)
}

#[cold]
fn unreadable(error: DecodeError) -> mlua::Error {
    raise("bad_message", format!("it does not read: {error}"))
}

/// What is still to be done, the next thing last.
enum Do<'p> {
    /// A value; `null` where there is none, for nil would not stay in a list, map or tuple.
    Value(&'p Form),
    /// A value that is there.
    There(&'p Form),
    Key(&'p Form),
    Name(u32),
    Fields(&'p [Part]),
    List(&'p Form, i64, u32),
    Tuple(&'p [Form], i64),
    Map(&'p Form, &'p Form, u32),
    Index(i64),
    Entry,
}

/// Why it ended early.
enum Flaw {
    Unreadable(DecodeError),
    Key,
}

impl From<DecodeError> for Flaw {
    fn from(error: DecodeError) -> Flaw {
        Flaw::Unreadable(error)
    }
}

/// A walk over bytes. How deep it goes is what the shape says, which is bounded.
struct Take<'a, 'p> {
    reader: Reader<'a>,
    todo: Vec<Do<'p>>,
    flaw: Option<Flaw>,
}

impl<'a, 'p> Take<'a, 'p> {
    fn next(&mut self) -> Option<Step<'a>> {
        while let Some(next) = self.todo.pop() {
            match self.step(next) {
                Ok(None) => {}
                Ok(step) => return step,
                Err(flaw) => {
                    self.flaw = Some(flaw);
                    return None;
                }
            }
        }
        None
    }

    fn step(&mut self, next: Do<'p>) -> std::result::Result<Option<Step<'a>>, Flaw> {
        match next {
            Do::Entry => return Ok(Some(Step::Entry)),
            Do::Index(index) => return Ok(Some(Step::Index(index))),
            Do::Name(name) => return Ok(Some(Step::Name(name))),
            Do::There(form) => return self.value(form).map(Some),
            Do::Value(form) => {
                return match self.held(form)? {
                    Some(form) => self.value(form).map(Some),
                    None => Ok(Some(Step::Null)),
                };
            }
            Do::Key(form) => {
                let step = self.held(form)?.map(|form| self.value(form)).transpose()?;
                let usable = match step {
                    None => false,
                    Some(Step::Number(number)) => !number.is_nan(),
                    Some(_) => true,
                };
                return if usable { Ok(step) } else { Err(Flaw::Key) };
            }
            Do::Fields(fields) => {
                if let Some((field, rest)) = fields.split_first() {
                    self.todo.push(Do::Fields(rest));
                    if let Some(form) = self.held(&field.form)? {
                        self.todo.push(Do::Entry);
                        self.todo.push(Do::There(form));
                        return Ok(Some(Step::Name(field.name)));
                    }
                }
            }
            Do::List(of, index, left) => {
                if left > 0 {
                    self.todo.push(Do::List(of, index + 1, left - 1));
                    self.indexed(of, index);
                }
            }
            Do::Tuple(forms, index) => {
                if let Some((form, rest)) = forms.split_first() {
                    self.todo.push(Do::Tuple(rest, index + 1));
                    self.indexed(form, index);
                }
            }
            Do::Map(keys, values, left) => {
                if left > 0 {
                    self.todo.push(Do::Map(keys, values, left - 1));
                    self.todo.push(Do::Entry);
                    self.todo.push(Do::Value(values));
                    self.todo.push(Do::Key(keys));
                }
            }
        }
        Ok(None)
    }

    fn indexed(&mut self, form: &'p Form, index: i64) {
        self.todo.push(Do::Index(index));
        self.todo.push(Do::Value(form));
    }

    /// The form of what is held, behind the options around it; `None` when that is nothing.
    fn held(&mut self, mut form: &'p Form) -> std::result::Result<Option<&'p Form>, Flaw> {
        loop {
            match form {
                Form::Unit => return Ok(None),
                Form::Option(of) => match self.reader.bool()? {
                    true => form = of,
                    false => return Ok(None),
                },
                form => return Ok(Some(form)),
            }
        }
    }

    /// A value, or the beginning of one, that is something.
    fn value(&mut self, form: &'p Form) -> std::result::Result<Step<'a>, Flaw> {
        let reader = &mut self.reader;
        Ok(match form {
            Form::Bool => Step::Bool(reader.bool()?),
            Form::Int(width) => Step::Int(reader.int(*width)?),
            Form::Uint(width) => {
                let number = reader.uint(*width)?;
                // An integer above Lua's is its digits, so that nothing of it is lost.
                i64::try_from(number).map_or(Step::Digits(number), Step::Int)
            }
            Form::F32 => Step::Number(f64::from(reader.f32()?)),
            Form::F64 => Step::Number(reader.f64()?),
            Form::Str => Step::Text(reader.str()?.as_bytes()),
            Form::Bytes => Step::Text(reader.bytes()?),
            Form::Unit | Form::Option(_) => Step::Null,
            Form::List(of, least) => {
                let count = reader.len(*least)?;
                self.todo.push(Do::List(of, 1, count));
                table(count.min(ROOM), 0)
            }
            Form::Tuple(forms) => {
                self.todo.push(Do::Tuple(forms, 1));
                table(room(forms.len()), 0)
            }
            Form::Map(keys, values, least) => {
                let count = reader.len(*least)?;
                self.todo.push(Do::Map(keys, values, count));
                table(0, count.min(ROOM))
            }
            Form::Struct(fields) => {
                self.todo.push(Do::Fields(fields));
                table(0, room(fields.len()))
            }
            Form::Enum(variants) => {
                let index = reader.variant(room(variants.len()))?;
                match variants.get(index as usize) {
                    // A variant that holds nothing is its name, another a table with one entry.
                    Some(variant) if matches!(variant.form, Form::Unit) => Step::Name(variant.name),
                    Some(variant) => {
                        self.todo.push(Do::Entry);
                        self.todo.push(Do::Value(&variant.form));
                        self.todo.push(Do::Name(variant.name));
                        table(0, 1)
                    }
                    None => Step::Null,
                }
            }
        })
    }
}

fn table(list: u32, named: u32) -> Step<'static> {
    Step::Table { list, named }
}

fn room(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
