//! What both kinds of connections keep: their streams, the calls that wait, and what is done with what comes.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};

use gshell_session::Head;
use gshell_wire::Fault;

use crate::calls::{Answer, Calls, Read};
use crate::handlers::Handlers;
use crate::link::{Link, Peer};
use crate::payload::{Given, Incoming};
use crate::stream::StreamState;

/// Streams and calls of one connection.
pub(crate) struct Table {
    /// By rising number.
    streams: RefCell<Vec<(u32, Rc<StreamState>)>>,
    calls: RefCell<Calls>,
    gone: OnceCell<Fault>,
    /// A server's.
    pub(crate) handlers: Option<Rc<Handlers>>,
    pub(crate) peer: Peer,
    /// Reasons not to read what comes.
    held: Cell<u32>,
}

impl Table {
    pub(crate) fn new(handlers: Option<Rc<Handlers>>, peer: Peer) -> Table {
        let table = Table {
            streams: RefCell::default(),
            calls: RefCell::default(),
            gone: OnceCell::new(),
            handlers,
            peer,
            held: Cell::new(0),
        };
        table.add(0);
        table
    }

    /// The fault that ended the connection, when it has ended.
    pub(crate) fn gone(&self) -> Option<&Fault> {
        self.gone.get()
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held.get() > 0
    }

    pub(crate) fn hold(&self) {
        self.held.set(self.held.get() + 1);
    }

    /// Takes one reason away; whether it was the last.
    pub(crate) fn release(&self) -> bool {
        let left = self.held.get().saturating_sub(1);
        self.held.set(left);
        left == 0
    }

    /// A stream that was opened.
    pub(crate) fn add(&self, stream: u32) -> Rc<StreamState> {
        let mut streams = self.streams.borrow_mut();
        let place = match place(&streams, stream) {
            Ok(place) => return streams[place].1.clone(),
            Err(place) => place,
        };
        let state = Rc::<StreamState>::default();
        streams.insert(place, (stream, state.clone()));
        state
    }

    pub(crate) fn find(&self, stream: u32) -> Option<Rc<StreamState>> {
        let streams = self.streams.borrow();
        let place = place(&streams, stream).ok()?;
        Some(streams[place].1.clone())
    }

    /// A stream that is no more; whoever has it still reads what came.
    pub(crate) fn remove(&self, stream: u32) -> Option<Rc<StreamState>> {
        let mut streams = self.streams.borrow_mut();
        let place = place(&streams, stream).ok()?;
        Some(streams.remove(place).1)
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.borrow().len()
    }

    /// A number for a call, under which its answer is waited for.
    pub(crate) fn begin_call(&self, stream: u32, read: Option<Read>) -> u32 {
        self.calls.borrow_mut().begin(stream, read)
    }

    /// The answer to a call, which then is over.
    pub(crate) fn poll_call(&self, id: u32, context: &Context<'_>) -> Poll<Answer> {
        self.calls.borrow_mut().poll(id, context.waker())
    }

    /// Calls that wait.
    pub(crate) fn calls(&self) -> usize {
        self.calls.borrow().waiting()
    }

    /// Forgets a call; whether it still waited.
    pub(crate) fn end_call(&self, id: u32) -> bool {
        // An answer that nobody took is dropped when nothing is borrowed any more.
        let (waited, untaken) = self.calls.borrow_mut().end(id);
        drop(untaken);
        waited
    }

    fn answer(&self, id: u32, answer: Answer) {
        // A late reply to a call that was given up is for nobody.
        let nobodys = self.calls.borrow_mut().answer(id, answer);
        drop(nobodys);
    }

    /// Fails the calls of a stream on which no more answers can come.
    fn fail_calls(&self, stream: u32, fault: &Fault) {
        self.calls.borrow_mut().fail(Some(stream), fault);
    }

    /// Wakes whoever waits on any stream.
    pub(crate) fn wake_all(&self) {
        self.streams.borrow().iter().for_each(|(_, state)| state.wake());
    }

