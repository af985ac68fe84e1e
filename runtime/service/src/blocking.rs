//! A connection for programs without an executor: the command line, C programs.
//!
//! The same session machine; the thread that calls reads and writes its socket itself.

mod dynamic;
mod streams;

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use gshell_net::{Socket, unix};
use gshell_session::{Body, Event, Head, SendError, Session, Side};
use gshell_wire::{Code, EncodeError, Fault, Limits, Message, Shape, Trace};

pub use self::dynamic::Sent;
use crate::payload::{Incoming, Outgoing, Payload};
use crate::request::{inherited, millis, no_reply};
use crate::trace::{self, Expected};
use crate::{buffers, send_fault};
use crate::{lost, no_answer};

const READ_BUFFER: usize = 64 << 10;

/// Time that a service has to say hello.
const HELLO: Duration = Duration::from_secs(5);

/// A request that stays with the caller.
struct Borrowed<'a, M>(&'a M);

impl<M: Message> Body for Borrowed<'_, M> {
    fn key(&self) -> u64 {
        M::KEY
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.0.write(out)
    }
}

impl<M: Message> Outgoing for Borrowed<'_, M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn take(&mut self) -> Payload {
        let mut bytes = Vec::new();
        let _ = self.0.write(&mut bytes);
        Payload::Bytes(bytes)
    }

    fn shape(&self) -> Option<Shape> {
        Some(Shape::of::<M>())
    }
}

/// Longest write before there is a look at the clock, and at what the peer has sent: it may wait for this side to read.
const WRITE_SLICE: Duration = Duration::from_millis(100);

/// Something that came on a stream.
#[derive(Debug)]
pub enum Received {
    /// A message; with the number of the call that it answers.
    Message(u32, Option<u32>, Incoming),
    /// An error that the peer sent; with the number of the call that it answers.
    Error(u32, Option<u32>, Fault),
    /// The peer sends no more on this stream.
    Ended(u32),
    /// The stream is gone.
    Reset(u32, Fault),
    /// The peer takes more on this stream.
    Credit(u32),
}

fn not_taken() -> Fault {
    Fault::new(Code::Timeout, "the service did not take the request in time")
}

/// One connection, used by one thread.
pub struct Client {
    socket: Socket,
    session: Session,
    buffer: Vec<u8>,
    filled: usize,
    taken: usize,
    last_call: u32,
    queue: VecDeque<Received>,
    started: Instant,
    /// The call that waits for its answer, and until when.
    waiting: Option<u32>,
    call_by: Option<Instant>,
    /// A limit for reads is set.
    limited: bool,
    /// Whoever receives says when a message is dealt with.
    held: bool,
}

impl Client {
    /// Connects to the service whose socket file is `path`.
    pub fn connect(path: &Path) -> Result<Client, Fault> {
        let socket = unix::connect(path).map_err(|error| {
            Fault::new(Code::Unreachable, format!("no service at {}", path.display()))
                .with_cause(error.to_string())
        })?;
        Client::over(socket)
    }

    /// Uses a socket that is connected already.
    pub fn over(socket: impl Into<Socket>) -> Result<Client, Fault> {
        let socket = socket.into();
        socket
            .set_nonblocking(false)
            .and_then(|()| socket.set_write_timeout(Some(WRITE_SLICE)))
            .map_err(|error| lost(&error.to_string()))?;
        Ok(Client {
            socket,
            session: Session::new(Side::Client, Limits::default(), 0),
            buffer: vec![0; READ_BUFFER],
            filled: 0,
            taken: 0,
            last_call: 0,
            queue: VecDeque::new(),
            started: Instant::now(),
            waiting: None,
            call_by: None,
            limited: false,
            held: false,
        })
    }

    /// The socket, to wait for together with other descriptors.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Opens a further stream.
    pub fn open(&mut self) -> Result<u32, Fault> {
        self.ready()?;
        self.session.open()
    }

    /// Waits until both sides have said hello.
    fn ready(&mut self) -> Result<(), Fault> {
        if self.session.is_ready() {
            return Ok(());
        }
        let hello_by = Instant::now() + HELLO;
        let deadline = self.call_by.map_or(hello_by, |at| at.min(hello_by));
        while !self.session.is_ready() {
            self.flush()?;
            if !self.fill(Some(deadline))? {
                let text = "the service did not say hello in time";
                return Err(Fault::new(Code::Timeout, text));
            }
            if let Some(event) = self.decode()? {
                self.queue.push_back(event);
            }
        }
        Ok(())
    }

