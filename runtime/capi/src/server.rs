//! Services of the program: what is declared, the thread that serves, and the handlers.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use gshell_service::{
    Context, Dynamic, Handlers, Incoming, Node, PublishOptions, Published, Publisher, Reply, Scopes, Stream,
    current, rt,
};
use gshell_session::Head;
use gshell_wire::{Code, Fault, Priority};

use crate::border::{Callback, OnRequest};
use crate::client::scopes;
use crate::message::Message;
use crate::outbox::Op;
use crate::request::{Request, undeclared};
use crate::stop::Slot;
use crate::table::{self, Object};
use crate::types::Types;

type Result<T> = std::result::Result<T, Fault>;

/// The handler gets threads of its own.
pub const THREADS: u32 = 1;
/// The handler receives on the stream of its request.
pub const STREAM: u32 = 2;
/// Its requests come before others.
pub const HIGH: u32 = 4;
/// Its requests come after others.
pub const LOW: u32 = 8;

/// Threads of handlers at most.
pub const MOST_THREADS: usize = 64;
/// Time that handlers have to end when the server is stopped.
const GRACE: Duration = Duration::from_secs(2);

/// Time for connections to end; what a client that does not read was still to get is lost.
const GOODBYE: Duration = Duration::from_millis(20);

thread_local! {
    static SERVING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread serves: what runs on it must not wait.
pub fn on_server_thread() -> bool {
    SERVING.get()
}

/// This thread serves as long as it is there.
struct Serving;

impl Serving {
    fn begin() -> Serving {
        SERVING.set(true);
        Serving
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        SERVING.set(false);
    }
}

/// One handler.
struct Spec {
    name: String,
    replies: Vec<String>,
    flags: u32,
    call: Callback<OnRequest>,
}

/// What is declared before the server runs.
struct Config {
    publisher: String,
    service: String,
    scopes: Scopes,
    tcp: Option<SocketAddr>,
    types: Types,
    specs: Vec<Spec>,
}

/// A service of the program.
pub struct Server {
    /// Taken when it runs.
    config: Mutex<Option<Config>>,
    slot: Slot,
    port: AtomicU16,
    thread: Mutex<Option<JoinHandle<Result<()>>>>,
}

/// Threads of handlers that run.
#[derive(Default)]
struct Threads {
    count: Mutex<usize>,
    changed: Condvar,
}

/// What handlers share.
struct Shared {
    types: Arc<Types>,
    threads: Arc<Threads>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// A server that is not published yet.
    ///
    /// # Errors
    /// `Limit` when there are too many.
    pub fn new(publisher: &str, service: &str) -> Result<Server> {
        // Bad names are found here and not when it runs.
        for name in [publisher, service] {
            gshell_wire::check_name(name).map_err(|error| Fault::new(Code::Invalid, error.to_string()))?;
        }
        Ok(Server {
            config: Mutex::new(Some(Config {
                publisher: publisher.to_owned(),
                service: service.to_owned(),
                scopes: Scopes::OS,
                tcp: None,
                types: Types::default(),
                specs: Vec::new(),
            })),
            slot: Slot::take()?,
            port: AtomicU16::new(0),
            thread: Mutex::new(None),
        })
    }

    /// Says by which handle the program knows it.
    pub fn name(&self, handle: usize) {
        self.slot.name(handle);
    }

    fn configure<T>(&self, change: impl FnOnce(&mut Config) -> Result<T>) -> Result<T> {
        match &mut *lock(&self.config) {
            Some(config) => change(config),
            None => Err(Fault::new(Code::State, "this server runs, or ran already")),
        }
    }

    /// Declares a message type.
    ///
    /// # Errors
    /// As [`Types::declare`]; `State` when the server runs.
    pub fn declare(&self, name: &str, shape: &str, help: &str) -> Result<()> {
        self.configure(|config| config.types.declare(name, shape, help))
    }

    /// Adds the handler of a message type; `replies` are names with commas between them.
    ///
    /// # Errors
    /// `NotFound` for a type that is not declared, `Exists` for a second handler, `Invalid` for flags that are none.
    pub fn on(&self, name: &str, replies: &str, flags: u32, call: Callback<OnRequest>) -> Result<()> {
        if flags & !(THREADS | STREAM | HIGH | LOW) != 0 || flags & (HIGH | LOW) == HIGH | LOW {
            return Err(Fault::new(Code::Invalid, format!("{flags} are no flags of a handler")));
        }
        let replies: Vec<_> = replies.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        self.configure(|config| {
            let names = std::iter::once(&name).chain(&replies);
            if let Some(name) = names.into_iter().find(|name| config.types.by_name(name).is_none()) {
                return Err(undeclared(name, &config.types));
            }
            if config.specs.iter().any(|spec| spec.name == name) {
                return Err(Fault::new(Code::Exists, format!("{name} has a handler already")));
            }
            config.specs.push(Spec {
                name: name.to_owned(),
                replies: replies.iter().map(|name| (*name).to_owned()).collect(),
                flags,
                call,
            });
            Ok(())
        })
    }

    /// Chooses the scopes.
    ///
    /// # Errors
    /// `Invalid` for bits that are none.
    pub fn scopes(&self, bits: u32) -> Result<()> {
        let scopes = match bits {
            0 => Scopes::NONE,
            bits => scopes(bits)?,
        };
        self.configure(|config| {
            config.scopes = scopes;
            Ok(())
        })
    }

    /// Listens on a TCP address as well.
    ///
    /// # Errors
    /// `Invalid` for a text that is no numeric address with a port.
    pub fn tcp(&self, address: &str) -> Result<()> {
        let address = address.strip_prefix("tcp:").unwrap_or(address);
        let address: SocketAddr = address.parse().map_err(|_| {
            let text = format!("{address:?} is no address to listen on: expected a number and a port, 0.0.0.0:4711");
            Fault::new(Code::Invalid, text)
        })?;
        self.configure(|config| {
            config.tcp = Some(address);
            Ok(())
        })
    }

    /// The TCP port that it listens on; 0 when it does not.
    pub fn port(&self) -> u16 {
        self.port.load(Ordering::SeqCst)
    }

    /// Stops it.
    pub fn stop(&self) {
        self.slot.fire();
    }

    /// Serves on this thread until it is stopped.
    ///
    /// # Errors
    /// When it cannot be published.
    pub fn run(&self) -> Result<()> {
        self.serve(&mut |_| {})
    }

    /// Serves on a thread of its own; it is published when this returns.
    ///
    /// # Errors
    /// When it cannot be published.
    pub fn start(self: &Arc<Server>) -> Result<()> {
        let (send, receive) = std::sync::mpsc::channel();
        let server = self.clone();
        let serve = move || {
            let mut told = false;
            let done = server.serve(&mut |published| {
                told = true;
                let _ = send.send(published);
            });
            if !told && let Err(fault) = &done {
                let _ = send.send(Err(fault.clone()));
            }
            done
        };
        let thread = std::thread::Builder::new()
            .name("gshell-server".to_owned())
            .spawn(serve)
            .map_err(|error| Fault::new(Code::Limit, "no thread for the server").with_cause(error))?;
        let published = receive.recv();
        let ended = || Fault::new(Code::Internal, "the thread of the server has ended");
        match published.map_err(|_| ended()).and_then(|published| published) {
            Ok(()) => {
                *lock(&self.thread) = Some(thread);
                Ok(())
            }
            Err(fault) => {
                let _ = thread.join();
                Err(fault)
            }
        }
    }

    /// Waits until the thread of its own has ended.
    ///
    /// # Errors
    /// `State` on that thread; else what it ended with.
    pub fn join(&self) -> Result<()> {
        let mut thread = lock(&self.thread);
        if thread.as_ref().is_some_and(|own| own.thread().id() == std::thread::current().id()) {
            return Err(Fault::new(Code::State, "a handler cannot wait for the end of its own server"));
        }
        let Some(thread) = thread.take() else { return Ok(()) };
        let broken = |_| Err(Fault::new(Code::Internal, "the thread of the server has failed"));
        thread.join().unwrap_or_else(broken)
    }

    fn serve(&self, told: &mut dyn FnMut(Result<()>)) -> Result<()> {
        if on_server_thread() {
            return Err(Fault::new(Code::State, "a server runs on this thread already"));
        }
        let Some(config) = lock(&self.config).take() else {
            return Err(Fault::new(Code::State, "this server runs, or ran already"));
        };
        let threads = Arc::new(Threads::default());
        let serving = Serving::begin();
        let served = rt::block_on(async {
            let published = publish(config, threads.clone())?;
            self.port.store(published.tcp().map_or(0, |address| address.port()), Ordering::SeqCst);
            told(Ok(()));
            let waited = self.slot.fired().await;
            published.close(GRACE).await;
            // Connections say good-bye and end before the thread does something else.
            rt::sleep(GOODBYE).await;
            waited.map_err(|error| Fault::new(Code::Internal, "the server cannot wait").with_cause(error))
        });
        rt::leave();
        drop(serving);
        // The program may free what its handlers use as soon as this returns.
        let mut count = lock(&threads.count);
        while *count > 0 {
            count = threads.changed.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        served
    }
}

fn publish(config: Config, threads: Arc<Threads>) -> Result<Published> {
    let Config {
        publisher,
        service,
        scopes,
        tcp,
        types,
        specs,
    } = config;
    let shared = Arc::new(Shared {
        types: Arc::new(types),
        threads,
    });
    let mut handlers = Handlers::new();
    for spec in specs {
        let message = dynamic(&spec, &shared.types)?;
        let (spec, shared) = (Arc::new(spec), shared.clone());
        handlers = handlers.on_dynamic(message, move |incoming, context| {
            handle(spec.clone(), shared.clone(), incoming, context)
        })?;
    }
    let options = PublishOptions {
        tcp,
        ..PublishOptions::default()
    };
    Publisher::new(&Node::from_env()?, &publisher)?.publish(&service, handlers, scopes, &options)
}

/// The message type of a handler.
fn dynamic(spec: &Spec, types: &Types) -> Result<Dynamic> {
    let mut versions = types.versions(&spec.name);
    let today = versions.next().ok_or_else(|| undeclared(&spec.name, types))?;
    let replies = spec.replies.iter().filter_map(|name| types.by_name(name));
    Ok(Dynamic {
        help: today.help.clone(),
        replies: replies.map(|ty| (ty.name.clone(), (*ty.shape).clone())).collect(),
        priority: match spec.flags & (HIGH | LOW) {
            HIGH => Priority::High,
            LOW => Priority::Low,
            _ => Priority::Normal,
        },
        versions: versions.map(|ty| (*ty.shape).clone()).collect(),
        stream: spec.flags & STREAM != 0,
        ..Dynamic::new(today.name.clone(), (*today.shape).clone())
    })
}

/// Closes the request when its task goes: it was answered, or nobody waits for it.
struct Alive(Arc<Request>);

impl Drop for Alive {
    fn drop(&mut self) {
        let fault = Fault::new(Code::Cancelled, "nobody waits for the answer to this request any more");
        self.0.outbox.close(fault);
    }
}

async fn handle(
    spec: Arc<Spec>,
    shared: Arc<Shared>,
    incoming: Incoming,
    context: Context,
) -> Result<Option<Reply>> {
    let ty = shared.types.by_key(incoming.key).cloned();
    let message = Message::received(incoming, ty.as_deref())?;
    let uses_stream = spec.flags & STREAM != 0;
    let request = Arc::new(Request::new(
        shared.types.clone(),
        &spec.name,
        &context.peer().text,
        context.deadline(),
        uses_stream,
    ));
    let alive = Alive(request.clone());
    match spec.flags & THREADS {
        0 => call(&spec, &request, message),
        _ => call_on_thread(spec, shared.threads.clone(), request, message, context.scope())?,
    }
    let stream = context.stream();
    let head = Head {
        trace: context.trace(),
        ..Head::default()
    };
    loop {
        match next(&alive.0, &stream, uses_stream).await {
            Op::Send(mut message) => stream.send_with(head, &mut message).await?,
            Op::End => stream.end(),
            Op::Reply(message) => return Ok(Some(Box::new(message))),
            Op::Fail(fault) => return Err(fault),
            Op::Done => {
                // The default stream is there for further calls.
                if uses_stream && stream.id() != 0 {
                    stream.end();
                }
                return Ok(None);
            }
        }
    }
}

/// What the program wants next; what comes on the stream meanwhile is put where it receives it.
async fn next(request: &Request, stream: &Stream, uses_stream: bool) -> Op {
    std::future::poll_fn(|context| {
        loop {
            if let Poll::Ready(op) = request.outbox.poll(context) {
                return Poll::Ready(op);
            }
            if !uses_stream || !request.outbox.wants() {
                return Poll::Pending;
            }
            match pin!(stream.recv()).poll(context) {
                Poll::Ready(next) => request.outbox.deliver(next),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

/// Calls the program's function, with handles that are good for as long as it keeps them.
fn call(spec: &Spec, request: &Arc<Request>, message: Message) {
    let own = table::insert(Object::Request(request.clone()));
    let message = table::insert(Object::Message(Arc::new(Mutex::new(message))));
    match (&own, &message) {
        (Ok(own), Ok(message)) => spec.call.call(*own, *message),
        (Err(fault), _) | (_, Err(fault)) => {
            let _ = request.outbox.push(Op::Fail(fault.clone()), 0, false, None);
        }
    }
    // A handler may have freed it itself.
    let _ = message.and_then(|message| table::remove(message, "message", Object::is_message));
    if !request.is_kept() {
        let _ = own.and_then(|own| table::remove(own, "request", Object::is_request));
        request.finish();
    }
}

/// A thread of a handler that runs.
struct Running(Arc<Threads>);

impl Drop for Running {
    fn drop(&mut self) {
        *lock(&self.0.count) -= 1;
        self.0.changed.notify_all();
    }
}

fn call_on_thread(
    spec: Arc<Spec>,
    threads: Arc<Threads>,
    request: Arc<Request>,
    message: Message,
    scope: current::Scope,
) -> Result<()> {
    {
        let mut count = lock(&threads.count);
        if *count >= MOST_THREADS {
            let text = format!("{MOST_THREADS} handlers run on threads of their own, the limit: try again later");
            return Err(Fault::new(Code::Busy, text));
        }
        *count += 1;
    }
    let running = Running(threads);
    let work = move || {
        let _running = running;
        current::within(scope, || call(&spec, &request, message));
    };
    let thread = std::thread::Builder::new().name("gshell-handler".to_owned()).spawn(work);
    match thread {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::new(Code::Busy, "no thread for this request").with_cause(error)),
    }
}
