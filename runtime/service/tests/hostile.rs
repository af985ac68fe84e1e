//! Peers that do not do what a peer should, beside one that does.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

mod common;

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{Dir, Item, LONG, Sum, Take, Wait, add, arithmetic, item, publish, run};
use gshell_service::{Client, Handlers, Scopes, Timeout, blocking, discover, rt, unix};
use gshell_session::{Head, Session, Side};
use gshell_wire::{Code, Hello, Limits, Role};

async fn connect(dir: &Dir, name: &str) -> Client {
    discover(&dir.node(), "test", name)
        .timeout(Timeout::For(LONG))
        .one()
        .await
        .unwrap()
}

/// The bytes of a client that says hello and makes `calls` calls.
fn client_bytes(calls: u32) -> (Vec<u8>, Vec<u8>) {
    let mut session = Session::new(Side::Client, Limits::default(), 0);
    let hello = session.pending().to_vec();
    session.written(hello.len());
    session.input(&Hello::ours(Role::Server).encode(), 0).unwrap();
    for call in 1..=calls {
        let head = Head {
            call: Some(call),
            ..Head::default()
        };
        session.send(0, head, &add(i64::from(call), 1)).unwrap();
    }
    (hello, session.pending().to_vec())
}

#[test]
fn one_byte_at_a_time_is_a_connection_like_any_other() {
    let dir = Dir::new("bytes");
    let path = unix::socket_path(&dir.0, "test", "bytes");
    run(async {
        let _published = dir.publish("bytes", Scopes::OS);
        let slow = std::thread::spawn(move || {
            let mut socket = UnixStream::connect(path).unwrap();
            let (hello, calls) = client_bytes(3);
            for byte in hello.into_iter().chain(calls) {
                socket.write_all(&[byte]).unwrap();
                std::thread::sleep(Duration::from_micros(300));
            }
            socket.set_read_timeout(Some(LONG)).unwrap();
            let mut session = Session::new(Side::Client, Limits::default(), 0);
            let mut bytes = Vec::new();
            let (mut answers, mut taken) = (0, 0);
            while answers < 3 {
                let mut byte = [0];
                socket.read_exact(&mut byte).unwrap();
                bytes.push(byte[0]);
                let step = session.input(&bytes[taken..], 0).unwrap();
                answers += u32::from(matches!(step.event, Some(gshell_session::Event::Message { .. })));
                taken += step.used;
            }
        });
        let client = connect(&dir, "bytes").await;
        while !slow.is_finished() {
            assert_eq!(client.call::<_, Sum>(add(1, 1)).await.unwrap().sum, 2);
            rt::sleep(Duration::from_millis(1)).await;
        }
        slow.join().unwrap();
    });
}

