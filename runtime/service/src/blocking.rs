//! A connection for programs without an executor: the command line, C programs.
//!
//! The same session machine; the thread that calls reads and writes its socket itself.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use gshell_net::{Socket, unix};
use gshell_session::{Body, Event, Head, SendError, Session, Side};
use gshell_wire::{Code, EncodeError, Fault, Limits, Message, Shape, Trace};

use crate::conn::send_fault;
use crate::{lost, no_answer};
use crate::payload::{Incoming, Outgoing, Payload};
use crate::request::{inherited, millis, no_reply};
use crate::trace::{self, Expected};

const READ_BUFFER: usize = 64 << 10;

/// Time that a service has to say hello.
const HELLO: Duration = Duration::from_secs(5);

/// Longest single wait for a peer that does not read; between two of them it is seen whether a limit is over.
const WRITE_WAIT: Duration = Duration::from_millis(100);

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
            .and_then(|()| socket.set_write_timeout(Some(WRITE_WAIT)))
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
            held: false,
        })
    }

    /// The socket, to wait for together with other descriptors.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Who is at the other end.
    pub fn peer(&self) -> String {
        self.socket.peer()
    }

    /// From now on a message that came counts against the credit of its stream until [`Client::consumed`] is told of it:
    /// for programs that keep what came until somebody wants it.
    pub fn hold_credit(&mut self) {
        self.held = true;
    }

    /// A message of so many bytes that came on the stream is dealt with; the peer may send more.
    pub fn consumed(&mut self, stream: u32, bytes: u32) {
        self.session.consumed(stream, bytes);
    }

    /// Opens a further stream.
    pub fn open(&mut self) -> Result<u32, Fault> {
        self.ready(None)?;
        self.session.open()
    }

    /// Waits until both sides have said hello.
    fn ready(&mut self, limit: Option<Instant>) -> Result<(), Fault> {
        if self.session.is_ready() {
            return Ok(());
        }
        let hello = Instant::now() + HELLO;
        let deadline = limit.map_or(hello, |limit| limit.min(hello));
        while !self.session.is_ready() {
            self.flush()?;
            if !self.fill(Some(deadline))? {
                let text = format!("the service did not say hello within {HELLO:?}");
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
        self.call_with(0, &Borrowed(request), limit, Some(expected))?.decode()
    }

    /// Sends a request of any kind on a stream and waits for its reply; `limit` bounds the whole call. A call that takes
    /// longer is given up: the service is told, and a late reply is dropped.
    ///
    /// # Errors
    /// What the service answers, `Timeout`, or the loss of the stream or the connection.
    pub fn call_with(
        &mut self,
        stream: u32,
        request: &dyn Outgoing,
        limit: Option<Duration>,
        expected: Option<Expected>,
    ) -> Result<Incoming, Fault> {
        let trace = trace::client_send(&|| self.socket.peer(), request, None);
        let limit = inherited(limit);
        let late = || no_reply(request.name(), limit.unwrap_or_default());
        let answer = self.ask(stream, request, limit, trace);
        let answer = answer.and_then(|answer| answer.ok_or_else(late));
        if let Some(trace) = trace {
            trace::client_recv(&|| self.socket.peer(), trace, expected, answer.as_ref());
        }
        answer
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
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        if !self.send_until(stream, head, request, deadline)? {
            return Ok(None);
        }
        let mut others = VecDeque::new();
        let reply = loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            match self.receive(left) {
                Ok(Some(Received::Message(on, Some(call), message))) => {
                    if self.held {
                        self.session.consumed(on, message.payload.cost());
                    }
                    // Another number is that of a call that was given up.
                    if call == id {
                        break Ok(Some(message));
                    }
                }
                Ok(Some(Received::Error(_, Some(call), fault))) => {
                    if call == id {
                        break Err(fault);
                    }
                }
                Ok(Some(other)) => {
                    let end = match &other {
                        Received::Ended(on) if *on == stream => Some(no_answer()),
                        Received::Reset(on, fault) if *on == stream => Some(fault.clone()),
                        _ => None,
                    };
                    others.push_back(other);
                    if let Some(fault) = end {
                        break Err(fault);
                    }
                }
                Ok(None) => {
                    self.session.cancel(stream, id);
                    break self.write_until(Some(Instant::now())).map(|_| None);
                }
                Err(fault) => break Err(fault),
            }
        };
        others.append(&mut self.queue);
        self.queue = others;
        reply
    }

    /// Sends a message, waiting for credit while the peer does not read.
    pub fn send<M: Message>(&mut self, stream: u32, message: &M) -> Result<(), Fault> {
        self.send_until(stream, Head::default(), message, None)?;
        Ok(())
    }

    /// As [`Client::send`], for a message of any kind and for so long.
    ///
    /// # Errors
    /// `Timeout` when the peer does not read, and then the message is not sent; the loss of the stream or the connection.
    pub fn send_with(
        &mut self,
        stream: u32,
        message: &dyn Outgoing,
        limit: Option<Duration>,
    ) -> Result<(), Fault> {
        let trace = trace::client_send(&|| self.socket.peer(), message, None);
        let head = Head {
            trace,
            ..Head::default()
        };
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        match self.send_until(stream, head, message, deadline)? {
            true => Ok(()),
            false => {
                let text = format!("{} could not be sent: the peer does not read", message.name());
                Err(Fault::new(Code::Timeout, text))
            }
        }
    }

    /// Whether a message can be sent without waiting.
    pub fn may_send(&self, stream: u32) -> bool {
        self.session.credit(stream) > 0
    }

    /// Queues the message when there is credit and writes it as far as the time allows; `false` when there was none.
    fn send_until(
        &mut self,
        stream: u32,
        head: Head,
        message: &dyn Body,
        deadline: Option<Instant>,
    ) -> Result<bool, Fault> {
        self.ready(deadline)?;
        loop {
            // What is queued already goes first, so that a peer which reads nothing is not sent ever more.
            if !self.write_until(deadline)? {
                return Ok(false);
            }
            match self.session.send_body(stream, head, message) {
                Ok(()) => {
                    self.write_until(deadline)?;
                    return Ok(true);
                }
                Err(SendError::NoCredit) => {
                    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
                    match self.wait_event(left)? {
                        Some(event) => self.queue.push_back(event),
                        None => return Ok(false),
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

    /// Gives a stream up for both sides; the peer is told why.
    pub fn reset(&mut self, stream: u32, fault: &Fault) -> Result<(), Fault> {
        self.session.reset(stream, fault);
        self.flush()
    }

    /// The next thing that came on any stream; `None` when nothing came within `limit` (`None`: wait for
    /// ever).
    pub fn receive(&mut self, limit: Option<Duration>) -> Result<Option<Received>, Fault> {
        if let Some(event) = self.queue.pop_front() {
            return Ok(Some(event));
        }
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        self.write_until(deadline)?;
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        self.wait_event(left)
    }

    /// Writes all that is pending.
    pub fn flush(&mut self) -> Result<(), Fault> {
        self.write_until(None)?;
        Ok(())
    }

    /// As [`Client::flush`], for so long; `false` when the peer did not take all of it.
    fn write_until(&mut self, deadline: Option<Instant>) -> Result<bool, Fault> {
        while !self.session.pending().is_empty() {
            match self.socket.write(self.session.pending()) {
                Ok(n) => self.session.written(n),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if deadline.is_some_and(|at| Instant::now() >= at) {
                        return Ok(false);
                    }
                }
                // The peer may have said why it closed: what it sent last counts more than the pipe error.
                Err(error) => return Err(self.last_words().unwrap_or_else(|| lost(&error.to_string()))),
            }
        }
        Ok(true)
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
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            if let Some(event) = self.decode()? {
                return Ok(Some(event));
            }
            // Credit that was granted while decoding has to go out before waiting.
            while !self.session.pending().is_empty() {
                match self.socket.write(self.session.pending()) {
                    Ok(n) => self.session.written(n),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    // It goes out with what is written next; a peer that is gone shows when it is read.
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
                    let _ = self.socket.write_all(self.session.pending());
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
                if let (false, Received::Message(stream, _, message)) = (self.held, &received) {
                    self.session.consumed(*stream, message.payload.cost());
                }
                return Ok(Some(received));
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
        let set = |socket: &Socket| match at_once {
            true => socket.set_nonblocking(true),
            false => socket.set_read_timeout(left),
        };
        set(&self.socket).map_err(|error| lost(&error.to_string()))?;
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
