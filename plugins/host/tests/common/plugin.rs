//! A plugin that uses all of the host: each function is there twice, as it is and, with `b_` in front, as one that
//! blocks.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use gshell_plugin_abi::{self as abi, Bytes, Call, Data, Function, Host, flags, kind};

/// Objects that are there.
pub static COUNTERS: AtomicU32 = AtomicU32::new(0);

/// What is constant may be shared.
#[repr(transparent)]
pub struct Shared<T>(T);

// SAFETY: nobody writes to what is in it.
unsafe impl<T> Sync for Shared<T> {}

type Done = Result<(), ()>;

/// A call, with the host's functions as methods.
struct C(*mut Call);

macro_rules! get {
    ($name:ident, $kind:ty, $none:expr) => {
        fn $name(&self, n: u32) -> Result<$kind, ()> {
            let mut out: $kind = $none;
            // SAFETY: the call is the one that the host gave.
            let done = unsafe { (self.host().$name)(self.0, n, &mut out) };
            if done == 1 { Ok(out) } else { Err(()) }
        }
    };
}

macro_rules! put {
    ($name:ident($($arg:ident: $kind:ty),*)) => {
        fn $name(&self, $($arg: $kind),*) -> Done {
            // SAFETY: the call is the one that the host gave.
            if unsafe { (self.host().$name)(self.0, $($arg),*) } == 1 { Ok(()) } else { Err(()) }
        }
    };
}

impl C {
    fn host(&self) -> &'static Host {
        // SAFETY: a host has a table, which stays.
        unsafe { &*(*self.0).host }
    }

    get!(get_boolean, i32, 0);
    get!(get_integer, i64, 0);
    get!(get_number, f64, 0.0);
    get!(get_bytes, Bytes, Bytes::EMPTY);
    get!(get_length, u32, 0);
    put!(put_nil());
    put!(put_boolean(value: i32));
    put!(put_integer(value: i64));
    put!(put_number(value: f64));
    put!(put_bytes(value: Bytes));
    put!(put_table(items: u32, fields: u32));
    put!(put_object(of: *const abi::Class, data: Data));
    put!(put_buffer(len: u32));
    put!(end_item());
    put!(end_field(name: Bytes));
    put!(end_pair());

    fn count(&self) -> u32 {
        // SAFETY: the call is the one that the host gave, as in all that follow.
        unsafe { (self.host().count)(self.0) }
    }

    fn kind(&self, n: u32) -> u32 {
        // SAFETY: see count.
        unsafe { (self.host().kind)(self.0, n) }
    }

    fn open_item(&self, n: u32, i: u32) -> Result<u32, ()> {
        let mut part = 0;
        // SAFETY: see count.
        let done = unsafe { (self.host().open_item)(self.0, n, i, &mut part) };
        if done == 1 { Ok(part) } else { Err(()) }
    }

    fn open_field(&self, n: u32, name: &'static str) -> Result<u32, ()> {
        let mut part = 0;
        // SAFETY: see count.
        let done = unsafe { (self.host().open_field)(self.0, n, Bytes::new(name), &mut part) };
        if done == 1 { Ok(part) } else { Err(()) }
    }

    fn next(&self, n: u32, key: &mut u32, value: &mut u32) -> bool {
        // SAFETY: see count.
        unsafe { (self.host().open_next)(self.0, n, key, value) == 1 }
    }

    fn close(&self, part: u32) {
        // SAFETY: see count.
        unsafe { (self.host().close)(self.0, part) };
    }

    fn text(&self, n: u32) -> Result<&[u8], ()> {
        let bytes = self.get_bytes(n)?;
        // SAFETY: lent until the function returns.
        Ok(unsafe { std::slice::from_raw_parts(bytes.ptr, bytes.len as usize) })
    }

    fn counter(&self, n: u32) -> Result<*mut i64, ()> {
        let mut data = std::ptr::null_mut();
        // SAFETY: see count; the data of this class is an i64.
        unsafe {
            match (self.host().get_object)(self.0, n, &COUNTER.0, &mut data) {
                1 => Ok(data.cast::<i64>()),
                _ => Err(()),
            }
        }
    }
}