    pub(crate) fn on_opened(&self, link: &Link, stream: u32) {
        self.add(stream);
        if let Some(handlers) = &self.handlers {
            handlers.opened(link, stream);
        }
    }

    pub(crate) fn on_message(&self, link: &Link, stream: u32, key: u64, head: &Head, given: Given<'_>) {
        // Late messages on a stream that this side has reset are dropped.
        let Some(state) = self.find(stream) else { return };
        if let Some(handlers) = &self.handlers {
            return handlers.dispatch(link, stream, state, key, head, given);
        }
        let Some(id) = head.call else {
            return self.for_reader(link, stream, key, given);
        };
        link.consumed(stream, &state, given.cost());
        let payload = match given {
            // Decoded from the buffer that was read into: no copy of it is made first.
            Given::Bytes(bytes) => {
                let reads = self.calls.borrow_mut().reads(id);
                let read = reads.and_then(|reads| reads(key, bytes));
                read.unwrap_or_else(|| given.into_payload())
            }
            Given::Owned(payload) => payload,
        };
        self.answer(id, Ok(Incoming { key, payload }));
    }

    /// Queues a message for whoever receives on the stream.
    pub(crate) fn for_reader(&self, link: &Link, stream: u32, key: u64, given: Given<'_>) {
        let Some(state) = self.find(stream) else { return };
        if state.abandoned.get() {
            return link.reset(stream, &crate::abandoned());
        }
        state.push(Incoming {
            key,
            payload: given.into_payload(),
        });
    }

    pub(crate) fn on_error(&self, stream: u32, call: Option<u32>, fault: Fault) {
        match call {
            Some(id) => self.answer(id, Err(fault)),
            None => {
                if let Some(state) = self.find(stream) {
                    state.push_fault(fault);
                }
            }
        }
    }

    /// The peer waits no longer for the answer to `call`.
    pub(crate) fn on_cancelled(&self, link: &Link, stream: u32, call: u32) {
        if let Some(handlers) = &self.handlers {
            handlers.cancelled(link, stream, call);
        }
    }

    pub(crate) fn on_credit(&self, stream: u32) {
        if let Some(state) = self.find(stream) {
            state.wake();
        }
    }

    /// The peer sends no more on the stream.
    pub(crate) fn on_ended(&self, link: &Link, stream: u32) {
        if let Some(state) = self.find(stream) {
            state.end();
            if self.handlers.is_some() && state.is_over() {
                link.end(stream);
            }
        }
        if self.handlers.is_none() {
            self.fail_calls(stream, &crate::no_answer());
        }
    }

    /// The stream is gone, for both.
    pub(crate) fn on_reset(&self, link: &Link, stream: u32, fault: Fault) {
        if let Some(state) = self.remove(stream) {
            self.fail_calls(stream, &fault);
            state.fail(fault);
            self.closed(link, stream);
        }
    }

    /// Tells the handlers that a stream is no more.
    pub(crate) fn closed(&self, link: &Link, stream: u32) {
        if let Some(handlers) = &self.handlers {
            handlers.closed(link, stream);
        }
    }

    /// Fails everything that waits.
    pub(crate) fn finish(&self, link: &Link, fault: &Fault) {
        let _ = self.gone.set(fault.clone());
        self.calls.borrow_mut().fail(None, fault);
        let streams: Vec<_> = self.streams.take();
        for (_, state) in streams {
            state.fail(fault.clone());
        }
        if let Some(handlers) = &self.handlers {
            handlers.gone(link);
        }
    }
}

/// Where a stream is, or would be. Numbers rise by one, so without gaps the place follows from the number; each stream that
/// is gone moves it to the left.
fn place(streams: &[(u32, Rc<StreamState>)], stream: u32) -> Result<usize, usize> {
    let first = streams.first().map_or(stream, |(first, _)| *first);
    let guess = stream.wrapping_sub(first) as usize;
    match streams.get(guess) {
        Some((id, _)) if *id == stream => Ok(guess),
        _ => streams.binary_search_by_key(&stream, |(id, _)| *id),
    }
}
