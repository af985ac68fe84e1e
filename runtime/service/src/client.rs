//! A connection to a service, on an executor thread.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;

use gshell_net::rt::{self, Task};
use gshell_net::unix;
use gshell_session::Side;
use gshell_sys::peer;
use gshell_wire::{Code, Fault, Limits, Message};

use crate::conn::Conn;
use crate::stream::Stream;

/// One connection; its calls may overlap. Dropping it closes the connection.
pub struct Client {
    conn: Rc<Conn>,
    _task: Task<()>,
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
    pub fn over(socket: UnixStream) -> Result<Client, Fault> {
        let broken =
            |error: std::io::Error| Fault::new(Code::Internal, format!("cannot use socket: {error}"));
        let peer = peer::credentials(socket.as_fd()).map_err(broken)?;
        let conn = Conn::new(socket, Side::Client, Limits::default(), None, peer).map_err(broken)?;
        let running = conn.clone();
        let task = rt::spawn(async move {
            running.run().await;
        });
        Ok(Client { conn, _task: task })
    }

    /// Sends a request on the default stream and waits for its reply.
    pub async fn call<Q: Message, R: Message>(&self, request: &Q) -> Result<R, Fault> {
        self.default_stream().call(request).await
    }

    /// The default stream.
    pub fn default_stream(&self) -> Stream {
        Stream::new(self.conn.clone(), 0)
    }

    /// Opens a further stream, once both sides have said hello.
    pub async fn open(&self) -> Result<Stream, Fault> {
        self.default_stream().ready().await?;
        let id = self.conn.session.borrow_mut().open()?;
        self.conn.ask_flush();
        Ok(Stream::new(self.conn.clone(), id))
    }

    /// Process at the other end.
    pub fn peer_pid(&self) -> i32 {
        self.conn.peer.pid
    }

    /// Waits until the connection is gone, and says why.
    pub async fn lost(&self) -> Fault {
        self.default_stream().lost().await
    }
}
