//! Services: handlers that answer messages on the host's threads, with no script on the way.

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;
use std::time::Duration;

use gshell_plugin_abi as abi;
use gshell_wire::{Code, Message, Sink, decode, encode_to};

use crate::call::lend;
use crate::{Error, Result, guard};

/// First size of the buffer for a reply.
const FIRST_ROOM: u32 = 256;

/// One request that is being handled. What came lives for `'r`, which ends with the handler.
#[derive(Debug)]
pub struct Caller<'r> {
    raw: NonNull<abi::Request>,
    host: &'r abi::ServiceHost,
    lent: PhantomData<&'r mut abi::Request>,
}

/// A message type that a plugin has described.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    key: u64,
    message: &'static abi::Message,
}

/// The description of `M`.
pub const fn known<M: Message>(message: &'static abi::Message) -> Known {
    Known { key: M::KEY, message }
}

/// Whether no type is there twice, under two paths.
pub const fn unique(types: &[Known]) -> bool {
    let mut at = 0;
    while at < types.len() {
        let mut before = 0;
        while before < at {
            if types[before].key == types[at].key {
                return false;
            }
            before += 1;
        }
        at += 1;
    }
    true
}

/// A handler of messages.
pub trait Handler {
    /// Handles one request.
    ///
    /// # Errors
    /// What the caller gets.
    fn handle(caller: &mut Caller<'_>, body: &[u8]) -> Result<()>;
}

/// What hosts call for a handler.
///
/// # Safety
/// `raw` is a request that goes on until this returns, of a host of this ABI, and `body` is there for as long.
pub unsafe extern "C" fn handler<H: Handler>(raw: *mut abi::Request, body: abi::Bytes) -> i32 {
    let Some(raw) = NonNull::new(raw) else {
        return abi::FAILED;
    };
    // SAFETY: by the header, a request's `host` points to the host's table, which stays as it is for the whole request.
    let host = unsafe { &*raw.as_ref().host };
    let mut caller = Caller {
        raw,
        host,
        lent: PhantomData,
    };
    // SAFETY: by the condition of this function.
    let body = unsafe { lent(body) };
    match guard::caught(|| H::handle(&mut caller, body)) {
        Ok(Ok(())) => abi::OK,
        Ok(Err(error)) | Err(error) => {
            caller.fail(&error);
            abi::FAILED
        }
    }
}

/// Bytes that a host lends.
///
/// # Safety
/// They are there, and do not change, for `'a`.
unsafe fn lent<'a>(bytes: abi::Bytes) -> &'a [u8] {
    if bytes.len == 0 {
        return &[];
    }
    // SAFETY: by the condition of this function.
    unsafe { slice::from_raw_parts(bytes.ptr, bytes.len as usize) }
}

/// Reads a request.
///
/// # Errors
/// When the bytes are not what the key promises.
pub fn body<M: Message>(bytes: &[u8]) -> Result<M> {
    Ok(decode(bytes)?)
}

/// What a handler returns: an answer, or an error instead.
pub trait Answer<M> {
    /// The answer.
    ///
    /// # Errors
    /// The handler's own.
    fn answer(self) -> Result<M>;
}

impl<M> Answer<M> for M {
    fn answer(self) -> Result<M> {
        Ok(self)
    }
}

impl<M, E: Into<Error>> Answer<M> for Result<M, E> {
    fn answer(self) -> Result<M> {
        self.map_err(Into::into)
    }
}

/// The host's buffer for a reply, which grows as it is written.
struct Room<'a, 'r> {
    caller: &'a mut Caller<'r>,
    start: *mut u8,
    room: u32,
    len: u32,
}

impl Room<'_, '_> {
    /// Makes room for so many bytes in all.
    #[cold]
    fn grow(&mut self, needed: u32) -> bool {
        let room = needed.max(self.room.saturating_mul(2)).max(FIRST_ROOM);
        // SAFETY: the request goes on, as `Caller` has it.
        self.start = unsafe { (self.caller.host.buffer)(self.caller.raw(), room) };
        self.room = if self.start.is_null() { 0 } else { room };
        self.room != 0
    }
}

impl Sink for Room<'_, '_> {
    #[inline]
    fn append(&mut self, bytes: &[u8]) -> bool {
        let more = u32::try_from(bytes.len()).ok();
        let Some(needed) = more.and_then(|more| self.len.checked_add(more)) else {
            return false;
        };
        if needed > self.room && !self.grow(needed) {
            return false;
        }
        // SAFETY: from `start` on there are `room` bytes of the host's buffer, lent until the handler returns, and
        // `len` and the new bytes together are no more; `bytes` lie elsewhere, as the buffer is handed to nobody.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(self.len as usize), bytes.len())
        };
        self.len = needed;
        true
    }
}

impl<'r> Caller<'r> {
    fn raw(&self) -> *mut abi::Request {
        self.raw.as_ptr()
    }

