//! Clients that want too much: they cost bounded memory, are counted, and the others go on.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

mod common;

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{Add, Dir, Sum, Wait, add, arithmetic, publish, run};
use gshell_service::builtin::messages::{Stats, StatsFigures};
use gshell_service::{Client, Handlers, Scopes, Timeout, Workers, discover, rt, unix};
use gshell_session::{Head, Session, Side};
use gshell_wire::{Code, Limits, Message};

async fn connect(dir: &Dir, name: &str, scopes: Scopes) -> Client {
    let node = dir.node();
    let search = discover(&node, "test", name).scopes(scopes);
    search.timeout(Timeout::Once).one().await.unwrap()
}

/// A client that keeps to the protocol and to its credit, but reads only its hello.
struct Deaf {
    socket: UnixStream,
    session: Session,
    /// Bytes that the service took.
    taken: usize,
}

impl Deaf {
    async fn connect(dir: &Dir, name: &str) -> Deaf {
        let mut socket = UnixStream::connect(unix::socket_path(&dir.0, "test", name)).unwrap();
        let mut session = Session::new(Side::Client, Limits::default(), 0);
        socket.write_all(session.pending()).unwrap();
        session.written(usize::MAX);
        socket.set_nonblocking(true).unwrap();
        let mut hello = Vec::new();
        while !session.is_ready() {
            rt::sleep(Duration::from_millis(1)).await;
            let mut buffer = [0; 64];
            if let Ok(n) = socket.read(&mut buffer) {
                hello.extend_from_slice(&buffer[..n]);
            }
            let used = session.input(&hello, 0).unwrap().used;
            hello.drain(..used);
        }
        Deaf {
            socket,
            session,
            taken: 0,
        }
    }

