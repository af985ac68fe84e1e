//! Handlers of bytes: at once, on threads, and with their stream, inside the process and over a socket.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests fail as tests do

mod common;

use std::sync::mpsc;
use std::time::Duration;

use common::{Add, Dir, Item, Sum, Take, Wait, add, item, publish, run};
use gshell_service::{Dynamic, Handlers, Scopes, discover, rt};
use gshell_wire::{Code, Fault, Message, Shape, decode, encode};

const BOTH: [Scopes; 2] = [Scopes::PROCESS, Scopes::OS];

fn message<Q: Message, R: Message>() -> Dynamic {
    Dynamic {
        replies: vec![(R::NAME.to_owned(), Shape::of::<R>())],
        help: "helps".to_owned(),
        ..Dynamic::new(Q::NAME, Shape::of::<Q>())
    }
}

fn bytes<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(message, &mut bytes).unwrap();
    bytes
}

fn sum(body: &[u8]) -> Result<Vec<u8>, Fault> {
    let add: Add = decode(body).unwrap();
    if add.a == 13 {
        return Err(Fault::new(Code::Denied, "not 13"));
    }
    Ok(bytes(&Sum { sum: add.a + add.b }))
}

fn direct() -> Handlers {
    let handlers = Handlers::new();
    handlers
        .on_bytes(message::<Add, Sum>(), |body, reply| {
            reply.send(Sum::KEY, Sum::NAME, &sum(body)?)
        })
        .unwrap()
}

fn blocking() -> Handlers {
    let handlers = Handlers::new();
    handlers
        .on_bytes_blocking(message::<Add, Sum>(), |body, reply| {
            reply.send(Sum::KEY, Sum::NAME, &sum(body)?);
            Ok(())
        })
        .unwrap()
}

async fn adds(handlers: Handlers, scopes: Scopes, name: &str) {
    let dir = Dir::new(name);
    let node = dir.node();
    let _published = publish(&node, name, handlers, scopes);
    let client = discover(&node, "test", name).scopes(scopes).one().await.unwrap();
    for a in 0..10 {
        assert_eq!(client.call::<_, Sum>(add(a, 100)).await, Ok(Sum { sum: a + 100 }));
    }
    let fault = client.call::<_, Sum>(add(13, 1)).await.unwrap_err();
    assert_eq!(
        (fault.code(), fault.message.as_str()),
        (Some(Code::Denied), "not 13")
    );
    let client = std::rc::Rc::new(client);
    let all = (20..120).map(|a| {
        let client = client.clone();
        rt::spawn(async move { client.call::<_, Sum>(add(a, 1)).await })
    });
    for (a, call) in (20..).zip(all.collect::<Vec<_>>()) {
        assert_eq!(call.await, Ok(Sum { sum: a + 1 }));
    }
    // The service describes it as any other.
    let known = client
        .call::<_, gshell_service::builtin::messages::Description>(
            gshell_service::builtin::messages::Describe {},
        )
        .await
        .unwrap();
    assert_eq!(
        (known.messages[0].name.as_str(), known.messages[0].help.as_str()),
        ("test.Add", "helps")
    );
    assert_eq!(known.messages[0].replies[0].name, "test.Sum");
}

#[test]
fn at_once() {
    for scopes in BOTH {
        run(adds(direct(), scopes, "native-direct"));
    }
}

#[test]
fn on_threads() {
    for scopes in BOTH {
        run(adds(blocking(), scopes, "native-blocking"));
    }
}

#[test]
fn a_key_has_one_handler() {
    let again = direct().on_bytes(message::<Add, Sum>(), |_, _| Ok(()));
    assert_eq!(again.err().and_then(|fault| fault.code()), Some(Code::Exists));
}

