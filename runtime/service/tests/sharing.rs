//! Long bytes cross a socket without copies: they arrive as they were sent, whoever keeps them and for how long.
#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

mod common;

use std::rc::Rc;

use common::{Dir, Item, Take, connect, publish, run};
use gshell_service::{Client, Handlers, Scopes, blocking, rt};
use gshell_wire::Bytes;

/// Sizes around the bounds from which on bytes are shared, and in which they are read.
const SIZES: [usize; 12] = [
    0, 100, 8_191, 16_383, 16_384, 16_385, 60_000, 65_536, 131_072, 200_000, 262_144, 700_000,
];

/// Bytes that no other number has, nor the same at another place.
fn pattern(n: u32, size: usize) -> Vec<u8> {
    let byte = |at: usize| (at.wrapping_mul(7) ^ (at >> 8).wrapping_mul(13)) as u8;
    (0..size).map(|at| byte(at).wrapping_add(n as u8)).collect()
}

fn item(n: u32, shared: bool) -> Item {
    let bytes = pattern(n, SIZES[n as usize % SIZES.len()]);
    let bytes = if shared {
        Bytes::shared(bytes)
    } else {
        Bytes::from(bytes)
    };
    Item { n, bytes }
}

fn check(got: &Item, n: u32) {
    let wanted = item(n, false);
    // Not by assert_eq: it would print all of them.
    assert!(
        *got == wanted,
        "{n}: {} bytes, {} wanted",
        got.bytes.len(),
        wanted.bytes.len()
    );
}

const ITEMS: u32 = 60;

fn handlers() -> Handlers {
    Handlers::new()
        .on(|item: Item, _| async move { Ok(item) })
        .on_stream(|_: Take, stream, _| async move {
            for n in 0..ITEMS {
                stream.send(item(n, n % 4 != 0)).await?;
            }
            Ok(())
        })
}

#[test]
fn what_is_kept_stays_as_it_was() {
    run(async {
        let dir = Dir::new("sharing-kept");
        let _published = publish(&dir.node(), "echo", handlers(), Scopes::OS);
        let client = Rc::new(connect(&dir, "echo", Scopes::OS).await);
        let mut kept = Vec::new();
        for n in 0..200 {
            let back: Item = client.call(item(n, n % 3 != 0)).await.unwrap();
            check(&back, n);
            // Some are kept for long, some for a few calls, most for none.
            match n % 5 {
                0 => kept.push(back),
                1 if kept.len() > 3 => drop(kept.remove(3)),
                _ => {}
            }
        }
        kept.iter().for_each(|item| check(item, item.n));
        // Several at once, and each goes the way twice with the same bytes.
        let calls: Vec<_> = (0..24)
            .map(|n| {
                let client = client.clone();
                rt::spawn(async move {
                    let there: Item = client.call(item(n, true)).await.unwrap();
                    let again: Item = client.call(there).await.unwrap();
                    check(&again, n);
                    again
                })
            })
            .collect();
        let mut back = Vec::new();
        for call in calls {
            back.push(call.await);
        }
        back.iter().for_each(|item| check(item, item.n));
    });
}

async fn read_late(client: &Client) {
    let stream = client.open().await.unwrap();
    stream.send(Take {}).await.unwrap();
    // The socket is full long before the first is read.
    rt::yield_now().await;
    let other: Item = client.call(item(8, true)).await.unwrap();
    let mut kept = vec![other];
    for n in 0..ITEMS {
        let next = stream.recv().await.unwrap().unwrap();
        kept.push(next.decode().unwrap());
        assert_eq!(kept.last().map(|item: &Item| item.n), Some(n));
    }
    kept.iter().for_each(|item| check(item, item.n));
}

#[test]
fn a_socket_that_takes_parts_of_them_gets_all() {
    run(async {
        let dir = Dir::new("sharing-late");
        let _published = publish(&dir.node(), "late", handlers(), Scopes::OS);
        read_late(&connect(&dir, "late", Scopes::OS).await).await;
    });
}

#[test]
fn a_blocking_client_sends_and_gets_them() {
    run(async {
        let dir = Dir::new("sharing-blocking");
        let _published = publish(&dir.node(), "echo", handlers(), Scopes::OS);
        let path = gshell_net::unix::socket_path(&dir.0, "test", "echo");
        rt::unblock(move || {
            let mut client = blocking::Client::connect(&path).unwrap();
            let mut kept = Vec::new();
            for n in 0..40 {
                let back: Item = client.call(&item(n, n % 2 == 0), None).unwrap();
                kept.push(back);
            }
            kept.iter().for_each(|item| check(item, item.n));
        })
        .await;
    });
}
