//! The host's functions over owned values.

use std::sync::atomic::Ordering::Relaxed;

use gshell_plugin_abi::{self as abi, Bytes, Data, Host, kind};

use super::call::{Call, Key, Value};
use super::value::{Owned, Reference, Table};
use crate::noted::{Noted, lent, nil_item};
use crate::object::{self, Object};
use crate::room::Room;

/// Results of one call at most, as on Lua's own stack.
const RESULTS_MAX: usize = 1_000_000;

pub(super) static HOST: Host = Host {
    size: size_of::<Host>() as u32,
    minor: abi::MINOR as u32,
    count,
    kind: kind_of,
    get_boolean,
    get_integer,
    get_number,
    get_bytes,
    get_object,
    get_length,
    open_item,
    open_field,
    open_next,
    close,
    put_nil,
    put_boolean,
    put_integer,
    put_number,
    put_bytes,
    put_object,
    put_table,
    end_item,
    end_field,
    end_pair,
    buffer,
    put_buffer,
    fail,
    misfit,
    cancelled,
};

unsafe extern "C" fn count(call: *mut abi::Call) -> u32 {
    // SAFETY: the plugin gives the call that it got, as in all that follow.
    unsafe { Call::of(call).count() }
}

unsafe extern "C" fn kind_of(call: *mut abi::Call, n: u32) -> u32 {
    // SAFETY: as in count.
    unsafe { Call::of(call) }.at(n).map_or(kind::NONE, Owned::kind)
}

/// Writes what `read` makes of the argument `n`, or notes that it is not what was expected.
///
/// # Safety
/// The plugin gives the call that it got, and a place for the result.
unsafe fn get<T>(
    call: *mut abi::Call,
    n: u32,
    out: *mut T,
    expected: &str,
    read: impl Fn(&Owned) -> Option<T>,
) -> i32 {
    // SAFETY: by the condition above.
    unsafe {
        let call = Call::of(call);
        match call.at(n).and_then(read) {
            Some(value) => {
                *out = value;
                1
            }
            None => call.misfit(n, expected),
        }
    }
}

unsafe extern "C" fn get_boolean(call: *mut abi::Call, n: u32, out: *mut i32) -> i32 {
    let read = |value: &Owned| match value {
        Owned::Boolean(value) => Some(i32::from(*value)),
        _ => None,
    };
    // SAFETY: as `get` says.
    unsafe { get(call, n, out, "boolean", read) }
}

unsafe extern "C" fn get_integer(call: *mut abi::Call, n: u32, out: *mut i64) -> i32 {
    // SAFETY: as `get` says.
    unsafe { get(call, n, out, "integer", Owned::integer) }
}

unsafe extern "C" fn get_number(call: *mut abi::Call, n: u32, out: *mut f64) -> i32 {
    let read = |value: &Owned| match value {
        Owned::Number(value) => Some(*value),
        Owned::Integer(value) => Some(*value as f64),
        _ => None,
    };
    // SAFETY: as `get` says.
    unsafe { get(call, n, out, "number", read) }
}

unsafe extern "C" fn get_bytes(call: *mut abi::Call, n: u32, out: *mut Bytes) -> i32 {
    // The bytes stay where they are until the call has returned.
    let read = |value: &Owned| match value {
        Owned::Bytes(bytes) => Some(Bytes {
            ptr: bytes.as_ptr(),
            len: u32::try_from(bytes.len()).ok()?,
        }),
        _ => None,
    };
    // SAFETY: as `get` says.
    unsafe { get(call, n, out, "string", read) }
}

unsafe extern "C" fn get_object(call: *mut abi::Call, n: u32, of: *const abi::Class, out: *mut Data) -> i32 {
    let read = |value: &Owned| match value {
        Owned::Object(object) if std::ptr::eq(object.object().class(), of) => Some(object.object().data()),
        _ => None,
    };
    // SAFETY: as `get` says; the class is only looked at if it is one of the plugin's.
    unsafe {
        let plugin = Call::of(call).record.plugin;
        match object::own_class(plugin, of) {
            Some(class) => get(call, n, out, plugin.text(class.name), read),
            None => {
                Call::of(call).misuse("it asks for an object of a class that its descriptor does not have")
            }
        }
    }
}

unsafe extern "C" fn get_length(call: *mut abi::Call, n: u32, out: *mut u32) -> i32 {
    // SAFETY: as `get` says.
    unsafe {
        let Some(table) = Call::of(call).table(n) else {
            return 0;
        };
        *out = u32::try_from(table.items.len()).unwrap_or(u32::MAX);
    }
    1
}