    /// Sends on many streams as long as there is credit and the service takes it; ends when it took nothing for a
    /// while.
    async fn flood<M: Message>(&mut self, streams: u32, message: impl Fn() -> M) {
        let message = message();
        let streams: Vec<_> = (0..streams).map(|_| self.session.open().unwrap()).collect();
        let (mut call, mut quiet) = (0, Instant::now());
        let mut streams = streams.into_iter().peekable();
        while quiet.elapsed() < Duration::from_millis(150) {
            while self.session.pending().len() < 64 << 10 {
                let Some(stream) = streams.peek() else { break };
                call += 1;
                let head = Head {
                    call: Some(call),
                    ..Head::default()
                };
                if self.session.send(*stream, head, &message).is_err() {
                    streams.next();
                }
            }
            if self.session.pending().is_empty() {
                return;
            }
            match self.socket.write(self.session.pending()) {
                Ok(n) => {
                    self.session.written(n);
                    self.taken += n;
                    quiet = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
            rt::sleep(Duration::from_micros(100)).await;
        }
    }
}

async fn stats(client: &Client) -> StatsFigures {
    client.call(Stats {}).await.unwrap()
}

async fn median(client: &Client) -> Duration {
    let mut times = Vec::new();
    for n in 0..200 {
        let began = Instant::now();
        assert_eq!(client.call::<_, Sum>(add(n, 1)).await.unwrap().sum, n + 1);
        times.push(began.elapsed());
    }
    times.sort();
    times[100]
}

async fn until_alone(client: &Client) {
    loop {
        let now = stats(client).await;
        let busy: u32 = now.messages.iter().map(|entry| entry.in_flight + entry.queued).sum();
        if (now.connections, busy) == (1, 0) {
            return;
        }
        rt::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn a_peer_that_asks_and_never_reads() {
    run(async {
        let dir = Dir::new("deaf");
        let _published = publish(&dir.node(), "deaf", arithmetic(), Scopes::OS);
        let client = connect(&dir, "deaf", Scopes::OS).await;
        let before = median(&client).await;
        let mut deaf = Deaf::connect(&dir, "deaf").await;
        deaf.flood(500, || add(1, 1)).await;
        // Its requests are what fits into the socket, and what was answered into a bounded output.
        assert!(deaf.taken < 8 << 20, "{} bytes were taken", deaf.taken);
        assert!(!deaf.session.pending().is_empty());
        let now = stats(&client).await;
        let adds = now.messages.iter().find(|entry| entry.name == "test.Add").unwrap();
        assert!(adds.in_flight + adds.queued <= 1100, "{adds:?}");
        let after = median(&client).await;
        assert!(after < before * 2 + Duration::from_micros(200), "{before:?} {after:?}");
        drop(deaf);
        until_alone(&client).await;
    });
}

#[test]
fn a_peer_that_asks_for_more_than_is_done() {
    run(async {
        let dir = Dir::new("greedy");
        let _published = publish(&dir.node(), "greedy", arithmetic(), Scopes::OS);
        let client = connect(&dir, "greedy", Scopes::OS).await;
        let mut greedy = Deaf::connect(&dir, "greedy").await;
        greedy.flood(100, || Wait { ms: 3_600_000 }).await;
        let now = stats(&client).await;
        let waits = now.messages.iter().find(|entry| entry.name == "test.Wait").unwrap();
        assert_eq!((waits.in_flight, waits.queued, now.held), (1024, 0, 1));
        assert!(greedy.taken < 2 << 20, "{} bytes were taken", greedy.taken);
        assert_eq!(client.call::<_, Sum>(add(1, 2)).await.unwrap().sum, 3);
        // Its end is noticed although it is not read.
        drop(greedy);
        until_alone(&client).await;
        let now = stats(&client).await;
        let waits = now.messages.iter().find(|entry| entry.name == "test.Wait").unwrap();
        assert!(waits.cancelled >= 1024, "{waits:?}");
    });
}

#[test]
fn whoever_fills_the_queue_waits_and_the_others_do_not() {
    run(async {
        for scopes in [Scopes::OS, Scopes::PROCESS] {
            let dir = Dir::new("queue");
            let one = Workers {
                max: 1,
                ..Workers::default()
            };
            let done = Rc::new(Cell::new(0));
            let handlers = Handlers::new()
                .on(move |add: Add, _| {
                    let done = done.clone();
                    async move {
                        rt::yield_now().await;
                        done.set(done.get() + 1);
                        // Asked with -1 it tells how many were done before.
                        Ok(Sum {
                            sum: if add.a < 0 { done.get() } else { add.a + add.b },
                        })
                    }
                })
                .on(|wait: Wait, _| async move {
                    rt::sleep(Duration::from_millis(wait.ms.into())).await;
                    Ok(Sum { sum: 0 })
                })
                .workers(one)
                .queue(10);
            let _published = publish(&dir.node(), "queue", handlers, scopes);
            let many = Rc::new(connect(&dir, "queue", scopes).await);
            let other = connect(&dir, "queue", scopes).await;
            let call = |n: i64| {
                let many = many.clone();
                rt::spawn(async move { many.call::<_, Sum>(add(n, 1)).await.unwrap().sum })
            };
            let first = rt::spawn({
                let many = many.clone();
                async move { many.call::<_, Sum>(Wait { ms: 60 }).await.unwrap() }
            });
            rt::sleep(Duration::from_millis(5)).await;
            let calls: Vec<_> = (0..500).map(call).collect();
            rt::sleep(Duration::from_millis(10)).await;
            let now = stats(&other).await;
            let adds = now.messages.iter().find(|entry| entry.name == "test.Add").unwrap();
            assert_eq!((adds.queued, now.held), (10, 1), "{scopes:?} {adds:?}");
            // It has nothing in the queue, so it is read and its request waits with those ten, not behind 500.
            let place = other.call::<_, Sum>(add(-1, 0)).await.unwrap().sum;
            assert!((11..=12).contains(&place), "{place}");
            first.await;
            for (n, call) in calls.into_iter().enumerate() {
                assert_eq!(call.await, n as i64 + 1);
            }
        }
    });
}

#[test]
fn sessions_without_end_are_refused() {
    run(async {
        let dir = Dir::new("sessions");
        let handlers = arithmetic().on_stream(|_: Add, _, _| async move {
            std::future::pending::<()>().await;
            Ok(())
        });
        let _published = publish(&dir.node(), "sessions", handlers, Scopes::OS);
        let client = connect(&dir, "sessions", Scopes::OS).await;
        let stream = client.open().await.unwrap();
        for n in 0..1025 {
            stream.send(add(n, 0)).await.unwrap();
        }
        let fault = stream.recv().await.unwrap_err();
        assert_eq!(fault.code(), Some(Code::Limit));
        assert_eq!(stats(&client).await.sessions, 1024);
        stream.reset(&fault);
        let other = connect(&dir, "sessions", Scopes::OS).await;
        drop((stream, client));
        until_alone(&other).await;
        assert_eq!(stats(&other).await.sessions, 0);
    });
}
