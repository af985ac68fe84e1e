//! Connections inside the process: two bounded queues, nothing else.
//!
//! Each end belongs to one executor thread, which may be the same one. What is sent is put into the queue of the other
//! end and that end's task is woken; a message of a Rust type is moved and never encoded. Credit is that of a session:
//! a sender that is not read waits. An end that goes leaves its last word behind what it sent, so all of that is still
//! handled.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Instant;

use gshell_session::{Head, MESSAGE_COST};
use gshell_wire::{Code, Fault, INITIAL_CREDIT, Limits};

use crate::clock;
use crate::direct::{self, Turn};
use crate::handlers::Handlers;
use crate::link::{Link, Peer};
use crate::lost;
use crate::payload::{Given, Outgoing, Payload};
use crate::stream::StreamState;
use crate::table::Table;

/// Packets handled before other tasks of the thread get a turn.
const PACKETS_A_TURN: usize = 256;
/// Packets that wait at most before streams are opened: credit bounds the messages, this bounds the rest.
const MOST_PACKETS: usize = 16 * 1024;
/// Room in a queue that is kept for the next burst.
const KEPT_ROOM: usize = 64;

/// Credit of a stream, on one end.
pub(crate) struct Flow {
    send: Cell<i64>,
    due: Cell<i64>,
    /// This side sends no more.
    ended: Cell<bool>,
}

impl Default for Flow {
    fn default() -> Flow {
        Flow {
            send: Cell::new(i64::from(INITIAL_CREDIT)),
            due: Cell::new(0),
            ended: Cell::new(false),
        }
    }
}

enum Packet {
    Open(u32),
    Message {
        stream: u32,
        key: u64,
        head: Head,
        payload: Payload,
    },
    Error {
        stream: u32,
        call: Option<u32>,
        fault: Fault,
    },
    Ended(u32),
    Reset(u32, Fault),
    Credit(u32, i64),
    Cancel(u32, u32),
}

