//! The table of the host for tests. As strict as the header: what a real host refuses, it refuses.

use gshell_plugin_abi::{self as abi, Bytes, Call, Class, Data, Host, kind};
use gshell_wire::Code;

use super::frame::{Frame, Part};
use crate::Value;

/// The table that every frame points to.
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

/// The frame of a call.
///
/// # Safety
/// `call` is the start of a frame that goes on; only one of this module's functions runs at a time, as a plugin's function
/// has one thread.
unsafe fn frame<'a>(call: *mut Call) -> &'a mut Frame {
    // SAFETY: by the condition of this function.
    unsafe { &mut *call.cast::<Frame>() }
}

/// Bytes that a plugin lends.
///
/// # Safety
/// They are there for `'a`.
unsafe fn bytes<'a>(given: Bytes) -> &'a [u8] {
    if given.len == 0 {
        return &[];
    }
    // SAFETY: by the condition of this function.
    unsafe { std::slice::from_raw_parts(given.ptr, given.len as usize) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Functions of the table: the parameter `frame` is the call's frame, and `unsafe` is what the header asks of the plugin.
macro_rules! entries {
    ($(fn $name:ident($frame:ident $(, $parameter:ident: $kind:ty)*) $(-> $result:ty)? $body:block)*) => {
        $(unsafe extern "C" fn $name(call: *mut Call $(, $parameter: $kind)*) $(-> $result)? {
            // SAFETY: a plugin calls with the call that it was given, while it goes on.
            let $frame = unsafe { frame(call) };
            $body
        })*
    };
}

/// Writes what a plugin asked for.
///
/// # Safety
/// `out` can be written.
unsafe fn give<T>(out: *mut T, value: T) -> i32 {
    // SAFETY: by the condition of this function.
    unsafe { out.write(value) };
    1
}

entries! {
    fn count(frame) -> u32 {
        frame.arguments
    }

    fn kind_of(frame, n: u32) -> u32 {
        match frame.part(n) {
            None | Some(Part::Closed) => kind::NONE,
            Some(Part::Object(..)) => kind::OBJECT,
            Some(Part::Value(value)) => match **value {
                Value::Nil => kind::NIL,
                Value::Boolean(_) => kind::BOOLEAN,
                Value::Integer(_) => kind::INTEGER,
                Value::Number(_) => kind::NUMBER,
                Value::Bytes(_) => kind::BYTES,
                Value::Table(_) => kind::TABLE,
            },
        }
    }

    fn get_boolean(frame, n: u32, out: *mut i32) -> i32 {
        match frame.value(n).map(|value| &**value) {
            // SAFETY: a plugin gives a place to write to.
            Some(Value::Boolean(value)) => unsafe { give(out, (*value).into()) },
            _ => frame.misfit(n, "a boolean"),
        }
    }

    fn get_integer(frame, n: u32, out: *mut i64) -> i32 {
        match frame.value(n).map(|value| &**value) {
            // SAFETY: a plugin gives a place to write to.
            Some(Value::Integer(value)) => unsafe { give(out, *value) },
            // SAFETY: the same.
            Some(Value::Number(value)) if *value == (*value as i64) as f64 => unsafe { give(out, *value as i64) },
            _ => frame.misfit(n, "an integer"),
        }
    }

    fn get_number(frame, n: u32, out: *mut f64) -> i32 {
        match frame.value(n).map(|value| &**value) {
            // SAFETY: a plugin gives a place to write to.
            Some(Value::Number(value)) => unsafe { give(out, *value) },
            // SAFETY: the same.
            Some(Value::Integer(value)) => unsafe { give(out, *value as f64) },
            _ => frame.misfit(n, "a number"),
        }
    }

    fn get_bytes(frame, n: u32, out: *mut Bytes) -> i32 {
        match frame.value(n).map(|value| &**value) {
            Some(Value::Bytes(value)) => {
                let lent = Bytes { ptr: value.as_ptr(), len: u32::try_from(value.len()).unwrap_or(u32::MAX) };
                // SAFETY: a plugin gives a place to write to.
                unsafe { give(out, lent) }
            }
            _ => frame.misfit(n, "a string"),
        }
    }

    fn get_object(frame, n: u32, of: *const Class, out: *mut Data) -> i32 {
        match frame.part(n) {
            // SAFETY: a plugin gives a place to write to.
            Some(Part::Object(class, data)) if std::ptr::eq(*class, of) => unsafe { give(out, *data) },
            _ => {
                // SAFETY: a plugin gives one of its classes, and their names are static.
                let name = text(unsafe { bytes((*of).name) });
                frame.misfit(n, &name)
            }
        }
    }

    fn get_length(frame, n: u32, out: *mut u32) -> i32 {
        let Some(Value::Table(pairs)) = frame.value(n).map(|value| &**value) else {
            return frame.misfit(n, "a table");
        };
        let has = |item: i64| pairs.iter().any(|pair| pair.0 == Value::Integer(item));
        let length = (1..).take_while(|item| has(*item)).count();
        // SAFETY: a plugin gives a place to write to.
        unsafe { give(out, u32::try_from(length).unwrap_or(u32::MAX)) }
    }

    fn open_item(frame, n: u32, i: u32, out: *mut u32) -> i32 {
        open(frame, n, &Value::Integer(i.into()), out)
    }

    fn open_field(frame, n: u32, name: Bytes, out: *mut u32) -> i32 {
        // SAFETY: a plugin gives bytes that are there.
        let name = unsafe { bytes(name) };
        open(frame, n, &name.into(), out)
    }

    fn open_next(frame, n: u32, key: *mut u32, value: *mut u32) -> i32 {
        let Some(table) = frame.value(n).cloned() else {
            return 0;
        };
        let Value::Table(pairs) = &*table else {
            return 0;
        };
        // SAFETY: a plugin gives places to read and write.
        let (k, v) = unsafe { (*key, *value) };
        let next = match frame.value(k) {
            None => pairs.first(),
            Some(before) => pairs.iter().skip_while(|pair| pair.0 != **before).nth(1),
        };
        let Some((new_key, new_value)) = next.cloned() else {
            return 0;
        };
        if k == 0 {
            let opened = (frame.open(new_key), frame.open(new_value));
            // SAFETY: the same.
            return unsafe { give(key, opened.0).min(give(value, opened.1)) };
        }
        frame.replace(k, new_key);
        frame.replace(v, new_value);
        1
    }

    fn close(frame, part: u32) {
        if part > abi::PARTS
            && let Some(first) = frame.index(part)
        {
            for closed in frame.parts.iter_mut().skip(first) {
                if let Part::Value(value) = std::mem::replace(closed, Part::Closed) {
                    frame.passed.push(value);
                }
            }
        }
    }

    fn put_nil(frame) -> i32 {
        frame.put(Value::Nil)
    }

    fn put_boolean(frame, value: i32) -> i32 {
        frame.put(Value::Boolean(value != 0))
    }

    fn put_integer(frame, value: i64) -> i32 {
        frame.put(Value::Integer(value))
    }

    fn put_number(frame, value: f64) -> i32 {
        frame.put(Value::Number(value))
    }

    fn put_bytes(frame, value: Bytes) -> i32 {
        // SAFETY: a plugin gives bytes that are there.
        let value = unsafe { bytes(value) };
        frame.put(value.into())
    }

    fn put_object(frame, of: *const Class, data: Data) -> i32 {
        // SAFETY: a plugin gives one of its classes, which are static.
        frame.put_object(unsafe { &*of }, data)
    }

    fn put_table(frame, _items: u32, _fields: u32) -> i32 {
        frame.put(Value::Table(Vec::new()))
    }

    fn end_item(frame) -> i32 {
        frame.end(|pairs, [value]| {
            let items = pairs.iter().filter(|pair| matches!(pair.0, Value::Integer(_))).count();
            let at = items as i64 + 1;
            match value {
                Value::Nil => Err(format!("item {at} of its result is nil, which a list cannot have")),
                value => Ok((Value::Integer(at), value)),
            }
        })
    }

    fn end_field(frame, name: Bytes) -> i32 {
        // SAFETY: a plugin gives bytes that are there.
        let name = unsafe { bytes(name) };
        frame.end(|_, [value]| Ok((name.into(), value)))
    }

    fn end_pair(frame) -> i32 {
        frame.end(|_, [key, value]| match key {
            Value::Nil => Err("a key of its result is nil or not a number".to_owned()),
            Value::Number(number) if number.is_nan() => Err("a key of its result is nil or not a number".to_owned()),
            key => Ok((key, value)),
        })
    }

    fn buffer(frame, len: u32) -> *mut u8 {
        if frame.buffer.len() < len as usize {
            frame.buffer.resize(len as usize, 0);
        }
        frame.buffer.as_mut_ptr()
    }

    fn put_buffer(frame, len: u32) -> i32 {
        match frame.buffer.get(..len as usize).map(Value::from) {
            Some(value) => frame.put(value),
            None => frame.note(Code::Internal, "the buffer is shorter".to_owned()),
        }
    }

    fn fail(frame, code: u32, said: Bytes) -> i32 {
        let code = u16::try_from(code).ok().and_then(Code::from_u16).unwrap_or(Code::Internal);
        // SAFETY: a plugin gives bytes that are there.
        frame.note(code, text(unsafe { bytes(said) }));
        abi::FAILED
    }

    fn misfit(frame, n: u32, expected: Bytes) -> i32 {
        // SAFETY: a plugin gives bytes that are there.
        let expected = text(unsafe { bytes(expected) });
        frame.misfit(n, &expected);
        abi::FAILED
    }

    fn cancelled(frame) -> i32 {
        frame.cancelled.into()
    }
}

/// Opens what a table has for a key.
fn open(frame: &mut Frame, n: u32, key: &Value, out: *mut u32) -> i32 {
    let Some(Value::Table(pairs)) = frame.value(n).map(|value| &**value) else {
        return frame.misfit(n, "a table");
    };
    let found = pairs
        .iter()
        .find(|pair| pair.0 == *key)
        .map(|pair| pair.1.clone());
    let part = frame.open(found.unwrap_or_default());
    // SAFETY: a plugin gives a place to write to.
    unsafe { give(out, part) }
}
