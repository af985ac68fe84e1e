//! One of several services that do the same: the one with room, the nearest, or any.
//!
//! ```sh
//! cargo run -p gshell-service --example select-provider -- server --name one &
//! cargo run -p gshell-service --example select-provider -- server --name two &
//! cargo run -p gshell-service --example select-provider -- client --select capacity,latency
//! ```
//!
//! On one machine a name exists once, so each server has a name of its own, and the client looks for `worker.*`. Work is
//! done on threads, whose number follows the queue: what a service says of both is what `capacity` compares.

mod common;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::{Options, PUBLISHER};
use gshell_service::{Handlers, Select, Timeout, Workers, discover};
use gshell_wire::{Code, Fault, Message};
use serde::{Deserialize, Serialize};

/// Asks for some work.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "worker.Work")]
struct Work {
    /// How long it takes.
    ms: u32,
}

/// The work is done.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "worker.Done")]
struct Done {
    /// Who did it.
    by: String,
}

const USAGE: &str = "usage: select-provider server|client [--run-dir DIR] [--tcp ADDRESS:PORT]
       server: [--name NAME]
       client: [--select capacity,latency,random] [--times N] [--ms MILLISECONDS]";

async fn server(options: &Options) -> Result<(), Fault> {
    let name: String = options.value("name", "one".to_owned())?;
    let by = name.clone();
    let handlers = Handlers::new()
        .workers(Workers {
            resident: 1,
            max: 4,
            weight: 2,
        })
        .on_blocking(move |work: Work, _| {
            std::thread::sleep(Duration::from_millis(work.ms.into()));
            Ok(Done { by: by.clone() })
        });
    common::serve_until_stopped(options.publish(&format!("worker.{name}"), handlers)?).await
}

/// The methods, each of which keeps the better half of what the one before it kept.
fn methods(text: &str) -> Result<Vec<Select>, Fault> {
    let method = |word: &str| match word {
        "capacity" => Ok(Select::Capacity),
        "latency" => Ok(Select::Latency),
        "random" => Ok(Select::Random),
        _ => Err(Fault::new(
            Code::Invalid,
            format!("no method of choosing: {word}"),
        )),
    };
    text.split(',').map(method).collect()
}

async fn client(options: &Options) -> Result<(), Fault> {
    let work = || -> Result<Work, Fault> {
        Ok(Work {
            ms: options.value("ms", 20)?,
        })
    };
    if options.text("tcp").is_some() {
        // An address is a choice already.
        let done: Done = options.connect("worker.*").await?.call(work()?).await?;
        println!("done by {}", done.by);
        return Ok(());
    }
    let search = discover(&options.node()?, PUBLISHER, "worker.*")
        .timeout(Timeout::For(Duration::from_secs(5)))
        .select(methods(options.text("select").unwrap_or("capacity,latency"))?);
    for found in search.all().await? {
        println!(
            "there is {}/{} at {}",
            found.publisher, found.service, found.address
        );
    }
    for _ in 0..options.value("times", 1)? {
        // A new search for each piece of work: who has room changes.
        let connection = search.one().await?;
        let began = Instant::now();
        let done: Done = connection.call(work()?).await?;
        println!("done by {} in {:?}", done.by, began.elapsed());
    }
    Ok(())
}

fn main() -> ExitCode {
    common::main(USAGE, &["name", "select", "times", "ms"], server, client)
}