fn lent(bytes: &[u8]) -> Bytes {
    Bytes {
        ptr: bytes.as_ptr(),
        len: bytes.len() as u32,
    }
}

fn add(c: &C) -> Done {
    c.put_integer(c.get_integer(1)?.wrapping_add(c.get_integer(2)?))
}

fn half(c: &C) -> Done {
    c.put_number(c.get_number(1)? / 2.0)
}

fn not(c: &C) -> Done {
    c.put_boolean(1 - c.get_boolean(1)?)
}

fn len(c: &C) -> Done {
    c.put_integer(c.text(1)?.len() as i64)
}

/// Where the bytes of a string lie.
fn address(c: &C) -> Done {
    c.put_integer(c.get_bytes(1)?.ptr.addr() as i64)
}

fn kinds(c: &C) -> Done {
    for n in 1..=c.count() + 1 {
        c.put_integer(c.kind(n).into())?;
    }
    Ok(())
}

fn sum(c: &C) -> Done {
    let mut sum = 0;
    for i in 1..=c.get_length(1)? {
        let part = c.open_item(1, i)?;
        sum += c.get_integer(part)?;
        c.close(part);
    }
    c.put_integer(sum)
}

/// `t.inner.list[2]`
fn deep(c: &C) -> Done {
    let list = c.open_field(c.open_field(1, "inner")?, "list")?;
    c.put_integer(c.get_integer(c.open_item(list, 2)?)?)
}

/// Number of pairs, sum of the integers among the values, of tables in it too.
fn walk(c: &C) -> Done {
    let (mut pairs, mut sum) = (0, 0);
    walk_table(c, 1, &mut pairs, &mut sum)?;
    c.put_integer(pairs)?;
    c.put_integer(sum)
}

fn walk_table(c: &C, n: u32, pairs: &mut i64, sum: &mut i64) -> Done {
    let (mut key, mut value) = (0, 0);
    while c.next(n, &mut key, &mut value) {
        *pairs += 1;
        match c.kind(value) {
            kind::TABLE => walk_table(c, value, pairs, sum)?,
            kind::INTEGER => *sum += c.get_integer(value)?,
            _ => {}
        }
    }
    Ok(())
}

/// A key of the first pair, as an integer.
fn key(c: &C) -> Done {
    let (mut key, mut value) = (0, 0);
    if c.next(1, &mut key, &mut value) {
        c.put_integer(c.get_integer(key)?)?;
    }
    Ok(())
}

/// Walks with a number that is no key.
fn lost(c: &C) -> Done {
    let (mut key, mut value) = (c.open_item(1, 1)?, 0);
    c.next(1, &mut key, &mut value);
    Ok(())
}

/// Each item as it is, in front of the one before it; parts stay open meanwhile.
fn mixed(c: &C) -> Done {
    let count = c.get_length(1)?;
    let mut parts = Vec::new();
    for i in 1..=count {
        parts.push(c.open_item(1, i)?);
        c.put_integer(i.into())?;
        c.put_integer(c.get_integer(parts[i as usize - 1])?)?;
    }
    if let Some(first) = parts.first() {
        c.close(*first);
    }
    c.put_integer(-1)
}

/// The kind of the argument behind the table, while an item of that is open.
fn behind(c: &C) -> Done {
    c.open_item(1, 1)?;
    c.put_integer(c.kind(2).into())
}

fn many(c: &C) -> Done {
    for i in 1..=c.get_integer(1)? {
        c.put_integer(i)?;
    }
    Ok(())
}

/// A list of so many strings of so many bytes.
fn list(c: &C) -> Done {
    let (count, len) = (c.get_integer(1)?, c.get_integer(2)?);
    c.put_table(count as u32, 0)?;
    for i in 0..count {
        let text = format!("{i:0>width$}", width = len as usize);
        c.put_bytes(lent(text.as_bytes()))?;
        c.end_item()?;
    }
    Ok(())
}

