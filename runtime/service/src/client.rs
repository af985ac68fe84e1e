//! A connection to a service, on an executor thread.

use std::path::Path;

use gshell_net::rt::{self, Task};
use gshell_net::{Socket, unix};
use gshell_session::Side;
use gshell_wire::{Code, Fault, Limits, Message};

use crate::conn::Conn;
use crate::link::{Link, Peer};
use crate::request::Request;
use crate::stream::Stream;

/// One connection; its calls may overlap. Dropping it closes the connection.
pub struct Client {
    link: Link,
    task: Option<Task<()>>,
}

impl Client {
    /// Connects to the service whose socket file is `path`.
    pub fn connect(path: &Path) -> Result<Client, Fault> {
        let socket = unix::connect(path).map_err(|error| {
            Fault::new(Code::Unreachable, format!("no service at {}", path.display()))
                .with_cause(error.to_string())
        })?;
        Client::over(socket)
    }

    /// Uses a socket that is connected already.
    pub fn over(socket: impl Into<Socket>) -> Result<Client, Fault> {
        let (socket, limits) = (socket.into(), Limits::default());
        let broken =
            |error: std::io::Error| Fault::new(Code::Internal, format!("cannot use socket: {error}"));
        let conn = Conn::new(socket, Side::Client, limits, None).map_err(broken)?;
        Ok(Client::run(Link::Socket(conn)))
    }

    /// Runs a connection.
    pub(crate) fn run(link: Link) -> Client {
        let running = link.clone();
        let task = rt::spawn(async move {
            running.run().await;
        });
        Client {
            link,
            task: Some(task),
        }
    }

    /// Sends a request on the default stream and waits for its reply.
    pub async fn call<Q: Message, R: Message>(&self, request: Q) -> Result<R, Fault> {
        self.default_stream().call(request).await
    }

    /// A request on the default stream with options: `client.request(q).timeout(limit).send().await`.
    pub fn request<Q: Message>(&self, request: Q) -> Request<Q> {
        self.default_stream().request(request)
    }

    /// The default stream.
    pub fn default_stream(&self) -> Stream {
        Stream::new(self.link.clone(), 0)
    }

    /// Opens a further stream, once both sides have said hello. It ends with its last handle.
    pub async fn open(&self) -> Result<Stream, Fault> {
        self.default_stream().ready().await?;
        let id = self.link.open()?;
        Ok(Stream::opened(self.link.clone(), id))
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        self.link.peer()
    }

    /// Process at the other end; 0 when that is not known.
    pub fn peer_pid(&self) -> i32 {
        self.peer().credentials.map_or(0, |known| known.pid)
    }

    /// Waits until the connection is gone, and says why.
    pub async fn lost(&self) -> Fault {
        self.default_stream().lost().await
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // What was sent goes out before the connection ends: at once, or by its task, within a limit.
        if !self.link.hang_up()
            && let Some(task) = self.task.take()
        {
            task.detach();
        }
    }
}