/// # Safety
/// As [`get`] says.
unsafe fn opened(opened: Option<u32>, to: *mut u32) -> i32 {
    let Some(number) = opened else { return 0 };
    // SAFETY: the plugin gives a place for the number.
    unsafe { *to = number };
    1
}

unsafe extern "C" fn open_item(call: *mut abi::Call, n: u32, i: u32, to: *mut u32) -> i32 {
    // SAFETY: as `get` says.
    unsafe {
        let call = Call::of(call);
        let Some(table) = call.table(n) else { return 0 };
        let value = table.item(i).map_or(Value::Own(Owned::Nil), Value::At);
        opened(call.open(n, Key::Item(i.into()), value), to)
    }
}

unsafe extern "C" fn open_field(call: *mut abi::Call, n: u32, name: Bytes, to: *mut u32) -> i32 {
    // SAFETY: as `get` says; the name is lent for this call.
    unsafe {
        let call = Call::of(call);
        let Some(table) = call.table(n) else { return 0 };
        let found = match table.field(lent(name)) {
            Some((key, value)) => call.open(n, Key::Of(key), Value::At(value)),
            None => {
                let key = Key::Missing(lent(name).to_vec());
                call.open(n, key, Value::Own(Owned::Nil))
            }
        };
        opened(found, to)
    }
}

unsafe extern "C" fn open_next(call: *mut abi::Call, n: u32, key: *mut u32, value: *mut u32) -> i32 {
    // SAFETY: as `get` says.
    unsafe {
        let call = Call::of(call);
        let Some(table) = call.table(n) else { return 0 };
        let last = *key;
        let next = match last {
            0 => 0,
            last => match call.walked(n, last) {
                Some(pair) => pair + 1,
                None => return call.misuse("it walks through a table with a number that is no key"),
            },
        };
        if last != 0 {
            call.close(last);
        }
        let (found_key, of, found) = match table.items.get(next) {
            Some(item) => {
                let index = i64::try_from(next).map_or(0, |at| at + 1);
                (Value::Own(Owned::Integer(index)), Key::Item(index), item)
            }
            None => match table.pairs.get(next - table.items.len()) {
                Some((key, value)) => (Value::At(key), Key::Of(key), value),
                None => {
                    *key = 0;
                    return 0;
                }
            },
        };
        let first = call.open(n, Key::Itself(next), found_key);
        let second = call.open(n, of, Value::At(found));
        match (first, second) {
            (Some(first), Some(second)) => (*key, *value) = (first, second),
            _ => return 0,
        }
    }
    1
}

unsafe extern "C" fn close(call: *mut abi::Call, part: u32) {
    // SAFETY: as in count.
    unsafe { Call::of(call).close(part) };
}

/// # Safety
/// The plugin gives the call that it got.
unsafe fn put(call: *mut abi::Call, value: Owned) -> i32 {
    // SAFETY: by the condition above.
    let call = unsafe { Call::of(call) };
    if call.results.len() >= RESULTS_MAX {
        let text = format!("'{}' gives more results than fit", call.record.path());
        return call.note(Noted::new(gshell_wire::Code::Limit, text));
    }
    call.results.push(value);
    1
}

unsafe extern "C" fn put_nil(call: *mut abi::Call) -> i32 {
    // SAFETY: as `put` says, as in those that follow.
    unsafe { put(call, Owned::Nil) }
}

unsafe extern "C" fn put_boolean(call: *mut abi::Call, value: i32) -> i32 {
    // SAFETY: as in put_nil.
    unsafe { put(call, Owned::Boolean(value != 0)) }
}

unsafe extern "C" fn put_integer(call: *mut abi::Call, value: i64) -> i32 {
    // SAFETY: as in put_nil.
    unsafe { put(call, Owned::Integer(value)) }
}

unsafe extern "C" fn put_number(call: *mut abi::Call, value: f64) -> i32 {
    // SAFETY: as in put_nil.
    unsafe { put(call, Owned::Number(value)) }
}

unsafe extern "C" fn put_bytes(call: *mut abi::Call, value: Bytes) -> i32 {
    // SAFETY: as in put_nil; the bytes are lent for this call.
    unsafe { put(call, Owned::Bytes(lent(value).to_vec())) }
}

