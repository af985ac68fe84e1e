//! One call of a function by a script: its arguments, its results, and its error.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::ptr::NonNull;

use gshell_plugin_abi as abi;
use gshell_wire::Code;

use crate::{Argument, Error, Object, Result, Returned};

/// Deepest nesting of tables that is read: a table of a script may hold itself.
const DEPTH_MAX: u32 = 64;

/// A call that is going on. What scripts gave lives for `'c`, which ends with the call.
///
/// Functions whose parameters say what they take need none of this. One that wants to look at its arguments first has a
/// parameter `call: &mut Call<'_>`, which no script sees.
#[derive(Debug)]
pub struct Call<'c> {
    raw: NonNull<abi::Call>,
    host: &'c abi::Host,
    depth: Cell<u32>,
    borrowed: Borrowed,
    lent: PhantomData<&'c mut abi::Call>,
}

/// Objects that this call uses: to change one, it must be the only use.
#[derive(Debug, Default)]
struct Borrowed {
    /// Nearly every call has one at most.
    first: Cell<Option<(abi::Data, bool)>>,
    more: RefCell<Vec<(abi::Data, bool)>>,
}

impl Borrowed {
    /// Notes one more use; `false` if it does not go together with those before.
    fn add(&self, data: abi::Data, change: bool) -> bool {
        let Some(first) = self.first.get() else {
            self.first.set(Some((data, change)));
            return true;
        };
        let mut more = self.more.borrow_mut();
        let clash = |other: &(abi::Data, bool)| other.0 == data && (other.1 || change);
        if clash(&first) || more.iter().any(clash) {
            return false;
        }
        more.push((data, change));
        true
    }
}

/// Kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is no such argument.
    None,
    /// `nil`.
    Nil,
    /// `true` or `false`.
    Boolean,
    /// An integer.
    Integer,
    /// A float.
    Number,
    /// A string of Lua.
    Bytes,
    /// A table.
    Table,
    /// An object of a plugin.
    Object,
    /// A function, a thread, or what a newer host knows.
    Other,
}

/// What the host's functions give: 1, or 0 after they noted an error.
fn done(status: i32) -> Result<()> {
    if status != 0 { Ok(()) } else { Err(Error::noted()) }
}

/// Bytes for the host, which copies them before it returns.
pub(crate) fn lend(bytes: &[u8]) -> Result<abi::Bytes> {
    match u32::try_from(bytes.len()) {
        Ok(len) => Ok(abi::Bytes {
            ptr: bytes.as_ptr(),
            len,
        }),
        Err(_) => Err(Error::new(Code::Limit, "a value of 4 GiB or more")),
    }
}