/// `{ name = "x", [1.5] = { 1, 2 }, [true] = false }`, then 7.
fn shapes(c: &C) -> Done {
    c.put_table(0, 3)?;
    c.put_bytes(lent(b"x"))?;
    c.end_field(Bytes::new("name"))?;
    c.put_number(1.5)?;
    c.put_table(2, 0)?;
    c.put_integer(1)?;
    c.end_item()?;
    c.put_integer(2)?;
    c.end_item()?;
    c.end_pair()?;
    c.put_boolean(1)?;
    c.put_boolean(0)?;
    c.end_pair()?;
    c.put_integer(7)
}

fn bare_item(c: &C) -> Done {
    c.put_integer(1)?;
    c.end_item()
}

fn nil_item(c: &C) -> Done {
    c.put_table(0, 0)?;
    c.put_integer(1)?;
    c.end_item()?;
    c.put_nil()?;
    c.end_item()
}

fn nan_key(c: &C) -> Done {
    c.put_table(0, 0)?;
    c.put_number(f64::NAN)?;
    c.put_integer(1)?;
    c.end_pair()
}

/// So many bytes, written into the host's buffer in two steps.
fn filled(c: &C) -> Done {
    let len = c.get_integer(1)? as u32;
    for part in [len / 2, len] {
        // SAFETY: see count; the buffer is there until the function returns, with so many bytes.
        unsafe {
            let at = (c.host().buffer)(c.0, part);
            if at.is_null() {
                return Err(());
            }
            let first = if part == len { len / 2 } else { 0 };
            at.add(first as usize)
                .write_bytes(if first == 0 { b'a' } else { b'b' }, (part - first) as usize);
        }
    }
    c.put_buffer(len)
}

fn too_much_buffer(c: &C) -> Done {
    c.put_buffer(1)
}

fn fail(c: &C) -> Done {
    let (code, text) = (c.get_integer(1)?, c.get_bytes(2)?);
    // SAFETY: see count.
    let failed = unsafe { (c.host().fail)(c.0, code as u32, text) };
    assert_eq!(failed, abi::FAILED);
    Err(())
}

/// Notes an error, and goes on as if nothing were.
fn careless(c: &C) -> Done {
    let _ = c.get_integer(1);
    c.put_integer(1)
}

fn silent(_: &C) -> Done {
    Err(())
}

fn positive(c: &C) -> Done {
    if c.get_integer(1)? > 0 {
        return c.put_boolean(1);
    }
    // SAFETY: see count.
    unsafe { (c.host().misfit)(c.0, 1, Bytes::new("a positive integer")) };
    Err(())
}

fn counter(c: &C) -> Done {
    let start = c.get_integer(1)?;
    COUNTERS.fetch_add(1, SeqCst);
    c.put_object(&COUNTER.0, Box::into_raw(Box::new(start)).cast())
}

/// A list of so many of them.
fn counters(c: &C) -> Done {
    c.put_table(0, 0)?;
    for start in 1..=c.get_integer(1)? {
        COUNTERS.fetch_add(1, SeqCst);
        c.put_object(&COUNTER.0, Box::into_raw(Box::new(start)).cast())?;
        c.end_item()?;
    }
    Ok(())
}

fn step(c: &C) -> Done {
    let by = if c.count() > 1 { c.get_integer(2)? } else { 1 };
    let value = c.counter(1)?;
    // SAFETY: the object is there until the function returns, and nobody else uses it meanwhile.
    unsafe {
        *value += by;
        c.put_integer(*value)
    }
}

fn total(c: &C) -> Done {
    // SAFETY: as in step.
    unsafe { c.put_integer(*c.counter(1)? + *c.counter(2)?) }
}

fn close(c: &C) -> Done {
    // SAFETY: as in step.
    unsafe { *c.counter(1)? = -1000 - i64::from(c.count()) };
    Ok(())
}

