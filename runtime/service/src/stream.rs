//! Streams: an ordered pair of message queues inside a connection.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gshell_net::rt;
use gshell_session::Head;
use gshell_wire::{Code, Fault, Message};

use crate::builtin;
use crate::calls::Read;
use crate::link::{Link, Peer};
use crate::payload::{Incoming, Outgoing, Typed, read_early};
use crate::request::{CallOptions, Request};
use crate::trace;

/// Messages and errors that wait on a stream when further errors are dropped.
const MOST_FAULTS: usize = 16;

/// Time that a handler has to deal with what came before its stream was lost.
pub(crate) const LAST_WORK: Duration = Duration::from_secs(5);

/// What a connection keeps of one stream.
#[derive(Default)]
pub(crate) struct StreamState {
    inbound: RefCell<VecDeque<Result<Incoming, Fault>>>,
    /// The peer sends no more.
    ended: Cell<bool>,
    /// The stream is gone.
    fault: OnceCell<Fault>,
    waiting: RefCell<Vec<Waker>>,
    /// Somebody has received on it.
    read: Cell<bool>,
    /// A handler reads this stream: messages without a handler of their own are for it.
    pub(crate) taken: Cell<bool>,
    /// Nobody has the stream any more: what comes is refused.
    pub(crate) abandoned: Cell<bool>,
    /// Requests of the stream that are handled or wait.
    requests: Cell<u32>,
    /// Credit, where the connection does not keep it in a session.
    pub(crate) flow: crate::local::Flow,
}

impl StreamState {
    pub(crate) fn wake(&self) {
        if !self.waiting.borrow().is_empty() {
            for waker in self.waiting.take() {
                waker.wake();
            }
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

    /// Whether the client has ended it and no handler has anything to do with it.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.get() && self.requests.get() == 0 && !self.taken.get()
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.get()
    }

    pub(crate) fn fail(&self, fault: Fault) {
        // What ended it first is why it ended.
        let _ = self.fault.set(fault);
        self.wake();
    }

    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.fault.get()
    }

    fn wait(&self, context: &Context<'_>) {
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
    }
}

/// A request that is handled or waits. With the last one of a stream that the client has ended, the server ends its
/// side too, so that nothing is kept of the stream.
pub(crate) struct Claim {
    link: Link,
    id: u32,
    state: Rc<StreamState>,
}

impl Claim {
    pub(crate) fn new(link: &Link, id: u32, state: Rc<StreamState>) -> Claim {
        state.requests.set(state.requests.get() + 1);
        Claim {
            link: link.clone(),
            id,
            state,
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.state.requests.set(self.state.requests.get() - 1);
        if self.state.is_over() {
            self.link.end(self.id);
        }
    }
}

/// A stream that this side opened ends with the last handle of it.
struct Opened {
    link: Link,
    id: u32,
    state: Rc<StreamState>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        // Ended and not reset: what was sent is still handled. What the peer sends from now on is refused.
        self.state.abandoned.set(true);
        self.link.end(self.id);
        for message in self.state.inbound.take().into_iter().flatten() {
            self.link.consumed(self.id, &self.state, message.payload.cost());
        }
    }
}

/// One stream of a connection, on either side.
#[derive(Clone)]
pub struct Stream {
    pub(crate) link: Link,
    pub(crate) id: u32,
    pub(crate) state: Rc<StreamState>,
    _opened: Option<Rc<Opened>>,
}

impl Stream {
    pub(crate) fn new(link: Link, id: u32) -> Stream {
        let state = link.state(id);
        Stream {
            link,
            id,
            state,
            _opened: None,
        }
    }

    /// A stream that this side has just opened.
    pub(crate) fn opened(link: Link, id: u32) -> Stream {
        let mut stream = Stream::new(link, id);
        stream._opened = Some(Rc::new(Opened {
            link: stream.link.clone(),
            id,
            state: stream.state.clone(),
        }));
        stream
    }

