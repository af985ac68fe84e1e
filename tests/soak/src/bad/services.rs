//! Services that behave badly, and what that is to their clients: one that answers nothing, one that lies about itself.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use gshell_service::builtin::messages::{Describe, Description, MessageInfo};
use gshell_service::{
    Client, Dynamic, Encoded, Handlers, Node, PublishOptions, Publisher, Reply, Scopes, rt, unix,
};
use gshell_session::Body;
use gshell_wire::{Bytes, Code, Fault, Hello, Message, Priority, Role, Shape};

use super::{Bad, Places, WINDOW};
use crate::good::{median, rate};
use crate::messages::{Echo, Item, Wait};
use crate::process::{Folder, memory_kb};

const PUBLISHER: &str = "bad";
/// Calls that wait for the silent service at the same time, and how long each.
const WAITING: u32 = 64;
const LIMIT: Duration = Duration::from_millis(100);
/// What is added to that on a busy machine.
const LATE: Duration = Duration::from_millis(900);
/// Memory that a bad service may cost its client, in kB.
const MOST_KB: u32 = 8 << 10;
/// And one that sends messages as large as they may be, 16 MiB: the allocator may keep two of them.
const MOST_LARGE_KB: u32 = 40 << 10;
/// Lies that are heard.
const LIES: u32 = 100;

/// Accepts, says hello, and nothing more.
pub fn silent(run_dir: &Path) -> Result<(), Fault> {
    let broken = |error: std::io::Error| crate::failed("silent", error);
    let published =
        unix::publish(run_dir, PUBLISHER, "silent").map_err(|error| crate::failed("silent", error))?;
    let listener = published.listener().try_clone().map_err(broken)?;
    listener.set_nonblocking(false).map_err(broken)?;
    println!("ready");
    let mut kept = Vec::new();
    loop {
        let (mut socket, _) = listener.accept().map_err(broken)?;
        socket
            .write_all(&Hello::ours(Role::Server).encode())
            .map_err(broken)?;
        kept.push(socket);
    }
}

/// A description whose message has this shape.
fn description(shape: Vec<u8>) -> Description {
    Description {
        publisher: PUBLISHER.to_owned(),
        service: "liar".to_owned(),
        provider: String::new(),
        version: String::new(),
        messages: vec![MessageInfo {
            name: Echo::NAME.to_owned(),
            key: 1,
            shape: Bytes::from(shape),
            priority: Priority::Normal,
            help: String::new(),
            stream: false,
            replies: Vec::new(),
        }],
    }
}

/// What the liar says of itself, one after the other.
fn lies() -> Vec<Vec<u8>> {
    let written = |description: Description| {
        let mut out = Vec::new();
        // Only a description without bytes would fail, and these have some.
        let _ = description.write(&mut out);
        out
    };
    // A list of a list of a list, for as long as there is room; an option likewise.
    let deep = |shape: Shape| {
        let mut one = Vec::new();
        shape.write(&mut one);
        vec![one.first().copied().unwrap_or(0); 60_000]
    };
    // A struct that says it has 2^32 fields.
    let mut wide = Vec::new();
    Shape::of::<Item>().write(&mut wide);
    wide.truncate(1);
    wide.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    vec![
        written(description(deep(Shape::List(Box::new(Shape::Bool))))),
        written(description(deep(Shape::Option(Box::new(Shape::Bool))))),
        written(description(wide)),
        // A description of 2^32 messages, as it says, in a few bytes: four empty texts and a length.
        vec![0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f],
        // Fifteen megabytes of text.
        written(Description {
            version: "x".repeat(15 << 20),
            ..description(Vec::new())
        }),
    ]
}

/// Says something else of itself each time that it is asked, and none of it true.
pub async fn liar(run_dir: &Path) -> Result<(), Fault> {
    let (next, lies) = (Rc::new(Cell::new(0)), Rc::new(lies()));
    let asked = Dynamic::new(Describe::NAME, Shape::of::<Describe>());
    let handlers = Handlers::new().on_dynamic(asked, move |_, _| {
        let at = next.replace((next.get() + 1) % lies.len());
        let reply: Reply = Box::new(Encoded {
            key: Description::KEY,
            name: Description::NAME,
            bytes: lies.get(at).cloned().unwrap_or_default(),
        });
        async move { Ok(Some(reply)) }
    })?;
    let publisher = Publisher::new(&Node::at(run_dir), PUBLISHER)?;
    let _published = publisher.publish("liar", handlers, Scopes::OS, &PublishOptions::default())?;
    println!("ready");
    rt::unblock(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
    })
    .await;
    Ok(())
}

