//! Connections to services and their streams, for one thread at a time.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use gshell_service::blocking::{Client, Received};
use gshell_service::builtin::difference;
use gshell_service::builtin::messages::{Describe, Description};
use gshell_service::{Address, Incoming, Node, Scopes, Timeout, Typed, discover};
use gshell_wire::{Code, Fault, Shape};

use crate::message::Message;
use crate::table;
use crate::types::Types;

type Result<T> = std::result::Result<T, Fault>;

/// Time that a service has to say what it handles.
const DESCRIPTION: Duration = Duration::from_secs(5);

/// What came on a stream and was not received yet. The credit of the stream bounds it.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Result<Incoming>>,
    ended: bool,
    fault: Option<Fault>,
    /// The end or the loss of the stream was not received yet.
    news: bool,
}

/// A connection to a service.
pub struct Conn {
    /// None when the program closed it while streams were left.
    client: Option<Client>,
    types: Types,
    described: bool,
    streams: BTreeMap<u32, Queue>,
}

/// A stream of a connection.
pub struct StreamHandle {
    conn: Arc<Mutex<Conn>>,
    id: u32,
}

/// The connection while it is open.
fn live(client: &mut Option<Client>) -> Result<&mut Client> {
    client
        .as_mut()
        .ok_or_else(|| Fault::new(Code::State, "the connection is closed"))
}

/// A limit as C gives it: milliseconds, below zero for ever.
pub fn limit(ms: i32) -> Option<Duration> {
    u64::try_from(ms).ok().map(Duration::from_millis)
}

/// The scopes of a number of the header; 0 stands for all.
///
/// # Errors
/// `Invalid` for bits that are none.
pub fn scopes(bits: u32) -> Result<Scopes> {
    let known = u8::try_from(bits).ok().and_then(Scopes::from_bits);
    match known {
        Some(Scopes::NONE) => Ok(Scopes::ALL),
        Some(scopes) => Ok(scopes),
        None => Err(Fault::new(Code::Invalid, format!("{bits} is no set of scopes"))),
    }
}

fn search(publisher: &str, service: &str, ms: i32, bits: u32) -> Result<gshell_service::Discover> {
    let timeout = match limit(ms) {
        None => Timeout::Forever,
        Some(Duration::ZERO) => Timeout::Once,
        Some(limit) => Timeout::For(limit),
    };
    let scopes = scopes(bits)?;
    Ok(discover(&Node::from_env()?, publisher, service)
        .scopes(scopes)
        .timeout(timeout))
}

/// All services that are there.
///
/// # Errors
/// As of a search.
pub fn list(publisher: &str, service: &str, ms: i32, bits: u32) -> Result<Vec<gshell_service::Found>> {
    search(publisher, service, ms, bits)?.all_blocking()
}

impl Conn {
    /// Looks for a service.
    ///
    /// # Errors
    /// `NotFound` when there is none in time, `Invalid` for names and scopes that cannot be.
    pub fn discover(publisher: &str, service: &str, ms: i32, bits: u32) -> Result<Conn> {
        Ok(Conn::over(search(publisher, service, ms, bits)?.one_blocking()?))
    }

    /// Connects to an address: `tcp:HOST:PORT`, or the path of a socket.
    ///
    /// # Errors
    /// `Unreachable` when nobody is there, `Timeout` when it took too long.
    pub fn connect(address: &str, ms: i32) -> Result<Conn> {
        let address = Address::parse(address)?;
        let deadline = limit(ms).and_then(|limit| Instant::now().checked_add(limit));
        Ok(Conn::over(address.connect_blocking(deadline)?))
    }

    fn over(mut client: Client) -> Conn {
        client.hold_credit();
        Conn {
            client: Some(client),
            types: Types::default(),
            described: false,
            streams: BTreeMap::from([(0, Queue::default())]),
        }
    }

    /// Ends it, also for the streams that are left.
    pub fn close(&mut self) {
        self.client = None;
    }

    /// The descriptor of the socket; -1 when it is closed.
    pub fn fd(&self) -> RawFd {
        self.client.as_ref().map_or(-1, |client| client.fd().as_raw_fd())
    }

    /// Declares a message type that the service does not tell, or a version of one.
    ///
    /// # Errors
    /// As [`Types::declare`].
    pub fn declare(&mut self, name: &str, shape: &str) -> Result<()> {
        self.types.declare(name, shape, "")
    }