unsafe extern "C" fn drop_counter(data: Data) {
    // SAFETY: it was made by `counter`, and nobody else has it.
    drop(unsafe { Box::from_raw(data.cast::<i64>()) });
    COUNTERS.fetch_sub(1, SeqCst);
}

macro_rules! functions {
    ($list:ident $count:literal: $($name:ident)*) => {
        static $list: Shared<[Function; $count]> = Shared([
            $(functions!(one $name, stringify!($name), 0), functions!(one $name, concat!("b_", stringify!($name)), flags::BLOCKING),)*
        ]);
    };
    (one $name:ident, $text:expr, $flags:expr) => {
        Function {
            name: Bytes::new($text),
            signature: Bytes::EMPTY,
            help: Bytes::EMPTY,
            call: Some({
                unsafe extern "C" fn call(call: *mut Call) -> i32 {
                    match $name(&C(call)) {
                        Ok(()) => abi::OK,
                        Err(()) => abi::FAILED,
                    }
                }
                call
            }),
            flags: $flags,
            reserved: 0,
        }
    };
}

functions! { FUNCTIONS 58: add half not len address kinds sum deep walk key lost mixed behind many list shapes bare_item nil_item nan_key filled
too_much_buffer fail careless silent positive counter counters total step }
functions! { METHODS 4: step close }

static COUNTER: Shared<abi::Class> = Shared(abi::Class {
    size: size_of::<abi::Class>() as u32,
    method_count: 4,
    name: Bytes::new("Counter"),
    drop: Some(drop_counter),
    methods: METHODS.0.as_ptr(),
});

/// As [`COUNTER`], but nothing is of this class.
static OTHER: Shared<abi::Class> = Shared(abi::Class {
    size: size_of::<abi::Class>() as u32,
    method_count: 0,
    name: Bytes::new("Other"),
    drop: None,
    methods: std::ptr::null(),
});

static CLASSES: Shared<[&Shared<abi::Class>; 2]> = Shared([&COUNTER, &OTHER]);

static CONSTANTS: Shared<[abi::Constant; 2]> = Shared([
    abi::Constant {
        name: Bytes::new("LIMIT"),
        kind: kind::INTEGER,
        reserved: 0,
        integer: 1 << 40,
        number: 0.0,
        bytes: Bytes::EMPTY,
    },
    abi::Constant {
        name: Bytes::new("GREETING"),
        kind: kind::BYTES,
        reserved: 0,
        integer: 0,
        number: 0.0,
        bytes: Bytes::new("hello"),
    },
]);

/// The descriptor.
pub static PLUGIN: Shared<abi::Plugin> = Shared(abi::Plugin {
    size: size_of::<abi::Plugin>() as u32,
    abi: abi::ABI,
    needs: abi::MINOR,
    pointer_bits: usize::BITS as u8,
    big_endian: cfg!(target_endian = "big") as u8,
    reserved: 0,
    call_size: size_of::<Host>() as u32,
    serve_size: size_of::<abi::ServiceHost>() as u32,
    built_by: Bytes::new("rustc"),
    name: Bytes::new("try"),
    version: Bytes::new("1.0.0"),
    summary: Bytes::new("Tries the host."),
    functions: FUNCTIONS.0.as_ptr(),
    constants: CONSTANTS.0.as_ptr(),
    messages: std::ptr::null(),
    classes: CLASSES.0.as_ptr().cast(),
    services: std::ptr::null(),
    function_count: FUNCTIONS.0.len() as u32,
    constant_count: CONSTANTS.0.len() as u32,
    message_count: 0,
    class_count: CLASSES.0.len() as u32,
    service_count: 0,
    lua: Bytes::EMPTY,
    app: Bytes::EMPTY,
    load: None,
});

impl Shared<abi::Plugin> {
    /// As programs list what is linked in.
    pub fn get(&'static self) -> &'static abi::Plugin {
        &self.0
    }
}