#[test]
fn whoever_never_reads_is_not_read_either_and_costs_the_others_nothing() {
    let dir = Dir::new("never");
    let path = unix::socket_path(&dir.0, "test", "never");
    run(async {
        let handlers = arithmetic().on(|take: Item, _| async move { Ok(item(take.n, 64 << 10)) });
        let published = publish(&dir.node(), "never", handlers, Scopes::OS);
        // It asks for 64 KiB with each of many small requests and takes nothing of it.
        let mut deaf = UnixStream::connect(path).unwrap();
        let (hello, _) = client_bytes(0);
        deaf.write_all(&hello).unwrap();
        deaf.set_nonblocking(true).unwrap();
        let mut session = Session::new(Side::Client, Limits::default(), 0);
        session.input(&Hello::ours(Role::Server).encode(), 0).unwrap();
        session.written(session.pending().len());
        let mut call = 0;
        while session.credit(0) > 0 {
            call += 1;
            let head = Head {
                call: Some(call),
                ..Head::default()
            };
            session.send(0, head, &item(call, 0)).unwrap();
        }
        assert!(call > 1000);
        let client = connect(&dir, "never").await;
        let began = Instant::now();
        for _ in 0..200 {
            match deaf.write(session.pending()) {
                Ok(n) => session.written(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
            assert_eq!(client.call::<_, Sum>(add(1, 1)).await.unwrap().sum, 2);
        }
        assert!(began.elapsed() < Duration::from_secs(2));
        assert_eq!(published.server().connections(), 2, "it is held and not dropped");
        drop(deaf);
        while published.server().connections() > 1 {
            rt::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn a_service_that_does_not_accept_or_answer_is_given_up_in_time() {
    run(async {
        let dir = Dir::new("stuck");
        let stuck = unix::publish(&dir.0, "test", "stuck").unwrap();
        let client = connect(&dir, "stuck").await;
        let short = Duration::from_millis(20);
        let began = Instant::now();
        let fault = client
            .request(add(1, 1))
            .timeout(short)
            .send::<Sum>()
            .await
            .unwrap_err();
        assert_eq!(fault.code(), Some(Code::Timeout), "{fault}");
        assert!(began.elapsed() < Duration::from_secs(2));
        // Nor does a full queue of connections stop the thread.
        let mut waiting = Vec::new();
        while let Ok(socket) = unix::connect_now(stuck.path()) {
            waiting.push(socket);
        }
        let fault = discover(&dir.node(), "test", "stuck")
            .timeout(Timeout::For(Duration::from_millis(60)))
            .one()
            .await
            .map(drop)
            .unwrap_err();
        assert_eq!(fault.code(), Some(Code::NotFound), "{fault}");
        assert!(began.elapsed() < Duration::from_secs(2));
    });
}

#[test]
fn what_was_sent_before_a_close_is_handled_over_a_socket() {
    run(async {
        let dir = Dir::new("k47");
        let (seen, notices) = (Rc::<RefCell<Vec<u32>>>::default(), Rc::<Cell<u32>>::default());
        let (reader, counter) = (seen.clone(), notices.clone());
        let handlers = Handlers::new()
            .on_stream(move |_: Take, stream, _| {
                let seen = reader.clone();
                async move {
                    while let Some(item) = stream.recv().await? {
                        rt::sleep(Duration::from_micros(300)).await;
                        seen.borrow_mut().push(item.decode::<Item>()?.n);
                    }
                    Ok(())
                }
            })
            .on_notice(move |wait: Wait, _| {
                let notices = counter.clone();
                async move {
                    rt::sleep(Duration::from_millis(wait.ms.into())).await;
                    notices.set(notices.get() + 1);
                    Ok(())
                }
            });
        let _published = publish(&dir.node(), "k47", handlers, Scopes::OS);
        let client = connect(&dir, "k47").await;
        let stream = client.open().await.unwrap();
        stream.send(Take {}).await.unwrap();
        for n in 0..100 {
            stream.send(item(n, 100)).await.unwrap();
        }
        for _ in 0..50 {
            client.default_stream().send(Wait { ms: 5 }).await.unwrap();
        }
        drop((stream, client));
        while seen.borrow().len() < 100 || notices.get() < 50 {
            rt::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(*seen.borrow(), (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn a_late_reply_never_answers_the_next_request() {
    let dir = Dir::new("k28");
    let path = unix::socket_path(&dir.0, "test", "k28");
    run(async {
        let _published = dir.publish("k28", Scopes::OS);
        let client = connect(&dir, "k28").await;
        let short = Duration::from_millis(5);
        for ms in [20, 21, 22] {
            let late = client.request(Wait { ms }).timeout(short).send::<Sum>().await;
            assert_eq!(late.unwrap_err().code(), Some(Code::Timeout));
        }
        for ms in [30, 10, 1] {
            assert_eq!(
                client.call::<_, Sum>(Wait { ms }).await.unwrap().sum,
                i64::from(ms)
            );
        }
        let user = std::thread::spawn(move || {
            let mut client = blocking::Client::connect(&path).unwrap();
            for ms in [20, 21, 22] {
                let late = client.call::<_, Sum>(&Wait { ms }, Some(short));
                assert_eq!(late.unwrap_err().code(), Some(Code::Timeout));
            }
            for ms in [30, 10, 1] {
                assert_eq!(
                    client.call::<_, Sum>(&Wait { ms }, None).unwrap().sum,
                    i64::from(ms)
                );
            }
        });
        while !user.is_finished() {
            rt::sleep(Duration::from_millis(1)).await;
        }
        user.join().unwrap();
    });
}

#[test]
fn a_call_that_is_given_up_is_given_up_on_the_other_side() {
    struct Flag(Rc<Cell<u32>>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    run(async {
        let dir = Dir::new("cancel");
        for scopes in [Scopes::OS, Scopes::PROCESS] {
            let dropped = Rc::<Cell<u32>>::default();
            let flag = dropped.clone();
            let handlers = Handlers::new().on(move |_: Wait, _| {
                let flag = Flag(flag.clone());
                async move {
                    std::future::pending::<()>().await;
                    drop(flag);
                    Ok(Sum { sum: 0 })
                }
            });
            let _published = publish(&dir.node(), "cancel", handlers, scopes);
            let client = connect(&dir, "cancel").await;
            let call = rt::timeout(Duration::from_millis(5), client.call::<_, Sum>(Wait { ms: 1 }));
            assert!(call.await.is_none());
            let timed = client.request(Wait { ms: 1 }).timeout(Duration::from_millis(5));
            assert_eq!(timed.send::<Sum>().await.unwrap_err().code(), Some(Code::Timeout));
            while dropped.get() < 2 {
                rt::sleep(Duration::from_millis(1)).await;
            }
        }
    });
}

#[test]
fn a_receive_has_a_limit_and_what_comes_later_is_still_there() {
    run(async {
        let dir = Dir::new("recv");
        for scopes in [Scopes::OS, Scopes::PROCESS] {
            let handlers = Handlers::new().on_stream(|_: Take, stream, _| async move {
                rt::sleep(Duration::from_millis(30)).await;
                stream.send(Sum { sum: 7 }).await
            });
            let _published = publish(&dir.node(), "recv", handlers, scopes);
            let client = connect(&dir, "recv").await;
            let stream = client.open().await.unwrap();
            stream.send(Take {}).await.unwrap();
            let fault = stream.recv_timeout(Duration::from_millis(5)).await.unwrap_err();
            assert_eq!(fault.code(), Some(Code::Timeout), "{fault}");
            let sum = stream.recv_timeout(LONG).await.unwrap().unwrap();
            assert_eq!((sum.is::<Sum>(), sum.decode::<Sum>().unwrap().sum), (true, 7));
        }
    });
}

#[test]
fn a_blocking_call_ends_in_time_whatever_the_service_does() {
    let dir = Dir::new("deaf");
    let stuck = unix::publish(&dir.0, "test", "deaf").unwrap();
    let accepting = stuck.listener().try_clone().unwrap();
    let service = std::thread::spawn(move || {
        // One that says nothing at all, and one that says hello and then reads nothing.
        let silent = accepting.accept().unwrap().0;
        let mut deaf = accepting.accept().unwrap().0;
        deaf.write_all(&Hello::ours(Role::Server).encode()).unwrap();
        (silent, deaf)
    });
    let limit = Some(Duration::from_millis(150));
    for size in [10, 4 << 20] {
        let began = Instant::now();
        let mut client = blocking::Client::connect(stuck.path()).unwrap();
        let fault = client.call::<_, Sum>(&item(1, size), limit).unwrap_err();
        assert_eq!(fault.code(), Some(Code::Timeout), "{fault}");
        let took = began.elapsed();
        assert!(
            took >= Duration::from_millis(140) && took < Duration::from_secs(3),
            "{took:?}"
        );
    }
    drop(service.join().unwrap());
}