impl<'c> Call<'c> {
    /// The call that a host began.
    ///
    /// # Safety
    /// `raw` is what the host gave to a function that it calls now, and `'c` ends before that returns.
    pub(crate) unsafe fn new(raw: NonNull<abi::Call>) -> Call<'c> {
        // SAFETY: by the header, a call's `host` points to the host's table, which stays as it is for the whole call.
        let host = unsafe { &*raw.as_ref().host };
        Call {
            raw,
            host,
            depth: Cell::new(0),
            borrowed: Borrowed::default(),
            lent: PhantomData,
        }
    }

    fn raw(&self) -> *mut abi::Call {
        self.raw.as_ptr()
    }

    /// How many arguments there are.
    pub fn count(&self) -> u32 {
        // SAFETY: `raw` is a call of this host that goes on, by the condition of `new`; nothing else is asked for.
        unsafe { (self.host.count)(self.raw()) }
    }

    /// Of what kind argument `n` is, counted from 1.
    pub fn kind(&self, n: u32) -> Kind {
        // SAFETY: as in `count`; any number may be asked for.
        match unsafe { (self.host.kind)(self.raw(), n) } {
            abi::kind::NONE => Kind::None,
            abi::kind::NIL => Kind::Nil,
            abi::kind::BOOLEAN => Kind::Boolean,
            abi::kind::INTEGER => Kind::Integer,
            abi::kind::NUMBER => Kind::Number,
            abi::kind::BYTES => Kind::Bytes,
            abi::kind::TABLE => Kind::Table,
            abi::kind::OBJECT => Kind::Object,
            _ => Kind::Other,
        }
    }

    /// Argument `n` as a type.
    ///
    /// # Errors
    /// When it is none; the error of the script then says what was expected and given.
    pub fn get<T: Argument<'c>>(&self, n: u32) -> Result<T> {
        T::take(self, n)
    }

    /// Adds a result.
    ///
    /// # Errors
    /// When the host cannot take it: it is too large, or there is no memory.
    pub fn put<T: Returned>(&mut self, value: T) -> Result<()> {
        value.put(self)
    }

    /// Refuses a table of options that has others than these: a misspelt one is not to be overlooked. No table is fine.
    ///
    /// # Errors
    /// When there is another one; the error names it and those that there are.
    pub fn only(&self, n: u32, names: &[&str]) -> Result<()> {
        if matches!(self.kind(n), Kind::None | Kind::Nil) {
            return Ok(());
        }
        self.pairs(n, |key, _| {
            let given = match self.kind(key) {
                Kind::Bytes => String::from_utf8_lossy(self.bytes(key)?).into_owned(),
                _ => "one without a name".to_owned(),
            };
            if names.contains(&given.as_str()) {
                return Ok(());
            }
            let text = format!("no option is called {given:?}; there are: {}", names.join(", "));
            Err(Error::new(Code::Invalid, text))
        })
    }

    /// The error that argument `n` is not what was expected, as in "a positive integer".
    pub fn misfit(&self, n: u32, expected: &str) -> Error {
        if let Ok(expected) = lend(expected.as_bytes()) {
            // SAFETY: as in `count`; the text lives until the host has copied it.
            unsafe { (self.host.misfit)(self.raw(), n, expected) };
        }
        Error::noted()
    }

    /// Whether nobody waits for the result any more: a function that runs long may then give up.
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: as in `count`.
        unsafe { (self.host.cancelled)(self.raw()) != 0 }
    }

    /// Memory of the host of `len` bytes, into which a result is written that [`Call::put_buffer`] adds. It is the same
    /// memory each time in one call, larger if more is asked for; what it holds at first is not said.
    ///
    /// # Errors
    /// When there is not so much memory.
    pub fn buffer(&mut self, len: u32) -> Result<&mut [u8]> {
        // SAFETY: as in `count`.
        let ptr = unsafe { (self.host.buffer)(self.raw(), len) };
        if ptr.is_null() {
            return Err(Error::noted());
        }
        // SAFETY: by the header it has `len` bytes until the function returns; `&mut self` keeps it the only use until
        // then, as only this function hands it out. Bytes that were never written are the host's to settle: it gives
        // memory that has a value.
        Ok(unsafe { std::slice::from_raw_parts_mut(ptr, len as usize) })
    }

    /// The first `len` bytes of the buffer as a result.
    ///
    /// # Errors
    /// When the buffer is shorter, or there is no memory.
    pub fn put_buffer(&mut self, len: u32) -> Result<()> {
        // SAFETY: as in `count`.
        done(unsafe { (self.host.put_buffer)(self.raw(), len) })
    }

    /// Notes an error that the host does not know yet.
    pub(crate) fn fail(&self, error: &Error) {
        if error.is_noted() {
            return;
        }
        let text = lend(error.text().as_bytes()).unwrap_or(abi::Bytes::EMPTY);
        // SAFETY: as in `count`; the text lives until the host has copied it.
        unsafe { (self.host.fail)(self.raw(), u16::from(error.code()).into(), text) };
    }

    pub(crate) fn boolean(&self, n: u32) -> Result<bool> {
        let mut out = 0;
        // SAFETY: as in `count`; `out` is there to be written.
        done(unsafe { (self.host.get_boolean)(self.raw(), n, &mut out) })?;
        Ok(out != 0)
    }

    #[inline]
    pub(crate) fn integer(&self, n: u32) -> Result<i64> {
        let mut out = 0;
        // SAFETY: as in `count`; `out` is there to be written.
        done(unsafe { (self.host.get_integer)(self.raw(), n, &mut out) })?;
        Ok(out)
    }

    pub(crate) fn number(&self, n: u32) -> Result<f64> {
        let mut out = 0.0;
        // SAFETY: as in `count`; `out` is there to be written.
        done(unsafe { (self.host.get_number)(self.raw(), n, &mut out) })?;
        Ok(out)
    }

    #[inline]
    pub(crate) fn bytes(&self, n: u32) -> Result<&'c [u8]> {
        let mut out = abi::Bytes::EMPTY;
        // SAFETY: as in `count`; `out` is there to be written.
        done(unsafe { (self.host.get_bytes)(self.raw(), n, &mut out) })?;
        if out.len == 0 {
            return Ok(&[]);
        }
        // SAFETY: by the header the bytes are lent until the function returns, which is after `'c`, and Lua's strings never
        // change.
        Ok(unsafe { std::slice::from_raw_parts(out.ptr, out.len as usize) })
    }

    /// An object as argument `n`.
    ///
    /// # Errors
    /// When it is another class's or no object, or this call uses it already in a way that does not go together.
    pub(crate) fn object<T: Object>(&self, n: u32, change: bool) -> Result<NonNull<T>> {
        let mut out = std::ptr::null_mut();
        // SAFETY: as in `count`; `out` is there to be written, and classes are static.
        done(unsafe { (self.host.get_object)(self.raw(), n, T::class(), &mut out) })?;
        let Some(data) = NonNull::new(out) else {
            return Err(Error::new(Code::Internal, "an object without data"));
        };
        if !self.borrowed.add(out, change) {
            let text = "one object is given twice to a function that changes it";
            return Err(Error::new(Code::Invalid, text));
        }
        Ok(data.cast())
    }

    pub(crate) fn length(&self, n: u32) -> Result<u32> {
        let mut out = 0;
        // SAFETY: as in `count`; `out` is there to be written.
        done(unsafe { (self.host.get_length)(self.raw(), n, &mut out) })?;
        Ok(out)
    }

    /// Opens an item, counted from 1, and reads it.
    pub(crate) fn item<T: Argument<'c>>(&self, n: u32, item: u32) -> Result<T> {
        let mut part = 0;
        // SAFETY: as in `count`; `part` is there to be written.
        done(unsafe { (self.host.open_item)(self.raw(), n, item, &mut part) })?;
        let value = self.deeper(|| T::take(self, part))?;
        self.close::<T>(part);
        Ok(value)
    }

    /// Opens a field and reads it.
    ///
    /// # Errors
    /// When it is not what the type is; a missing one is nil.
    pub fn field<T: Argument<'c>>(&self, n: u32, name: &str) -> Result<T> {
        let (mut part, name) = (0, lend(name.as_bytes())?);
        // SAFETY: as in `count`; `part` is there to be written, the name lives until the host has looked it up.
        done(unsafe { (self.host.open_field)(self.raw(), n, name, &mut part) })?;
        let value = self.deeper(|| T::take(self, part))?;
        self.close::<T>(part);
        Ok(value)
    }

    /// Goes over all pairs of a table, as the numbers of two parts.
    pub(crate) fn pairs(&self, n: u32, mut each: impl FnMut(u32, u32) -> Result<()>) -> Result<()> {
        if self.kind(n) != Kind::Table {
            return Err(self.misfit(n, "a table"));
        }
        let (mut key, mut value) = (0, 0);
        // SAFETY: as in `count`; both are there to be read and written, and are what the last call gave.
        while unsafe { (self.host.open_next)(self.raw(), n, &mut key, &mut value) } != 0 {
            self.deeper(|| each(key, value))?;
        }
        Ok(())
    }

    fn deeper<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        let depth = self.depth.get();
        if depth == DEPTH_MAX {
            let text = format!("tables in tables, more than {DEPTH_MAX} deep");
            return Err(Error::new(Code::Limit, text));
        }
        self.depth.set(depth + 1);
        let value = read();
        self.depth.set(depth);
        value
    }

    /// Gives a part back, unless what was read from it may be lent.
    fn close<T: Argument<'c>>(&self, part: u32) {
        if !T::LENT {
            // SAFETY: as in `count`; nobody uses the part any more.
            unsafe { (self.host.close)(self.raw(), part) };
        }
    }

    pub(crate) fn put_nil(&mut self) -> Result<()> {
        // SAFETY: as in `count`.
        done(unsafe { (self.host.put_nil)(self.raw()) })
    }

    pub(crate) fn put_boolean(&mut self, value: bool) -> Result<()> {
        // SAFETY: as in `count`.
        done(unsafe { (self.host.put_boolean)(self.raw(), value.into()) })
    }

    #[inline]
    pub(crate) fn put_integer(&mut self, value: i64) -> Result<()> {
        // SAFETY: as in `count`.
        done(unsafe { (self.host.put_integer)(self.raw(), value) })
    }

    pub(crate) fn put_number(&mut self, value: f64) -> Result<()> {
        // SAFETY: as in `count`.
        done(unsafe { (self.host.put_number)(self.raw(), value) })
    }

    pub(crate) fn put_bytes(&mut self, value: &[u8]) -> Result<()> {
        let value = lend(value)?;
        // SAFETY: as in `count`; the bytes live until the host has copied them.
        done(unsafe { (self.host.put_bytes)(self.raw(), value) })
    }

    pub(crate) fn put_object<T: Object>(&mut self, value: T) -> Result<()> {
        let data = crate::object::give_away(value);
        // SAFETY: as in `count`; the data is of this class, and the host's from now on, also when this fails.
        done(unsafe { (self.host.put_object)(self.raw(), T::class(), data) })
    }

    pub(crate) fn put_table(&mut self, items: usize, fields: usize) -> Result<()> {
        // They are only hints.
        let room = |n: usize| u32::try_from(n).unwrap_or(0);
        // SAFETY: as in `count`.
        done(unsafe { (self.host.put_table)(self.raw(), room(items), room(fields)) })
    }

    pub(crate) fn put_item<T: Returned>(&mut self, value: T) -> Result<()> {
        value.put(self)?;
        // SAFETY: as in `count`; the value was put after its table.
        done(unsafe { (self.host.end_item)(self.raw()) })
    }

    pub(crate) fn put_pair<K: Returned, V: Returned>(&mut self, key: K, value: V) -> Result<()> {
        key.put(self)?;
        value.put(self)?;
        // SAFETY: as in `count`; both were put after their table.
        done(unsafe { (self.host.end_pair)(self.raw()) })
    }

    /// Puts a field of the table that was put last. For `#[derive(Fields)]`.
    #[doc(hidden)]
    pub fn put_field<T: Returned>(&mut self, name: &str, value: T) -> Result<()> {
        value.put(self)?;
        let name = lend(name.as_bytes())?;
        // SAFETY: as in `count`; the value was put after its table, and the name lives until the host has copied it.
        done(unsafe { (self.host.end_field)(self.raw(), name) })
    }

    /// Puts a table with so many fields. For `#[derive(Fields)]`.
    #[doc(hidden)]
    pub fn put_fields(&mut self, count: usize) -> Result<()> {
        self.put_table(0, count)
    }
}
