//! Connections inside the process.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use common::{Add, Dir, Item, Sum, Take, Wait, add, item, publish, run};
use gshell_service::{Client, Handlers, Node, Scope, Scopes, Timeout, discover, rt};
use gshell_wire::{Bytes, Code, Fault, Message};
use serde::{Deserialize, Serialize};

const NOWHERE: &str = "/nowhere";

async fn connect(name: &str) -> Client {
    let node = Node::at(NOWHERE);
    let search = discover(&node, "test", name).scopes(Scopes::PROCESS);
    search.timeout(Timeout::Once).one().await.unwrap()
}

/// Gives items back as they are, and notes where their bytes lie.
fn echo(seen: mpsc::Sender<usize>) -> Handlers {
    Handlers::new().on(move |item: Item, _| {
        let _ = seen.send(item.bytes.as_ptr() as usize);
        async move { Ok(item) }
    })
}

#[test]
fn a_value_moves_and_is_never_copied() {
    run(async {
        let (send, seen) = mpsc::channel();
        let _published = publish(&Node::at(NOWHERE), "moves", echo(send), Scopes::PROCESS);
        let client = connect("moves").await;
        assert_eq!(client.peer().scope, Scope::Process);
        let there = item(1, 100_000);
        let address = there.bytes.as_ptr() as usize;
        let back: Item = client.call(there).await.unwrap();
        assert_eq!(seen.recv().unwrap(), address, "the handler has the very bytes");
        assert_eq!(
            back.bytes.as_ptr() as usize,
            address,
            "and so has the caller again"
        );
    });
}

#[test]
fn it_moves_between_threads_as_well() {
    let (send, seen) = mpsc::channel();
    let (stop, stopped) = async_channel::bounded::<()>(1);
    let (up, is_up) = mpsc::channel();
    let server = std::thread::spawn(move || {
        run(async {
            let _published = publish(&Node::at(NOWHERE), "threads", echo(send), Scopes::PROCESS);
            up.send(()).unwrap();
            let _ = stopped.recv().await;
        });
    });
    is_up.recv().unwrap();
    run(async {
        let client = connect("threads").await;
        for n in 0..100 {
            let there = item(n, 1000);
            let address = there.bytes.as_ptr() as usize;
            let back: Item = client.call(there).await.unwrap();
            assert_eq!(
                (back.n, back.bytes.as_ptr() as usize, seen.recv().unwrap()),
                (n, address, address)
            );
        }
        stop.send(()).await.unwrap();
        let fault = client.lost().await;
        assert_eq!(fault.code(), Some(Code::Stopped), "{fault}");
    });
    server.join().unwrap();
}

/// The same key as [`Add`], in another Rust type.
#[derive(Serialize, Deserialize, Message)]
#[message(name = "test.Add")]
struct OtherAdd {
    a: i64,
    b: i64,
}

#[test]
fn another_type_of_the_same_key_is_read_from_its_bytes() {
    run(async {
        let handlers = Handlers::new().on(|add: Add, _| async move { Ok(Sum { sum: add.a - add.b }) });
        let _published = publish(&Node::at(NOWHERE), "other", handlers, Scopes::PROCESS);
        let client = connect("other").await;
        let sum: Sum = client.call(OtherAdd { a: 5, b: 3 }).await.unwrap();
        assert_eq!(sum.sum, 2);
        let fault = client.call::<_, Sum>(Take {}).await.unwrap_err();
        assert_eq!(fault.code(), Some(Code::UnknownMessage), "{fault}");
    });
}

#[test]
fn errors_timeouts_and_late_replies() {
    run(async {
        let _published = Dir::new("local").publish("late", Scopes::PROCESS);
        let client = connect("late").await;
        let fault = client.call::<_, Sum>(add(i64::MAX, 1)).await.unwrap_err();
        assert_eq!(fault.code(), Some(Code::Invalid));
        let short = Duration::from_millis(5);
        let fault = client
            .request(Wait { ms: 30 })
            .timeout(short)
            .send::<Sum>()
            .await
            .unwrap_err();
        assert_eq!(fault.code(), Some(Code::Timeout), "{fault}");
        let sum: Sum = client.call(Wait { ms: 60 }).await.unwrap();
        assert_eq!(sum.sum, 60);
    });
}

/// Takes all items of a stream and notes their numbers, slowly when asked to.
fn taker(seen: Rc<RefCell<Vec<u32>>>, pause: Duration, ended: Rc<Cell<bool>>) -> Handlers {
    Handlers::new().on_stream(move |_: Take, stream, _| {
        let (seen, ended) = (seen.clone(), ended.clone());
        async move {
            loop {
                match stream.recv().await {
                    Ok(Some(item)) => {
                        let n = item.decode::<Item>()?.n;
                        rt::sleep(pause).await;
                        seen.borrow_mut().push(n);
                    }
                    other => {
                        ended.set(true);
                        return other.map(drop);
                    }
                }
            }
        }
    })
}

