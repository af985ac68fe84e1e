//! The functions of a script that handle requests.
//!
//! A request is handled in a coroutine, taken from those that have handled others before. It runs at once, where the
//! request was read, or within the call of a script of the same thread that makes it; one that has to wait goes on as a
//! task of the environment, so that it ends with it.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::Poll;

use gshell_service::{Context as Request, Incoming, Reply, current};
use gshell_sys::slice;
use gshell_wire::{Code, Fault};
use mlua::{Function, Lua, Table, Thread, Value, WeakLua};

use super::Shared;
use super::fault;
use super::message::{Sent, Type};
use super::stream::Stream;
use crate::sliced::Sliced;
use crate::tasks::{Alive, Failure};
use crate::{Stream as Output, errors, sandbox};

/// Coroutines that are kept for further requests.
const KEPT: usize = 64;

/// A service of a script.
pub struct Service {
    pub shared: Rc<Shared>,
    pub lua: WeakLua,
    guard: Function,
    resting: RefCell<Vec<Thread>>,
}

/// What handles one message type.
pub struct Handler {
    pub ty: Rc<Type>,
    pub function: Function,
    /// It gets the stream.
    pub stream: bool,
    /// The types of its replies, as far as they were declared.
    pub replies: Vec<Rc<Type>>,
}

/// What the guard of the prelude gives: `true, reply` or `false, error, message, traceback`.
pub type Results = (Value, Value, Value, Value);
/// What a function returned, or how it failed.
pub type Outcome = Result<Value, Failure>;
type Answer = Result<Option<Reply>, Fault>;

impl Service {
    pub fn new(shared: &Rc<Shared>, lua: &Lua) -> mlua::Result<Rc<Service>> {
        Ok(Rc::new(Service {
            shared: Rc::clone(shared),
            lua: lua.weak(),
            guard: sandbox::guard(lua)?,
            resting: RefCell::default(),
        }))
    }

    /// `function(a, b)` in a coroutine.
    pub fn begin(&self, lua: &Lua, function: &Function, a: Value, b: Value) -> mlua::Result<Sliced<Results>> {
        let cx = &self.shared.cx;
        let resting = self.resting.borrow_mut().pop();
        let thread = match resting {
            Some(thread) => {
                thread.reset(self.guard.clone())?;
                thread
            }
            None => lua.create_thread(self.guard.clone())?,
        };
        Sliced::on(thread, (function, a, b), cx.running(), &cx.pending)
    }

    /// The coroutine of a function that has ended rests until it is needed again.
    fn rest(&self, body: &Sliced<Results>) {
        let mut resting = self.resting.borrow_mut();
        if resting.len() < KEPT {
            resting.push(body.thread().clone());
        }
    }

    /// Runs the function to its end: what it returned, or how it failed.
    pub async fn finish(&self, body: &mut Sliced<Results>) -> Outcome {
        let results = poll_fn(|context| Pin::new(&mut *body).poll(context)).await;
        self.rest(body);
        match results {
            Ok((Value::Boolean(true), value, _, _)) => Ok(value),
            Ok((_, value, message, traceback)) => Err(Failure {
                value,
                message: text(&message),
                traceback: errors::trim_traceback(&text(&traceback)),
            }),
            Err(error) => Err(Failure {
                value: Value::Nil,
                message: match errors::is_memory(&error) {
                    true => self.shared.cx.limits.memory_message(),
                    false => errors::root_message(&error),
                },
                traceback: String::new(),
            }),
        }
    }

    /// Tells of an error that is a mistake in the script: one without a code.
    pub fn report(&self, what: &str, failure: &Failure) {
        if errors::code_of(&failure.value).is_some() {
            return;
        }
        let Failure {
            message, traceback, ..
        } = failure;
        let text = match traceback.is_empty() {
            true => format!("gshell: {what}: {message}\n"),
            false => format!("gshell: {what}: {message}\nstack traceback:\n{traceback}\n"),
        };
        self.shared.cx.output.write(Output::Err, text.as_bytes());
    }

