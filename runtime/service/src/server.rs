//! Serving a published service: accept, check who it is, run the connection.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use gshell_net::rt::{self, Io, Task};
use gshell_net::{Listener, Socket};
use gshell_session::Side;
use gshell_small::Map;
use gshell_wire::{Code, Fault, Limits};

use crate::conn::Conn;
use crate::handlers::Handlers;
use crate::hooks::Admission;
use crate::link::{Link, Peer};
use crate::local::{End, Pipe};

/// Connections that one service keeps at most; each costs a descriptor and about a kilobyte.
const MOST_CONNECTIONS: usize = 512;
/// Pause after an accept that failed for want of descriptors, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Pause between two looks whether handlers run, while a service is being closed.
const QUIET_CHECK: Duration = Duration::from_millis(5);

/// Decides whether a peer may connect.
pub type Admit = Rc<dyn Fn(&Peer) -> Result<(), Fault>>;

/// Counters of a server, since it began.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerStats {
    /// Connections that were let in.
    pub accepted: u32,
    /// Connections that were turned away: not admitted, or too many.
    pub refused: u32,
    /// Connections that ended with a protocol fault.
    pub faulted: u32,
}

struct Inner {
    handlers: Rc<Handlers>,
    admit: Admit,
    limits: Limits,
    open: RefCell<Map<u32, (Link, Task<()>)>>,
    last: Cell<u32>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.handlers.shut_down();
    }
}

/// A service on this thread's executor. Dropping it ends its connections.
#[derive(Clone)]
pub struct Server(Rc<Inner>);

impl Server {
    /// A server with these handlers; `admit` sees every peer before its first byte is read.
    pub fn new(handlers: Handlers, admit: Admit) -> Server {
        Server(Rc::new(Inner {
            handlers: Rc::new(handlers),
            admit,
            limits: Limits::default(),
            open: RefCell::default(),
            last: Cell::new(0),
        }))
    }

    /// Accepts connections until the listener fails for good.
    pub async fn serve(&self, listener: impl Into<Listener>) -> io::Result<()> {
        let listener = Io::new(listener.into())?;
        loop {
            match listener.read_with(Listener::accept).await {
                Ok(socket) => self.accept(socket),
                Err(error) if out_of_descriptors(&error) => rt::sleep(ACCEPT_PAUSE).await,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Counters so far.
    pub fn stats(&self) -> ServerStats {
        self.0.handlers.totals.get().server
    }

    /// Connections now.
    pub fn connections(&self) -> usize {
        self.0.open.borrow().len()
    }

    /// Ends all connections; what was answered is still sent.
    pub fn close(&self) {
        let open: Vec<_> = self.0.open.take().into_iter().collect();
        for (_, (link, task)) in open {
            link.bye(&Fault::new(Code::Stopped, "the service is being closed"));
            task.detach();
        }
    }

    /// Ends all connections and waits, for `grace` at most, until what was answered has been written. For a process that
    /// ends next: what waits then is lost.
    pub async fn finish(&self, grace: Duration) {
        let open: Vec<_> = self.0.open.take().into_iter().collect();
        let tasks: Vec<_> = open
            .into_iter()
            .map(|(_, (link, task))| {
                link.bye(&Fault::new(Code::Stopped, "the service is being closed"));
                task
            })
            .collect();
        let written = async {
            for task in tasks {
                task.await;
            }
        };
        let _ = rt::timeout(grace, written).await;
    }

    /// Waits until no handler runs.
    pub(crate) async fn quiet(&self) {
        while self.0.handlers.is_busy() {
            rt::sleep(QUIET_CHECK).await;
        }
    }

    fn count(&self, change: impl Fn(&mut ServerStats)) {
        let mut totals = self.0.handlers.totals.get();
        change(&mut totals.server);
        self.0.handlers.totals.set(totals);
    }

    /// Takes a connection over a socket.
    pub(crate) fn accept(&self, socket: Socket) {
        let peer = Peer::of(&socket);
        let verdict = match self.verdict(&peer) {
            Admission::TakeOver(take) => {
                self.count(|stats| stats.accepted += 1);
                return take(socket);
            }
            verdict => verdict,
        };
        let handlers = Some(self.0.handlers.clone());
        match Conn::new(socket, Side::Server, self.0.limits, handlers) {
            Ok(conn) => self.admit(Link::Socket(conn), verdict),
            Err(_) => self.count(|stats| stats.refused += 1),
        }
    }

    /// Takes a connection inside the process.
    pub(crate) fn accept_local(&self, pipe: Pipe) {
        let link = Link::Local(End::server(pipe, self.0.handlers.clone()));
        let verdict = match self.verdict(link.peer()) {
            Admission::TakeOver(_) => Admission::Refuse(Fault::new(
                Code::State,
                "this service takes connections over, and one inside the process has no socket",
            )),
            verdict => verdict,
        };
        self.admit(link, verdict);
    }

    /// Who may connect at all comes first, then room, then the service's own hook.
    fn verdict(&self, peer: &Peer) -> Admission {
        if let Err(fault) = (self.0.admit)(peer) {
            return Admission::Refuse(fault);
        }
        if self.0.open.borrow().len() >= MOST_CONNECTIONS {
            let text = format!("this service has {MOST_CONNECTIONS} connections already: try again later");
            return Admission::Refuse(Fault::new(Code::Limit, text));
        }
        self.0.handlers.admission(peer)
    }

    /// Lets a connection in or tells it why not.
    fn admit(&self, link: Link, verdict: Admission) {
        let refused = if let Admission::Refuse(fault) = verdict {
            // Told why, then closed.
            link.bye(&fault);
            self.count(|stats| stats.refused += 1);
            true
        } else {
            self.count(|stats| stats.accepted += 1);
            self.0.handlers.connected(&link);
            false
        };
        self.run(link, refused);
    }

    fn run(&self, link: Link, refused: bool) {
        let id = self.0.last.get().wrapping_add(1);
        self.0.last.set(id);
        let weak = Rc::downgrade(&self.0);
        let running = link.clone();
        let task = rt::spawn(async move {
            let fault = running.run().await;
            let Some(inner) = weak.upgrade() else { return };
            // No hello or no sign of life in time is a timeout, a length beyond all limits is a limit.
            let faults = [Code::Protocol, Code::Version, Code::Timeout, Code::Limit];
            if !refused && fault.code().is_some_and(|code| faults.contains(&code)) {
                Server(inner.clone()).count(|stats| stats.faulted += 1);
            }
            // This very task: it ends here, so its handle only has to go.
            let own = inner.open.borrow_mut().remove(&id);
            if let Some((_, task)) = own {
                task.detach();
            }
        });
        self.0.open.borrow_mut().insert(id, (link, task));
    }
}

fn out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(12 | 23 | 24 | 105 | 132)) // ENOMEM, ENFILE, EMFILE, ENOBUFS (132 on mips)
}
