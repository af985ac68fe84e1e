//! One connection on an executor thread: a session, its socket, and the streams and calls that wait.
//!
//! A connection is one task. Each time it is polled it reads what there is, handles every frame in
//! place, and then writes all frames that this produced in one go: replies are gathered, and nothing
//! waits for a timer. Bytes are read into a buffer that all connections of the thread share; only the
//! beginning of an unfinished frame is kept per connection.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use gshell_net::rt::{self, Io};
use gshell_session::{Body, Event, Head, OUTPUT_HIGH, SendError, Session, Side};
use gshell_sys::{fdio, peer::Credentials};
use gshell_wire::{Code, Fault, Limits};
use std::os::fd::AsFd;

use crate::handlers::Handlers;
use crate::lost;
use crate::stream::{Incoming, StreamState};

/// Bytes of the read buffer that the connections of a thread share, to begin with. A read that does not fill it has
/// drained the socket; one that does doubles it.
const READ_BUFFER: usize = 8 << 10;
/// Bytes up to which it grows: larger reads gain nothing.
const LARGEST_READ: usize = 64 << 10;
/// Frames handled before other tasks of the thread get a turn.
const FRAMES_A_TURN: usize = 256;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A call that waits for its reply.
#[derive(Default)]
pub(crate) struct PendingCall {
    pub(crate) answer: RefCell<Option<Result<Incoming, Fault>>>,
    pub(crate) waker: RefCell<Option<Waker>>,
}

