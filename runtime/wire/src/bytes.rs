//! Bytes in a message: their own, or a part of memory that others hold too.
//!
//! Long bytes need not be copied on their way. [`Bytes::shared`] are sent from where they lie: the encoder of a
//! transport that writes in pieces ([`gather`]) takes a hold of them instead of a copy. And what comes in a buffer that
//! its owner lends ([`lend`]) stays there: the message has a part of the buffer. Both are a matter of this thread while a
//! message is written or read; serde, which is in between, has no way to hand on anything but plain slices.

use std::borrow::Borrow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// Bytes from which on sharing pays; shorter ones are copied faster than they are shared.
pub const SHARE_FROM: usize = 16 << 10;
/// Of a buffer that is lent, bytes stay in it only if they are at least this part of it: a short one must not hold a long
/// buffer for as long as the program keeps the message.
const LEAST_PART: usize = 4;

/// A part of memory that several hold; the last one frees it.
#[derive(Clone)]
pub struct Part {
    of: Arc<Vec<u8>>,
    // 32 bits, so that bytes that are shared take no more room than those that are not; no message is as long.
    at: u32,
    len: u32,
}

impl Part {
    /// The `len` bytes from `at` on; `None` if they do not fit in.
    fn new(of: Arc<Vec<u8>>, at: usize, len: usize) -> Option<Part> {
        of.get(at..)?.get(..len)?;
        let (at, len) = (u32::try_from(at).ok()?, u32::try_from(len).ok()?);
        Some(Part { of, at, len })
    }

    fn bytes(&self) -> &[u8] {
        let after = self.of.get(self.at as usize..).unwrap_or_default();
        after.get(..self.len as usize).unwrap_or_default()
    }

    fn is_whole(&self) -> bool {
        self.len as usize == self.of.len()
    }
}

impl Deref for Part {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes()
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} of {} bytes)", self.len, self.of.len())
    }
}

#[derive(Clone)]
enum Held {
    Own(Vec<u8>),
    Part(Part),
}

/// Bytes of a message, as `Type::Bytes` describes them: their number, and they as they are. A `Vec<u8>` would be a list of
/// integers, which is slower.
///
/// ```
/// use gshell_wire::Bytes;
///
/// let picture = Bytes::shared(vec![7; 100_000]);
/// // For each reply, without a copy of what it holds.
/// let reply = picture.clone();
/// assert_eq!(reply.as_ptr(), picture.as_ptr());
/// ```
#[derive(Clone)]
pub struct Bytes(Held);

impl Bytes {
    /// No bytes.
    pub const fn new() -> Bytes {
        Bytes(Held::Own(Vec::new()))
    }

    /// Bytes that are sent often, or to many: clones share them, and long ones are sent without a copy.
    pub fn shared(bytes: Vec<u8>) -> Bytes {
        if u32::try_from(bytes.len()).is_err() {
            return Bytes::from(bytes);
        }
        let len = bytes.len() as u32;
        let of = Arc::new(bytes);
        Bytes(Held::Part(Part { of, at: 0, len }))
    }

    /// The bytes as a vector; a copy if others share them.
    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            Held::Own(bytes) => bytes,
            Held::Part(part) if part.is_whole() => {
                Arc::try_unwrap(part.of).unwrap_or_else(|shared| shared.to_vec())
            }
            Held::Part(part) => part.to_vec(),
        }
    }
}

