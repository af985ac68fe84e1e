//! The hello example within one process: programs in Rust and scripts in one group, where values cross and no bytes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{finish, script};
use gshell_script::Outcome;
use gshell_service::{
    Handlers, Node, PublishOptions, Published, Publisher, Scope, Scopes, Timeout, discover, rt,
};
use gshell_wire::{Code, Message};
use serde::{Deserialize, Serialize};

const SERVER: &str = include_str!("../../../examples/hello_server.lua");
const CLIENT: &str = include_str!("../../../examples/hello_client.lua");
const LONG: Duration = Duration::from_secs(10);

#[derive(Serialize, Deserialize, Message)]
#[message(name = "hello.Request")]
struct Request {
    who: String,
    question: String,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "hello.Reply")]
struct Reply {
    answer: String,
}

/// The same name with another field.
mod other {
    use super::*;

    #[derive(Serialize, Deserialize, Message)]
    #[message(name = "hello.Request")]
    pub struct Request {
        pub who: String,
        pub question: i32,
    }
}

/// A script without arguments: the example's text, told that it has none.
fn example(text: &str) -> common::Script {
    let code = format!("return (function(...) {text}\nend)()");
    script(&code)
}

fn native(node: &Node) -> Published {
    let handlers = Handlers::new().on(|request: Request, _| async move {
        Ok(Reply {
            answer: format!("I am hello server, {}", request.who),
        })
    });
    Publisher::new(node, "example")
        .unwrap()
        .publish("hello", handlers, Scopes::PROCESS, &PublishOptions::default())
        .unwrap()
}

// One test, because the service has one name in one process.
#[test]
fn programs_and_scripts_meet_within_a_process() {
    rt::block_on(async {
        let node = common::node::node();
        // A script calls a program.
        let published = native(&node);
        let (outcome, out, err) = finish(example(CLIENT)).await;
        assert_eq!((outcome, err.as_str()), (Outcome::Ok, ""));
        assert_eq!(out, "I am hello server, John\n");
        drop(published);
        // A program calls a script, and a script the same one.
        let server = example(SERVER);
        let env = server.env.clone();
        let serving = rt::spawn(finish(server));
        let search = discover(&node, "example", "hello")
            .scopes(Scopes::PROCESS)
            .timeout(Timeout::For(LONG));
        let client = search.one().await.unwrap();
        assert_eq!(client.peer().scope, Scope::Process);
        let request = Request {
            who: "Ann".into(),
            question: String::new(),
        };
        let reply: Reply = client.call(request).await.unwrap();
        assert_eq!(reply.answer, "I am hello server, Ann");
        let request = other::Request {
            who: "Ann".into(),
            question: 1,
        };
        let fault = client.call::<_, Reply>(request).await.unwrap_err();
        assert_eq!(fault.code(), Some(Code::UnknownMessage));
        assert_eq!(
            fault.message,
            "hello.Request differs: the service has question: string, this side has question: i32"
        );
        let (_, out, _) = finish(example(CLIENT)).await;
        assert_eq!(out, "I am hello server, John\n");
        drop(client);
        env.stop();
        let (_, out, err) = rt::timeout(LONG, serving).await.unwrap();
        assert_eq!((out.as_str(), err.as_str()), ("example/hello is served\n", ""));
    });
}