    /// Sends a request on stream 0 and waits for its reply; `limit` bounds the whole call.
    pub fn call<Q: Message, R: Message>(&mut self, request: &Q, limit: Option<Duration>) -> Result<R, Fault> {
        let expected: Expected = || (R::NAME, Shape::of::<R>());
        self.call_any(&Borrowed(request), limit, expected)?.decode()
    }

    /// What a call does whatever the types of its messages are.
    fn call_any(
        &mut self,
        request: &dyn Outgoing,
        limit: Option<Duration>,
        expected: Expected,
    ) -> Result<Incoming, Fault> {
        let trace = trace::client_send(&|| self.socket.peer(), request, None);
        let limit = inherited(limit);
        let answer = self.ask(0, request, limit, trace);
        let late = || no_reply(request.name(), limit.unwrap_or_default());
        if let Some(trace) = trace {
            let seen = answer.as_ref().map_err(Clone::clone);
            let seen = seen.and_then(|answer| answer.as_ref().ok_or_else(late));
            let peer = || self.socket.peer();
            trace::client_recv(&peer, trace, Some(expected), seen.as_ref().map(|answer| *answer));
        }
        answer?.ok_or_else(late)
    }

    fn ask(
        &mut self,
        stream: u32,
        request: &dyn Body,
        limit: Option<Duration>,
        trace: Option<Trace>,
    ) -> Result<Option<Incoming>, Fault> {
        self.last_call = self.last_call.wrapping_add(1);
        let id = self.last_call;
        let head = Head {
            call: Some(id),
            deadline_ms: limit.map(millis),
            trace,
        };
        self.waiting = Some(id);
        self.call_by = limit.and_then(|limit| Instant::now().checked_add(limit));
        let sent = self.send_with(stream, head, request);
        let answer = sent.and_then(|()| self.answer(stream, id));
        if matches!(answer, Ok(None)) && self.session.cancel(stream, id) {
            let _ = self.flush();
        }
        (self.waiting, self.call_by) = (None, None);
        answer
    }

