//! A connection as clients and handlers see it, whatever carries it.

use std::rc::Rc;

use gshell_net::{Scope, Socket};
use gshell_session::{Counters, Head};
use gshell_sys::peer::Credentials;
use gshell_wire::Fault;

use crate::conn::Conn;
use crate::local::End;
use crate::payload::Outgoing;
use crate::stream::StreamState;
use crate::table::Table;

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Process, user and group as the kernel knows them; not known over a network.
    pub credentials: Option<Credentials>,
    /// For people: `pid 12 uid 0`, `10.0.0.1:4711`.
    pub text: String,
    /// The scope of the connection.
    pub scope: Scope,
}

impl Peer {
    /// Who is at the other end of `socket`.
    pub(crate) fn of(socket: &Socket) -> Peer {
        Peer {
            credentials: socket.credentials(),
            text: socket.peer(),
            scope: socket.scope(),
        }
    }

    /// This process, to itself.
    pub(crate) fn own() -> Peer {
        let own = Credentials::own();
        Peer {
            credentials: Some(own),
            text: format!("pid {} uid {}", own.pid, own.uid),
            scope: Scope::Process,
        }
    }
}

/// A connection on this thread.
#[derive(Clone)]
pub(crate) enum Link {
    /// Over a socket.
    Socket(Rc<Conn>),
    /// Inside the process.
    Local(Rc<End>),
}

impl Link {
    pub(crate) fn table(&self) -> &Table {
        match self {
            Link::Socket(conn) => &conn.table,
            Link::Local(end) => &end.table,
        }
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.table().peer
    }

    pub(crate) fn gone(&self) -> Option<&Fault> {
        self.table().gone()
    }

    /// A number that no other connection of the thread has while this one is held.
    pub(crate) fn place(&self) -> usize {
        std::ptr::from_ref(self.table()).addr()
    }

    /// Messages and bytes so far, where they are counted.
    pub(crate) fn counters(&self) -> Counters {
        match self {
            Link::Socket(conn) => conn.session.borrow().counters(),
            Link::Local(_) => Counters::default(),
        }
    }

    /// What is kept of a stream; of one that is gone, a state that says so.
    pub(crate) fn state(&self, stream: u32) -> Rc<StreamState> {
        self.table().find(stream).unwrap_or_else(|| {
            let state = StreamState::default();
            state.fail(self.gone().cloned().unwrap_or_else(crate::stream_gone));
            Rc::new(state)
        })
    }

    /// Whether both sides have said hello, so that streams can be opened.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Link::Socket(conn) => conn.session.borrow().is_ready(),
            Link::Local(_) => true,
        }
    }

    /// Sends when there is credit; the error is the fault for the caller, `None` means: wait for credit.
    pub(crate) fn try_send(
        &self,
        stream: u32,
        state: &StreamState,
        head: Head,
        message: &mut dyn Outgoing,
    ) -> Result<Option<()>, Fault> {
        if let Some(fault) = self.gone() {
            return Err(fault.clone());
        }
        match self {
            Link::Socket(conn) => conn.try_send(stream, head, message),
            Link::Local(end) => end.try_send(stream, state, head, message),
        }
    }

    /// Answers a request with an error; a peer that is gone does not need it.
    pub(crate) fn send_error(&self, stream: u32, call: Option<u32>, fault: &Fault) {
        match self {
            Link::Socket(conn) => conn.send_error(stream, call, fault),
            Link::Local(end) => end.send_error(stream, call, fault),
        }
    }

    /// Tells the peer that nobody waits for the answer to `call` any more.
    pub(crate) fn cancel(&self, stream: u32, call: u32) {
        match self {
            Link::Socket(conn) => conn.cancel(stream, call),
            Link::Local(end) => end.cancel(stream, call),
        }
    }

    /// Notes that the application is done with a message of that cost.
    pub(crate) fn consumed(&self, stream: u32, state: &StreamState, cost: u32) {
        match self {
            Link::Socket(conn) => conn.consumed(stream, cost),
            Link::Local(end) => end.consumed(stream, state, cost),
        }
    }

    /// Opens a stream (clients only).
    pub(crate) fn open(&self) -> Result<u32, Fault> {
        if let Some(fault) = self.gone() {
            return Err(fault.clone());
        }
        match self {
            Link::Socket(conn) => conn.open(),
            Link::Local(end) => end.open(),
        }
    }

    /// Says that this side sends no more. A second time does nothing.
    pub(crate) fn end(&self, stream: u32) {
        match self {
            Link::Socket(conn) => conn.end(self, stream),
            Link::Local(end) => end.end(self, stream),
        }
    }

    /// Gives a stream up for both sides.
    pub(crate) fn reset(&self, stream: u32, fault: &Fault) {
        match self {
            Link::Socket(conn) => conn.reset(stream, fault),
            Link::Local(end) => end.reset(stream, fault),
        }
        self.table().on_reset(self, stream, fault.clone());
    }

    /// Reads nothing more from the peer until [`Link::release`] was called as often as this.
    pub(crate) fn hold(&self) {
        self.table().hold();
    }

    /// See [`Link::hold`].
    pub(crate) fn release(&self) {
        if self.table().release() {
            match self {
                Link::Socket(conn) => conn.wake(),
                Link::Local(end) => end.wake(),
            }
        }
    }

    /// Ends the connection and tells the peer why.
    pub(crate) fn bye(&self, fault: &Fault) {
        match self {
            Link::Socket(conn) => conn.bye(fault),
            Link::Local(end) => end.bye(fault),
        }
    }

    /// Ends the connection at once; `false` when its task has to write something before.
    pub(crate) fn hang_up(&self) -> bool {
        match self {
            Link::Socket(conn) => conn.hang_up(self),
            Link::Local(end) => {
                end.hang_up(self);
                true
            }
        }
    }

    /// Runs the connection until it ends; the fault says why.
    pub(crate) async fn run(self) -> Fault {
        let _end = HangUp(&self);
        match &self {
            Link::Socket(conn) => conn.run(&self).await,
            Link::Local(end) => end.run(&self).await,
        }
    }
}

/// Ends a connection whose task is dropped: handlers may still hold it, and the peer would wait for them for ever.
struct HangUp<'a>(&'a Link);

impl Drop for HangUp<'_> {
    fn drop(&mut self) {
        self.0.hang_up();
    }
}
