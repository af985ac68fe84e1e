//! What the tests of this folder share.

#![allow(clippy::unwrap_used, dead_code)] // helpers of tests fail as tests do, and not every test needs all of them

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use gshell_service::builtin::messages::{MessageStats, Stats, StatsFigures};
use gshell_service::{
    Client, Handlers, Node, PublishOptions, Published, Publisher, Scopes, Timeout, Workers, discover, rt,
};
use gshell_wire::{Bytes, Code, Fault, Message};
use serde::{Deserialize, Serialize};

/// Time after which a test that hangs fails.
pub const LONG: Duration = Duration::from_secs(20);

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Add")]
pub struct Add {
    pub a: i64,
    pub b: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Sum")]
pub struct Sum {
    pub sum: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Wait")]
pub struct Wait {
    pub ms: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Take")]
pub struct Take {}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Item")]
pub struct Item {
    pub n: u32,
    pub bytes: Bytes,
}

pub fn add(a: i64, b: i64) -> Add {
    Add { a, b }
}

pub fn item(n: u32, size: usize) -> Item {
    Item {
        n,
        bytes: Bytes::from(vec![n as u8; size]),
    }
}

/// A folder that goes with the test.
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("gsh-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    pub fn node(&self) -> Node {
        Node::at(&self.0)
    }

    /// Publishes the arithmetic service as `test/NAME`.
    pub fn publish(&self, name: &str, scopes: Scopes) -> Published {
        publish(&self.node(), name, arithmetic(), scopes)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn publish(node: &Node, name: &str, handlers: Handlers, scopes: Scopes) -> Published {
    let publisher = Publisher::new(node, "test").unwrap();
    publisher
        .publish(name, handlers, scopes, &PublishOptions::default())
        .unwrap()
}

pub fn arithmetic() -> Handlers {
    Handlers::new()
        .on(|add: Add, _| async move {
            match add.a.checked_add(add.b) {
                Some(sum) => Ok(Sum { sum }),
                None => Err(Fault::new(Code::Invalid, "the sum does not fit")),
            }
        })
        .on(|wait: Wait, _| async move {
            rt::sleep(Duration::from_millis(wait.ms.into())).await;
            Ok(Sum { sum: wait.ms.into() })
        })
}

/// Runs a test on an executor; one that hangs fails.
pub fn run(test: impl Future<Output = ()>) {
    let done = rt::block_on(rt::timeout(LONG, test));
    assert!(done.is_some(), "the test hangs");
}

pub async fn connect(dir: &Dir, name: &str, scopes: Scopes) -> Client {
    let node = dir.node();
    let search = discover(&node, "test", name).scopes(scopes);
    search.timeout(Timeout::Once).one().await.unwrap()
}

/// A service and a client, over a socket and inside the process.
pub async fn both<T: Future<Output = ()>>(
    name: &str,
    handlers: impl Fn() -> Handlers,
    test: impl Fn(Published, Rc<Client>) -> T,
) {
    for scopes in [Scopes::OS, Scopes::PROCESS] {
        let dir = Dir::new(name);
        let published = publish(&dir.node(), name, handlers(), scopes);
        let client = Rc::new(connect(&dir, name, scopes).await);
        test(published, client).await;
    }
}

pub async fn stats_of(client: &Client, name: &str) -> MessageStats {
    let stats: StatsFigures = client.call(Stats {}).await.unwrap();
    stats
        .messages
        .into_iter()
        .find(|entry| entry.name == name)
        .unwrap()
}

pub async fn until(mut done: impl AsyncFnMut() -> bool) {
    while !done().await {
        rt::sleep(Duration::from_millis(1)).await;
    }
}

pub fn one_worker() -> Workers {
    Workers {
        max: 1,
        ..Workers::default()
    }
}
