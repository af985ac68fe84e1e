//! A service whose handlers run in several Lua states, each on a thread of its own.
//!
//! Each state is an environment with the files of this one, whose main file publishes the handlers of a module inside of
//! the process, under a name that only this service knows. The service itself takes the requests, and passes each on, as
//! it came, to the state with the fewest in progress.

use std::cell::Cell;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use gshell_service::builtin::messages::{Describe, Description};
use gshell_service::{
    Body, CallOptions, Client, Context as Request, Dynamic, Handlers, Incoming, Node, Outgoing, Payload,
    Reply, Scopes, Timeout, discover, rt,
};
use gshell_small::Map;
use gshell_sys::slice;
use gshell_wire::{Code, EncodeError, Fault, Shape};

use crate::{Context, Environment, Input, Limits, Outcome, Output, Package, Spec, Stream};

/// Most states of one service.
pub const STATES_MAX: u32 = 64;
/// Time that a state has to load the module.
const LOAD: Duration = Duration::from_secs(10);
/// Publisher of the states, which are nobody else's business.
pub const PUBLISHER: &str = "gshell.states";
/// Path of the main file of a state.
const MAIN: &str = "gshell-state.lua";
/// Pieces of output beyond which a state waits.
const OUTPUT: usize = 256;

/// Numbers of the services of this process that have states.
static LAST: AtomicU32 = AtomicU32::new(0);

/// The states of one service. They end when this is dropped.
pub struct States {
    all: Vec<State>,
    messages: Description,
    _stop: Sender<()>,
}

struct State {
    client: Client,
    in_progress: Cell<u32>,
}

/// What a state is made of; it goes to its thread.
struct Seed {
    id: String,
    group: String,
    name: String,
    files: Map<String, Vec<u8>>,
    limits: Limits,
    lua_path: Vec<PathBuf>,
    c_path: Vec<PathBuf>,
    node: Node,
}

impl States {
    /// Starts `count` states with the handlers of `module`.
    pub async fn start(cx: &Rc<Context>, node: &Node, module: &str, count: u32) -> Result<States, Fault> {
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let (stop, stopped) = async_channel::bounded(1);
        let (output, pieces) = async_channel::unbounded();
        if let Some(task) = cx.spawn(pass_on(Rc::clone(cx), pieces)) {
            task.detach();
        }
        let mut failed = Vec::new();
        for index in 0..count {
            let service = format!("{}-{number}-{index}", std::process::id());
            let seed = seed(cx, node, module, &service);
            let (output, stopped) = (output.clone(), stopped.clone());
            let (report, failure) = async_channel::bounded(1);
            let thread = std::thread::Builder::new().name("gshell-state".to_owned());
            let thread = thread.stack_size(slice::STACK);
            let spawned = thread.spawn(move || run(seed, output, stopped, &report));
            spawned.map_err(|error| Fault::new(Code::Limit, "cannot start a thread").with_cause(error))?;
            failed.push((service, failure));
        }
        let mut all = Vec::new();
        for (service, failure) in failed {
            let client = connect(node, &service, &failure).await?;
            all.push(State {
                client,
                in_progress: Cell::new(0),
            });
        }
        let Some(first) = all.first() else {
            return Err(Fault::new(Code::Invalid, "a service has at least one state"));
        };
        let messages = first.client.call(Describe {}).await?;
        Ok(States {
            all,
            messages,
            _stop: stop,
        })
    }

    /// Handlers that pass the requests on.
    pub fn handlers(self) -> Result<Handlers, Fault> {
        let mut handlers = Handlers::new();
        let messages = self.messages.messages.clone();
        let states = Rc::new(self);
        let shape = |bytes: &[u8]| {
            Shape::read(bytes)
                .map_err(|error| Fault::new(Code::Internal, "a shape does not read").with_cause(error))
        };
        for message in messages {
            let mut replies = Vec::new();
            for reply in &message.replies {
                replies.push((reply.name.clone(), shape(&reply.shape)?));
            }
            let dynamic = Dynamic {
                replies,
                priority: message.priority,
                help: message.help.clone(),
                ..Dynamic::new(message.name.clone(), shape(&message.shape)?)
            };
            let (states, name) = (Rc::clone(&states), Rc::<str>::from(message.name.as_str()));
            handlers = handlers.on_dynamic(dynamic, move |incoming, request| {
                forward(Rc::clone(&states), Rc::clone(&name), incoming, request)
            })?;
        }
        Ok(handlers)
    }
}