    /// Asks the service what it handles, and learns the types.
    fn describe(&mut self) -> Result<Description> {
        let request = Typed::new(Describe {});
        let answer = live(&mut self.client)?.call_with(0, &request, Some(DESCRIPTION))?;
        let description: Description = answer.decode()?;
        for message in &description.messages {
            let replies = message.replies.iter().map(|reply| (&reply.name, &reply.shape));
            for (name, shape) in std::iter::once((&message.name, &message.shape)).chain(replies) {
                // A type of a newer program that does not read is one that this one cannot use.
                if let Ok(shape) = Shape::read(shape) {
                    self.types.learn(name, shape);
                }
            }
        }
        self.described = true;
        Ok(description)
    }

    /// The type with that name: declared, or one of the service.
    fn ty(&mut self, name: &str) -> Result<Arc<crate::types::Type>> {
        if self.types.by_name(name).is_none() && !self.described {
            self.describe()?;
        }
        match self.types.by_name(name) {
            Some(ty) => Ok(ty.clone()),
            None => {
                let text = format!("the service has no message {name}; there are: {}", self.types.names());
                Err(Fault::new(Code::NotFound, text))
            }
        }
    }

    /// A message of a type of the service.
    ///
    /// # Errors
    /// `NotFound` when there is none of that name, or what the service says.
    pub fn message(&mut self, name: &str) -> Result<Message> {
        Ok(Message::new(&*self.ty(name)?))
    }

    /// A message of a type of the service whose bytes are there.
    ///
    /// # Errors
    /// As [`Conn::message`], and when the bytes are none of the type.
    pub fn message_of(&mut self, name: &str, bytes: &[u8]) -> Result<Message> {
        Message::of_bytes(&*self.ty(name)?, bytes)
    }

    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    /// What the service answers, `Timeout`, or the loss of the connection.
    pub fn call(&mut self, stream: u32, request: &mut Message, ms: i32) -> Result<Message> {
        let answer = live(&mut self.client)?.call_with(stream, &request.sending()?, limit(ms));
        match answer {
            Ok(incoming) => {
                // Who sends bytes only has no use for the fields of the reply.
                let curious = request.shape().is_some() && !self.described;
                if curious && self.types.by_key(incoming.key).is_none() {
                    self.describe()?;
                }
                self.received(incoming)
            }
            Err(fault) if fault.code() == Some(Code::UnknownMessage) => Err(self.explain(request, fault)),
            Err(fault) => Err(fault),
        }
    }

    /// Says what differs when the service has a message of that name but of another shape.
    fn explain(&mut self, request: &Message, fault: Fault) -> Fault {
        let Some(shape) = request.shape() else { return fault };
        let Ok(description) = self.describe() else { return fault };
        match difference(&description, request.name(), shape) {
            Some(text) => Fault::new(Code::UnknownMessage, text),
            None => fault,
        }
    }

    fn received(&mut self, incoming: Incoming) -> Result<Message> {
        let ty = self.types.by_key(incoming.key).cloned();
        Message::received(incoming, ty.as_deref())
    }

    /// Puts what came where it is received.
    fn route(&mut self, event: Received) -> Result<()> {
        let (Received::Message(id, ..)
        | Received::Error(id, ..)
        | Received::Ended(id)
        | Received::Reset(id, _)
        | Received::Credit(id)) = &event;
        let id = *id;
        let Some(queue) = self.streams.get_mut(&id) else {
            // The stream was closed here: its peer is told when it goes on sending.
            if let Received::Message(..) = event {
                let fault = Fault::new(Code::Cancelled, "nobody reads this stream any more");
                live(&mut self.client)?.reset(id, &fault);
            }
            return Ok(());
        };
        match event {
            // Answers go to who waits for them, and late ones to nobody: what is here came by itself.
            Received::Message(_, _, message) => queue.waiting.push_back(Ok(message)),
            Received::Error(_, _, fault) => queue.waiting.push_back(Err(fault)),
            Received::Ended(_) => (queue.ended, queue.news) = (true, true),
            Received::Reset(_, fault) => (queue.fault, queue.news) = (Some(fault), true),
            Received::Credit(_) => {}
        }
        Ok(())
    }

