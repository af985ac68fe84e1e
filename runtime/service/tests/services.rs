//! A server and its clients in one process, over real unix sockets.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use std::cell::Cell;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use gshell_service::blocking::{self, Received};
use gshell_service::{Client, Handlers, Server, rt, unix};
use gshell_wire::{Bytes, Code, Fault, Message};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Add")]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Sum")]
struct Sum {
    sum: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Wait")]
struct Wait {
    ms: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Count")]
struct Count {
    to: u32,
    size: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Item")]
struct Item {
    n: u32,
    bytes: Bytes,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "test.Unheard")]
struct Unheard {}

struct Place {
    dir: PathBuf,
    published: Option<unix::Published>,
}

impl Place {
    fn new(name: &str) -> Place {
        let dir = std::env::temp_dir().join(format!("gsh-svc-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let published = unix::publish(&dir, "test", "adder").unwrap();
        Place {
            dir,
            published: Some(published),
        }
    }

    fn path(&self) -> PathBuf {
        unix::socket_path(&self.dir, "test", "adder")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.published = None;
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn handlers() -> Handlers {
    Handlers::new()
        .on(|add: Add, _| async move {
            match add.a.checked_add(add.b) {
                Some(sum) => Ok(Sum { sum }),
                None => Err(Fault::new(Code::Invalid, "the sum does not fit")),
            }
        })
        .on(|wait: Wait, _| async move {
            rt::sleep(Duration::from_millis(wait.ms.into())).await;
            Ok(Sum { sum: wait.ms.into() })
        })
        .on_stream(|count: Count, stream, _| async move {
            for n in 0..count.to {
                let bytes = Bytes::from(vec![n as u8; count.size as usize]);
                stream.send(Item { n, bytes }).await?;
            }
            // Then whatever the client sends comes back.
            while let Some(message) = stream.recv().await? {
                stream.send(message.decode::<Item>()?).await?;
            }
            Ok(())
        })
}

fn server() -> Server {
    Server::new(handlers(), Rc::new(|_| Ok(())))
}

fn serve(place: &Place, server: &Server) -> rt::Task<()> {
    let listener = place.published.as_ref().unwrap().listener().try_clone().unwrap();
    let server = server.clone();
    rt::spawn(async move {
        let _ = server.serve(listener).await;
    })
}

#[test]
fn calls_are_answered_and_matched() {
    let place = Place::new("calls");
    rt::block_on(async {
        let server = server();
        let _serving = serve(&place, &server);
        let client = Rc::new(Client::connect(&place.path()).unwrap());
        let slow = rt::spawn({
            let client = client.clone();
            async move { client.call::<_, Sum>(Wait { ms: 30 }).await }
        });
        for a in 0..100 {
            let sum: Sum = client.call(Add { a, b: 1 }).await.unwrap();
            assert_eq!(sum.sum, a + 1);
        }
        assert_eq!(slow.await.unwrap().sum, 30);
        let fault = client
            .call::<_, Sum>(Add { a: i64::MAX, b: 1 })
            .await
            .unwrap_err();
        assert_eq!(
            (fault.code(), fault.message.as_str()),
            (Some(Code::Invalid), "the sum does not fit")
        );
        let fault = client.call::<_, Sum>(Unheard {}).await.unwrap_err();
        assert_eq!(fault.code(), Some(Code::UnknownMessage));
        assert!(
            fault.message.contains("test.Add") && fault.message.contains("test.Count"),
            "{fault}"
        );
    });
}

#[test]
fn a_late_reply_answers_nobody() {
    let place = Place::new("late");
    rt::block_on(async {
        let server = server();
        let _serving = serve(&place, &server);
        let client = Client::connect(&place.path()).unwrap();
        let given_up = rt::timeout(Duration::from_millis(5), client.call::<_, Sum>(Wait { ms: 40 })).await;
        assert!(given_up.is_none());
        let sum: Sum = client.call(Wait { ms: 60 }).await.unwrap();
        assert_eq!(sum.sum, 60);
    });
}

#[test]
fn streams_carry_more_than_their_window_and_do_not_stall_each_other() {
    let place = Place::new("streams");
    rt::block_on(async {
        let server = server();
        let _serving = serve(&place, &server);
        let client = Client::connect(&place.path()).unwrap();
        let stalled = client.open().await.unwrap();
        stalled.send(Count { to: 1000, size: 4096 }).await.unwrap();
        let stream = client.open().await.unwrap();
        stream.send(Count { to: 500, size: 4096 }).await.unwrap();
        for n in 0..500 {
            let item: Item = stream.recv().await.unwrap().unwrap().decode().unwrap();
            assert_eq!((item.n, item.bytes.len()), (n, 4096));
        }
        stream
            .send(Item {
                n: 7,
                bytes: Bytes::from(vec![1, 2, 3]),
            })
            .await
            .unwrap();
        let back: Item = stream.recv().await.unwrap().unwrap().decode().unwrap();
        assert_eq!(back.n, 7);
        stream.end();
        assert!(
            stream.recv().await.unwrap().is_none(),
            "the server ends its side too"
        );
        for n in 0..1000 {
            let item: Item = stalled.recv().await.unwrap().unwrap().decode().unwrap();
            assert_eq!(item.n, n);
        }
    });
}

#[test]
fn a_blocking_client_talks_to_the_same_service() {
    let place = Place::new("blocking");
    let path = place.path();
    let user = std::thread::spawn(move || {
        let mut client = blocking::Client::connect(&path).unwrap();
        for a in 0..50 {
            let sum: Sum = client.call(&Add { a, b: 2 }, None).unwrap();
            assert_eq!(sum.sum, a + 2);
        }
        let fault = client
            .call::<_, Sum>(&Wait { ms: 2000 }, Some(Duration::from_millis(5)))
            .unwrap_err();
        assert_eq!(fault.code(), Some(Code::Timeout));
        let stream = client.open().unwrap();
        client.send(stream, &Count { to: 200, size: 8192 }).unwrap();
        let mut seen = 0;
        client.end(stream).unwrap();
        loop {
            match client.receive(None).unwrap().unwrap() {
                Received::Message(id, None, item) if id == stream => {
                    assert_eq!(item.decode::<Item>().unwrap().n, seen);
                    seen += 1;
                }
                Received::Ended(id) if id == stream => break,
                Received::Credit(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
        assert_eq!(seen, 200);
    });
    rt::block_on(async {
        let server = server();
        let _serving = serve(&place, &server);
        while !user.is_finished() {
            rt::sleep(Duration::from_millis(2)).await;
        }
    });
    user.join().unwrap();
}

#[test]
fn whoever_is_not_admitted_is_told_why() {
    let place = Place::new("denied");
    rt::block_on(async {
        let server = Server::new(handlers(), Rc::new(|_| Err(Fault::new(Code::Denied, "not you"))));
        let _serving = serve(&place, &server);
        let client = Client::connect(&place.path()).unwrap();
        let fault = client.call::<_, Sum>(Add { a: 1, b: 1 }).await.unwrap_err();
        assert_eq!(
            (fault.code(), fault.message.as_str()),
            (Some(Code::Denied), "not you")
        );
        assert_eq!(server.stats().refused, 1);
    });
}

#[test]
fn a_lying_peer_is_told_once_and_dropped_and_others_go_on() {
    use std::io::{Read, Write};
    let place = Place::new("lies");
    rt::block_on(async {
        let server = server();
        let _serving = serve(&place, &server);
        let client = Client::connect(&place.path()).unwrap();
        let path = place.path();
        let liar = std::thread::spawn(move || {
            let mut socket = UnixStream::connect(path).unwrap();
            socket.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            let mut told = Vec::new();
            let _ = socket.read_to_end(&mut told);
            told
        });
        while !liar.is_finished() {
            rt::sleep(Duration::from_millis(1)).await;
        }
        assert!(
            !liar.join().unwrap().is_empty(),
            "it is told something before it is dropped"
        );
        let sum: Sum = client.call(Add { a: 1, b: 1 }).await.unwrap();
        assert_eq!(sum.sum, 2);
        while server.connections() > 1 {
            rt::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn a_stream_handler_goes_with_its_client() {
    struct Flag(Rc<Cell<bool>>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let place = Place::new("goes");
    rt::block_on(async {
        let dropped = Rc::new(Cell::new(false));
        let flag = dropped.clone();
        let handlers = Handlers::new().on_stream(move |_: Wait, stream, _| {
            let flag = Flag(flag.clone());
            async move {
                stream.send(Sum { sum: 1 }).await?;
                std::future::pending::<()>().await;
                drop(flag);
                Ok(())
            }
        });
        let server = Server::new(handlers, Rc::new(|_| Ok(())));
        let _serving = serve(&place, &server);
        let client = Client::connect(&place.path()).unwrap();
        let stream = client.open().await.unwrap();
        stream.send(Wait { ms: 0 }).await.unwrap();
        stream.recv().await.unwrap().unwrap();
        assert!(!dropped.get());
        drop((client, stream));
        while !dropped.get() {
            rt::sleep(Duration::from_millis(1)).await;
        }
        while server.connections() > 0 {
            rt::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn an_end_that_comes_with_the_last_bytes_is_seen() {
    use gshell_wire::{Hello, Role};
    use std::io::{Read, Write};
    let place = Place::new("ends");
    let path = place.path();
    rt::block_on(async {
        let server = server();
        let _serving = serve(&place, &server);
        let (send, sockets) = async_channel::unbounded();
        let greeting = std::thread::spawn(move || {
            for _ in 0..20 {
                let mut socket = UnixStream::connect(&path).unwrap();
                socket.write_all(&Hello::ours(Role::Client).encode()).unwrap();
                socket.read_exact(&mut [0; Hello::LEN]).unwrap();
                send.send_blocking(socket).unwrap();
            }
        });
        let mut greeted = Vec::new();
        while let Ok(socket) = sockets.recv().await {
            greeted.push(socket);
        }
        greeting.join().unwrap();
        assert_eq!(server.connections(), 20);
        // While this thread does not wait: the end of stream 0, which needs no answer, and the end of everything.
        for mut socket in greeted {
            socket.write_all(&[0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        }
        let closed = async {
            while server.connections() > 0 {
                rt::sleep(Duration::from_millis(1)).await;
            }
        };
        let all = rt::timeout(Duration::from_secs(10), closed).await;
        assert!(all.is_some(), "{} are left", server.connections());
    });
}
