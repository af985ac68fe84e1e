//! Streams: an ordered pair of message queues inside a connection.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use gshell_session::{Body, Head};
use gshell_wire::{Code, DecodeError, Fault, Message, decode};

use crate::conn::{Conn, PendingCall};

/// Messages and errors that wait on a stream when further errors are dropped.
const MOST_FAULTS: usize = 16;

/// A message that came, not yet decoded.
#[derive(Debug)]
pub struct Incoming {
    /// Its key.
    pub key: u64,
    /// Its postcard bytes.
    pub payload: Vec<u8>,
}

impl Incoming {
    /// Whether this is an `M`.
    pub fn is<M: Message>(&self) -> bool {
        self.key == M::KEY
    }

    /// Decodes it as an `M`; another key or a payload that does not read is a fault that names `M`.
    pub fn decode<M: Message>(&self) -> Result<M, Fault> {
        if !self.is::<M>() {
            return Err(self.unexpected(M::NAME));
        }
        read(&self.payload)
    }

    fn unexpected(&self, name: &str) -> Fault {
        let text = format!("expected {name}, got a message with key {:016x}", self.key);
        Fault::new(Code::UnknownMessage, text)
    }
}

/// Decodes a payload; the fault names `M`.
pub(crate) fn read<M: Message>(payload: &[u8]) -> Result<M, Fault> {
    decode(payload).map_err(|error| unreadable(M::NAME, &error))
}

fn unreadable(name: &str, error: &DecodeError) -> Fault {
    Fault::new(Code::BadMessage, format!("{name} does not read: {error}"))
}

/// What a connection keeps of one stream.
#[derive(Default)]
pub(crate) struct StreamState {
    inbound: RefCell<VecDeque<Result<Incoming, Fault>>>,
    /// The peer sends no more.
    ended: Cell<bool>,
    /// The stream is gone.
    fault: RefCell<Option<Fault>>,
    waiting: RefCell<Vec<Waker>>,
    /// A handler reads this stream: messages without a handler of their own are for it.
    pub(crate) taken: Cell<bool>,
}

impl StreamState {
    pub(crate) fn wake(&self) {
        for waker in self.waiting.take() {
            waker.wake();
        }
    }

    pub(crate) fn push(&self, message: Incoming) {
        // Bounded by the stream's credit: a sender without credit is cut off by the session.
        self.inbound.borrow_mut().push_back(Ok(message));
        self.wake();
    }

    pub(crate) fn push_fault(&self, fault: Fault) {
        // Errors cost no credit, so they are bounded here.
        if self.inbound.borrow().len() >= MOST_FAULTS {
            return;
        }
        self.inbound.borrow_mut().push_back(Err(fault));
        self.wake();
    }

    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.wake();
    }

    pub(crate) fn fail(&self, fault: Fault) {
        *self.fault.borrow_mut() = Some(fault);
        self.wake();
    }

    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault.borrow().clone()
    }

    fn wait(&self, context: &Context<'_>) {
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
    }
}

/// One stream of a connection, on either side.
#[derive(Clone)]
pub struct Stream {
    pub(crate) conn: Rc<Conn>,
    pub(crate) id: u32,
    pub(crate) state: Rc<StreamState>,
}

impl Stream {
    pub(crate) fn new(conn: Rc<Conn>, id: u32) -> Stream {
        let state = conn.state(id);
        Stream { conn, id, state }
    }

    /// Number of the stream in its connection; 0 is the default stream.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Sends a message, waiting for credit while the peer does not read.
    pub async fn send<M: Message>(&self, message: &M) -> Result<(), Fault> {
        self.send_with(Head::default(), message).await
    }

    pub(crate) async fn send_with(&self, head: Head, message: &dyn Body) -> Result<(), Fault> {
        std::future::poll_fn(|context| {
            if let Some(fault) = self.state.fault() {
                return Poll::Ready(Err(fault));
            }
            match self.conn.try_send(self.id, head, message) {
                Ok(Some(())) => Poll::Ready(Ok(())),
                Ok(None) => {
                    self.state.wait(context);
                    Poll::Pending
                }
                Err(fault) => Poll::Ready(Err(fault)),
            }
        })
        .await
    }

    /// Sends when there is credit right now; `false` when there is none.
    pub fn try_send<M: Message>(&self, message: &M) -> Result<bool, Fault> {
        if let Some(fault) = self.state.fault() {
            return Err(fault);
        }
        Ok(self.conn.try_send(self.id, Head::default(), message)?.is_some())
    }

    /// The next message; `None` when the peer has ended its side. An error that the peer sent, or the
    /// loss of the stream, is the fault.
    pub async fn recv(&self) -> Result<Option<Incoming>, Fault> {
        std::future::poll_fn(|context| {
            let next = self.state.inbound.borrow_mut().pop_front();
            match next {
                Some(Ok(message)) => {
                    self.conn.consumed(self.id, message.payload.len() as u32);
                    Poll::Ready(Ok(Some(message)))
                }
                Some(Err(fault)) => Poll::Ready(Err(fault)),
                None => match self.state.fault() {
                    Some(fault) => Poll::Ready(Err(fault)),
                    None if self.state.ended.get() => Poll::Ready(Ok(None)),
                    None => {
                        self.state.wait(context);
                        Poll::Pending
                    }
                },
            }
        })
        .await
    }

    /// Sends a request and waits for its reply. A late reply to a call that was given up is dropped, it
    /// never answers another.
    pub async fn call<Q: Message, R: Message>(&self, request: &Q) -> Result<R, Fault> {
        self.ask(request).await?.decode()
    }

    async fn ask(&self, request: &dyn Body) -> Result<Incoming, Fault> {
        let id = self.conn.next_call();
        let pending = Rc::new(PendingCall::default());
        self.conn.calls.borrow_mut().insert(id, pending.clone());
        let _forget = Forget { conn: &self.conn, id };
        self.send_with(
            Head {
                call: Some(id),
                ..Head::default()
            },
            request,
        )
        .await?;
        std::future::poll_fn(|context| match pending.answer.borrow_mut().take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                *pending.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    /// Says that this side sends no more. A second time does nothing.
    pub fn end(&self) {
        if self.conn.session.borrow_mut().end(self.id).is_ok() {
            self.conn.ask_flush();
        }
    }

    /// Gives the stream up for both sides.
    pub fn reset(&self, fault: &Fault) {
        self.conn.session.borrow_mut().reset(self.id, fault);
        self.conn.streams.borrow_mut().remove(&self.id);
        self.state.fail(fault.clone());
        self.conn.ask_flush();
    }

    /// Waits until both sides of the connection have said hello.
    pub(crate) async fn ready(&self) -> Result<(), Fault> {
        std::future::poll_fn(|context| {
            if let Some(fault) = self.state.fault().or_else(|| self.conn.gone()) {
                return Poll::Ready(Err(fault));
            }
            if self.conn.session.borrow().is_ready() {
                return Poll::Ready(Ok(()));
            }
            self.state.wait(context);
            Poll::Pending
        })
        .await
    }

    /// Waits until the stream or its connection is gone, and says why.
    pub fn lost(&self) -> impl Future<Output = Fault> + use<> {
        let (state, conn) = (self.state.clone(), self.conn.clone());
        std::future::poll_fn(move |context| match state.fault().or_else(|| conn.gone()) {
            Some(fault) => Poll::Ready(fault),
            None => {
                state.wait(context);
                Poll::Pending
            }
        })
    }
}

/// Takes a call out of the table when its caller stops waiting.
struct Forget<'a> {
    conn: &'a Conn,
    id: u32,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.conn.calls.borrow_mut().remove(&self.id);
    }
}