    /// Whether nobody waits for the answer any more: a handler that runs long may then give up.
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: the request goes on for as long as this value is there.
        unsafe { (self.host.cancelled)(self.raw()) != 0 }
    }

    /// Answers.
    ///
    /// # Errors
    /// When the message cannot be encoded, or the host cannot take it.
    #[doc(hidden)]
    pub fn reply<M: Message>(&mut self, of: &'static abi::Message, message: &M) -> Result<()> {
        let mut room = Room {
            caller: self,
            start: std::ptr::null_mut(),
            room: 0,
            len: 0,
        };
        encode_to(message, &mut room)?;
        let len = room.len;
        // SAFETY: as in `is_cancelled`; so many bytes of the buffer were written, and descriptions are static.
        let status = unsafe {
            match len {
                // There may be no buffer yet.
                0 => (self.host.reply)(self.raw(), of, abi::Bytes::EMPTY),
                len => (self.host.reply_buffer)(self.raw(), of, len),
            }
        };
        if status != 0 { Ok(()) } else { Err(Error::noted()) }
    }

    fn fail(&self, error: &Error) {
        if error.is_noted() {
            return;
        }
        let text = lend(error.text().as_bytes()).unwrap_or(abi::Bytes::EMPTY);
        // SAFETY: as in `is_cancelled`; the text lives until the host has copied it.
        unsafe { (self.host.fail)(self.raw(), u16::from(error.code()).into(), text) };
    }

    /// The stream of this request, for handlers of streams.
    #[doc(hidden)]
    pub fn stream(&mut self, known: &'static [Known]) -> Stream<'_> {
        Stream {
            raw: self.raw,
            host: self.host,
            known,
            buffer: Vec::new(),
            lent: PhantomData,
        }
    }
}

/// The stream of a request: what the handler sends goes to the caller, what the caller sends the handler receives.
#[derive(Debug)]
pub struct Stream<'r> {
    raw: NonNull<abi::Request>,
    host: &'r abi::ServiceHost,
    known: &'static [Known],
    /// For what is sent.
    buffer: Vec<u8>,
    lent: PhantomData<&'r mut abi::Request>,
}

/// A message that came on a stream.
#[derive(Debug)]
pub struct Incoming<'s> {
    key: u64,
    body: &'s [u8],
}

impl Incoming<'_> {
    /// Whether it is an `M`.
    pub fn is<M: Message>(&self) -> bool {
        self.key == M::KEY
    }

    /// The message.
    ///
    /// # Errors
    /// When it is another type's, or its bytes are not what that promises.
    pub fn read<M: Message>(&self) -> Result<M> {
        if !self.is::<M>() {
            let text = format!("{} was expected, another message came", M::NAME);
            return Err(Error::new(Code::Invalid, text));
        }
        body(self.body)
    }
}

impl Stream<'_> {
    /// Sends a message; waits until there is room.
    ///
    /// # Errors
    /// When the peer is gone or gave up, or the plugin has not described the type.
    pub fn send<M: Message>(&mut self, message: &M) -> Result<()> {
        let Some(known) = self.known.iter().find(|known| known.key == M::KEY) else {
            let text = format!(
                "the handler does not say that it sends {}: #[handler(stream, sends(...))]",
                M::NAME
            );
            return Err(Error::new(Code::Internal, text));
        };
        self.buffer.clear();
        gshell_wire::encode(message, &mut self.buffer)?;
        let body = lend(&self.buffer)?;
        // SAFETY: the request goes on for as long as this value is there; the body lives until the host has copied it.
        match unsafe { (self.host.send)(self.raw.as_ptr(), known.message, body) } {
            0 => Err(Error::new(Code::Cancelled, "the caller is gone or gave up")),
            _ => Ok(()),
        }
    }

    /// Waits for the next message, for so long at most, or for as long as the stream lives; `None` at the end of what the
    /// caller sends.
    ///
    /// # Errors
    /// When the time is over, the caller is gone, or it sent what the plugin has not described.
    pub fn receive_any(&mut self, timeout: Option<Duration>) -> Result<Option<Incoming<'_>>> {
        let nanoseconds = timeout.map_or(u64::MAX, |time| {
            u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
        });
        let (mut message, mut body) = (std::ptr::null(), abi::Bytes::EMPTY);
        // SAFETY: the request goes on for as long as this value is there; both are there to be written.
        match unsafe { (self.host.receive)(self.raw.as_ptr(), nanoseconds, &mut message, &mut body) } {
            0 => Ok(None),
            1 => {
                let known = self
                    .known
                    .iter()
                    .find(|known| std::ptr::eq(known.message, message));
                let Some(known) = known else {
                    return Err(Error::new(
                        Code::UnknownMessage,
                        "a message that the service does not know",
                    ));
                };
                // SAFETY: by the header the body is lent until the next call, before which `&mut self` ends this one's result.
                let body = unsafe { lent(body) };
                Ok(Some(Incoming { key: known.key, body }))
            }
            _ => Err(Error::noted()),
        }
    }

    /// As [`Stream::receive_any`], when only one type can come.
    ///
    /// # Errors
    /// As there, or when another type's message comes.
    pub fn receive<M: Message>(&mut self, timeout: Option<Duration>) -> Result<Option<M>> {
        self.receive_any(timeout)?
            .map(|incoming| incoming.read())
            .transpose()
    }
}
