//! Requests to the services of a plugin, for tests.

use std::collections::VecDeque;

use gshell_plugin_abi::{self as abi, Bytes, Message as Described, Request, ServiceHost};
use gshell_wire::{Code, Message, decode, encode};

use super::{table, text};
use crate::{Error, Result};

/// Messages for a handler of streams, in this order.
///
/// ```no_run
/// # use gshell_plugin_sdk::{abi::Plugin, testing};
/// # fn test<Upload: gshell_wire::Message, Chunk: gshell_wire::Message, Sum: gshell_wire::Message>(
/// #     plugin: &'static Plugin, upload: Upload, one: Chunk, two: Chunk) -> gshell_plugin_sdk::Result<()> {
/// let sent = testing::Conversation::new().with(&one)?.with(&two)?.run(plugin, "example/sums", &upload)?;
/// assert_eq!(sent.messages::<Sum>()?.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Conversation {
    incoming: VecDeque<(&'static str, Vec<u8>)>,
}

/// What a handler has sent.
#[derive(Debug, Default)]
pub struct Sent(Vec<(String, Vec<u8>)>);

/// One request; the plugin sees the request that it begins with.
#[repr(C)]
struct Exchange {
    request: Request,
    /// The plugin's message types.
    known: &'static [&'static Described],
    incoming: VecDeque<(&'static str, Vec<u8>)>,
    /// The message that was received last.
    lent: Vec<u8>,
    buffer: Vec<u8>,
    reply: Option<(String, Vec<u8>)>,
    sent: Sent,
    error: Option<Error>,
}

/// Sends a request to `service`, as "publisher/name", and gives the reply.
///
/// # Errors
/// What the handler fails with, or that there is no such service or handler, or it answers something else.
pub fn request<Q: Message, R: Message>(
    plugin: &'static abi::Plugin,
    service: &str,
    request: &Q,
) -> Result<R> {
    let done = run(plugin, service, request, VecDeque::new())?;
    match done.reply {
        Some((name, body)) if name == R::NAME => Ok(decode(&body)?),
        Some((name, _)) => Err(Error::new(Code::Invalid, format!("it answered by {name}"))),
        None => Err(Error::new(Code::Invalid, "it did not answer")),
    }
}

/// Sends a message that has no reply.
///
/// # Errors
/// What the handler fails with, or that there is no such service or handler, or it answers.
pub fn notice<Q: Message>(plugin: &'static abi::Plugin, service: &str, message: &Q) -> Result<()> {
    match run(plugin, service, message, VecDeque::new())?.reply {
        None => Ok(()),
        Some((name, _)) => Err(Error::new(Code::Invalid, format!("it answered by {name}"))),
    }
}

impl Conversation {
    /// No messages yet.
    pub fn new() -> Conversation {
        Conversation::default()
    }

    /// One more message.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn with<M: Message>(mut self, message: &M) -> Result<Conversation> {
        let mut body = Vec::new();
        encode(message, &mut body)?;
        self.incoming.push_back((M::NAME, body));
        Ok(self)
    }

    /// Sends the request and then the messages; gives what the handler has sent when it returns.
    ///
    /// # Errors
    /// What the handler fails with, or that there is no such service or handler.
    pub fn run<Q: Message>(self, plugin: &'static abi::Plugin, service: &str, request: &Q) -> Result<Sent> {
        Ok(run(plugin, service, request, self.incoming)?.sent)
    }
}

impl Sent {
    /// The messages of one type.
    ///
    /// # Errors
    /// When one of them does not decode.
    pub fn messages<M: Message>(&self) -> Result<Vec<M>> {
        let of_type = self.0.iter().filter(|sent| sent.0 == M::NAME);
        of_type.map(|sent| Ok(decode(&sent.1)?)).collect()
    }
}

