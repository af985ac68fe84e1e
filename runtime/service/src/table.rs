//! What both kinds of connections keep: their streams, the calls that wait, and what is done with what comes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::task::{Context, Waker};

use gshell_session::Head;
use gshell_wire::Fault;

use crate::handlers::Handlers;
use crate::link::{Link, Peer};
use crate::payload::{Given, Incoming};
use crate::stream::StreamState;

/// A call that waits for its reply.
pub(crate) struct PendingCall {
    stream: u32,
    pub(crate) answer: RefCell<Option<Result<Incoming, Fault>>>,
    waker: RefCell<Option<Waker>>,
}

impl PendingCall {
    pub(crate) fn wait(&self, context: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(known) => known.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
    }

    fn answer(&self, answer: Result<Incoming, Fault>) {
        *self.answer.borrow_mut() = Some(answer);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// Spreads numbers that this program counts up itself, so there is nothing to defend against and a multiplication does.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32((*byte).into());
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

type ByNumber<T> = HashMap<u32, T, BuildHasherDefault<Spread>>;

/// Streams and calls of one connection.
pub(crate) struct Table {
    streams: RefCell<ByNumber<Rc<StreamState>>>,
    calls: RefCell<ByNumber<Rc<PendingCall>>>,
    last_call: Cell<u32>,
    gone: RefCell<Option<Fault>>,
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
            last_call: Cell::new(0),
            gone: RefCell::default(),
            handlers,
            peer,
            held: Cell::new(0),
        };
        table.add(0);
        table
    }

    /// The fault that ended the connection, when it has ended.
    pub(crate) fn gone(&self) -> Option<Fault> {
        self.gone.borrow().clone()
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
        self.streams.borrow_mut().entry(stream).or_default().clone()
    }

    pub(crate) fn find(&self, stream: u32) -> Option<Rc<StreamState>> {
        self.streams.borrow().get(&stream).cloned()
    }

    /// A stream that is no more; whoever has it still reads what came.
    pub(crate) fn remove(&self, stream: u32) -> Option<Rc<StreamState>> {
        self.streams.borrow_mut().remove(&stream)
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.borrow().len()
    }

    /// A number and a place for a call's answer.
    pub(crate) fn begin_call(&self, stream: u32) -> (u32, Rc<PendingCall>) {
        let id = self.last_call.get().wrapping_add(1);
        self.last_call.set(id);
        let pending = Rc::new(PendingCall {
            stream,
            answer: RefCell::default(),
            waker: RefCell::default(),
        });
        self.calls.borrow_mut().insert(id, pending.clone());
        (id, pending)
    }

    /// Calls that wait.
    pub(crate) fn calls(&self) -> usize {
        self.calls.borrow().len()
    }

    /// Forgets a call; whether it still waited.
    pub(crate) fn end_call(&self, id: u32) -> bool {
        self.calls.borrow_mut().remove(&id).is_some()
    }

    /// Fails the calls of a stream on which no more answers can come.
    fn fail_calls(&self, stream: u32, fault: &Fault) {
        let failed: Vec<_> = self
            .calls
            .borrow_mut()
            .extract_if(|_, call| call.stream == stream)
            .collect();
        for (_, call) in failed {
            call.answer(Err(fault.clone()));
        }
    }

    /// Wakes whoever waits on any stream.
    pub(crate) fn wake_all(&self) {
        self.streams.borrow().values().for_each(|state| state.wake());
    }

    pub(crate) fn on_opened(&self, link: &Link, stream: u32) {
        self.add(stream);
        if let Some(handlers) = &self.handlers {
            handlers.opened(link, stream);
        }
    }

    pub(crate) fn on_message(&self, link: &Link, stream: u32, key: u64, head: &Head, given: Given<'_>) {
        if let Some(handlers) = &self.handlers {
            return handlers.clone().dispatch(link, stream, key, head, given);
        }
        let Some(id) = head.call else {
            return self.for_reader(link, stream, key, given);
        };
        link.consumed(stream, given.cost());
        // A late reply to a call that was given up is for nobody.
        let call = self.calls.borrow_mut().remove(&id);
        if let Some(call) = call {
            call.answer(Ok(Incoming {
                key,
                payload: given.into_payload(),
            }));
        }
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
            Some(id) => {
                let call = self.calls.borrow_mut().remove(&id);
                if let Some(call) = call {
                    call.answer(Err(fault));
                }
            }
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
        *self.gone.borrow_mut() = Some(fault.clone());
        let calls: Vec<_> = self.calls.borrow_mut().drain().collect();
        for (_, call) in calls {
            call.answer(Err(fault.clone()));
        }
        let streams: Vec<_> = self.streams.borrow_mut().drain().collect();
        for (_, state) in streams {
            state.fail(fault.clone());
        }
        if let Some(handlers) = &self.handlers {
            handlers.gone(link);
        }
    }
}
