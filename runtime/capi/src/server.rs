//! Services of the program: what is declared, and the thread that serves.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use gshell_service::{Dynamic, Handlers, Node, PublishOptions, Published, Publisher, Scopes, rt};
use gshell_wire::{Code, Fault, Priority};

use crate::border::{Callback, OnRequest};
use crate::client::scopes;
use crate::handler::{HIGH, LOW, STREAM, Shared, Spec, THREADS, Threads, handle};
use crate::request::undeclared;
use crate::stop::Slot;
use crate::types::Types;

type Result<T> = std::result::Result<T, Fault>;

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

/// What is behind a mutex; a panic of another thread leaves it whole.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
            return Err(Fault::new(
                Code::Invalid,
                format!("{flags} are no flags of a handler"),
            ));
        }
        let replies: Vec<_> = replies
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        self.configure(|config| {
            let names = std::iter::once(&name).chain(&replies);
            if let Some(name) = names
                .into_iter()
                .find(|name| config.types.by_name(name).is_none())
            {
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
            let text =
                format!("{address:?} is no address to listen on: expected a number and a port, 0.0.0.0:4711");
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
        if thread
            .as_ref()
            .is_some_and(|own| own.thread().id() == std::thread::current().id())
        {
            return Err(Fault::new(
                Code::State,
                "a handler cannot wait for the end of its own server",
            ));
        }
        let Some(thread) = thread.take() else {
            return Ok(());
        };
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
            self.port.store(
                published.tcp().map_or(0, |address| address.port()),
                Ordering::SeqCst,
            );
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
        threads.wait();
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
