//! The smallest service: one request, one reply.
//!
//! ```sh
//! cargo run -p gshell-service --example hello -- server
//! cargo run -p gshell-service --example hello -- client --who John
//! ```
//!
//! `examples/hello_server.lua` and `examples/hello_client.lua` are the same in Lua, and talk to these.

mod common;

use std::process::ExitCode;

use common::Options;
use gshell_service::Handlers;
use gshell_wire::{Fault, Message};
use serde::{Deserialize, Serialize};

/// Asks the hello service something.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "hello.Request")]
struct Request {
    /// Who asks.
    who: String,
    /// What.
    question: String,
}

/// Answers it.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "hello.Reply")]
struct Reply {
    answer: String,
}

const USAGE: &str = "usage: hello server|client [--run-dir DIR] [--tcp ADDRESS:PORT] [--who NAME]";

async fn server(options: &Options) -> Result<(), Fault> {
    let handlers = Handlers::new().on(|request: Request, _| async move {
        Ok(Reply {
            answer: format!("I am hello server, {}", request.who),
        })
    });
    common::serve_until_stopped(options.publish("hello", handlers)?).await
}

async fn client(options: &Options) -> Result<(), Fault> {
    let connection = options.connect("hello").await?;
    let request = Request {
        who: options.value("who", "John".to_owned())?,
        question: "who are you".to_owned(),
    };
    let reply: Reply = connection.call(request).await?;
    println!("{}", reply.answer);
    Ok(())
}

fn main() -> ExitCode {
    common::main(USAGE, &["who"], server, client)
}
