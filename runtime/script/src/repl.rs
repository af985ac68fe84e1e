//! Evaluates what somebody types, a line at a time, in one long-lived environment.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use async_executor::LocalExecutor;
use gshell_service::Node;
use gshell_small::Set;
use gshell_sys::slice;
use mlua::{Function, Lua, MultiValue, Table, Value};

use crate::drive::drive;
use crate::environment::Outcome;
use crate::sandbox::Prelude;
use crate::tasks::{self, Done};
use crate::{Context, Input, Limits, LoadError, Output, Package, Spec, folders, sandbox};

static SHOW: Prelude = Prelude::new(include_str!("lua/show.lua"));

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Eval {
    /// It is the beginning of something: ask for another line, and evaluate both together.
    Incomplete,
    /// It ran; its values, readable.
    Done(Vec<String>),
    /// It failed, or was interrupted.
    Error(String),
    /// It called `os.exit`.
    Exit(i32),
}

/// The evaluator. Tasks and timers that lines start run on while a line is evaluated.
pub struct Repl {
    cx: Rc<Context>,
    executor: RefCell<Rc<LocalExecutor<'static>>>,
    lua: Lua,
    show: Function,
    interrupted: Cell<bool>,
}

impl Repl {
    /// A fresh environment on this thread. `require` finds files of the working directory. Services are published and found at
    /// `node`; `None`: at the one that the process's surroundings say.
    ///
    /// # Errors
    /// When the Lua state cannot be made.
    pub fn new(output: Rc<dyn Output>, input: Input, node: Option<Node>) -> Result<Repl, LoadError> {
        slice::init().map_err(|e| LoadError::Setup(e.to_string()))?;
        let executor = Rc::new(LocalExecutor::new());
        let spec = Spec {
            id: "000000000000".into(),
            group: String::new(),
            name: "shell".into(),
            args: vec!["shell".into()],
            package: Rc::new(Package::default()),
            limits: Limits {
                memory: 0,
                ..Limits::default()
            },
            output,
            input,
            lua_path: std::iter::once(".".into()).chain(folders::lua()).collect(),
            c_path: folders::c(),
            node,
        };
        let cx = Context::new(spec, &executor);
        let made = sandbox::state(&cx).and_then(|lua| Ok((SHOW.load(&lua)?.call(())?, lua)));
        let (show, lua) = made.map_err(|e: mlua::Error| LoadError::Setup(e.to_string()))?;
        // So that it is there to be completed.
        let _ = lua
            .globals()
            .get::<Table>("io")
            .and_then(|io| io.get::<Value>("write"));
        let executor = RefCell::new(executor);
        Ok(Repl {
            cx,
            executor,
            lua,
            show,
            interrupted: Cell::new(false),
        })
    }

    /// Evaluates `text`: an expression (or several, separated by commas) gives its values, a statement none.
    /// Ends early after [`Repl::interrupt`].
    pub async fn eval(&self, text: &str) -> Eval {
        let function = match self.compile(text) {
            Ok(function) => function,
            Err(eval) => return eval,
        };
        self.interrupted.set(false);
        let result = Rc::new(RefCell::new(None));
        let body = self.evaluate(function, Rc::clone(&result));
        let Some(task) = self.cx.spawn(body) else {
            return Eval::Error("the shell has ended".into());
        };
        let executor = self.executor.borrow().clone();
        let ending = &self.cx.ending;
        let eval = drive(&self.cx, &executor, &ending.changed, || self.ready(&result)).await;
        drop(task);
        eval
    }

    /// Makes a running [`Repl::eval`] end with an error at the end of its slice.
    pub fn interrupt(&self) {
        self.interrupted.set(true);
        self.cx.ending.changed.notify();
    }

    /// Names that `prefix` (the end of a line, such as `gsh` or `string.f` or `handle:c`) can be completed to, as a
    /// whole path each, sorted.
    pub fn complete(&self, prefix: &str) -> Vec<String> {
        let start = prefix
            .rfind(|c: char| !(c.is_alphanumeric() || "_.:".contains(c)))
            .map_or(0, |at| {
                at + prefix
                    .get(at..)
                    .and_then(|s| s.chars().next())
                    .map_or(1, char::len_utf8)
            });
        let path = prefix.get(start..).unwrap_or_default();
        let (holder, part) = path
            .rfind(['.', ':'])
            .map_or(("", path), |at| path.split_at(at + 1));
        let Some(table) = self.resolve(holder) else {
            return Vec::new();
        };
        let mut names = Set::new();
        fields(&table, part, &mut names, 3);
        names.iter().map(|name| format!("{holder}{name}")).collect()
    }

