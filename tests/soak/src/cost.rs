//! What a connection and a stream cost, on both sides: the memory of two processes over a thousand of them.

use gshell_service::Client;
use gshell_wire::{Bytes, Fault};
use serde_json::json;

use crate::messages::{Echo, Item, Up};
use crate::process::{Folder, ServerProcess, memory_kb};

/// Connections and streams that are made.
const MANY: u32 = 1000;
/// Services, because one has room for 512 connections.
const SERVICES: [&str; 4] = ["cost-a", "cost-b", "cost-c", "cost-d"];

/// Private memory of the server and of this process, kB.
#[derive(Clone, Copy)]
struct Both(u32, u32);

impl Both {
    fn now(server: &ServerProcess) -> Both {
        Both(
            memory_kb(server.pid(), "Private_Dirty"),
            memory_kb(std::process::id(), "Private_Dirty"),
        )
    }

    /// Bytes for each of many, since `before`.
    fn each(self, before: Both) -> [u32; 2] {
        let each = |now: u32, then: u32| now.saturating_sub(then) * 1024 / MANY;
        [each(self.0, before.0), each(self.1, before.1)]
    }
}

async fn call(client: &Client) -> Result<(), Fault> {
    let data = Bytes::from(vec![0; 32]);
    let _: Echo = client
        .request(Echo { n: 0, data })
        .timeout(crate::LIMIT)
        .send()
        .await?;
    Ok(())
}

/// Measures and prints.
pub async fn run(as_json: bool) -> Result<(), Fault> {
    let folder = Folder::new()?;
    let server = ServerProcess::start(&folder, &SERVICES)?;
    let connect = |n: u32| Client::connect(&server.socket(n as usize % SERVICES.len()));
    // The first of each kind bring what all share.
    let mut clients = Vec::new();
    for n in 0..8 {
        let client = connect(n)?;
        call(&client).await?;
        clients.push(client);
    }
    let before = Both::now(&server);
    for n in 0..MANY {
        let client = connect(n)?;
        call(&client).await?;
        clients.push(client);
    }
    let connection = Both::now(&server).each(before);

    let before = Both::now(&server);
    let (mut streams, client) = (Vec::new(), connect(0)?);
    for _ in 0..MANY {
        let stream = client.open().await?;
        let data = Bytes::from(vec![0; 32]);
        let _: Echo = stream.request(Echo { n: 0, data }).send().await?;
        streams.push(stream);
    }
    let idle = Both::now(&server).each(before);

    let before = Both::now(&server);
    let (mut sessions, client) = (Vec::new(), connect(1)?);
    for n in 0..MANY {
        let stream = client.open().await?;
        stream.send(Up {}).await?;
        let data = Bytes::from(vec![0; 32]);
        stream.send(Item { n, data }).await?;
        sessions.push(stream);
    }
    call(&client).await?;
    let served = Both::now(&server).each(before);
    let rows = [
        (
            "connection",
            "a connection that has made a call, over a unix socket",
            connection,
        ),
        ("stream", "a stream that has made a call", idle),
        (
            "session",
            "a stream with a handler of its own that waits on it",
            served,
        ),
    ];
    if as_json {
        let figures: serde_json::Map<_, _> = rows
            .iter()
            .map(|(name, _, [server, client])| {
                (
                    (*name).to_owned(),
                    json!({ "server_bytes": server, "client_bytes": client }),
                )
            })
            .collect();
        println!("{}", serde_json::Value::Object(figures));
        return Ok(());
    }
    println!(
        "{:<56} {:>8} {:>8}",
        format!("bytes of private memory, over {MANY}"),
        "server",
        "client"
    );
    for (_, what, [server, client]) in rows {
        println!("{what:<56} {server:>8} {client:>8}");
    }
    Ok(())
}
