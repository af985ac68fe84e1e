//! What every built-in function of one environment can reach: who it is, its limits, its streams, its stop
//! state, and the registry of things that have to be closed when it ends.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::Poll;

use async_executor::LocalExecutor;
use gshell_service::Node;
use gshell_sys::slice::{ID_LEN, Running};
use mlua::{FromLuaMulti, Function, IntoLuaMulti, Lua};

use crate::call::{self, Arguments};
use crate::environment::Ending;
use crate::errors;
use crate::held::Pending;
use crate::limits::Limits;
use crate::resources::Resources;
use crate::sliced::Sliced;
use crate::stdio::{Input, Output};
use crate::sync::Signal;
use crate::tasks::Tasks;
use crate::{Package, Spec};

/// Shared by the environment and its built-in functions. Callbacks hold it by `Rc`; it never holds the Lua
/// state, so dropping the state frees everything.
pub struct Context {
    /// 12 hex digits.
    pub id: String,
    /// Full name of the group, `NAME-VERSION`.
    pub group: String,
    /// Name of the script as listed.
    pub name: String,
    /// `arg[0]` (the path as typed) and the arguments.
    pub args: Vec<String>,
    /// What the environment may use.
    pub limits: Limits,
    /// Standard output and error.
    pub output: Rc<dyn Output>,
    /// Standard input.
    pub input: Input,
    /// The script's own files.
    pub package: Rc<Package>,
    /// Folders searched by `require` after the package and the built-in modules.
    pub lua_path: Vec<PathBuf>,
    /// Folders searched for C modules after those.
    pub c_path: Vec<PathBuf>,
    /// The node of its services; that of the process's surroundings if nothing is said.
    pub node: Option<Node>,
    /// Open files, sockets and processes: counted against [`Limits::handles`], closed on teardown.
    pub resources: Rc<Resources>,
    stopping: Cell<bool>,
    stopped: Signal,
    executor: RefCell<Weak<LocalExecutor<'static>>>,
    running: Running,
    pub(crate) pending: Rc<Pending>,
    pub(crate) ending: Ending,
    pub(crate) tasks: Tasks,
    pub(crate) on_stop: RefCell<Vec<Function>>,
    pub(crate) on_resize: RefCell<Vec<Function>>,
}

impl Context {
    pub(crate) fn new(spec: Spec, executor: &Rc<LocalExecutor<'static>>) -> Rc<Context> {
        Rc::new(Context {
            running: Running {
                id: note_id(&spec.id),
                slice: spec.limits.slice,
            },
            resources: Rc::new(Resources::new(spec.limits.handles)),
            id: spec.id,
            group: spec.group,
            name: spec.name,
            args: spec.args,
            limits: spec.limits,
            output: spec.output,
            input: spec.input,
            package: spec.package,
            lua_path: spec.lua_path,
            c_path: spec.c_path,
            node: spec.node,
            stopping: Cell::new(false),
            stopped: Signal::new(),
            executor: RefCell::new(Rc::downgrade(executor)),
            pending: Rc::new(Pending::new(spec.limits.memory)),
            ending: Ending::default(),
            tasks: Tasks::default(),
            on_stop: RefCell::default(),
            on_resize: RefCell::default(),
        })
    }

    /// Waits for `future`; fails with `{code = "stopped"}` once the environment was told to stop and its
    /// `on_stop` callbacks ran. Every built-in function that blocks waits through this.
    pub async fn wait<F: Future>(&self, future: F) -> mlua::Result<F::Output> {
        let (mut future, mut stopped) = (pin!(future), pin!(self.stopped.wait()));
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => stopped.as_mut().poll(context).map(|()| Err(stopped_error())),
        })
        .await
    }

    /// A Lua function that yields while its future waits. Always make asynchronous functions with this: teardown
    /// can then drop the future although it (or the `Lua` it holds) sits inside the state itself.
    pub fn async_function<A, F, R>(
        &self,
        lua: &Lua,
        body: impl Fn(Lua, A) -> F + 'static,
    ) -> mlua::Result<Function>
    where
        A: Arguments,
        F: Future<Output = mlua::Result<R>> + 'static,
        R: IntoLuaMulti,
    {
        call::waiting(lua, self, body)
    }

    /// Runs `future` on this thread for as long as the environment lives: it is dropped on teardown.
    /// Dropping the returned task cancels it; `detach` lets it run. `None` when the environment has ended.
    pub fn spawn<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> Option<async_executor::Task<T>> {
        self.executor.borrow().upgrade().map(|executor| {
            // Boxed, so that the executor's code is there once per result and not once per future.
            let future: Pin<Box<dyn Future<Output = T>>> = Box::pin(future);
            executor.spawn(future)
        })
    }

    /// Calls a Lua function of the script from Rust, in a coroutine of its own that may yield and whose time
    /// slices are kept. Built-in functions use this for callbacks, never `Function::call_async`.
    pub async fn call<R>(&self, lua: &Lua, function: &Function, args: impl IntoLuaMulti) -> mlua::Result<R>
    where
        R: FromLuaMulti,
    {
        self.sliced::<R>(lua, function, args)?.await
    }

    pub(crate) fn sliced<R: FromLuaMulti>(
        &self,
        lua: &Lua,
        function: &Function,
        args: impl IntoLuaMulti,
    ) -> mlua::Result<Sliced<R>> {
        Sliced::<R>::new(lua, function, args, self.running, &self.pending)
    }

    pub(crate) fn running(&self) -> Running {
        self.running
    }

    /// Whether the environment was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Whether pending waits fail now (the `on_stop` callbacks have run).
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_set()
    }

    /// True the first time.
    pub(crate) fn begin_stop(&self) -> bool {
        !self.stopping.replace(true)
    }

    pub(crate) fn fail_waits(&self) {
        self.stopped.set();
    }
}

fn stopped_error() -> mlua::Error {
    errors::raise("stopped", "stopped: the environment was told to end")
}

/// The ID as the note of a stuck script carries it; a shorter one is filled with zeros.
fn note_id(id: &str) -> [u8; ID_LEN] {
    let mut bytes = [b'0'; ID_LEN];
    for (to, from) in bytes.iter_mut().zip(id.bytes()) {
        *to = from;
    }
    bytes
}
