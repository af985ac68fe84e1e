//! One call of the host for tests: what was given, what was put, what went wrong.

use std::ptr::NonNull;
use std::rc::Rc;

use gshell_plugin_abi as abi;
use gshell_wire::Code;

use super::host::HOST;
use super::{Given, Object};
use crate::{Error, Result, Value};

/// Seen by the plugin as the call that it begins with.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Frame {
    call: abi::Call,
    pub(super) arguments: u32,
    pub(super) parts: Vec<Part>,
    pub(super) results: Vec<Slot>,
    pub(super) buffer: Vec<u8>,
    pub(super) error: Option<Error>,
    /// What a walk over a table has left behind: it was lent until the call ends.
    pub(super) passed: Vec<Rc<Value>>,
    /// Nobody waits for the results any more.
    pub(super) cancelled: bool,
}

/// An argument, or a part of one.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Value(Rc<Value>),
    Object(&'static abi::Class, abi::Data),
    /// It was given back.
    Closed,
}

/// A result.
#[derive(Debug)]
pub(super) enum Slot {
    Value(Value),
    Object(Object),
}

impl Frame {
    pub(super) fn new(arguments: &[Given<'_>]) -> Box<Frame> {
        let parts: Vec<Part> = arguments
            .iter()
            .map(|given| match given {
                Given::Value(value) => Part::Value(Rc::new(value.clone())),
                Given::Object(object) => Part::Object(object.class, object.data.as_ptr()),
            })
            .collect();
        Box::new(Frame {
            call: abi::Call { host: &HOST },
            arguments: u32::try_from(parts.len()).unwrap_or(u32::MAX),
            parts,
            results: Vec::new(),
            buffer: Vec::new(),
            error: None,
            passed: Vec::new(),
            cancelled: false,
        })
    }

    /// Calls a function of a plugin.
    pub(super) fn call(self: Box<Frame>, function: abi::CallFn) -> Result<Box<Frame>> {
        let frame = Box::into_raw(self);
        // SAFETY: a frame begins with the call of a host of this ABI, and goes on until the function returns; it is used by
        // nobody but that host's functions until then.
        let status = unsafe { function(frame.cast()) };
        // SAFETY: the box from above, which nobody uses any more.
        let mut frame = unsafe { Box::from_raw(frame) };
        match (status, frame.error.take()) {
            (abi::OK, None) => Ok(frame),
            (abi::OK, Some(error)) => {
                let text = format!("it went on after an error: {error}");
                Err(Error::new(Code::Internal, text))
            }
            (_, Some(error)) => Err(error),
            (_, None) => Err(Error::new(Code::Internal, "it failed without an error")),
        }
    }

    /// The results, when all are values.
    pub(super) fn values(self) -> Result<Vec<Value>> {
        let value = |slot| match slot {
            Slot::Value(value) => Ok(value),
            Slot::Object(_) => Err(Error::new(
                Code::Invalid,
                "it gave an object: see testing::object",
            )),
        };
        self.results.into_iter().map(value).collect()
    }

    /// The first result, when it is an object.
    pub(super) fn object(&mut self) -> Result<Object> {
        if !matches!(self.results.first(), Some(Slot::Object(_))) {
            return Err(Error::new(Code::Invalid, "it did not give an object"));
        }
        match self.results.swap_remove(0) {
            Slot::Object(object) => Ok(object),
            Slot::Value(_) => Err(Error::new(Code::Invalid, "it did not give an object")),
        }
    }

    /// Notes the first error.
    pub(super) fn note(&mut self, code: Code, text: String) -> i32 {
        self.error.get_or_insert_with(|| Error::new(code, text));
        0
    }

    pub(super) fn part(&self, n: u32) -> Option<&Part> {
        self.parts.get(self.index(n)?)
    }

    /// Where an argument or part lies.
    pub(super) fn index(&self, n: u32) -> Option<usize> {
        let before = match n.checked_sub(abi::PARTS) {
            Some(number @ 1..) => self.arguments.checked_add(number)?,
            _ if n <= self.arguments => n,
            _ => 0,
        };
        (before as usize).checked_sub(1)
    }

    pub(super) fn value(&self, n: u32) -> Option<&Rc<Value>> {
        match self.part(n) {
            Some(Part::Value(value)) => Some(value),
            _ => None,
        }
    }

    /// Notes that an argument is something else.
    pub(super) fn misfit(&mut self, n: u32, expected: &str) -> i32 {
        let given = match self.part(n) {
            None => "nothing",
            Some(Part::Closed) => "a part that was given back",
            Some(Part::Object(..)) => "an object",
            Some(Part::Value(value)) => match **value {
                Value::Nil => "nil",
                Value::Boolean(_) => "a boolean",
                Value::Integer(_) => "an integer",
                Value::Number(_) => "a number",
                Value::Bytes(_) => "a string",
                Value::Table(_) => "a table",
            },
        };
        let what = match n.checked_sub(abi::PARTS) {
            Some(number @ 1..) => format!("part {number}"),
            _ => format!("argument {n}"),
        };
        self.note(Code::Invalid, format!("{what}: {expected} expected, got {given}"))
    }

    pub(super) fn open(&mut self, value: Value) -> u32 {
        self.parts.push(Part::Value(Rc::new(value)));
        let parts = self.parts.len() - self.arguments as usize;
        abi::PARTS.saturating_add(u32::try_from(parts).unwrap_or(u32::MAX))
    }

    /// Puts another value where a part is.
    pub(super) fn replace(&mut self, n: u32, value: Value) {
        let Some(part) = self.index(n).and_then(|at| self.parts.get_mut(at)) else {
            return;
        };
        if let Part::Value(old) = std::mem::replace(part, Part::Value(Rc::new(value))) {
            self.passed.push(old);
        }
    }

    pub(super) fn put(&mut self, value: Value) -> i32 {
        self.results.push(Slot::Value(value));
        1
    }

    pub(super) fn put_object(&mut self, class: &'static abi::Class, data: abi::Data) -> i32 {
        match NonNull::new(data) {
            Some(data) => self.results.push(Slot::Object(Object { class, data })),
            None => return self.note(Code::Internal, "an object without data".to_owned()),
        }
        1
    }

    /// Moves the values that were put last, so many, into the table before them, if `pair` does not say what is wrong with them.
    pub(super) fn end<const N: usize>(
        &mut self,
        pair: impl FnOnce(&[(Value, Value)], [Value; N]) -> Result<(Value, Value), String>,
    ) -> i32 {
        let mut values = [const { Value::Nil }; N];
        for value in values.iter_mut().rev() {
            match self.results.pop() {
                Some(Slot::Value(last)) => *value = last,
                _ => return self.note(Code::Internal, "this host keeps only values in tables".to_owned()),
            }
        }
        match self.results.last_mut() {
            Some(Slot::Value(Value::Table(pairs))) => {
                match pair(pairs, values) {
                    Ok(pair) => pairs.push(pair),
                    Err(wrong) => return self.note(Code::Internal, wrong),
                }
                1
            }
            _ => self.note(Code::Internal, "there is no table to put this into".to_owned()),
        }
    }
}
