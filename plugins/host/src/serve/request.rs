//! One request: its context, and the host's functions for handlers.

use std::cell::RefCell;
use std::ptr;
use std::time::Duration;

use gshell_plugin_abi::{self as abi, Bytes, ServiceHost};
use gshell_wire::Code;

use super::{Handler, Message, Received, Sink};
use crate::noted::{Noted, lent};
use crate::room::Room;
use crate::running;

/// Bytes of a buffer that is kept for the next request of the thread.
const KEPT: u32 = 64 << 10;

thread_local! {
    static BUFFER: RefCell<Room> = const { RefCell::new(Room::new()) };
}

/// The context of a request. Only its first field is known to the plugin.
#[repr(C)]
struct Request<'a> {
    abi: abi::Request,
    handler: &'a Handler,
    sink: &'a mut dyn Sink,
    noted: Option<Noted>,
    /// What is noted is only that nothing came: the handler may go on.
    lapse: bool,
    buffer: Room,
    /// What was received last, which is lent until the next call.
    received: Vec<u8>,
    answered: bool,
}

static HOST: ServiceHost = ServiceHost {
    size: size_of::<ServiceHost>() as u32,
    minor: abi::MINOR as u32,
    reply,
    buffer,
    reply_buffer,
    fail,
    cancelled,
    send,
    receive,
};

impl Handler {
    /// Handles one request.
    ///
    /// # Errors
    /// What the plugin says, or what it did wrong.
    pub fn answer(&self, body: &[u8], sink: &mut dyn Sink) -> Result<(), Noted> {
        let Ok(len) = u32::try_from(body.len()) else {
            return Err(Noted::new(Code::Limit, "a request of 4 GiB or more"));
        };
        let mut request = Request {
            abi: abi::Request { host: &HOST },
            handler: self,
            sink,
            noted: None,
            lapse: false,
            buffer: BUFFER.with(|kept| std::mem::replace(&mut *kept.borrow_mut(), Room::new())),
            received: Vec::new(),
            answered: false,
        };
        let body = Bytes {
            ptr: body.as_ptr(),
            len,
        };
        let before = running::mark(self.plugin, self.request.name);
        // SAFETY: the function is one of the plugin's, for a request and a body, which both outlive the call; while it runs
        // the context is only used through the pointer that the plugin gives back.
        let status = unsafe { (self.call)((&raw mut request).cast(), body) };
        running::restore(before);
        let Request {
            noted,
            lapse,
            buffer,
            answered,
            ..
        } = request;
        if !buffer.is_larger_than(KEPT) {
            BUFFER.with(|kept| *kept.borrow_mut() = buffer);
        }
        match noted {
            Some(noted) if !lapse || status != abi::OK => Err(noted),
            _ if status != abi::OK => Err(self.wrong("failed and did not say why")),
            _ if !answered && !self.stream && !self.replies.is_empty() => Err(self.wrong("did not answer")),
            _ => Ok(()),
        }
    }

    #[cold]
    fn wrong(&self, what: &str) -> Noted {
        let text = format!(
            "the handler of {} in plugin {} {what}",
            self.request.name,
            self.plugin.name()
        );
        Noted::new(Code::Internal, text)
    }

    /// The message that the plugin means, if it is one of the handler's replies.
    fn reply_of(&self, of: *const abi::Message) -> Option<&'static Message> {
        let mut replies = self.replies.iter();
        replies.find(|reply| ptr::eq(reply.raw, of)).copied()
    }
}

