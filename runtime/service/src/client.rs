//! A connection to a service, on an executor thread.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::time::Instant;

use gshell_net::rt::{self, Task};
use gshell_net::{Socket, unix};
use gshell_session::Side;
use gshell_wire::{Code, Fault, Limits, Message};

use crate::calls::Read;
use crate::conn::Conn;
use crate::discover::Discover;
use crate::link::{Link, Peer};
use crate::payload::{Incoming, Outgoing};
use crate::reconnect::Again;
use crate::request::{CallOptions, Request};
use crate::stream::Stream;

/// One connection; its calls may overlap. Dropping it closes the connection, after what was sent.
///
/// A client of [`Discover::reconnect`] makes a new connection when the old one is lost: calls that wait then fail with
/// the code `Unreachable` (whether they were handled is not known), and the next one waits for the service to be there
/// again, within its own timeout. Streams belong to the connection that they were opened on.
pub struct Client {
    current: RefCell<Current>,
    again: Option<Again>,
}

/// The connection of a client and the task that runs it.
struct Current {
    link: Link,
    task: Option<Task<()>>,
}

impl Drop for Current {
    fn drop(&mut self) {
        // What was sent goes out before the connection ends: at once, or by its task, within a limit.
        if !self.link.hang_up()
            && let Some(task) = self.task.take()
        {
            task.detach();
        }
    }
}

impl Client {
    /// Connects to the service whose socket file is `path`.
    pub fn connect(path: &Path) -> Result<Client, Fault> {
        Client::over(unix::connect_now(path).map_err(|error| no_service(path, &error))?)
    }

    /// Uses a socket that is connected already.
    pub fn over(socket: impl Into<Socket>) -> Result<Client, Fault> {
        let broken = |error: io::Error| Fault::new(Code::Internal, format!("cannot use socket: {error}"));
        let conn = Conn::new(socket.into(), Side::Client, Limits::default(), None).map_err(broken)?;
        Ok(Client::run(Link::Socket(conn)))
    }

    /// Runs a connection.
    pub(crate) fn run(link: Link) -> Client {
        let running = link.clone();
        let task = rt::spawn(async move {
            running.run().await;
        });
        let current = RefCell::new(Current {
            link,
            task: Some(task),
        });
        Client { current, again: None }
    }

    /// Makes it a client that connects again by `search`.
    pub(crate) fn reconnecting(mut self, search: Discover) -> Client {
        self.again = Some(Again::new(search));
        self
    }

    /// The connection that there is, alive or not.
    pub(crate) fn link(&self) -> Link {
        self.current.borrow().link.clone()
    }

    /// Goes on with the connection of another client.
    pub(crate) fn replace(&self, other: Client) {
        std::mem::swap(&mut *self.current.borrow_mut(), &mut *other.current.borrow_mut());
    }

    /// The default stream of a living connection; waits for one until `deadline` if it connects again.
    pub(crate) async fn live(&self, deadline: Option<Instant>) -> Result<Stream, Fault> {
        if let Some(again) = &self.again
            && self.link().gone().is_some()
        {
            again.connect(self, deadline).await?;
        }
        Ok(self.default_stream())
    }

    /// Sends a request on the default stream and waits for its reply.
    pub async fn call<Q: Message, R: Message>(&self, request: Q) -> Result<R, Fault> {
        self.request(request).send().await
    }

    /// A request on the default stream with options: `client.request(q).timeout(limit).send().await`.
    pub fn request<Q: Message>(&self, request: Q) -> Request<'_, Q> {
        Request::by_client(self, request)
    }

    /// Sends a request of any kind on the default stream and waits for its reply.
    pub async fn call_with(
        &self,
        options: &CallOptions,
        message: &mut dyn Outgoing,
    ) -> Result<Incoming, Fault> {
        self.call_as(options, message, None).await
    }

    /// As [`Client::call_with`]; `read` is how the reply is read where it came.
    pub(crate) async fn call_as(
        &self,
        options: &CallOptions,
        message: &mut dyn Outgoing,
        read: Option<Read>,
    ) -> Result<Incoming, Fault> {
        if self.again.is_none() {
            return self.default_stream().call_as(options, message, read).await;
        }
        let began = Instant::now();
        let deadline = options.timeout.and_then(|limit| began.checked_add(limit));
        let stream = self.live(deadline).await?;
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let options = CallOptions {
            timeout: left,
            ..*options
        };
        stream.call_as(&options, message, read).await
    }

    /// The default stream.
    pub fn default_stream(&self) -> Stream {
        Stream::new(self.link(), 0)
    }

    /// Opens a further stream, once both sides have said hello. It ends with its last handle.
    pub async fn open(&self) -> Result<Stream, Fault> {
        let stream = self.live(None).await?;
        stream.ready().await?;
        let id = stream.link.open()?;
        Ok(Stream::opened(stream.link.clone(), id))
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Peer {
        self.link().peer().clone()
    }

    /// Process at the other end; 0 when that is not known.
    pub fn peer_pid(&self) -> i32 {
        self.link().peer().credentials.map_or(0, |known| known.pid)
    }

    /// Waits until the connection is gone, and says why.
    pub async fn lost(&self) -> Fault {
        self.default_stream().lost().await
    }
}

/// The fault of a connect to a socket file.
pub(crate) fn no_service(path: &Path, error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::WouldBlock {
        let text = format!("the service at {} does not accept connections", path.display());
        return Fault::new(Code::Busy, text);
    }
    Fault::new(Code::Unreachable, format!("no service at {}", path.display())).with_cause(error)
}