fn run<Q: Message>(
    plugin: &'static abi::Plugin,
    service: &str,
    request: &Q,
    incoming: VecDeque<(&'static str, Vec<u8>)>,
) -> Result<Box<Exchange>> {
    let handler = find::<Q>(plugin, service)?;
    let mut body = Vec::new();
    encode(request, &mut body)?;
    // SAFETY: the SDK's macros made the descriptor, whose pointers to constants are references.
    let known = unsafe { table(plugin.messages.cast::<&'static Described>(), plugin.message_count) };
    let exchange = Box::into_raw(Box::new(Exchange {
        request: Request { host: &HOST },
        known,
        incoming,
        lent: Vec::new(),
        buffer: Vec::new(),
        reply: None,
        sent: Sent::default(),
        error: None,
    }));
    let lent = Bytes {
        ptr: body.as_ptr(),
        len: u32::try_from(body.len()).unwrap_or(u32::MAX),
    };
    // SAFETY: an exchange begins with the request of a host of this ABI and goes on until the handler returns, as does the
    // body; it is used by nobody but that host's functions until then.
    let status = unsafe { handler(exchange.cast(), lent) };
    // SAFETY: the box from above, which nobody uses any more.
    let mut exchange = unsafe { Box::from_raw(exchange) };
    match (status, exchange.error.take()) {
        (abi::OK, None) => Ok(exchange),
        (abi::OK, Some(error)) => Err(Error::new(
            Code::Internal,
            format!("it went on after an error: {error}"),
        )),
        (_, Some(error)) => Err(error),
        (_, None) => Err(Error::new(Code::Internal, "it failed without an error")),
    }
}

fn find<Q: Message>(plugin: &'static abi::Plugin, service: &str) -> Result<abi::HandlerFn> {
    // SAFETY: the SDK's macros made the descriptor, whose pointers to constants are references.
    let services = unsafe {
        table(
            plugin.services.cast::<&'static abi::Service>(),
            plugin.service_count,
        )
    };
    let missing = |what: String| Error::new(Code::NotFound, format!("{} has no {what}", text(plugin.name)));
    let named = |found: &&&abi::Service| format!("{}/{}", text(found.publisher), text(found.name)) == service;
    let found = services
        .iter()
        .find(named)
        .ok_or_else(|| missing(format!("service {service}")))?;
    // SAFETY: as above.
    let handlers = unsafe { table(found.handlers, found.handler_count) };
    // SAFETY: as above; every handler has a request.
    let handler = handlers
        .iter()
        .find(|handler| text(unsafe { (*handler.request).name }) == Q::NAME);
    let call = handler.and_then(|handler| handler.call);
    call.ok_or_else(|| missing(format!("handler of {} in {service}", Q::NAME)))
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

/// The exchange of a request.
///
/// # Safety
/// `request` is the start of an exchange that goes on; only one of these functions runs at a time.
unsafe fn exchange<'a>(request: *mut Request) -> &'a mut Exchange {
    // SAFETY: by the condition of this function.
    unsafe { &mut *request.cast::<Exchange>() }
}

/// A message that a plugin gives: its name and its bytes.
///
/// # Safety
/// The type is described by a static, and the bytes are there.
unsafe fn message(of: *const Described, body: Bytes) -> (String, Vec<u8>) {
    // SAFETY: by the condition of this function; what is lent for a moment is copied.
    unsafe { (text((*of).name).to_owned(), table(body.ptr, body.len).to_vec()) }
}

impl Exchange {
    fn note(&mut self, code: Code, text: &str) {
        self.error
            .get_or_insert_with(|| Error::new(code, text.to_owned()));
    }

    fn answer(&mut self, message: (String, Vec<u8>)) -> i32 {
        if self.reply.is_some() {
            self.note(Code::Internal, "it answered twice");
            return 0;
        }
        self.reply = Some(message);
        1
    }
}

unsafe extern "C" fn reply(request: *mut Request, of: *const Described, body: Bytes) -> i32 {
    // SAFETY: a plugin calls with the request that it was given, one of its types, and bytes that are there.
    unsafe { exchange(request).answer(message(of, body)) }
}

unsafe extern "C" fn buffer(request: *mut Request, len: u32) -> *mut u8 {
    // SAFETY: a plugin calls with the request that it was given.
    let exchange = unsafe { exchange(request) };
    if exchange.buffer.len() < len as usize {
        exchange.buffer.resize(len as usize, 0);
    }
    exchange.buffer.as_mut_ptr()
}

unsafe extern "C" fn reply_buffer(request: *mut Request, of: *const Described, len: u32) -> i32 {
    // SAFETY: a plugin calls with the request that it was given and one of its types.
    let (exchange, name) = unsafe { (exchange(request), text((*of).name).to_owned()) };
    match exchange.buffer.get(..len as usize).map(<[u8]>::to_vec) {
        Some(body) => exchange.answer((name, body)),
        None => {
            exchange.note(Code::Internal, "the buffer is shorter");
            0
        }
    }
}

unsafe extern "C" fn fail(request: *mut Request, code: u32, said: Bytes) -> i32 {
    let code = u16::try_from(code)
        .ok()
        .and_then(Code::from_u16)
        .unwrap_or(Code::Internal);
    // SAFETY: a plugin calls with the request that it was given, and bytes that are there.
    unsafe { exchange(request).note(code, &String::from_utf8_lossy(table(said.ptr, said.len))) };
    abi::FAILED
}

unsafe extern "C" fn cancelled(_: *mut Request) -> i32 {
    0
}

unsafe extern "C" fn send(request: *mut Request, of: *const Described, body: Bytes) -> i32 {
    // SAFETY: a plugin calls with the request that it was given, one of its types, and bytes that are there.
    unsafe { exchange(request).sent.0.push(message(of, body)) };
    1
}

unsafe extern "C" fn receive(
    request: *mut Request,
    _: u64,
    of: *mut *const Described,
    body: *mut Bytes,
) -> i32 {
    // SAFETY: a plugin calls with the request that it was given.
    let exchange = unsafe { exchange(request) };
    let Some((name, bytes)) = exchange.incoming.pop_front() else {
        return 0;
    };
    let Some(known) = exchange.known.iter().find(|known| text(known.name) == name) else {
        exchange.note(Code::UnknownMessage, "a message that nobody knows");
        return -1;
    };
    exchange.lent = bytes;
    let len = u32::try_from(exchange.lent.len()).unwrap_or(u32::MAX);
    // SAFETY: a plugin gives places to write to.
    unsafe {
        of.write(*known);
        body.write(Bytes {
            ptr: exchange.lent.as_ptr(),
            len,
        });
    }
    1
}