/// Answers `Take` with items until there is no room, then adds up what the peer sends.
fn streaming(told: mpsc::Sender<Result<(), Fault>>) -> Handlers {
    let handlers = Handlers::new();
    let told = std::sync::Mutex::new(told);
    handlers
        .on_bytes_stream(message::<Take, Item>(), move |_, stream| {
            let done = (|| {
                for n in 0..100 {
                    stream.send(Item::KEY, Item::NAME, &bytes(&item(n, 50_000)))?;
                }
                let late = stream.receive(Some(Duration::from_millis(1))).unwrap_err();
                assert_eq!(late.code(), Some(Code::Timeout));
                let mut sum = 0;
                while let Some((key, body)) = stream.receive(None)? {
                    assert_eq!(key, Wait::KEY);
                    sum += i64::from(decode::<Wait>(&body).unwrap().ms);
                }
                stream.send(Sum::KEY, Sum::NAME, &bytes(&Sum { sum }))
            })();
            told.lock().unwrap().send(done.clone()).unwrap();
            done
        })
        .unwrap()
}

async fn stream(scopes: Scopes) {
    let dir = Dir::new("native-stream");
    let node = dir.node();
    let (tell, told) = mpsc::channel();
    let _published = publish(&node, "items", streaming(tell), scopes);
    let client = discover(&node, "test", "items")
        .scopes(scopes)
        .one()
        .await
        .unwrap();
    let stream = client.open().await.unwrap();
    stream.send(Take {}).await.unwrap();
    for n in 0..100 {
        let next: Item = stream.recv().await.unwrap().unwrap().decode().unwrap();
        assert_eq!(next, item(n, 50_000));
    }
    // The handler waits for what comes; what it gets is in order.
    rt::sleep(Duration::from_millis(20)).await;
    for ms in 1..=10 {
        stream.send(Wait { ms }).await.unwrap();
    }
    stream.end();
    let last: Sum = stream.recv().await.unwrap().unwrap().decode().unwrap();
    assert_eq!(last.sum, 55);
    assert!(stream.recv().await.unwrap().is_none(), "it ends with its handler");
    assert_eq!(rt::unblock(move || told.recv()).await.unwrap(), Ok(()));
}

#[test]
fn with_a_stream() {
    for scopes in BOTH {
        run(stream(scopes));
    }
}

async fn gone(scopes: Scopes) {
    let dir = Dir::new("native-gone");
    let node = dir.node();
    let (tell, told) = mpsc::channel();
    let _published = publish(&node, "gone", streaming(tell), scopes);
    let client = discover(&node, "test", "gone")
        .scopes(scopes)
        .one()
        .await
        .unwrap();
    let stream = client.open().await.unwrap();
    stream.send(Take {}).await.unwrap();
    stream.recv().await.unwrap().unwrap();
    drop((stream, client));
    // Its handler waits for room, or for a message: it learns that the peer is gone.
    let done = rt::unblock(move || told.recv()).await.unwrap();
    assert!(done.is_err());
}

#[test]
fn a_peer_that_goes_ends_the_wait_of_its_handler() {
    for scopes in BOTH {
        run(gone(scopes));
    }
}

#[test]
fn a_call_that_nobody_waits_for_is_told() {
    run(async {
        let dir = Dir::new("native-cancel");
        let node = dir.node();
        let (tell, told) = mpsc::channel();
        let tell = std::sync::Mutex::new(tell);
        let handlers = Handlers::new()
            .on_bytes_blocking(message::<Add, Sum>(), move |_, reply| {
                while !reply.caller().is_cancelled() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                tell.lock().unwrap().send(()).unwrap();
                Ok(())
            })
            .unwrap();
        let _published = publish(&node, "adder", handlers, Scopes::OS);
        let client = discover(&node, "test", "adder").one().await.unwrap();
        let call = client.request(add(1, 2)).timeout(Duration::from_millis(20));
        let fault = call.send::<Sum>().await.unwrap_err();
        assert_eq!(fault.code(), Some(Code::Timeout));
        rt::unblock(move || told.recv()).await.unwrap();
    });
}