    fn compile(&self, text: &str) -> Result<Function, Eval> {
        let load = |source: &str| {
            let chunk = self
                .lua
                .load(source)
                .set_name("=shell")
                .set_mode(mlua::chunk::ChunkMode::Text);
            chunk.into_function()
        };
        if let Ok(function) = load(&format!("return {text}")) {
            return Ok(function);
        }
        load(text).map_err(|error| match error {
            mlua::Error::SyntaxError {
                incomplete_input: true,
                ..
            } => Eval::Incomplete,
            mlua::Error::SyntaxError { message, .. } => Eval::Error(message),
            other => Eval::Error(other.to_string()),
        })
    }

    /// Runs the function and shows its values, both as the script's code: a `__tostring` may take long.
    fn evaluate(
        &self,
        function: Function,
        result: Rc<RefCell<Option<Eval>>>,
    ) -> impl Future<Output = ()> + 'static {
        let (cx, lua, show) = (Rc::clone(&self.cx), self.lua.clone(), self.show.clone());
        async move {
            let mut done = run(&lua, &cx, &function, MultiValue::new()).await;
            if let Done::Values(values) = done {
                done = run(&lua, &cx, &show, values).await;
            }
            *result.borrow_mut() = Some(match done {
                Done::Values(texts) => Eval::Done(texts.iter().map(text_of).collect()),
                Done::Failed(failure) => Eval::Error(failure.message),
                Done::Cancelled => Eval::Error("cancelled".into()),
            });
        }
    }

    fn ready(&self, result: &RefCell<Option<Eval>>) -> Option<Eval> {
        if let Some(outcome) = self.cx.ending.take() {
            return Some(match outcome {
                Outcome::Exit(code) => Eval::Exit(code),
                other => {
                    // A task that failed beside the shell: said once, and the shell goes on.
                    self.cx.ending.outcome.take();
                    Eval::Error(outcome_text(other))
                }
            });
        }
        if self.interrupted.get() {
            return Some(Eval::Error("interrupted".into()));
        }
        result.borrow().clone()
    }

    fn resolve(&self, holder: &str) -> Option<Table> {
        let mut table = self.lua.globals();
        for name in holder.split(['.', ':']).filter(|name| !name.is_empty()) {
            table = match raw_field(&table, name, 3)? {
                Value::Table(found) => found,
                Value::String(_) => self.lua.globals().raw_get("string").ok()?,
                _ => return None,
            };
        }
        Some(table)
    }
}

async fn run(lua: &Lua, cx: &Context, function: &Function, args: MultiValue) -> Done {
    match tasks::guarded(lua, cx, function, args) {
        Ok(body) => body.await,
        Err(error) => tasks::failed_to_start(&error),
    }
}

fn outcome_text(outcome: Outcome) -> String {
    match outcome {
        Outcome::Error { message, .. } | Outcome::OutOfMemory { message } => message,
        _ => "ended".into(),
    }
}

fn text_of(value: &Value) -> String {
    value.as_string().map(|s| s.to_string_lossy()).unwrap_or_default()
}

/// A field, also through `__index` tables, without running any code.
fn raw_field(table: &Table, name: &str, depth: u32) -> Option<Value> {
    match table.raw_get::<Value>(name).ok()? {
        Value::Nil if depth > 0 => raw_field(&parent(table)?, name, depth - 1),
        Value::Nil => None,
        value => Some(value),
    }
}

fn parent(table: &Table) -> Option<Table> {
    table.metatable()?.raw_get::<Table>("__index").ok()
}

fn fields(table: &Table, part: &str, names: &mut Set<String>, depth: u32) {
    for (key, _) in table.pairs::<Value, Value>().flatten() {
        if let Some(name) = key.as_string().map(|s| s.to_string_lossy())
            && name.starts_with(part)
        {
            names.insert(name);
        }
    }
    if depth > 0
        && let Some(parent) = parent(table)
    {
        fields(&parent, part, names, depth - 1);
    }
}