/// Starts a bad service and waits until it is there.
fn start(places: &Places, kind: &str, folder: &Folder) -> Result<(Bad, Client), Fault> {
    let run_dir = folder.path().display().to_string();
    let mut bad = Bad(places.start(&["bad-service", kind, &run_dir])?);
    let mut line = String::new();
    if let Some(out) = bad.0.stdout.take() {
        let _ = BufReader::new(out).read_line(&mut line);
    }
    if line.trim() != "ready" {
        return Err(crate::failed(kind, "it did not start"));
    }
    let client = Client::connect(&unix::socket_path(folder.path(), PUBLISHER, kind))?;
    Ok((bad, client))
}

fn own_memory() -> u32 {
    memory_kb(std::process::id(), "Private_Dirty")
}

/// Calls of a service that answers nothing end in time, and cost calls of another nothing.
async fn unanswered(folder: &Folder, places: &Places, good: &Client) -> Result<(), Fault> {
    let (_bad, client) = start(places, "silent", folder)?;
    let client = Rc::new(client);
    let (mut ratios, mut alone, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    let latest = Rc::new(Cell::new(Duration::ZERO));
    let base = own_memory();
    let mut calls = 0;
    for _ in 0..super::PAIRS {
        let without = rate(good, WINDOW).await?;
        let done = Rc::new(Cell::new(false));
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| {
                let (client, done, latest) = (client.clone(), done.clone(), latest.clone());
                rt::spawn(async move {
                    let mut calls = 0;
                    while !done.get() {
                        let began = Instant::now();
                        let call = client.request(Wait { ms: 0 }).timeout(LIMIT).send::<Wait>();
                        let code = call.await.err().and_then(|fault| fault.code());
                        if code != Some(Code::Timeout) {
                            return Err(crate::failed("a silent service", format!("{code:?}")));
                        }
                        latest.set(latest.get().max(began.elapsed()));
                        calls += 1;
                    }
                    Ok::<u32, Fault>(calls)
                })
            })
            .collect();
        let with = rate(good, WINDOW).await?;
        done.set(true);
        for one in waiting {
            calls += one.await?;
        }
        ratios.push(with / without);
        alone.push(without);
        beside.push(with);
    }
    let grown = own_memory().saturating_sub(base);
    let (ratio, alone, beside) = (median(ratios), median(alone), median(beside));
    let what = "a service that does not answer, 64 calls wait";
    println!("{what:<48} {alone:>8.0}/s {beside:>8.0}/s {ratio:>6.2} {grown:>8} kB");
    println!(
        "  {calls} calls ended by their limit of {LIMIT:?}, the latest after {:?}",
        latest.get()
    );
    if latest.get() > LIMIT + LATE {
        return Err(crate::failed(what, "a call took much longer than its limit"));
    }
    match grown > MOST_KB || ratio < super::LEAST {
        true => Err(crate::failed(what, "it costs its client too much")),
        false => Ok(()),
    }
}

/// What a service says of itself is bounded before anything is made of it.
async fn untrue(folder: &Folder, places: &Places) -> Result<(), Fault> {
    let (_bad, client) = start(places, "liar", folder)?;
    let call = |n| {
        let data = Bytes::from(Vec::new());
        client
            .request(Echo { n, data })
            .timeout(crate::LIMIT)
            .send::<Echo>()
    };
    // Each lie once, so that buffers have grown.
    for n in 0..5 {
        let _ = call(n).await;
    }
    let (base, began) = (own_memory(), Instant::now());
    for n in 0..LIES {
        let fault = call(n).await.err();
        let code = fault.as_ref().and_then(Fault::code);
        if code != Some(Code::UnknownMessage) {
            return Err(crate::failed("a lying service", format!("{fault:?}")));
        }
    }
    let grown = own_memory().saturating_sub(base);
    let each = began.elapsed() / LIES;
    println!("a lying description: {grown} kB after {LIES} of them, {each:?} each");
    match grown > MOST_LARGE_KB {
        true => Err(crate::failed("a lying service", "it costs its client too much")),
        false => Ok(()),
    }
}

/// Runs both.
pub async fn run(folder: &Folder, places: &Places, good: &Client) -> Result<(), Fault> {
    let mut left = super::TRIES - 1;
    while let Err(fault) = unanswered(folder, places, good).await {
        if left == 0 {
            return Err(fault);
        }
        println!("  again: {fault}");
        left -= 1;
    }
    untrue(folder, places).await
}
