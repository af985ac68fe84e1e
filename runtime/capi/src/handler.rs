//! The handlers of the program: how they are called, and what becomes of what they answer.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Poll;

use gshell_service::{Context, Incoming, Reply, Stream, current};
use gshell_session::Head;
use gshell_wire::{Code, Fault};

use crate::border::{Callback, OnRequest};
use crate::message::Message;
use crate::outbox::Op;
use crate::request::Request;
use crate::server::lock;
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
/// One handler.
pub struct Spec {
    /// The name of its requests.
    pub name: String,
    /// The names of what it answers with.
    pub replies: Vec<String>,
    /// How it is called.
    pub flags: u32,
    /// The function of the program.
    pub call: Callback<OnRequest>,
}

/// Threads of handlers that run.
#[derive(Default)]
pub struct Threads {
    count: Mutex<usize>,
    changed: Condvar,
}

/// What handlers share.
pub struct Shared {
    /// The message types of the server.
    pub types: Arc<Types>,
    /// The threads of handlers.
    pub threads: Arc<Threads>,
}

impl Threads {
    /// Waits until none runs.
    pub fn wait(&self) {
        let mut count = lock(&self.count);
        while *count > 0 {
            count = self.changed.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Closes the request when its task goes: it was answered, or nobody waits for it.
struct Alive(Arc<Request>);

impl Drop for Alive {
    fn drop(&mut self) {
        let fault = Fault::new(
            Code::Cancelled,
            "nobody waits for the answer to this request any more",
        );
        self.0.outbox.close(fault);
    }
}

/// Handles one request; the result is its answer.
///
/// # Errors
/// What the program answers, or why it cannot be asked.
pub async fn handle(
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
            let text =
                format!("{MOST_THREADS} handlers run on threads of their own, the limit: try again later");
            return Err(Fault::new(Code::Busy, text));
        }
        *count += 1;
    }
    let running = Running(threads);
    let work = move || {
        let _running = running;
        current::within(scope, || call(&spec, &request, message));
    };
    let thread = std::thread::Builder::new()
        .name("gshell-handler".to_owned())
        .spawn(work);
    match thread {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::new(Code::Busy, "no thread for this request").with_cause(error)),
    }
}
