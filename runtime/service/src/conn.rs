//! One connection on an executor thread: a session, its socket, and the streams and calls that wait.
//!
//! A connection is one task. Each time it is polled it reads what there is, handles every frame in
//! place, and then writes all frames that this produced in one go: replies are gathered, and nothing
//! waits for a timer. Bytes are read into a buffer that all connections of the thread share; only the
//! beginning of an unfinished frame is kept per connection.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use gshell_net::Socket;
use gshell_net::rt::{self, Io};
use gshell_session::{Event, Head, SendError, Session, Side};
use gshell_sys::fdio;
use gshell_wire::{Fault, Limits};
use std::os::fd::AsFd;

use crate::buffers;
use crate::clock;
use crate::gathered::Gathered;
use crate::handlers::Handlers;
use crate::link::{Link, Peer};
use crate::payload::{Given, Outgoing};
use crate::table::Table;
use crate::{lost, send_fault};

/// Bytes of the read buffer that the connections of a thread share, to begin with. A read that does not fill it has
/// drained the socket; one that does doubles it.
const READ_BUFFER: usize = 8 << 10;
/// Bytes up to which it grows: larger reads gain nothing.
const LARGEST_READ: usize = 256 << 10;
/// Time that a connection which ends has to write what is pending.
const LINGER: Duration = Duration::from_secs(2);
/// Frames handled before other tasks of the thread get a turn.
const FRAMES_A_TURN: usize = 256;

pub(crate) struct Conn {
    io: Io<Socket>,
    pub(crate) session: RefCell<Session>,
    pub(crate) table: Table,
    /// Bytes of a frame that has not come whole.
    rest: RefCell<Gathered>,
    waker: RefCell<Option<Waker>>,
    /// Frames wait in the session's output and the task knows.
    flush_asked: Cell<bool>,
    started: Instant,
    timer: RefCell<Option<(Instant, rt::Sleep)>>,
    /// Since when it ends as soon as everything is written.
    closing: Cell<Option<Instant>>,
    /// Whole frames may be in `rest`.
    paused: Cell<bool>,
}

impl Conn {
    pub(crate) fn new(
        socket: Socket,
        side: Side,
        limits: Limits,
        handlers: Option<Rc<Handlers>>,
    ) -> std::io::Result<Rc<Conn>> {
        let peer = Peer::of(&socket);
        buffers::free_at_rest();
        Ok(Rc::new(Conn {
            io: Io::new(socket)?,
            session: RefCell::new(Session::new(side, limits, 0)),
            table: Table::new(handlers, peer),
            rest: RefCell::default(),
            waker: RefCell::default(),
            flush_asked: Cell::new(false),
            started: Instant::now(),
            timer: RefCell::default(),
            closing: Cell::new(None),
            paused: Cell::new(false),
        }))
    }

    fn now_ms(&self) -> u64 {
        clock::milliseconds(self.started.elapsed())
    }

    /// Has the connection's task look at its socket again.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Asks the connection's task to write what is pending, once, after the tasks that are ready now.
    pub(crate) fn ask_flush(&self) {
        if !self.flush_asked.replace(true) {
            self.wake();
        }
    }

    pub(crate) fn bye(&self, fault: &Fault) {
        self.session.borrow_mut().bye(fault);
        self.close();
    }

    /// Ends the connection after what is pending has been written.
    pub(crate) fn close(&self) {
        if self.closing.get().is_none() {
            self.closing.set(Some(Instant::now()));
        }
        self.flush_asked.set(false);
        self.ask_flush();
    }