impl<'a> Request<'a> {
    /// The request that a plugin speaks of.
    ///
    /// # Safety
    /// It is what [`Handler::answer`] gave to the plugin, on the same thread, before the plugin returned; one reference at a
    /// time.
    unsafe fn of(request: *mut abi::Request) -> &'a mut Request<'a> {
        // SAFETY: it is the first field of a Request, and the pointer was made from the whole of it.
        unsafe { &mut *request.cast::<Request<'a>>() }
    }

    /// Notes why the request fails; the first reason counts. Gives 0, what functions of the host give then.
    fn note(&mut self, noted: Noted) -> i32 {
        if self.noted.is_none() || std::mem::take(&mut self.lapse) {
            self.noted = Some(noted);
        }
        0
    }

    /// Notes what became of something that went out.
    fn done(&mut self, done: Result<(), Noted>) -> i32 {
        match done {
            Ok(()) => 1,
            Err(noted) => self.note(noted),
        }
    }

    fn reply(&mut self, of: *const abi::Message, body: &[u8]) -> i32 {
        let Some(of) = self.handler.reply_of(of) else {
            return self.note(
                self.handler
                    .wrong("answers with a message that is none of its replies"),
            );
        };
        if std::mem::replace(&mut self.answered, true) {
            return self.note(self.handler.wrong("answers twice"));
        }
        let done = self.sink.reply(of, body);
        self.done(done)
    }
}

unsafe extern "C" fn reply(request: *mut abi::Request, of: *const abi::Message, body: Bytes) -> i32 {
    // SAFETY: the plugin gives the request that it got, and bytes that are lent for this call.
    unsafe { Request::of(request).reply(of, lent(body)) }
}

unsafe extern "C" fn buffer(request: *mut abi::Request, len: u32) -> *mut u8 {
    // SAFETY: as in reply.
    let request = unsafe { Request::of(request) };
    match request.buffer.grow(len) {
        Some(at) => at.as_ptr(),
        None => {
            let text = format!("there is no memory for {len} bytes");
            request.note(Noted::new(Code::Limit, text));
            ptr::null_mut()
        }
    }
}

unsafe extern "C" fn reply_buffer(request: *mut abi::Request, of: *const abi::Message, len: u32) -> i32 {
    // SAFETY: as in reply.
    let request = unsafe { Request::of(request) };
    let buffer = std::mem::replace(&mut request.buffer, Room::new());
    let done = match buffer.first(len) {
        Some(body) => request.reply(of, body),
        None => request.note(
            request
                .handler
                .wrong("answers with more of its buffer than there is"),
        ),
    };
    request.buffer = buffer;
    done
}

unsafe extern "C" fn fail(request: *mut abi::Request, code: u32, text: Bytes) -> i32 {
    // SAFETY: as in reply.
    unsafe { Request::of(request).note(Noted::said(code, lent(text))) };
    abi::FAILED
}

unsafe extern "C" fn cancelled(request: *mut abi::Request) -> i32 {
    // SAFETY: as in reply.
    i32::from(unsafe { Request::of(request) }.sink.cancelled())
}

unsafe extern "C" fn send(request: *mut abi::Request, of: *const abi::Message, body: Bytes) -> i32 {
    // SAFETY: as in reply.
    let (request, body) = unsafe { (Request::of(request), lent(body)) };
    let Some(of) = request.handler.reply_of(of) else {
        return request.note(
            request
                .handler
                .wrong("sends a message that is none of its replies"),
        );
    };
    let done = request.sink.send(of, body);
    request.done(done)
}

unsafe extern "C" fn receive(
    request: *mut abi::Request,
    timeout_ns: u64,
    of: *mut *const abi::Message,
    body: *mut Bytes,
) -> i32 {
    // SAFETY: as in reply; the plugin gives places for both results.
    unsafe {
        let request = Request::of(request);
        let limit = (timeout_ns != u64::MAX).then(|| Duration::from_nanos(timeout_ns));
        let (key, bytes) = match request.sink.receive(limit) {
            Received::Message(key, bytes) => (key, bytes),
            Received::End => return 0,
            Received::Failed(noted) => {
                if request.noted.is_none() {
                    request.note(noted);
                    request.lapse = true;
                }
                return -1;
            }
        };
        let handler = request.handler;
        let mut known = handler.all.iter().chain(handler.replies.iter().copied());
        let Some(message) = known
            .find(|known| known.key == key)
            .or((handler.request.key == key).then_some(handler.request))
        else {
            let text = format!("a message with the key {key:016x} came, which the plugin does not know");
            request.note(Noted::new(Code::UnknownMessage, text));
            return -1;
        };
        if std::mem::take(&mut request.lapse) {
            request.noted = None;
        }
        request.received = bytes;
        *of = message.raw;
        *body = Bytes {
            ptr: request.received.as_ptr(),
            len: u32::try_from(request.received.len()).unwrap_or(u32::MAX),
        };
    }
    1
}