    /// Waits for the answer to the call `id`; other things that come are kept.
    fn answer(&mut self, stream: u32, id: u32) -> Result<Option<Incoming>, Fault> {
        let deadline = self.call_by;
        let mut others = VecDeque::new();
        let reply = loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let event = match self.receive(left) {
                Ok(Some(event)) => event,
                Ok(None) => break Ok(None),
                Err(fault) => break Err(fault),
            };
            let end = match event {
                Received::Message(on, Some(call), message) if call == id => {
                    if self.held {
                        self.session.consumed(on, message.payload.cost());
                    }
                    break Ok(Some(message));
                }
                Received::Error(_, Some(call), fault) if call == id => break Err(fault),
                // Nothing more comes on the stream, so the answer does not either.
                Received::Ended(on) if on == stream => Some(no_answer()),
                Received::Reset(on, ref fault) if on == stream => Some(fault.clone()),
                _ => None,
            };
            others.push_back(event);
            if let Some(fault) = end {
                break Err(fault);
            }
        };
        others.append(&mut self.queue);
        self.queue = others;
        reply
    }

    /// Sends a message, waiting for credit while the peer does not read.
    pub fn send<M: Message>(&mut self, stream: u32, message: &M) -> Result<(), Fault> {
        self.send_with(stream, Head::default(), message)
    }

    /// Whether a message can be sent without waiting.
    pub fn may_send(&self, stream: u32) -> bool {
        self.session.credit(stream) > 0
    }

    fn send_with(&mut self, stream: u32, head: Head, message: &dyn Body) -> Result<(), Fault> {
        self.ready()?;
        loop {
            match self.session.send_body(stream, head, message) {
                Ok(()) => return self.flush(),
                Err(SendError::NoCredit) => {
                    let left = self
                        .call_by
                        .map(|at| at.saturating_duration_since(Instant::now()));
                    match self.wait_event(left)? {
                        Some(event) => self.queue.push_back(event),
                        None => return Err(not_taken()),
                    }
                }
                Err(error) => return Err(send_fault(&error)),
            }
        }
    }

    /// Says that this side sends no more on `stream`.
    pub fn end(&mut self, stream: u32) -> Result<(), Fault> {
        if self.session.end(stream).is_ok() {
            self.flush()?;
        }
        Ok(())
    }

    /// The next thing that came on any stream; `None` when nothing came within `limit` (`None`: wait for
    /// ever).
    pub fn receive(&mut self, limit: Option<Duration>) -> Result<Option<Received>, Fault> {
        if let Some(event) = self.queue.pop_front() {
            return Ok(Some(event));
        }
        self.flush()?;
        self.wait_event(limit)
    }

    /// Writes all that is pending.
    pub fn flush(&mut self) -> Result<(), Fault> {
        while self.session.pending_len() > 0 {
            match buffers::send(&self.socket, &self.session) {
                Ok(n) => self.session.written(n),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if self.call_by.is_some_and(|at| Instant::now() >= at) {
                        return Err(not_taken());
                    }
                    if self.fill(Some(Instant::now()))? {
                        while let Some(event) = self.decode()? {
                            self.queue.push_back(event);
                        }
                    }
                }
                // The peer may have said why it closed: what it sent last counts more than the pipe error.
                Err(error) => return Err(self.last_words().unwrap_or_else(|| lost(&error.to_string()))),
            }
        }
        Ok(())
    }

    fn last_words(&mut self) -> Option<Fault> {
        let _ = self.socket.set_nonblocking(true);
        loop {
            match self.wait_event(Some(Duration::ZERO)) {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(fault) => return Some(fault),
            }
        }
    }

    fn wait_event(&mut self, limit: Option<Duration>) -> Result<Option<Received>, Fault> {
        let deadline = limit.map(|limit| Instant::now() + limit);
        loop {
            if let Some(event) = self.decode()? {
                return Ok(Some(event));
            }
            // Credit that was granted while decoding has to go out before waiting.
            while self.session.pending_len() > 0 {
                match buffers::send(&self.socket, &self.session) {
                    Ok(n) => self.session.written(n),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            if !self.fill(deadline)? {
                return Ok(None);
            }
        }
    }

    /// Handles frames until one is for the caller.
    fn decode(&mut self) -> Result<Option<Received>, Fault> {
        loop {
            let now = self.started.elapsed().as_millis() as u64;
            let step = match self.session.input(&self.buffer[self.taken..self.filled], now) {
                Ok(step) => step,
                Err(lie) => {
                    let fault = lie.to_fault();
                    while let Ok(n @ 1..) = buffers::send(&self.socket, &self.session) {
                        self.session.written(n);
                    }
                    return Err(fault);
                }
            };
            let used = step.used;
            let received = match step.event {
                Some(Event::Message {
                    stream,
                    key,
                    head,
                    payload,
                }) => {
                    let payload = Payload::Bytes(payload.to_vec());
                    Some(Received::Message(stream, head.call, Incoming { key, payload }))
                }
                Some(Event::Error { stream, call, fault }) => Some(Received::Error(stream, call, fault)),
                Some(Event::Ended { stream }) => Some(Received::Ended(stream)),
                Some(Event::Reset { stream, fault }) => Some(Received::Reset(stream, fault)),
                Some(Event::Credit { stream }) => Some(Received::Credit(stream)),
                Some(Event::Bye { fault }) => return Err(fault),
                Some(Event::Ready { .. } | Event::Opened { .. } | Event::Cancelled { .. }) | None => None,
            };
            self.taken += used;
            if let Some(received) = received {
                // The late answer to a call that was given up is for nobody.
                let late = matches!(&received, Received::Message(_, Some(call), _) | Received::Error(_, Some(call), _)
                    if self.waiting != Some(*call));
                if let Received::Message(stream, _, message) = &received
                    && (late || !self.held)
                {
                    self.session.consumed(*stream, message.payload.cost());
                }
                if !late {
                    return Ok(Some(received));
                }
            }
            if used == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads more bytes; `false` when none came before the deadline.
    fn fill(&mut self, deadline: Option<Instant>) -> Result<bool, Fault> {
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        // A timeout of zero would mean "for ever" to the socket, and a tiny one a kernel tick.
        let at_once = left == Some(Duration::ZERO);
        let set = match (at_once, left) {
            (true, _) => self.socket.set_nonblocking(true),
            // No system call for what is so already.
            (false, None) if !self.limited => Ok(()),
            (false, left) => {
                self.limited = left.is_some();
                self.socket.set_read_timeout(left)
            }
        };
        set.map_err(|error| lost(&error.to_string()))?;
        let filled = self.read_some();
        if at_once {
            self.socket
                .set_nonblocking(false)
                .map_err(|error| lost(&error.to_string()))?;
        }
        filled
    }

    fn read_some(&mut self) -> Result<bool, Fault> {
        loop {
            match self.socket.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Err(lost("the peer closed it")),
                Ok(n) => {
                    self.filled += n;
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(false);
                }
                Err(error) => return Err(lost(&error.to_string())),
            }
        }
    }
}