async fn connect(node: &Node, service: &str, failure: &Receiver<String>) -> Result<Client, Fault> {
    let search = discover(node, PUBLISHER, service)
        .scopes(Scopes::PROCESS)
        .timeout(Timeout::For(LOAD));
    let failed = async {
        let text = failure.recv().await.unwrap_or_else(|_| "it ended".to_owned());
        Err(Fault::new(Code::Script, format!("a state cannot start: {text}")))
    };
    futures_lite::future::or(failed, search.one()).await
}

/// A request that is counted while it is in progress.
struct InProgress<'a>(&'a Cell<u32>);

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

async fn forward(
    states: Rc<States>,
    name: Rc<str>,
    incoming: Incoming,
    _request: Request,
) -> Result<Option<Reply>, Fault> {
    let least = states.all.iter().min_by_key(|state| state.in_progress.get());
    let Some(state) = least else { return Ok(None) };
    state.in_progress.set(state.in_progress.get() + 1);
    let _counted = InProgress(&state.in_progress);
    let mut passed = Passed {
        key: incoming.key,
        name: Rc::clone(&name),
        payload: incoming.payload,
    };
    let options = CallOptions::default();
    let answer = state
        .client
        .default_stream()
        .call_with(&options, &mut passed)
        .await?;
    Ok(Some(Box::new(Passed {
        key: answer.key,
        name,
        payload: answer.payload,
    })))
}

/// A message that is passed on as it came.
struct Passed {
    key: u64,
    name: Rc<str>,
    payload: Payload,
}

impl Body for Passed {
    fn key(&self) -> u64 {
        self.key
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match &self.payload {
            Payload::Bytes(bytes) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Payload::Moved { value, encode } => encode(&**value, out),
            Payload::Tree(tree, shape) => tree.encode(shape, out).map_err(|_| EncodeError::Refused),
        }
    }
}

impl Outgoing for Passed {
    fn name(&self) -> &str {
        &self.name
    }

    fn take(&mut self) -> Payload {
        std::mem::replace(&mut self.payload, Payload::Bytes(Vec::new()))
    }
}

fn seed(cx: &Context, node: &Node, module: &str, service: &str) -> Seed {
    let main = format!(
        "local server = require 'gshell'.server {{ publisher = '{PUBLISHER}' }}\n\
         server:publish('{service}', require {module:?}, {{ scope = 'process' }})\n\
         server:serve()\n"
    );
    let mut files = cx.package.files.clone();
    files.insert(MAIN.to_owned(), main.into_bytes());
    Seed {
        id: cx.id.clone(),
        group: cx.group.clone(),
        name: cx.name.clone(),
        files,
        limits: cx.limits,
        lua_path: cx.lua_path.clone(),
        c_path: cx.c_path.clone(),
        node: node.clone(),
    }
}

/// The life of a state, on its thread.
fn run(seed: Seed, output: Sender<(Stream, Vec<u8>)>, stopped: Receiver<()>, report: &Sender<String>) {
    rt::block_on(async {
        let made = Environment::new(Spec {
            args: vec![seed.name.clone()],
            id: seed.id,
            group: seed.group,
            name: seed.name,
            package: Rc::new(Package {
                files: seed.files,
                main: MAIN.to_owned(),
            }),
            limits: seed.limits,
            output: Rc::new(Passing(output)),
            input: Input::empty(),
            lua_path: seed.lua_path,
            c_path: seed.c_path,
            node: Some(seed.node),
        });
        let env = match made {
            Ok(env) => env,
            Err(error) => {
                let _ = report.try_send(error.to_string());
                return;
            }
        };
        let stop = async {
            // Nothing is ever sent: it ends with its sender.
            let _ = stopped.recv().await;
            env.stop();
            std::future::pending().await
        };
        let outcome = futures_lite::future::or(env.run(), stop).await;
        let _ = report.try_send(match outcome {
            Outcome::Error { message, .. } | Outcome::OutOfMemory { message } => message,
            other => format!("its main file ended: {other:?}"),
        });
    });
}

/// What the states print goes where the script prints.
async fn pass_on(cx: Rc<Context>, pieces: Receiver<(Stream, Vec<u8>)>) {
    while let Ok((stream, bytes)) = pieces.recv().await {
        cx.output.write(stream, &bytes);
        cx.output.flush();
    }
}

struct Passing(Sender<(Stream, Vec<u8>)>);

impl Output for Passing {
    fn write(&self, stream: Stream, bytes: &[u8]) {
        let _ = self.0.try_send((stream, bytes.to_vec()));
    }

    fn congested(&self) -> bool {
        self.0.len() > OUTPUT
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        let pieces = self.0.clone();
        Box::pin(async move {
            while pieces.len() > OUTPUT && !pieces.is_closed() {
                rt::sleep(Duration::from_millis(2)).await;
            }
        })
    }

    fn terminal(&self) -> Option<(u16, u16)> {
        None
    }
}