#[test]
fn what_was_sent_before_a_close_is_handled() {
    run(async {
        let (seen, ended) = (Rc::<RefCell<Vec<u32>>>::default(), Rc::<Cell<bool>>::default());
        let handlers = taker(seen.clone(), Duration::from_millis(1), ended.clone());
        let _published = publish(&Node::at(NOWHERE), "close", handlers, Scopes::PROCESS);
        let client = connect("close").await;
        let stream = client.open().await.unwrap();
        stream.send(Take {}).await.unwrap();
        for n in 0..50 {
            stream.send(item(n, 10)).await.unwrap();
        }
        drop((stream, client));
        while !ended.get() {
            rt::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(*seen.borrow(), (0..50).collect::<Vec<_>>());
    });
}

#[test]
fn a_sender_whose_peer_does_not_read_waits() {
    run(async {
        let handlers = Handlers::new().on_stream(|_: Take, stream, _| async move {
            rt::sleep(Duration::from_millis(50)).await;
            let mut sum = 0;
            while let Some(item) = stream.recv().await? {
                sum += i64::from(item.decode::<Item>()?.n);
            }
            stream.send(Sum { sum }).await
        });
        let _published = publish(&Node::at(NOWHERE), "credit", handlers, Scopes::PROCESS);
        let client = connect("credit").await;
        let stream = client.open().await.unwrap();
        stream.send(Take {}).await.unwrap();
        let mut sent = 0;
        while stream.try_send(item(1, 10)).unwrap() {
            sent += 1;
            assert!(sent < 10_000, "the queue has a bound");
        }
        for _ in sent..5000 {
            stream.send(item(1, 10)).await.unwrap();
        }
        stream.end();
        let sum: Sum = stream.recv().await.unwrap().unwrap().decode().unwrap();
        assert_eq!(sum.sum, 5000);
        assert!(stream.recv().await.unwrap().is_none());
    });
}

#[test]
fn streams_without_end_are_refused_and_ended_ones_are_freed() {
    run(async {
        let _published = Dir::new("many").publish("many", Scopes::PROCESS);
        let client = connect("many").await;
        let mut open = Vec::new();
        let fault = loop {
            match client.open().await {
                Ok(stream) => open.push(stream),
                Err(fault) => break fault,
            }
        };
        assert_eq!((fault.code(), open.len()), (Some(Code::Limit), 1023));
        open.clear();
        // The other side ends its side of each a moment later.
        for n in 0..3000 {
            let stream = loop {
                match client.open().await {
                    Ok(stream) => break stream,
                    Err(_) => rt::yield_now().await,
                }
            };
            assert_eq!(stream.call::<_, Sum>(add(n, 1)).await.unwrap().sum, n + 1);
        }
    });
}

#[test]
fn a_name_is_published_once_and_goes_with_its_publisher() {
    run(async {
        let dir = Dir::new("once");
        let first = dir.publish("once", Scopes::PROCESS);
        let publisher = gshell_service::Publisher::new(&dir.node(), "test").unwrap();
        let again = publisher.publish("once", Handlers::new(), Scopes::PROCESS, &Default::default());
        let fault = again.map(drop).unwrap_err();
        assert_eq!(fault.code(), Some(Code::Exists));
        assert!(
            fault.message.contains("test/once") && fault.message.contains("process"),
            "{fault}"
        );
        let client = connect("once").await;
        let slow = client.call::<_, Sum>(Wait { ms: 20 });
        let closing = async {
            rt::yield_now().await;
            rt::yield_now().await;
            first.close(Duration::from_secs(5)).await;
        };
        let (slow, ()) = futures_lite::future::zip(slow, closing).await;
        assert_eq!(slow.unwrap().sum, 20, "a handler that runs ends within the grace");
        let fault: Fault = client.call::<_, Sum>(add(1, 1)).await.unwrap_err();
        assert_eq!(fault.code(), Some(Code::Stopped), "{fault}");
        let _second = dir.publish("once", Scopes::PROCESS);
        let sum: Sum = connect("once").await.call(add(1, 1)).await.unwrap();
        assert_eq!(sum.sum, 2);
    });
}

#[test]
fn bytes_are_counted_by_their_length() {
    run(async {
        let handlers = Handlers::new().on(|item: Item, _| async move {
            Ok(Item {
                n: item.bytes.len() as u32,
                bytes: Bytes::new(),
            })
        });
        let _published = publish(&Node::at(NOWHERE), "bytes", handlers, Scopes::PROCESS);
        let stream = connect("bytes").await.open().await.unwrap();
        let mut bytes = Vec::new();
        gshell_wire::encode(&item(0, 1000), &mut bytes).unwrap();
        let mut message = gshell_service::Encoded {
            key: Item::KEY,
            name: Item::NAME,
            bytes,
        };
        let reply = stream.call_with(&Default::default(), &mut message).await;
        assert_eq!(
            reply.unwrap_err().code(),
            Some(Code::Unreachable),
            "the client is gone"
        );
        let client = connect("bytes").await;
        let mut bytes = Vec::new();
        gshell_wire::encode(&item(0, 1000), &mut bytes).unwrap();
        message.bytes = bytes;
        let reply = client.call_with(&Default::default(), &mut message).await.unwrap();
        assert_eq!(reply.decode::<Item>().unwrap().n, 1000);
    });
}