impl PendingCall {
    fn answer(&self, answer: Result<Incoming, Fault>) {
        *self.answer.borrow_mut() = Some(answer);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

pub(crate) struct Conn {
    io: Io<UnixStream>,
    pub(crate) session: RefCell<Session>,
    pub(crate) streams: RefCell<HashMap<u32, Rc<StreamState>>>,
    pub(crate) calls: RefCell<HashMap<u32, Rc<PendingCall>>>,
    last_call: Cell<u32>,
    /// Bytes of a frame that has not come whole.
    rest: RefCell<Vec<u8>>,
    waker: RefCell<Option<Waker>>,
    /// Frames wait in the session's output and the task knows.
    flush_asked: Cell<bool>,
    gone: RefCell<Option<Fault>>,
    pub(crate) handlers: Option<Rc<Handlers>>,
    pub(crate) peer: Credentials,
    started: Instant,
    timer: RefCell<Option<(u64, rt::Sleep)>>,
    closing: Cell<bool>,
}

impl Conn {
    pub(crate) fn new(
        socket: UnixStream,
        side: Side,
        limits: Limits,
        handlers: Option<Rc<Handlers>>,
        peer: Credentials,
    ) -> std::io::Result<Rc<Conn>> {
        Ok(Rc::new(Conn {
            io: Io::new(socket)?,
            session: RefCell::new(Session::new(side, limits, 0)),
            streams: RefCell::default(),
            calls: RefCell::default(),
            last_call: Cell::new(0),
            rest: RefCell::default(),
            waker: RefCell::default(),
            flush_asked: Cell::new(false),
            gone: RefCell::default(),
            handlers,
            peer,
            started: Instant::now(),
            timer: RefCell::default(),
            closing: Cell::new(false),
        }))
    }

    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// The fault that ended the connection, when it has ended.
    pub(crate) fn gone(&self) -> Option<Fault> {
        self.gone.borrow().clone()
    }

    /// Asks the connection's task to write what is pending, once, after the tasks that are ready now.
    pub(crate) fn ask_flush(&self) {
        if !self.flush_asked.replace(true)
            && let Some(waker) = &*self.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }

    /// Ends the connection after what is pending has been written.
    pub(crate) fn close(&self) {
        self.closing.set(true);
        self.flush_asked.set(false);
        self.ask_flush();
    }

    pub(crate) fn next_call(&self) -> u32 {
        let id = self.last_call.get().wrapping_add(1);
        self.last_call.set(id);
        id
    }

    pub(crate) fn state(&self, stream: u32) -> Rc<StreamState> {
        self.streams.borrow_mut().entry(stream).or_default().clone()
    }

    /// Sends when there is credit; the error is the fault for the caller, `None` means: wait for credit.
    pub(crate) fn try_send(&self, stream: u32, head: Head, message: &dyn Body) -> Result<Option<()>, Fault> {
        if let Some(fault) = self.gone() {
            return Err(fault);
        }
        let sent = self.session.borrow_mut().send_body(stream, head, message);
        match sent {
            Ok(()) => {
                self.ask_flush();
                Ok(Some(()))
            }
            Err(SendError::NoCredit) => Ok(None),
            Err(error) => Err(send_fault(&error)),
        }
    }

    /// Answers a request with an error; a peer that is gone does not need it.
    pub(crate) fn send_error(&self, stream: u32, call: Option<u32>, fault: &Fault) {
        if self.session.borrow_mut().send_error(stream, call, fault).is_ok() {
            self.ask_flush();
        }
    }

    pub(crate) fn consumed(&self, stream: u32, bytes: u32) {
        self.session.borrow_mut().consumed(stream, bytes);
        if !self.session.borrow().pending().is_empty() {
            self.ask_flush();
        }
    }

    /// Runs the connection until it ends; the fault says why.
    pub(crate) fn run(self: Rc<Self>) -> impl Future<Output = Fault> {
        std::future::poll_fn(move |context| self.poll(context).map(|fault| self.finish(fault)))
    }

    fn finish(&self, fault: Fault) -> Fault {
        *self.gone.borrow_mut() = Some(fault.clone());
        for (_, call) in self.calls.borrow_mut().drain() {
            call.answer(Err(fault.clone()));
        }
        let streams: Vec<_> = self.streams.borrow_mut().drain().collect();
        for (_, state) in streams {
            state.fail(fault.clone());
        }
        fault
    }

    fn poll(self: &Rc<Self>, context: &mut TaskContext<'_>) -> Poll<Fault> {
        let known = self
            .waker
            .borrow()
            .as_ref()
            .is_some_and(|waker| waker.will_wake(context.waker()));
        if !known {
            *self.waker.borrow_mut() = Some(context.waker().clone());
        }
        // Whatever handlers send from here on is written below without another wake-up.
        self.flush_asked.set(true);
        let ended = self.read_all(context);
        self.flush_asked.set(false);
        let written = self.write_all(context);
        match (ended, written) {
            (Some(fault), _) | (None, Err(fault)) => return Poll::Ready(fault),
            (None, Ok(true)) if self.closing.get() => return Poll::Ready(lost("closed")),
            _ => {}
        }
        self.poll_timer(context)
    }

    /// Reads and handles until the socket is drained; a fault when the connection is over.
    fn read_all(self: &Rc<Self>, context: &mut TaskContext<'_>) -> Option<Fault> {
        let mut frames = 0;
        loop {
            let mut readable = std::pin::pin!(self.io.readable());
            if readable.as_mut().poll(context).is_pending() {
                return None;
            }
            if self.session.borrow().pending().len() > OUTPUT_HIGH {
                // A peer that asks and does not read is not read either, until it has taken its answers.
                return None;
            }
            if frames >= FRAMES_A_TURN {
                context.waker().wake_by_ref();
                return None;
            }
            let taken = BUFFER.with(|buffer| buffer.take());
            let mut buffer = if taken.is_empty() {
                vec![0; READ_BUFFER]
            } else {
                taken
            };
            let read = self
                .io
                .try_read_with(|socket| fdio::read(socket.as_fd(), &mut buffer));
            let result = match read {
                Ok(0) => Some(lost("the peer closed it")),
                Ok(n) => {
                    let fed = self.feed(&buffer[..n], &mut frames).err();
                    if n < buffer.len() {
                        self.io.drained();
                    } else if n < LARGEST_READ {
                        buffer.resize(n * 2, 0);
                    }
                    fed
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => None,
                Err(error) => Some(lost(&error.to_string())),
            };
            BUFFER.with(|slot| slot.replace(buffer));
            if result.is_some() {
                return result;
            }
        }
    }

    fn feed(self: &Rc<Self>, bytes: &[u8], frames: &mut usize) -> Result<(), Fault> {
        if self.rest.borrow().is_empty() {
            let used = self.handle_frames(bytes, frames)?;
            self.rest.borrow_mut().extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        let mut rest = self.rest.take();
        rest.extend_from_slice(bytes);
        let used = self.handle_frames(&rest, frames)?;
        rest.drain(..used);
        if rest.is_empty() && rest.capacity() > LARGEST_READ {
            rest = Vec::new();
        }
        self.rest.replace(rest);
        Ok(())
    }

    fn handle_frames(self: &Rc<Self>, bytes: &[u8], frames: &mut usize) -> Result<usize, Fault> {
        let now = self.now_ms();
        let mut used = 0;
        loop {
            let step = self.session.borrow_mut().input(&bytes[used..], now);
            match step {
                Ok(step) => {
                    if let Some(event) = step.event {
                        self.on_event(event)?;
                    }
                    if step.used == 0 {
                        return Ok(used);
                    }
                    used += step.used;
                    *frames += 1;
                }
                Err(lie) => {
                    // The session has queued the word for the peer; it is told once and dropped.
                    let _ = self.write_now();
                    return Err(lie.to_fault());
                }
            }
        }
    }

    fn on_event(self: &Rc<Self>, event: Event<'_>) -> Result<(), Fault> {
        match event {
            // Whoever wanted to send before the hellos were exchanged has been waiting.
            Event::Ready { .. } => self.streams.borrow().values().for_each(|state| state.wake()),
            Event::Opened { stream } => {
                self.state(stream);
            }
            Event::Message {
                stream,
                key,
                head,
                payload,
            } => self.on_message(stream, key, head, payload),
            Event::Error { stream, call, fault } => self.on_error(stream, call, fault),
            Event::Cancelled { .. } => {}
            Event::Ended { stream } => self.state(stream).end(),
            Event::Reset { stream, fault } => {
                let state = self.streams.borrow_mut().remove(&stream);
                if let Some(state) = state {
                    state.fail(fault);
                }
            }
            Event::Credit { stream } => {
                let state = self.streams.borrow().get(&stream).cloned();
                if let Some(state) = state {
                    state.wake();
                }
            }
            Event::Bye { fault } => return Err(fault),
        }
        Ok(())
    }

    fn on_message(self: &Rc<Self>, stream: u32, key: u64, head: Head, payload: &[u8]) {
        if let Some(handlers) = &self.handlers {
            if handlers.clone().dispatch(self, stream, key, &head, payload) {
                return;
            }
        } else if let Some(id) = head.call {
            let call = self.calls.borrow_mut().remove(&id);
            self.consumed(stream, payload.len() as u32);
            if let Some(call) = call {
                call.answer(Ok(Incoming {
                    key,
                    payload: payload.to_vec(),
                }));
            }
            return;
        }
        self.state(stream).push(Incoming {
            key,
            payload: payload.to_vec(),
        });
    }

    fn on_error(self: &Rc<Self>, stream: u32, call: Option<u32>, fault: Fault) {
        match call {
            Some(id) => {
                let call = self.calls.borrow_mut().remove(&id);
                if let Some(call) = call {
                    call.answer(Err(fault));
                }
            }
            None => self.state(stream).push_fault(fault),
        }
    }

    /// Writes what is pending until all is out (`true`) or the socket is full.
    fn write_now(&self) -> Result<bool, Fault> {
        let mut session = self.session.borrow_mut();
        while !session.pending().is_empty() {
            match self
                .io
                .try_write_with(|socket| fdio::write(socket.as_fd(), session.pending()))
            {
                Ok(n) => session.written(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(&error.to_string())),
            }
        }
        Ok(true)
    }

    fn write_all(&self, context: &mut TaskContext<'_>) -> Result<bool, Fault> {
        let held_back = self.session.borrow().pending().len() > OUTPUT_HIGH;
        loop {
            if self.write_now()? {
                if held_back {
                    // Reading goes on.
                    context.waker().wake_by_ref();
                }
                return Ok(true);
            }
            let mut writable = std::pin::pin!(self.io.writable());
            if writable.as_mut().poll(context).is_pending() {
                return Ok(false);
            }
        }
    }

    /// Deadlines of the session: the hello, and keepalive where it is on.
    fn poll_timer(&self, context: &mut TaskContext<'_>) -> Poll<Fault> {
        loop {
            let Some(at) = self.session.borrow().next_tick() else {
                self.timer.take();
                return Poll::Pending;
            };
            let mut timer = self.timer.borrow_mut();
            if timer.as_ref().is_none_or(|(set_for, _)| *set_for != at) {
                *timer = Some((at, rt::sleep_until(self.started + Duration::from_millis(at))));
            }
            let Some((_, sleep)) = timer.as_mut() else {
                return Poll::Pending;
            };
            if Pin::new(sleep).poll(context).is_pending() {
                return Poll::Pending;
            }
            *timer = None;
            drop(timer);
            let ticked = self.session.borrow_mut().tick(self.now_ms());
            if let Err(lie) = ticked {
                let _ = self.write_now();
                return Poll::Ready(lie.to_fault());
            }
            if let Err(fault) = self.write_now() {
                return Poll::Ready(fault);
            }
        }
    }
}

/// What a refused send means to the one who sent.
pub(crate) fn send_fault(error: &SendError) -> Fault {
    let code = match error {
        SendError::TooLong { .. } => Code::Limit,
        SendError::NoCredit => Code::Busy,
        _ => Code::State,
    };
    Fault::new(code, error.to_string())
}