#[derive(Default)]
struct Queue {
    packets: VecDeque<Packet>,
    /// The other end's last word.
    closed: Option<Fault>,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Inbox(Mutex<Queue>);

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, packet: Packet) {
        let mut queue = self.lock();
        queue.packets.push_back(packet);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A connection that has two ends in this process.
#[derive(Clone)]
pub(crate) struct Pipe(Arc<[Inbox; 2]>);

impl Pipe {
    pub(crate) fn new() -> Pipe {
        Pipe(Arc::default())
    }

    /// Ends a connection that nobody accepted.
    pub(crate) fn refuse(&self, fault: Fault) {
        let mut queue = self.0[CLIENT].lock();
        queue.closed.get_or_insert(fault);
        if let Some(waker) = queue.waker.take() {
            drop(queue);
            waker.wake();
        }
    }
}

const SERVER: usize = 0;
const CLIENT: usize = 1;

/// One end, on its thread.
pub(crate) struct End {
    pub(crate) table: Table,
    pipe: Pipe,
    own: usize,
    last_stream: Cell<u32>,
    /// What was taken out of the queue and is not handled yet.
    taken: RefCell<VecDeque<Packet>>,
    waker: RefCell<Option<Waker>>,
    closing: RefCell<Option<Fault>>,
    closed: Cell<bool>,
    /// The other end, where it is on this thread.
    partner: OnceCell<Weak<End>>,
    /// Something may be before what would be handed over directly.
    behind: Cell<bool>,
}

impl End {
    pub(crate) fn client(pipe: Pipe) -> Rc<End> {
        End::new(pipe, CLIENT, None)
    }

    pub(crate) fn server(pipe: Pipe, handlers: Rc<Handlers>) -> Rc<End> {
        End::new(pipe, SERVER, Some(handlers))
    }

    fn new(pipe: Pipe, own: usize, handlers: Option<Rc<Handlers>>) -> Rc<End> {
        let peer = Peer::own();
        let end = Rc::new(End {
            table: Table::new(handlers, peer),
            pipe,
            own,
            last_stream: Cell::new(0),
            taken: RefCell::default(),
            waker: RefCell::default(),
            closing: RefCell::default(),
            closed: Cell::new(false),
            partner: OnceCell::new(),
            behind: Cell::new(true),
        });
        direct::introduce(&end);
        end
    }

    /// What both ends have, and no other pipe while one of them is there.
    pub(crate) fn place(&self) -> usize {
        Arc::as_ptr(&self.pipe.0).addr()
    }

    pub(crate) fn meet(&self, other: Weak<End>) {
        let _ = self.partner.set(other);
    }

    fn inbox(&self) -> &Inbox {
        &self.pipe.0[self.own]
    }

    fn put(&self, packet: Packet) {
        if self.closed.get() {
            return;
        }
        let wakes = match packet {
            // These only wake whoever waits.
            Packet::Credit(..) => true,
            Packet::Error { .. } => self.own == SERVER,
            _ => false,
        };
        if wakes && let Some(partner) = self.beside() {
            let link = Link::Local(partner);
            if let Link::Local(partner) = &link {
                partner.on_packet(&link, packet);
            }
            return;
        }
        if let Some(partner) = self.partner.get().and_then(Weak::upgrade) {
            partner.behind.set(true);
        }
        self.pipe.0[1 - self.own].put(packet);
    }

    /// The other end, if it is on this thread and nothing comes before what it would be given now.
    fn beside(&self) -> Option<Rc<End>> {
        let partner = self.partner.get()?.upgrade()?;
        let free = !partner.behind.get() && !partner.closed.get() && !partner.table.is_held();
        free.then_some(partner)
    }

    /// Whether a message may come to this end without its task, and as whose turn.
    fn welcomes(&self, key: u64, head: &Head) -> Option<Option<Turn>> {
        match &self.table.handlers {
            // It only wakes whoever waits.
            None => Some(None),
            Some(handlers) if head.call.is_some() && handlers.find(key)?.direct.now() => {
                Turn::begin().map(Some)
            }
            Some(_) => None,
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn try_send(
        &self,
        stream: u32,
        state: &StreamState,
        head: Head,
        message: &mut dyn Outgoing,
    ) -> Result<Option<()>, Fault> {
        let flow = &state.flow;
        if state.fault().is_some() {
            return Err(crate::stream_gone());
        }
        if flow.ended.get() || self.closed.get() {
            return Err(Fault::new(Code::State, "this side of the stream is closed"));
        }
        if flow.send.get() <= 0 {
            return Ok(None);
        }
        let key = message.key();
        let payload = message.take();
        let (cost, most) = (payload.cost(), Limits::default().message);
        if cost > most {
            let text = format!("the message has {cost} bytes, at most {most} are allowed");
            return Err(Fault::new(Code::Limit, text));
        }
        flow.send.set(flow.send.get() - whole(cost));
        if let Some(partner) = self.beside()
            && let Some(_turn) = partner.welcomes(key, &head)
        {
            let link = Link::Local(partner);
            link.table()
                .on_message(&link, stream, key, &head, Given::Owned(payload));
            return Ok(Some(()));
        }
        self.put(Packet::Message {
            stream,
            key,
            head,
            payload,
        });
        Ok(Some(()))
    }

    pub(crate) fn send_error(&self, stream: u32, call: Option<u32>, fault: &Fault) {
        let open = self
            .table
            .find(stream)
            .is_some_and(|state| !state.flow.ended.get());
        if open {
            self.put(Packet::Error {
                stream,
                call,
                fault: fault.clone(),
            });
        }
    }

    pub(crate) fn cancel(&self, stream: u32, call: u32) {
        self.put(Packet::Cancel(stream, call));
    }

    pub(crate) fn consumed(&self, stream: u32, state: &StreamState, cost: u32) {
        let due = state.flow.due.get() + whole(cost);
        if due < i64::from(INITIAL_CREDIT) / 2 {
            return state.flow.due.set(due);
        }
        state.flow.due.set(0);
        self.put(Packet::Credit(stream, due));
    }

    pub(crate) fn open(&self) -> Result<u32, Fault> {
        if self.own == SERVER {
            return Err(Fault::new(Code::State, "a server cannot open a stream"));
        }
        let most = Limits::default().streams;
        let waiting = self.pipe.0[SERVER].lock().packets.len();
        if self.table.streams() >= most as usize || waiting >= MOST_PACKETS {
            let text = format!("cannot open a stream: {most} are open, the limit");
            return Err(Fault::new(Code::Limit, text));
        }
        let id = self.last_stream.get() + 1;
        self.last_stream.set(id);
        self.table.add(id);
        self.put(Packet::Open(id));
        Ok(id)
    }

    pub(crate) fn end(&self, link: &Link, stream: u32) {
        let Some(state) = self.table.find(stream) else {
            return;
        };
        if !state.flow.ended.replace(true) {
            self.put(Packet::Ended(stream));
            self.forget_ended(link, stream);
        }
    }

    /// Frees what is kept of a stream that both sides have ended.
    fn forget_ended(&self, link: &Link, stream: u32) {
        let over = |state: &StreamState| state.flow.ended.get() && state.is_ended();
        if self.table.find(stream).is_some_and(|state| over(&state)) {
            self.table.remove(stream);
            self.table.closed(link, stream);
        }
    }

    pub(crate) fn reset(&self, stream: u32, fault: &Fault) {
        if self.table.find(stream).is_some() {
            self.put(Packet::Reset(stream, fault.clone()));
        }
    }

    pub(crate) fn bye(&self, fault: &Fault) {
        self.leave(fault.clone());
    }

    pub(crate) fn close(&self) {
        self.leave(lost("closed"));
    }

    /// Says the last word; the own task ends with it.
    fn leave(&self, fault: Fault) {
        if self.closed.replace(true) {
            return;
        }
        let mut queue = self.pipe.0[1 - self.own].lock();
        queue.closed.get_or_insert(fault.clone());
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        *self.closing.borrow_mut() = Some(fault);
        self.wake();
    }

    pub(crate) fn hang_up(&self, link: &Link) {
        self.close();
        if self.table.gone().is_none() {
            self.table.finish(link, &lost("closed"));
        }
    }

    /// Runs the connection until it ends; the fault says why.
    pub(crate) fn run(&self, link: &Link) -> impl Future<Output = Fault> {
        std::future::poll_fn(move |context| self.poll(link, context))
    }

    fn poll(&self, link: &Link, context: &mut TaskContext<'_>) -> Poll<Fault> {
        if let Some(fault) = self.closing.borrow().clone() {
            return Poll::Ready(self.finish(link, fault));
        }
        let known = |waker: &Option<Waker>| waker.as_ref().is_some_and(|it| it.will_wake(context.waker()));
        if !known(&self.waker.borrow()) {
            *self.waker.borrow_mut() = Some(context.waker().clone());
        }
        let _batch = self
            .table
            .handlers
            .as_ref()
            .map(|_| clock::Batch::begin(Instant::now()));
        for _ in 0..PACKETS_A_TURN {
            if self.table.is_held() {
                return Poll::Pending;
            }
            let next = self.taken.borrow_mut().pop_front();
            match next {
                Some(packet) => self.on_packet(link, packet),
                None => match self.take(context) {
                    Poll::Ready(None) => {}
                    Poll::Ready(Some(fault)) => return Poll::Ready(self.finish(link, fault)),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes what is queued, all at once; the other end's last word when there is nothing more.
    fn take(&self, context: &mut TaskContext<'_>) -> Poll<Option<Fault>> {
        let mut taken = self.taken.borrow_mut();
        if taken.capacity() > KEPT_ROOM {
            taken.shrink_to(KEPT_ROOM);
        }
        let mut queue = self.inbox().lock();
        if !queue.packets.is_empty() {
            std::mem::swap(&mut queue.packets, &mut *taken);
            return Poll::Ready(None);
        }
        if let Some(fault) = queue.closed.clone() {
            return Poll::Ready(Some(fault));
        }
        queue.waker = Some(context.waker().clone());
        self.behind.set(false);
        Poll::Pending
    }

    fn on_packet(&self, link: &Link, packet: Packet) {
        let table = &self.table;
        match packet {
            Packet::Open(stream) => table.on_opened(link, stream),
            Packet::Message {
                stream,
                key,
                head,
                payload,
            } => table.on_message(link, stream, key, &head, Given::Owned(payload)),
            Packet::Error { stream, call, fault } => table.on_error(stream, call, fault),
            Packet::Ended(stream) => {
                table.on_ended(link, stream);
                self.forget_ended(link, stream);
            }
            Packet::Reset(stream, fault) => table.on_reset(link, stream, fault),
            Packet::Credit(stream, more) => {
                if let Some(state) = table.find(stream) {
                    state.flow.send.set(state.flow.send.get() + more);
                    state.wake();
                }
            }
            Packet::Cancel(stream, call) => table.on_cancelled(link, stream, call),
        }
    }

    fn finish(&self, link: &Link, fault: Fault) -> Fault {
        self.leave(lost("the peer closed it"));
        self.table.finish(link, &fault);
        fault
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.partner.get().is_none() {
            direct::forget(self.place());
        }
        self.leave(lost("the peer closed it"));
    }
}

/// What a message counts in all.
fn whole(cost: u32) -> i64 {
    i64::from(cost) + i64::from(MESSAGE_COST)
}