    /// Number of the stream in its connection; 0 is the default stream.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        self.link.peer()
    }

    /// Sends a message, waiting for credit while the peer does not read.
    pub async fn send<M: Message>(&self, message: M) -> Result<(), Fault> {
        let mut message = Typed::new(message);
        let trace = trace::stream_send(&self.link, &message);
        let head = Head {
            trace,
            ..Head::default()
        };
        self.send_with(head, &mut message).await
    }

    /// Sends a message of any kind, with what travels beside it; waits for credit.
    pub async fn send_with(&self, head: Head, message: &mut dyn Outgoing) -> Result<(), Fault> {
        std::future::poll_fn(|context| self.poll_send(head, message, context)).await
    }

    pub(crate) fn poll_send(
        &self,
        head: Head,
        message: &mut dyn Outgoing,
        context: &Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        if let Some(fault) = self.state.fault() {
            return Poll::Ready(Err(fault.clone()));
        }
        match self.link.try_send(self.id, &self.state, head, message) {
            Ok(Some(())) => Poll::Ready(Ok(())),
            Ok(None) => {
                self.state.wait(context);
                Poll::Pending
            }
            Err(fault) => Poll::Ready(Err(fault)),
        }
    }

    /// Sends when there is credit right now; `false` when there is none, and then the message is dropped.
    pub fn try_send<M: Message>(&self, message: M) -> Result<bool, Fault> {
        if let Some(fault) = self.state.fault() {
            return Err(fault.clone());
        }
        let sent = self
            .link
            .try_send(self.id, &self.state, Head::default(), &mut Typed::new(message))?;
        Ok(sent.is_some())
    }

    /// Sends an error, which the peer's next `recv` returns.
    pub fn send_error(&self, fault: &Fault) {
        self.link.send_error(self.id, None, fault);
    }

    /// The next message; `None` when the peer has ended its side. An error that the peer sent, or the
    /// loss of the stream, is the fault; what came before it is received first.
    pub async fn recv(&self) -> Result<Option<Incoming>, Fault> {
        std::future::poll_fn(|context| self.poll_recv(context)).await
    }

    /// As [`Stream::recv`]; a fault with the code `Timeout` when nothing comes within `limit`.
    pub async fn recv_timeout(&self, limit: Duration) -> Result<Option<Incoming>, Fault> {
        let mut timer = rt::sleep(limit);
        std::future::poll_fn(|context| {
            if let Poll::Ready(next) = self.poll_recv(context) {
                return Poll::Ready(next);
            }
            let late = || Fault::new(Code::Timeout, format!("no message within {limit:?}"));
            Pin::new(&mut timer).poll(context).map(|()| Err(late()))
        })
        .await
    }

    fn poll_recv(&self, context: &Context<'_>) -> Poll<Result<Option<Incoming>, Fault>> {
        self.state.read.set(true);
        let next = self.state.inbound.borrow_mut().pop_front();
        match next {
            Some(Ok(message)) => {
                self.link.consumed(self.id, &self.state, message.payload.cost());
                Poll::Ready(Ok(Some(message)))
            }
            Some(Err(fault)) => Poll::Ready(Err(fault)),
            None if self.state.ended.get() => Poll::Ready(Ok(None)),
            None => match self.state.fault() {
                Some(fault) => Poll::Ready(Err(fault.clone())),
                None => {
                    self.state.wait(context);
                    Poll::Pending
                }
            },
        }
    }

    /// Sends a request and waits for its reply. A late reply to a call that was given up is dropped, it
    /// never answers another.
    pub async fn call<Q: Message, R: Message>(&self, request: Q) -> Result<R, Fault> {
        let options = CallOptions::expecting::<R>();
        let read: Option<Read> = Some(read_early::<R>);
        match self.call_as(&options, &mut Typed::new(request), read).await {
            Ok(reply) => reply.decode(),
            Err(fault) if !builtin::is_unknown(&fault) => Err(fault),
            Err(fault) => Err(Box::pin(builtin::explain::<Q>(self, fault)).await),
        }
    }

    /// A request with options: `stream.request(q).timeout(limit).send().await`.
    pub fn request<Q: Message>(&self, request: Q) -> Request<'_, Q> {
        Request::by_stream(self, request)
    }

    /// Says that this side sends no more. A second time does nothing.
    pub fn end(&self) {
        self.link.end(self.id);
    }

    /// Gives the stream up for both sides.
    pub fn reset(&self, fault: &Fault) {
        self.link.reset(self.id, fault);
        self.state.fail(fault.clone());
    }

    /// Waits until both sides of the connection have said hello.
    pub(crate) async fn ready(&self) -> Result<(), Fault> {
        std::future::poll_fn(|context| {
            if let Some(fault) = self.state.fault().or_else(|| self.link.gone()) {
                return Poll::Ready(Err(fault.clone()));
            }
            if self.link.is_ready() {
                return Poll::Ready(Ok(()));
            }
            self.state.wait(context);
            Poll::Pending
        })
        .await
    }

    /// Waits until the stream or its connection is gone, and says why.
    pub fn lost(&self) -> impl Future<Output = Fault> + use<> {
        let (state, link) = (self.state.clone(), self.link.clone());
        std::future::poll_fn(move |context| match state.fault().or_else(|| link.gone()) {
            Some(fault) => Poll::Ready(fault.clone()),
            None => {
                state.wait(context);
                Poll::Pending
            }
        })
    }

    /// As [`Stream::lost`], but whoever reads the stream gets some time to deal with what came before: a peer that sends,
    /// ends and goes has said all that it wanted.
    pub(crate) fn drained(&self) -> impl Future<Output = Fault> + use<> {
        let (state, link) = (self.state.clone(), self.link.clone());
        let mut timer = None;
        std::future::poll_fn(move |context| {
            let Some(fault) = state.fault().or_else(|| link.gone()) else {
                state.wait(context);
                return Poll::Pending;
            };
            let timer = timer.get_or_insert_with(|| rt::sleep(LAST_WORK));
            let work = state.read.get() || state.ended.get() || !state.inbound.borrow().is_empty();
            if !work || Pin::new(timer).poll(context).is_ready() {
                return Poll::Ready(fault.clone());
            }
            Poll::Pending
        })
    }
}
