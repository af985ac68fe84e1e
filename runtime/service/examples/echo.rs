//! Streams with variables of their own, subscriptions, timeouts.
//!
//! ```sh
//! cargo run -p gshell-service --example echo -- server
//! cargo run -p gshell-service --example echo -- client                # echo: one after the other, then ten streams
//! cargo run -p gshell-service --example echo -- client --cmd whoelse  # who is connected, and who comes
//! ```
//!
//! `examples/echo_server.lua` and `examples/echo_client.lua` are the same in Lua, and talk to these.

mod common;
#[path = "echo/messages.rs"]
mod messages;
#[path = "echo/server.rs"]
mod server;

use std::process::ExitCode;
use std::time::Duration;

use common::Options;
use gshell_service::{Client, Stream, rt};
use gshell_wire::{Code, Fault};
use messages::{Clients, Joined, Reply, Request, SubWhoElseEvent, Subscribed, WhoElse};

/// The service's name; its version is part of it.
const SERVICE: &str = "echo.v1.0";
/// Requests on each stream, and streams at the same time.
const REQUESTS: i32 = 9;
const STREAMS: i32 = 10;
/// Most time for one answer.
const LIMIT: Duration = Duration::from_secs(5);

const USAGE: &str = "usage: echo server|client [--run-dir DIR] [--tcp ADDRESS:PORT]
       server: [--delay MILLISECONDS]
       client: [--cmd echo|whoelse] [--every SECONDS] [--times N]";

async fn client(options: &Options) -> Result<(), Fault> {
    match options.text("cmd").unwrap_or("echo") {
        "echo" => echo(&options.connect(SERVICE).await?).await,
        "whoelse" => who_else(options, &options.connect(SERVICE).await?).await,
        _ => Err(Fault::new(Code::Invalid, "unknown cmd")),
    }
}

/// Nine requests one after the other on the connection's own stream, then as many on each of ten further streams.
async fn echo(connection: &Client) -> Result<(), Fault> {
    requests(connection.default_stream(), 100).await?;
    let mut streams = Vec::new();
    for n in 1..=STREAMS {
        let stream = connection.open().await?;
        streams.push(rt::spawn(requests(stream, (n + 1) * 100)));
    }
    for stream in streams {
        stream.await?;
    }
    Ok(())
}

async fn requests(stream: Stream, first: i32) -> Result<(), Fault> {
    for num in first..first + REQUESTS {
        let msg = "ni hao".to_owned();
        let request = Request { msg, num };
        let line = format!("{{{} {}}}", request.msg, request.num);
        let reply: Reply = stream.request(request).timeout(LIMIT).send().await?;
        println!("{line} ==> {{{} {}}}, {}", reply.msg, reply.num, reply.signature);
    }
    Ok(())
}

/// Asks who is connected again and again, and prints meanwhile who comes.
async fn who_else(options: &Options, connection: &Client) -> Result<(), Fault> {
    let (every, times) = (options.value("every", 3.0)?, options.value("times", 200)?);
    let every = Duration::try_from_secs_f64(every)
        .map_err(|_| Fault::new(Code::Invalid, "--every: a number of seconds"))?;
    // A subscription has a stream to itself, so that what comes on it is nothing but events.
    let events = connection.open().await?;
    events.send(SubWhoElseEvent {}).await?;
    let Some(first) = events.recv_timeout(LIMIT).await? else {
        return Err(Fault::new(Code::State, "the service ended the subscription"));
    };
    let subscribed: Subscribed = first.decode()?;
    println!("subscribed: {}", subscribed.status);
    let listening = rt::spawn(async move {
        while let Some(event) = events.recv().await? {
            println!("event: new connection of {}", event.decode::<Joined>()?.who);
        }
        Ok::<(), Fault>(())
    });
    for _ in 0..times {
        let others: Clients = connection.request(WhoElse {}).timeout(LIMIT).send().await?;
        println!("who else: {}", others.clients);
        rt::sleep(every).await;
    }
    // Dropping the task drops its stream, and with it the subscription.
    drop(listening);
    Ok(())
}

fn main() -> ExitCode {
    common::main(USAGE, &["delay", "cmd", "every", "times"], server::run, client)
}
