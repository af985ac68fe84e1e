//! Scripts run in environments of their own, their output collected.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

#[path = "../node/mod.rs"]
pub mod node;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use gshell_script::{Environment, Input, Limits, LoadError, Outcome, Output, Package, Spec, Stream};
use gshell_service::rt;

/// Keeps what was written; congested as long as a test says so.
#[derive(Default)]
pub struct Collect {
    pub out: RefCell<String>,
    pub err: RefCell<String>,
    pub congested: Rc<Cell<bool>>,
    pub drains: Cell<u32>,
}

impl Output for Collect {
    fn write(&self, stream: Stream, bytes: &[u8]) {
        let to = if stream == Stream::Out {
            &self.out
        } else {
            &self.err
        };
        to.borrow_mut().push_str(&String::from_utf8_lossy(bytes));
    }

    fn congested(&self) -> bool {
        self.congested.get()
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        self.drains.set(self.drains.get() + 1);
        let congested = Rc::clone(&self.congested);
        Box::pin(async move {
            rt::yield_now().await;
            congested.set(false);
        })
    }

    fn terminal(&self) -> Option<(u16, u16)> {
        Some((80, 24))
    }
}

pub struct Script {
    pub env: Rc<Environment>,
    pub output: Rc<Collect>,
    pub input: Input,
}

pub fn package(files: &[(&str, &str)]) -> Rc<Package> {
    let files: gshell_small::Map<_, _> = files
        .iter()
        .map(|(n, c)| (n.to_string(), c.as_bytes().to_vec()))
        .collect();
    Rc::new(Package {
        files,
        main: "main.lua".into(),
    })
}

pub fn load(files: &[(&str, &str)], limits: Limits) -> Result<Script, LoadError> {
    load_as("0123456789ab", files, limits)
}

/// The same with an ID of its own, for one beside others.
pub fn load_as(id: &str, files: &[(&str, &str)], limits: Limits) -> Result<Script, LoadError> {
    let (output, input) = (Rc::new(Collect::default()), Input::new());
    let env = Environment::new(Spec {
        id: id.into(),
        group: "test-1".into(),
        name: "main".into(),
        args: vec!["./main.lua".into(), "one".into(), "two words".into()],
        package: package(files),
        limits,
        output: Rc::clone(&output) as Rc<dyn Output>,
        input: input.clone(),
        lua_path: Vec::new(),
        c_path: Vec::new(),
        node: Some(node::node()),
    })?;
    Ok(Script { env, output, input })
}

pub fn script(code: &str) -> Script {
    load(&[("main.lua", code)], Limits::default()).unwrap()
}

/// Runs it to its end: outcome, standard output, standard error. The state is gone afterwards.
pub fn run(code: &str) -> (Outcome, String, String) {
    rt::block_on(async { finish(script(code)).await })
}

pub async fn finish(script: Script) -> (Outcome, String, String) {
    let outcome = script.env.run().await;
    assert_eq!(script.env.memory(), 0, "the Lua state is gone");
    // Built-in functions hold the context: it is free of them only if the state was really closed.
    assert_eq!(
        Rc::strong_count(script.env.context()),
        1,
        "the Lua state was freed"
    );
    (outcome, script.output.out.take(), script.output.err.take())
}

/// Runs it; it must end well. Its standard output.
pub fn output(code: &str) -> String {
    let (outcome, out, err) = run(code);
    assert_eq!((outcome, err.as_str()), (Outcome::Ok, ""), "{out}");
    out
}

/// Runs it; it must fail. Message and traceback.
pub fn failure(code: &str) -> (String, String) {
    match run(code) {
        (Outcome::Error { message, traceback }, _, err) => {
            assert!(err.contains(&message), "{err}");
            (message, traceback)
        }
        other => panic!("{other:?}"),
    }
}
