//! Messages.

use std::ffi::{c_char, c_int, c_void};

use gshell_wire::{Fault, Value};

use super::give;
use crate::border::{Bytes, Out, Text};
use crate::guard::{OK, make, run};
use crate::message::Message;
use crate::table::{self, own};
use crate::types;

#[unsafe(no_mangle)]
pub extern "C" fn gshell_message_new(conn: usize, name: Text, error: Out<usize>) -> usize {
    make(&error, &mut || {
        let (conn, name) = (table::conn(conn)?, name.get("name")?);
        let message = own(&conn, "connection")?.message(name)?;
        give(message)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_message_from_bytes(
    conn: usize,
    name: Text,
    bytes: Bytes,
    len: usize,
    error: Out<usize>,
) -> usize {
    make(&error, &mut || {
        let (conn, name, bytes) = (table::conn(conn)?, name.get("name")?, bytes.get(len)?);
        let message = own(&conn, "connection")?.message_of(name, bytes)?;
        give(message)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_message_declared(name: Text, shape: Text, error: Out<usize>) -> usize {
    make(&error, &mut || {
        let ty = types::make(name.get("name")?, shape.get("shape")?, "")?;
        give(Message::new(&ty))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_message_raw(
    key: u64,
    name: Text,
    bytes: Bytes,
    len: usize,
    error: Out<usize>,
) -> usize {
    make(&error, &mut || {
        let name = name.get_or_null("name")?.unwrap_or_default();
        give(Message::raw(name, key, bytes.get(len)?))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_message_copy(message: usize, error: Out<usize>) -> usize {
    make(&error, &mut || {
        let message = table::message(message)?;
        let copy = own(&message, "message")?.copy();
        give(copy)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_message_free(message: usize) {
    run(&Out::none(), &mut || {
        table::remove(message, "message", table::Object::is_message)?;
        Ok(OK)
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_key(name: Text, shape: Text, key: Out<u64>, error: Out<usize>) -> c_int {
    run(&error, &mut || {
        key.need("the key")?;
        key.set(types::make(name.get("name")?, shape.get("shape")?, "")?.key);
        Ok(OK)
    })
}

/// Runs `work` on a message.
fn with(
    message: usize,
    error: &Out<usize>,
    work: &mut dyn FnMut(&mut Message) -> Result<(), Fault>,
) -> c_int {
    run(error, &mut || {
        let message = table::message(message)?;
        work(&mut *own(&message, "message")?)?;
        Ok(OK)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_message_key(message: usize, key: Out<u64>, error: Out<usize>) -> c_int {
    with(message, &error, &mut |message| {
        key.need("the key")?;
        key.set(message.key());
        Ok(())
    })
}

/// A text of the message, which stays where it is until the message is changed.
fn text(
    message: usize,
    error: &Out<usize>,
    get: fn(&mut Message) -> Result<&[u8], Fault>,
) -> *const c_char {
    let mut text = std::ptr::null();
    with(message, error, &mut |message| {
        text = get(message)?.as_ptr().cast();
        Ok(())
    });
    text
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_message_name(message: usize, error: Out<usize>) -> *const c_char {
    text(message, &error, |message| Ok(message.name_text()))
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_message_text(message: usize, error: Out<usize>) -> *const c_char {
    text(message, &error, Message::summary)
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_message_bytes(
    message: usize,
    bytes: Out<*const c_void>,
    len: Out<usize>,
    error: Out<usize>,
) -> c_int {
    with(message, &error, &mut |message| {
        bytes.need("the bytes")?;
        len.need("the length")?;
        let encoded = message.encode()?;
        bytes.set(encoded.as_ptr().cast());
        len.set(encoded.len());
        Ok(())
    })
}

/// Sets a value.
fn set(
    message: usize,
    path: &Text,
    error: &Out<usize>,
    value: &dyn Fn() -> Result<Value, Fault>,
) -> c_int {
    with(message, error, &mut |message| message.set(path.get("path")?, value()?))
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_set_bool(message: usize, path: Text, value: c_int, error: Out<usize>) -> c_int {
    set(message, &path, &error, &|| Ok(Value::Bool(value != 0)))
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_set_int(message: usize, path: Text, value: i64, error: Out<usize>) -> c_int {
    set(message, &path, &error, &|| Ok(Value::Int(value)))
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_set_uint(message: usize, path: Text, value: u64, error: Out<usize>) -> c_int {
    set(message, &path, &error, &|| Ok(Value::Uint(value)))
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_set_double(message: usize, path: Text, value: f64, error: Out<usize>) -> c_int {
    set(message, &path, &error, &|| Ok(Value::Float(value)))
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_set_string(message: usize, path: Text, value: Text, error: Out<usize>) -> c_int {
    set(message, &path, &error, &|| {
        Ok(Value::Str(value.get("value")?.to_owned()))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_set_bytes(
    message: usize,
    path: Text,
    bytes: Bytes,
    len: usize,
    error: Out<usize>,
) -> c_int {
    set(message, &path, &error, &|| {
        Ok(Value::Bytes(bytes.get(len)?.to_vec()))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_set_empty(message: usize, path: Text, error: Out<usize>) -> c_int {
    with(message, &error, &mut |message| message.set_empty(path.get("path")?))
}

/// Gets a value.
fn get<T: Copy>(
    message: usize,
    path: &Text,
    value: &Out<T>,
    error: &Out<usize>,
    read: fn(&mut Message, &str) -> Result<T, Fault>,
) -> c_int {
    with(message, error, &mut |message| {
        value.need("the value")?;
        value.set(read(message, path.get("path")?)?);
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_get_bool(message: usize, path: Text, value: Out<c_int>, error: Out<usize>) -> c_int {
    get(message, &path, &value, &error, |message, path| {
        message.bool(path).map(c_int::from)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_get_int(message: usize, path: Text, value: Out<i64>, error: Out<usize>) -> c_int {
    get(message, &path, &value, &error, Message::int)
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_get_uint(message: usize, path: Text, value: Out<u64>, error: Out<usize>) -> c_int {
    get(message, &path, &value, &error, Message::uint)
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_get_double(message: usize, path: Text, value: Out<f64>, error: Out<usize>) -> c_int {
    get(message, &path, &value, &error, Message::double)
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_get_string(
    message: usize,
    path: Text,
    value: Out<*const c_char>,
    len: Out<usize>,
    error: Out<usize>,
) -> c_int {
    with(message, &error, &mut |message| {
        value.need("the value")?;
        let text = message.text(path.get("path")?)?;
        value.set(text.as_ptr().cast());
        // Without the zero byte at its end.
        len.set(text.len().saturating_sub(1));
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_get_bytes(
    message: usize,
    path: Text,
    bytes: Out<*const c_void>,
    len: Out<usize>,
    error: Out<usize>,
) -> c_int {
    with(message, &error, &mut |message| {
        bytes.need("the bytes")?;
        len.need("the length")?;
        let found = message.bytes(path.get("path")?)?;
        bytes.set(found.as_ptr().cast());
        len.set(found.len());
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_get_count(
    message: usize,
    path: Text,
    count: Out<usize>,
    error: Out<usize>,
) -> c_int {
    get(message, &path, &count, &error, Message::count)
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_get_part(
    message: usize,
    path: Text,
    number: usize,
    name: Out<*const c_char>,
    error: Out<usize>,
) -> c_int {
    with(message, &error, &mut |message| {
        name.need("the name")?;
        name.set(message.part(path.get("path")?, number)?.as_ptr().cast());
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn gshell_get_kind(message: usize, path: Text, kind: Out<c_int>, error: Out<usize>) -> c_int {
    get(message, &path, &kind, &error, |message, path| {
        message.kind(path).map(|kind| kind as c_int)
    })
}