unsafe extern "C" fn put_object(call: *mut abi::Call, of: *const abi::Class, data: Data) -> i32 {
    // SAFETY: as in put_nil. The plugin gives the data away; of a class that it does not have nobody knows how to end it.
    unsafe {
        let plugin = Call::of(call).record.plugin;
        let Some(class) = object::own_class(plugin, of) else {
            return Call::of(call).misuse("it gives an object of a class that its descriptor does not have");
        };
        let object = Object::new(plugin, class, data);
        put(call, Owned::Object(Reference::made(object)))
    }
}

unsafe extern "C" fn put_table(call: *mut abi::Call, _items: u32, _fields: u32) -> i32 {
    // SAFETY: as in put_nil. The sizes are only a hint, which a plugin may get wrong.
    unsafe { put(call, Owned::Table(Box::default())) }
}

/// Takes the results that were put last, which have a table below them, and adds them to it. 0 after an error was noted.
fn end<const N: usize>(
    call: &mut Call<'_>,
    what: &str,
    add: impl FnOnce(&mut Table, [Owned; N]) -> Result<(), String>,
) -> i32 {
    let at = call.results.len().checked_sub(N);
    let below = at
        .and_then(|at| at.checked_sub(1))
        .and_then(|at| call.results.get(at));
    let (Some(at), Some(Owned::Table(_))) = (at, below) else {
        return call.misuse(&format!("{what} without a table that was put before"));
    };
    let values: Result<[Owned; N], _> = call.results.split_off(at).try_into();
    let done = match (values, call.results.last_mut()) {
        (Ok(values), Some(Owned::Table(table))) => add(table, values),
        _ => Ok(()),
    };
    match done {
        Ok(()) => 1,
        Err(what) => call.misuse(&what),
    }
}

unsafe extern "C" fn end_item(call: *mut abi::Call) -> i32 {
    // SAFETY: as in count.
    let call = unsafe { Call::of(call) };
    end(call, "end_item", |table, [value]| match value {
        Owned::Nil => Err(nil_item(table.items.len() + 1)),
        value => {
            table.items.push(value);
            Ok(())
        }
    })
}

unsafe extern "C" fn end_field(call: *mut abi::Call, name: Bytes) -> i32 {
    // SAFETY: as in count; the name is lent for this call.
    let (call, name) = unsafe { (Call::of(call), lent(name)) };
    end(call, "end_field", |table, [value]| {
        table.pairs.push((Owned::Bytes(name.to_vec()), value));
        Ok(())
    })
}

unsafe extern "C" fn end_pair(call: *mut abi::Call) -> i32 {
    // SAFETY: as in count.
    let call = unsafe { Call::of(call) };
    end(call, "end_pair", |table, [key, value]| {
        let is_nan = matches!(key, Owned::Number(number) if number.is_nan());
        if is_nan || matches!(key, Owned::Nil) {
            return Err("a key of its result is nil or not a number".to_owned());
        }
        table.set(key, value);
        Ok(())
    })
}

unsafe extern "C" fn buffer(call: *mut abi::Call, len: u32) -> *mut u8 {
    // SAFETY: as in count.
    let call = unsafe { Call::of(call) };
    match call.buffer.grow(len) {
        Some(at) => at.as_ptr(),
        None => {
            let text = format!("'{}': there is no memory for {len} bytes", call.record.path());
            call.note(Noted::new(gshell_wire::Code::Limit, text));
            std::ptr::null_mut()
        }
    }
}

unsafe extern "C" fn put_buffer(call: *mut abi::Call, len: u32) -> i32 {
    // SAFETY: as in put_nil.
    unsafe {
        let this = Call::of(call);
        let buffer = std::mem::replace(&mut this.buffer, Room::new());
        let bytes = buffer.first(len).map(<[u8]>::to_vec);
        this.buffer = buffer;
        match bytes {
            Some(bytes) => put(call, Owned::Bytes(bytes)),
            None => this.misuse("it gives more of its buffer than there is"),
        }
    }
}

unsafe extern "C" fn fail(call: *mut abi::Call, code: u32, text: Bytes) -> i32 {
    // SAFETY: as in count; the text is lent for this call.
    unsafe { Call::of(call).note(Noted::said(code, lent(text))) };
    abi::FAILED
}

unsafe extern "C" fn misfit(call: *mut abi::Call, n: u32, expected: Bytes) -> i32 {
    // SAFETY: as in fail.
    unsafe {
        let expected = String::from_utf8_lossy(lent(expected));
        Call::of(call).misfit(n, &expected);
    }
    abi::FAILED
}

unsafe extern "C" fn cancelled(call: *mut abi::Call) -> i32 {
    // SAFETY: as in count.
    i32::from(unsafe { Call::of(call) }.cancelled.load(Relaxed))
}