    /// Polls `work` at once, as a run of its own: its caller may be a script that runs. What has to wait goes on as a task of
    /// the environment.
    pub fn start<T: 'static>(
        &self,
        scope: current::Scope,
        mut work: Pin<Box<dyn Future<Output = T>>>,
    ) -> impl Future<Output = Option<T>> + use<T> {
        let (cx, running) = (Rc::downgrade(&self.shared.cx), self.shared.cx.running());
        async move {
            let first =
                poll_fn(|context| Poll::Ready(slice::watched(&running, || work.as_mut().poll(context))));
            if let Poll::Ready(done) = first.await {
                cx.upgrade().iter().for_each(|cx| cx.output.flush());
                return Some(done);
            }
            // Nothing of the environment is held here while it waits: it may end first.
            let task = cx.upgrade()?.spawn(current::scoped(scope, work))?;
            drop(cx);
            task.fallible().await
        }
    }
}

fn text(value: &Value) -> String {
    value
        .as_string()
        .map(|text| text.to_string_lossy())
        .unwrap_or_default()
}

#[cold]
fn stopped() -> Fault {
    Fault::new(Code::Stopped, "the script that handles this has ended")
}

/// Handles one request.
pub fn handle(
    service: &Weak<Service>,
    handler: &Rc<Handler>,
    incoming: Incoming,
    request: Request,
) -> impl Future<Output = Answer> + 'static + use<> {
    let started = service.upgrade().map(|service| {
        let scope = request.scope();
        let work = work(Rc::clone(&service), Rc::clone(handler), incoming, request);
        service.start(scope, Box::pin(work))
    });
    async move {
        match started {
            Some(started) => started.await.unwrap_or_else(|| Err(stopped())),
            None => Err(stopped()),
        }
    }
}

async fn work(service: Rc<Service>, handler: Rc<Handler>, incoming: Incoming, request: Request) -> Answer {
    let faulty = |error: mlua::Error| fault::of_error(&error);
    let _alive = Alive::new(&service.shared.cx).map_err(faulty)?;
    let is_call = request.is_call();
    let mut body = {
        let lua = service.lua.try_upgrade().ok_or_else(stopped)?;
        let value = handler.ty.read(&lua, incoming.payload).map_err(faulty)?;
        let stream = match handler.stream {
            true => lua
                .create_userdata(Stream::served(&service.shared, request.stream(), request))
                .map(Value::UserData)
                .map_err(faulty)?,
            false => Value::Nil,
        };
        service
            .begin(&lua, &handler.function, value, stream)
            .map_err(faulty)?
    };
    let reply = match service.finish(&mut body).await {
        Ok(reply) => reply,
        Err(failure) => {
            service.report(&format!("the handler of {}", handler.ty.name), &failure);
            return Err(fault::of_failure(&failure));
        }
    };
    if reply.is_nil() {
        if is_call && !handler.stream {
            let text = format!("the handler of {} returned nothing", handler.ty.name);
            return Err(Fault::new(Code::Script, text));
        }
        return Ok(None);
    }
    let ty = handler.reply_type(&service.shared, &reply)?;
    match Sent::now(&ty, &reply) {
        Ok(sent) => Ok(Some(Box::new(sent))),
        Err(error) => {
            let fault = fault::of_error(&error);
            let text = format!("the handler of {} returned a bad reply", handler.ty.name);
            Err(Fault::new(Code::Script, text).with_cause(&fault.message))
        }
    }
}

impl Handler {
    /// The type of what the function returned: what it was made by, else the only one that was declared.
    fn reply_type(&self, shared: &Shared, reply: &Value) -> Result<Rc<Type>, Fault> {
        if let Some(known) = self.replies.iter().find(|ty| ty.has(reply)) {
            return Ok(Rc::clone(known));
        }
        let made_by = shared.types.of(reply);
        match (made_by, self.replies.as_slice()) {
            (Some(ty), _) => Ok(ty),
            (None, [only]) => Ok(Rc::clone(only)),
            (None, _) => Err(Fault::new(
                Code::Script,
                format!(
                    "the handler of {} returned a {} that is no message: return what a message type made, or \
                     declare the reply",
                    self.ty.name,
                    reply.type_name()
                ),
            )),
        }
    }
}

/// Variables of a stream, see `stream.vars`.
pub struct Variables(pub Table);

/// Whether a function takes the stream: it has a second parameter.
pub fn takes_stream(function: &Function) -> bool {
    let info = function.info();
    info.num_params >= 2 || info.is_vararg
}

/// The type that a value of a script stands for, and what is wrong with it.
pub fn message_type(value: &Value) -> Option<Rc<Type>> {
    let object = value.as_userdata()?;
    let message = object.borrow::<super::message::Message>().ok()?;
    Some(Rc::clone(&message.0))
}