    /// Sends when there is credit; the error is the fault for the caller, `None` means: wait for credit.
    pub(crate) fn try_send(
        &self,
        stream: u32,
        head: Head,
        message: &dyn Outgoing,
    ) -> Result<Option<()>, Fault> {
        let sent = {
            let mut session = self.session.borrow_mut();
            if session.pending_len() == 0 {
                session.lend(buffers::OUTPUT.take());
            }
            session.send_body(stream, head, message)
        };
        match sent {
            Ok(()) => {
                let written =
                    head.call.is_some() && self.is_lone_call() && matches!(self.write_now(), Ok(true));
                if !written {
                    self.ask_flush();
                }
                Ok(Some(()))
            }
            Err(SendError::NoCredit) => Ok(None),
            Err(error) => Err(send_fault(&error)),
        }
    }

    /// Whether there is nothing to gather: one call waits, and the connection's task does not run. Writing where the
    /// call is made then saves that task a turn. What goes wrong is seen by the task, which does it over.
    fn is_lone_call(&self) -> bool {
        !self.flush_asked.get() && self.table.calls() == 1
    }

    /// Tells the peer that nobody waits for the answer to `call` any more.
    pub(crate) fn cancel(&self, stream: u32, call: u32) {
        if self.session.borrow_mut().cancel(stream, call) {
            self.ask_flush();
        }
    }

    pub(crate) fn open(&self) -> Result<u32, Fault> {
        let id = self.session.borrow_mut().open()?;
        self.table.add(id);
        self.ask_flush();
        Ok(id)
    }

    pub(crate) fn end(&self, link: &Link, stream: u32) {
        let ended = self.session.borrow_mut().end(stream).is_ok();
        if ended {
            self.ask_flush();
            self.forget_ended(link, stream);
        }
    }

    /// Frees what is kept of a stream that both sides have ended.
    fn forget_ended(&self, link: &Link, stream: u32) {
        let both = self.session.borrow().has(stream);
        if !both && self.table.remove(stream).is_some() {
            self.table.closed(link, stream);
        }
    }

    pub(crate) fn reset(&self, stream: u32, fault: &Fault) {
        self.session.borrow_mut().reset(stream, fault);
        self.ask_flush();
    }

    /// Answers a request with an error; a peer that is gone does not need it.
    pub(crate) fn send_error(&self, stream: u32, call: Option<u32>, fault: &Fault) {
        if self.session.borrow_mut().send_error(stream, call, fault).is_ok() {
            self.ask_flush();
        }
    }

    pub(crate) fn consumed(&self, stream: u32, bytes: u32) {
        self.session.borrow_mut().consumed(stream, bytes);
        if self.session.borrow().pending_len() > 0 {
            self.ask_flush();
        }
    }

    pub(crate) fn hang_up(&self, link: &Link) -> bool {
        if self.table.gone().is_some() {
            return true;
        }
        if matches!(self.write_now(), Ok(false)) {
            self.close();
            return false;
        }
        self.finish(link, lost("closed"));
        true
    }

    /// Runs the connection until it ends; the fault says why.
    pub(crate) fn run(&self, link: &Link) -> impl Future<Output = Fault> {
        std::future::poll_fn(move |context| self.poll(link, context).map(|fault| self.finish(link, fault)))
    }

    fn finish(&self, link: &Link, fault: Fault) -> Fault {
        // Streams that somebody still holds must not keep the socket open.
        self.io.get_ref().shutdown(Shutdown::Both);
        self.table.finish(link, &fault);
        fault
    }

    /// Whether what reading produced may wait for the tasks that are ready now: on a client's side that is no answer, but
    /// credit as a rule, and whoever got a reply often sends the next request, which takes it along.
    fn may_wait(&self) -> bool {
        let wanted = self.closing.get().is_some() || self.session.borrow().pending_len() == 0;
        self.table.handlers.is_none() && !wanted
    }

    fn poll(&self, link: &Link, context: &mut TaskContext<'_>) -> Poll<Fault> {
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
        let idle = self.session.borrow().pending_len() == 0;
        let ended = self.read_all(link, context);
        self.flush_asked.set(false);
        if idle && ended.is_none() && self.may_wait() {
            context.waker().wake_by_ref();
            return self.poll_timer(context);
        }
        let written = self.write_all(context);
        match (ended, written) {
            (Some(fault), _) | (None, Err(fault)) => return Poll::Ready(fault),
            (None, Ok(true)) if self.closing.get().is_some() => return Poll::Ready(lost("closed")),
            _ => {}
        }
        self.poll_timer(context)
    }