impl Default for Bytes {
    fn default() -> Bytes {
        Bytes::new()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::Own(bytes) => bytes,
            Held::Part(part) => part.bytes(),
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        Bytes(Held::Own(bytes))
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Bytes {
        Bytes::from(bytes.to_vec())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: ?Sized + AsRef<[u8]>> PartialEq<T> for Bytes {
    fn eq(&self, other: &T) -> bool {
        **self == *other.as_ref()
    }
}

impl Eq for Bytes {}

impl PartialOrd for Bytes {
    fn partial_cmp(&self, other: &Bytes) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bytes {
    fn cmp(&self, other: &Bytes) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// What is sent beside the buffer that a message was written to, each with the number of bytes that it comes behind.
pub type Parts = Vec<(usize, Part)>;

/// Nearly all messages have no parts: all that they cost is here, and a few instructions.
struct Gathering {
    /// Address of the buffer that a message is gathered for; 0 when none is.
    out: Cell<usize>,
    /// How many parts the thread holds.
    found: Cell<usize>,
}

/// What the thread holds of others' memory while it writes or reads a message.
struct Holding {
    parts: RefCell<Parts>,
    /// What is being written just now.
    offered: RefCell<Option<Part>>,
    /// What is read from.
    lent: RefCell<Option<Arc<Vec<u8>>>>,
}

thread_local! {
    static GATHERING: Gathering = const { Gathering { out: Cell::new(0), found: Cell::new(0) } };
    static HOLDING: Holding = const {
        Holding {
            parts: RefCell::new(Vec::new()),
            offered: RefCell::new(None),
            lent: RefCell::new(None),
        }
    };
}

/// What was gathered before, by whoever writes a message while writing a message; it goes on in the end, also that by a
/// panic.
struct Before {
    out: usize,
    found: usize,
}

impl Before {
    /// The parts of the message that is gathered.
    #[inline]
    fn parts(&self) -> Option<Parts> {
        match GATHERING.with(|gathering| gathering.found.get() == self.found) {
            true => None,
            false => Some(parts_from(self.found)),
        }
    }
}

impl Drop for Before {
    #[inline]
    fn drop(&mut self) {
        // Some are left after a panic only.
        drop(self.parts());
        GATHERING.with(|gathering| gathering.out.set(self.out));
    }
}

#[cold]
fn parts_from(before: usize) -> Parts {
    GATHERING.with(|gathering| gathering.found.set(before));
    HOLDING.with(|holding| {
        let mut all = holding.parts.borrow_mut();
        let before = before.min(all.len());
        all.split_off(before)
    })
}

/// Has `write` append a message to `out`, but for long shared bytes in it: they are given back.
#[inline]
pub fn gather<T>(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> T) -> (T, Option<Parts>) {
    let address = std::ptr::from_ref(out).addr();
    let before = GATHERING.with(|gathering| Before {
        out: gathering.out.replace(address),
        found: gathering.found.get(),
    });
    let done = write(out);
    (done, before.parts())
}

fn gathers_for() -> usize {
    GATHERING.with(|gathering| gathering.out.get())
}

/// Appends long bytes to `out`, or gathers them, if they are offered and `out` is what is gathered for; another encoder may run
/// meanwhile, into a buffer of its own.
#[cold]
pub(crate) fn append_long(out: &mut Vec<u8>, bytes: &[u8]) {
    let gathered = gathers_for() == std::ptr::from_ref(out).addr()
        && HOLDING.with(|holding| match holding.offered.take() {
            Some(part) if std::ptr::eq(part.bytes(), bytes) => {
                let mut parts = holding.parts.borrow_mut();
                parts.push((out.len(), part));
                GATHERING.with(|gathering| gathering.found.set(parts.len()));
                true
            }
            _ => false,
        });
    if !gathered {
        out.extend_from_slice(bytes);
    }
}

fn offer(part: Option<Part>) {
    HOLDING.with(|holding| holding.offered.replace(part));
}

/// A buffer that is lent to the messages which are read, until this is dropped: long bytes of them may stay in it.
/// Whether some did shows in the count of those who hold the buffer.
#[must_use = "what is lent is lent until this is dropped"]
pub struct Lending {
    buffer: Arc<Vec<u8>>,
    before: Option<Arc<Vec<u8>>>,
}

/// Lends a buffer to the messages that this thread reads.
pub fn lend(buffer: Arc<Vec<u8>>) -> Lending {
    let before = HOLDING.with(|holding| holding.lent.replace(Some(Arc::clone(&buffer))));
    Lending { buffer, before }
}

impl Lending {
    /// What is lent.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lending {
    fn drop(&mut self) {
        HOLDING.with(|holding| holding.lent.replace(self.before.take()));
    }
}

/// The bytes as a part of the buffer that is lent, if they lie in it.
fn lent(bytes: &[u8]) -> Option<Part> {
    HOLDING.with(|holding| {
        let lent = holding.lent.borrow();
        let of = lent.as_ref()?;
        let at = bytes.as_ptr().addr().checked_sub(of.as_ptr().addr())?;
        let enough = bytes.len() >= of.capacity() / LEAST_PART;
        enough.then(|| Part::new(Arc::clone(of), at, bytes.len()))?
    })
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Held::Part(part) if part.len as usize >= SHARE_FROM && gathers_for() != 0 => {
                offer(Some(part.clone()));
                let done = serializer.serialize_bytes(self);
                // An encoder into another buffer has copied it.
                offer(None);
                done
            }
            _ => serializer.serialize_bytes(self),
        }
    }
}

struct Taking;

impl<'de> Visitor<'de> for Taking {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes::from(bytes.to_vec()))
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Bytes, E> {
        let part = match bytes.len() >= SHARE_FROM {
            true => lent(bytes),
            false => None,
        };
        Ok(part.map_or_else(|| Bytes::from(bytes.to_vec()), |part| Bytes(Held::Part(part))))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(Bytes::from(bytes))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        deserializer.deserialize_byte_buf(Taking)
    }
}
