//! Runs scripts as the main file of environments, their output kept.
// Each test binary uses a part of it, and a test that cannot start is to panic.
#![allow(dead_code, clippy::panic)]

#[path = "../node/mod.rs"]
mod node;

use std::cell::RefCell;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use gshell_script::{Environment, Input, Limits, Outcome, Output, Package, Spec, Stream};
use gshell_service::rt;

/// Output that stays in memory.
#[derive(Default)]
pub struct Kept(RefCell<Vec<u8>>, RefCell<Vec<u8>>);

impl Kept {
    /// Waits until a text was written to standard output.
    pub async fn until(&self, text: &str) {
        while !String::from_utf8_lossy(&self.0.borrow()).contains(text) {
            rt::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Output for Kept {
    fn write(&self, stream: Stream, bytes: &[u8]) {
        let kept = if stream == Stream::Out { &self.0 } else { &self.1 };
        kept.borrow_mut().extend_from_slice(bytes);
    }

    fn congested(&self) -> bool {
        false
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(std::future::ready(()))
    }

    fn terminal(&self) -> Option<(u16, u16)> {
        None
    }
}

/// How a script ended and what it wrote.
#[derive(Debug)]
pub struct Ran {
    pub outcome: Outcome,
    pub out: String,
    pub err: String,
}

/// Runs a text as the main file `name`, with arguments.
pub fn run(name: &str, text: &str, args: &[&str]) -> Ran {
    run_with(name, text, args, async |_, _| {})
}

/// The same, beside something that is done with the environment, such as stopping it.
pub fn run_with(
    name: &str,
    text: &str,
    args: &[&str],
    beside: impl AsyncFnOnce(&Rc<Environment>, &Kept),
) -> Ran {
    let kept = Rc::new(Kept::default());
    let output: Rc<dyn Output> = kept.clone();
    let files = gshell_small::Map::from([(name.to_owned(), text.as_bytes().to_vec())]);
    let outcome = rt::block_on(async {
        let spec = Spec {
            id: "0123456789ab".to_owned(),
            group: "test-1".to_owned(),
            name: "test".to_owned(),
            args: std::iter::once(name)
                .chain(args.iter().copied())
                .map(str::to_owned)
                .collect(),
            package: Rc::new(Package {
                files,
                main: name.to_owned(),
            }),
            limits: Limits::default(),
            output,
            input: Input::empty(),
            lua_path: Vec::new(),
            c_path: Vec::new(),
            node: Some(node::node()),
        };
        let environment = Environment::new(spec).unwrap_or_else(|error| panic!("{name}: {error}"));
        let outcome = futures_lite::future::zip(environment.run(), beside(&environment, &kept))
            .await
            .0;
        assert_eq!(
            environment.memory(),
            0,
            "{name}: the Lua state outlives its environment"
        );
        assert_eq!(
            environment.context().resources.count(),
            0,
            "{name}: something is still open"
        );
        outcome
    });
    let text = |kept: &RefCell<Vec<u8>>| String::from_utf8_lossy(&kept.borrow()).into_owned();
    Ran {
        outcome,
        out: text(&kept.0),
        err: text(&kept.1),
    }
}

/// A path below the root of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The text of a file below the root of the repository.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