    /// Reads and handles until the socket is drained; a fault when the connection is over.
    fn read_all(&self, link: &Link, context: &mut TaskContext<'_>) -> Option<Fault> {
        let mut frames = 0;
        loop {
            // Of a peer that is gone the rest is read, for its end is behind it.
            if self.is_too_much() && !self.io.poll_ended(context) {
                return None;
            }
            if self.paused.replace(false) {
                if let Err(fault) = self.feed(link, &mut frames) {
                    return Some(fault);
                }
                continue;
            }
            if self.io.poll_readable(context).is_pending() {
                return None;
            }
            if frames >= FRAMES_A_TURN {
                context.waker().wake_by_ref();
                return None;
            }
            let nothing_kept = self.rest.borrow().is_empty();
            let result = match nothing_kept {
                true => self.read_shared(link, &mut frames),
                false => self.read_more(link, &mut frames),
            };
            if result.is_some() {
                return result;
            }
        }
    }

    /// Reads into the buffer that the connections of the thread share.
    fn read_shared(&self, link: &Link, frames: &mut usize) -> Option<Fault> {
        let mut buffer = buffers::INPUT.take();
        if buffer.is_empty() {
            buffer = buffers::back();
        }
        if buffer.is_empty() {
            buffer.resize(READ_BUFFER, 0);
        }
        let n = match self.read(&mut buffer) {
            Ok(n) => n,
            Err(error) => {
                buffers::INPUT.put(buffer);
                return unless_again(&error);
            }
        };
        let size = buffer.len();
        let (mut buffer, left, fed) = buffers::lend(buffer, n, &mut |bytes| match bytes {
            [] => Err(lost("the peer closed it")),
            _ => self.handle_frames(link, bytes, frames),
        });
        if n < size {
            self.io.drained();
        } else if buffer.len() == size && size < LARGEST_READ {
            buffer.resize(size * 2, 0);
        }
        let spare = self.rest.borrow_mut().begin(buffer, left);
        buffers::INPUT.put(spare);
        fed.err()
    }

    /// Reads behind the beginning of a frame that has not come whole; the room grows with what comes, not with what the
    /// peer says will come.
    fn read_more(&self, link: &Link, frames: &mut usize) -> Option<Fault> {
        let read = self
            .rest
            .borrow_mut()
            .fill(|room| self.read(room).map(|n| (n, n < room.len())));
        match read {
            Ok((0, _)) => Some(lost("the peer closed it")),
            Ok((_, drained)) => {
                if drained {
                    self.io.drained();
                }
                self.feed(link, frames).err()
            }
            Err(error) => unless_again(&error),
        }
    }

    fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.io.try_read_with(|socket| fdio::recv(socket.as_fd(), buffer))
    }

    /// Whether the peer is to wait: the service has enough of it, or it asks and does not read its answers.
    fn is_too_much(&self) -> bool {
        self.table.is_held() || self.session.borrow().is_congested()
    }

    /// Handles what has been gathered.
    fn feed(&self, link: &Link, frames: &mut usize) -> Result<(), Fault> {
        // A handler that runs now may look at this connection, so its buffer is not borrowed meanwhile.
        let mut rest = self.rest.take();
        rest.feed(&mut |bytes| self.handle_frames(link, bytes, frames))?;
        self.rest.replace(rest);
        Ok(())
    }

    fn handle_frames(&self, link: &Link, bytes: &[u8], frames: &mut usize) -> Result<usize, Fault> {
        let began = Instant::now();
        let now = clock::milliseconds(began.saturating_duration_since(self.started));
        let _batch = clock::Batch::begin(began);
        let mut used = 0;
        while used < bytes.len() {
            let step = self.session.borrow_mut().input(&bytes[used..], now);
            match step {
                Ok(step) => {
                    if let Some(event) = step.event {
                        self.on_event(link, event)?;
                    }
                    if step.used == 0 {
                        return Ok(used);
                    }
                    used += step.used;
                    *frames += 1;
                    if used < bytes.len() && self.is_too_much() {
                        self.paused.set(true);
                        return Ok(used);
                    }
                }
                Err(lie) => {
                    // The session has queued the word for the peer; it is told once and dropped.
                    let _ = self.write_now();
                    return Err(lie.to_fault());
                }
            }
        }
        Ok(used)
    }

    fn on_event(&self, link: &Link, event: Event<'_>) -> Result<(), Fault> {
        let table = &self.table;
        match event {
            // Whoever wanted to send before the hellos were exchanged has been waiting.
            Event::Ready { .. } => table.wake_all(),
            Event::Opened { stream } => table.on_opened(link, stream),
            Event::Message {
                stream,
                key,
                head,
                payload,
            } => table.on_message(link, stream, key, &head, Given::Bytes(payload)),
            Event::Error { stream, call, fault } => table.on_error(stream, call, fault),
            Event::Cancelled { stream, call } => table.on_cancelled(link, stream, call),
            Event::Ended { stream } => {
                table.on_ended(link, stream);
                self.forget_ended(link, stream);
            }
            Event::Reset { stream, fault } => table.on_reset(link, stream, fault),
            Event::Credit { stream } => table.on_credit(stream),
            Event::Bye { fault } => return Err(fault),
        }
        Ok(())
    }

    /// Writes what is pending until all is out (`true`) or the socket is full.
    fn write_now(&self) -> Result<bool, Fault> {
        let mut session = self.session.borrow_mut();
        while session.pending_len() > 0 {
            match self.io.try_write_with(|socket| buffers::send(socket, &session)) {
                Ok(n) => session.written(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(&error.to_string())),
            }
        }
        buffers::OUTPUT.put(session.reclaim());
        Ok(true)
    }

    fn write_all(&self, context: &mut TaskContext<'_>) -> Result<bool, Fault> {
        let held_back = self.session.borrow().is_congested();
        loop {
            if self.write_now()? {
                if held_back {
                    // Reading goes on.
                    context.waker().wake_by_ref();
                }
                return Ok(true);
            }
            if self.io.poll_writable(context).is_pending() {
                return Ok(false);
            }
        }
    }

    fn sleep(&self, at: Instant, context: &mut TaskContext<'_>) -> Poll<()> {
        let mut timer = self.timer.borrow_mut();
        if timer.as_ref().is_none_or(|(set_for, _)| *set_for != at) {
            *timer = Some((at, rt::sleep_until(at)));
        }
        let Some((_, sleep)) = timer.as_mut() else {
            return Poll::Pending;
        };
        let slept = Pin::new(sleep).poll(context);
        if slept.is_ready() {
            *timer = None;
        }
        slept
    }

    /// Deadlines of the session: the hello, and keepalive where it is on.
    fn poll_timer(&self, context: &mut TaskContext<'_>) -> Poll<Fault> {
        if let Some(since) = self.closing.get() {
            // The session has said its last word; only the time to write it is left.
            return match self.sleep(since + LINGER, context) {
                Poll::Ready(()) => Poll::Ready(lost("closed, with a peer that does not read")),
                Poll::Pending => Poll::Pending,
            };
        }
        loop {
            let Some(at) = self.session.borrow().next_tick() else {
                self.timer.take();
                return Poll::Pending;
            };
            let at = self.started + Duration::from_millis(at);
            if self.sleep(at, context).is_pending() {
                return Poll::Pending;
            }
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

/// A read that is to be tried again later is no fault.
fn unless_again(error: &std::io::Error) -> Option<Fault> {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted => None,
        _ => Some(lost(&error.to_string())),
    }
}
