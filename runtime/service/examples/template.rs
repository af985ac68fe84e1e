//! A service to copy: put your messages and your work in place of those here.
//!
//! ```sh
//! cargo run -p gshell-service --example template -- server
//! cargo run -p gshell-service --example template -- client --input "I say:"
//! gshell schema example/template
//! gshell call example/template template.Request '{"input": "I say:"}'
//! ```

mod common;

use std::process::ExitCode;

use common::Options;
use gshell_service::Handlers;
use gshell_wire::{Code, Fault, Message};
use serde::{Deserialize, Serialize};

/// Asks for the output that belongs to an input.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "template.Request")]
struct Request {
    /// What is to be worked on.
    input: String,
}

/// The output.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "template.Reply")]
struct Reply {
    /// The input, worked on.
    output: String,
}

/// The work itself, apart from how it is asked for: this is what unit tests are for.
fn work(input: &str) -> Result<String, Fault> {
    if input.is_empty() {
        // What the caller did wrong; it gets this fault as the error of its call.
        return Err(Fault::new(Code::Invalid, "the input is empty"));
    }
    Ok(format!("{input} Hello template"))
}

const USAGE: &str = "usage: template server|client [--run-dir DIR] [--tcp ADDRESS:PORT] [--input TEXT]";

async fn server(options: &Options) -> Result<(), Fault> {
    let handlers = Handlers::new().on(|request: Request, _| async move {
        Ok(Reply {
            output: work(&request.input)?,
        })
    });
    common::serve_until_stopped(options.publish("template", handlers)?).await
}

async fn client(options: &Options) -> Result<(), Fault> {
    let connection = options.connect("template").await?;
    let request = Request {
        input: options.value("input", "I say:".to_owned())?,
    };
    let reply: Reply = connection.call(request).await?;
    println!("{}", reply.output);
    Ok(())
}

fn main() -> ExitCode {
    common::main(USAGE, &["input"], server, client)
}