    /// Whether something can be received at once; waits for it.
    ///
    /// # Errors
    /// The loss of the connection.
    pub fn poll(&mut self, ms: i32) -> Result<bool> {
        let deadline = limit(ms).and_then(|limit| Instant::now().checked_add(limit));
        loop {
            let ready = |queue: &Queue| !queue.waiting.is_empty() || queue.news;
            if self.streams.values().any(ready) {
                return Ok(true);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            match live(&mut self.client)?.receive_within(left)? {
                Some(event) => self.route(event)?,
                None => return Ok(false),
            }
        }
    }

    fn recv(&mut self, id: u32, ms: i32) -> Result<Option<Message>> {
        let deadline = limit(ms).and_then(|limit| Instant::now().checked_add(limit));
        loop {
            let Some(queue) = self.streams.get_mut(&id) else {
                return Err(Fault::new(Code::State, "the stream is closed"));
            };
            if let Some(next) = queue.waiting.pop_front() {
                let incoming = next?;
                live(&mut self.client)?.consumed(id, incoming.payload.cost());
                if self.types.by_key(incoming.key).is_none() && !self.described {
                    self.describe()?;
                }
                return self.received(incoming).map(Some);
            }
            queue.news = false;
            if let Some(fault) = &queue.fault {
                return Err(fault.clone());
            }
            if queue.ended {
                return Ok(None);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            match live(&mut self.client)?.receive_within(left)? {
                Some(event) => self.route(event)?,
                None => return Err(Fault::new(Code::Timeout, format!("no message within {ms} ms"))),
            }
        }
    }
}

impl StreamHandle {
    /// Opens a stream of its own.
    ///
    /// # Errors
    /// `Limit` when there are too many, or the loss of the connection.
    pub fn open(conn: &Arc<Mutex<Conn>>) -> Result<StreamHandle> {
        let mut owned = table::own(conn, "connection")?;
        let id = live(&mut owned.client)?.open()?;
        owned.streams.insert(id, Queue::default());
        Ok(StreamHandle { conn: conn.clone(), id })
    }

    /// The stream that every connection has.
    pub fn default_of(conn: &Arc<Mutex<Conn>>) -> StreamHandle {
        StreamHandle {
            conn: conn.clone(),
            id: 0,
        }
    }

    fn conn(&self) -> Result<MutexGuard<'_, Conn>> {
        table::own(&self.conn, "connection")
    }

    /// Sends a message.
    ///
    /// # Errors
    /// `Timeout` when the service does not read, or the loss of the stream.
    pub fn send(&self, message: &mut Message, ms: i32) -> Result<()> {
        let sending = message.sending()?;
        let mut conn = self.conn()?;
        if let Some(fault) = conn.streams.get(&self.id).and_then(|queue| queue.fault.clone()) {
            return Err(fault);
        }
        live(&mut conn.client)?.send_within(self.id, &sending, limit(ms))
    }

    /// The next message; `None` when the service sends no more.
    ///
    /// # Errors
    /// `Timeout`, an error that the service sent, or the loss of the stream.
    pub fn recv(&self, ms: i32) -> Result<Option<Message>> {
        self.conn()?.recv(self.id, ms)
    }

    /// Sends a request on the stream and waits for its reply.
    ///
    /// # Errors
    /// As [`Conn::call`].
    pub fn call(&self, request: &mut Message, ms: i32) -> Result<Message> {
        self.conn()?.call(self.id, request, ms)
    }

    /// Says that this side sends no more.
    ///
    /// # Errors
    /// The loss of the connection.
    pub fn end(&self) -> Result<()> {
        live(&mut self.conn()?.client)?.end(self.id)
    }

    /// Ends the stream and receives no more on it.
    ///
    /// # Errors
    /// When the connection is in use by another thread; one that is lost is none.
    pub fn close(&self) -> Result<()> {
        if self.id == 0 {
            return Ok(());
        }
        let mut conn = self.conn()?;
        let queue = conn.streams.remove(&self.id).unwrap_or_default();
        // What the peer sent already was for nobody; a stream that both sides ended is no more, and that is no error.
        if let Ok(client) = live(&mut conn.client) {
            let _ = client.end(self.id);
            for message in queue.waiting.into_iter().flatten() {
                client.consumed(self.id, message.payload.cost());
            }
        }
        Ok(())
    }
}
