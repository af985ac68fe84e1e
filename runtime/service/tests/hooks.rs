//! Hooks, variables of streams, what a service says of itself, versions of messages.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

mod common;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use common::{Add, Dir, Item, Sum, Wait, add, arithmetic, connect, publish, run};
use gshell_service::builtin::difference;
use gshell_service::builtin::messages::{Describe, Description, Load, LoadFigures, Stats, StatsFigures};
use gshell_service::{Admission, Client, Dynamic, Encoded, Handlers, Reply, Scopes, Typed, rt, unix};
use gshell_wire::{Code, Fault, Message, Priority, Shape, ShapeField, Value};
use serde::{Deserialize, Serialize};

async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        rt::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn hooks_see_connections_and_streams_and_keep_variables() {
    run(async {
        for scopes in [Scopes::OS, Scopes::PROCESS] {
            let dir = Dir::new("hooks");
            let seen: Rc<RefCell<Vec<String>>> = Rc::default();
            let note = |what: &'static str| {
                let seen = seen.clone();
                move |id: u32| seen.borrow_mut().push(format!("{what} {id}"))
            };
            let (open, close, gone) = (note("open"), note("close"), note("gone"));
            let handlers = Handlers::new()
                .on(|add: Add, context| async move {
                    let sum = context.vars().get_or(|| Cell::new(0i64));
                    sum.set(sum.get() + add.a);
                    Ok(Sum { sum: sum.get() })
                })
                .on_stream_open(move |stream| {
                    open(stream.id());
                    stream.vars().set(Cell::new(i64::from(stream.id()) * 100));
                })
                .on_stream_close(move |stream| {
                    let sum = stream.vars().get::<Cell<i64>>().unwrap();
                    close(sum.get() as u32);
                })
                .on_disconnect(move |peer| gone(peer.credentials.map_or(0, |_| 1)));
            let _published = publish(&dir.node(), "hooks", handlers, scopes);
            let client = connect(&dir, "hooks", scopes).await;
            let first = client.open().await.unwrap();
            assert_eq!(first.call::<_, Sum>(add(1, 0)).await.unwrap().sum, 101);
            assert_eq!(first.call::<_, Sum>(add(1, 0)).await.unwrap().sum, 102);
            let second = client.open().await.unwrap();
            assert_eq!(second.call::<_, Sum>(add(5, 0)).await.unwrap().sum, 205);
            assert_eq!(client.call::<_, Sum>(add(3, 0)).await.unwrap().sum, 3);
            first.reset(&Fault::new(Code::Cancelled, "enough"));
            until(|| seen.borrow().contains(&"close 102".to_owned())).await;
            drop((first, second, client));
            until(|| seen.borrow().contains(&"gone 1".to_owned())).await;
            let mut seen = seen.take();
            // The stream may end before the connection or with it.
            seen[4..6].sort();
            assert_eq!(
                seen,
                [
                    "open 0",
                    "open 1",
                    "open 2",
                    "close 102",
                    "close 205",
                    "close 3",
                    "gone 1"
                ]
            );
        }
    });
}

#[test]
fn a_connection_is_refused_or_taken_over() {
    run(async {
        let dir = Dir::new("takeover");
        let taken: Rc<RefCell<Vec<gshell_service::Socket>>> = Rc::default();
        let (keep, refuse) = (taken.clone(), Rc::new(Cell::new(true)));
        let refusing = refuse.clone();
        let handlers = arithmetic().on_connect(move |_| match refusing.get() {
            true => Admission::Refuse(Fault::new(Code::Busy, "not on Sundays")),
            false => {
                let keep = keep.clone();
                Admission::TakeOver(Box::new(move |socket| keep.borrow_mut().push(socket)))
            }
        });
        let published = publish(&dir.node(), "takeover", handlers, Scopes::OS | Scopes::PROCESS);
        let path = unix::socket_path(&dir.0, "test", "takeover");
        let fault = Client::connect(&path)
            .unwrap()
            .call::<_, Sum>(add(1, 1))
            .await
            .unwrap_err();
        assert_eq!(fault.message, "not on Sundays");
        refuse.set(false);
        let mut mine = UnixStream::connect(&path).unwrap();
        until(|| taken.borrow().len() == 1).await;
        let mut theirs = taken.borrow_mut().pop().unwrap();
        theirs.set_nonblocking(false).unwrap();
        theirs.write_all(b"raw").unwrap();
        let mut bytes = [0; 3];
        mine.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"raw", "nothing of ours goes before it");
        // Inside the process there is no socket to take.
        let client = connect(&dir, "takeover", Scopes::PROCESS).await;
        let fault = client.call::<_, Sum>(add(1, 1)).await.unwrap_err();
        assert!(fault.message.contains("no socket"), "{fault}");
        drop(published);
    });
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "echo.Request")]
struct OldRequest {
    num: i32,
}

/// Asks for a number back.
#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "echo.Request", priority = "high", earlier(OldRequest))]
struct Request {
    num: i64,
}

impl From<OldRequest> for Request {
    fn from(old: OldRequest) -> Request {
        Request { num: old.num.into() }
    }
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "echo.Request")]
struct OtherRequest {
    num: u16,
    who: String,
}

fn echo() -> Handlers {
    Handlers::new()
        .on(|request: Request, context| async move {
            assert_eq!(context.message(), "echo.Request");
            Ok(Sum { sum: request.num })
        })
        .on_stream(|_: Wait, stream, _| async move { stream.send(Sum { sum: 1 }).await })
        .sends::<Item>()
}

#[test]
fn a_service_describes_itself_and_says_what_differs() {
    run(async {
        for scopes in [Scopes::OS, Scopes::PROCESS] {
            let dir = Dir::new("describe");
            let _published = publish(&dir.node(), "describe", echo(), scopes);
            let client = connect(&dir, "describe", scopes).await;
            // Today's and an earlier shape.
            assert_eq!(
                client.call::<_, Sum>(Request { num: 1 << 40 }).await.unwrap().sum,
                1 << 40
            );
            assert_eq!(
                client.call::<_, Sum>(OldRequest { num: -5 }).await.unwrap().sum,
                -5
            );
            let fault = client
                .call::<_, Sum>(OtherRequest {
                    num: 1,
                    who: String::new(),
                })
                .await
                .unwrap_err();
            assert_eq!(fault.code(), Some(Code::UnknownMessage));
            assert!(
                fault.message.starts_with("echo.Request differs: ")
                    && fault
                        .message
                        .contains("the service has num: i64, this side has num: u16"),
                "{fault}"
            );
            let fault = client.call::<_, Sum>(add(1, 2)).await.unwrap_err();
            assert!(
                fault.message.starts_with("unknown message with key ")
                    && fault
                        .message
                        .ends_with("this service handles: echo.Request, test.Wait"),
                "{fault}"
            );
            let description: Description = client.call(Describe {}).await.unwrap();
            assert_eq!(
                (description.publisher.as_str(), description.service.as_str()),
                ("test", "describe")
            );
            let names: Vec<_> = description
                .messages
                .iter()
                .map(|message| (message.name.as_str(), message.key, message.stream))
                .collect();
            assert_eq!(
                names,
                [
                    ("echo.Request", Request::KEY, false),
                    ("echo.Request", OldRequest::KEY, false),
                    ("test.Wait", Wait::KEY, true)
                ]
            );
            let request = &description.messages[0];
            assert_eq!(
                (request.priority, request.help.as_str(), request.replies[0].key),
                (Priority::High, "Asks for a number back.", Sum::KEY)
            );
            assert_eq!(Shape::read(&request.shape).unwrap(), Shape::of::<Request>());
            assert_eq!(description.messages[2].replies[0].name, "test.Item");
            assert_eq!(
                difference(&description, "echo.Request", &Shape::of::<OldRequest>()),
                None
            );
            let load: LoadFigures = client.call(Load {}).await.unwrap();
            assert_eq!(
                (load.queue_len, load.busy, load.resident, load.weight),
                (0, 0, 1, 8)
            );
            let stats: StatsFigures = client.call(Stats {}).await.unwrap();
            assert_eq!((stats.connections, stats.streams, stats.unknown), (1, 1, 2));
            assert_eq!((stats.messages[0].calls, stats.messages[0].errors), (2, 0));
            assert_eq!(stats.bytes_in > 0, scopes == Scopes::OS);
        }
    });
}

#[test]
fn message_types_made_while_the_program_runs() {
    run(async {
        for scopes in [Scopes::OS, Scopes::PROCESS] {
            let dir = Dir::new("dynamic");
            let field = |name: &str, shape: Shape| ShapeField {
                name: name.to_owned(),
                shape,
                help: String::new(),
            };
            let sum = move || Shape::Struct {
                name: "Sum".to_owned(),
                fields: vec![field("sum", Shape::I64)],
            };
            let shape = Shape::Struct {
                name: "Add".to_owned(),
                fields: vec![field("a", Shape::I64), field("b", Shape::I64)],
            };
            assert_eq!(shape.key("test.Add"), Add::KEY);
            let message = Dynamic {
                replies: vec![("test.Sum".to_owned(), sum())],
                help: "Adds.".to_owned(),
                ..Dynamic::new("test.Add", shape.clone())
            };
            let again = Dynamic::new("test.Add", shape.clone());
            let handlers = Handlers::new()
                .on_dynamic(message, move |incoming, context| {
                    let (shape, sum) = (shape.clone(), sum());
                    async move {
                        assert_eq!(incoming.key, Add::KEY);
                        let bytes = incoming.payload.into_bytes()?;
                        let value = Value::decode(&shape, &bytes).unwrap();
                        let number = |path: &str| match value.at(path) {
                            Some(Value::Int(n)) => *n,
                            other => panic!("{other:?}"),
                        };
                        let total = number("a") + number("b");
                        if total == 0 {
                            context.stream().send(Sum { sum: 100 }).await?;
                            return Ok(None);
                        }
                        let mut bytes = Vec::new();
                        let reply = Value::Struct(vec![("sum".to_owned(), Value::Int(total))]);
                        reply.encode(&sum, &mut bytes).unwrap();
                        let reply: Reply = match total % 2 {
                            0 => Box::new(Typed::new(Sum { sum: total })),
                            _ => Box::new(Encoded {
                                key: sum.key("test.Sum"),
                                name: "test.Sum",
                                bytes,
                            }),
                        };
                        Ok(Some(reply))
                    }
                })
                .unwrap();
            let Err(fault) = Handlers::new()
                .on(|_: Add, _| async { Ok(Sum { sum: 0 }) })
                .on_dynamic(again, |_, _| async { Ok(None) })
            else {
                panic!("twice the same message");
            };
            assert_eq!(fault.code(), Some(Code::Exists));
            let _published = publish(&dir.node(), "dynamic", handlers, scopes);
            let client = connect(&dir, "dynamic", scopes).await;
            assert_eq!(client.call::<_, Sum>(add(1, 2)).await.unwrap().sum, 3);
            assert_eq!(client.call::<_, Sum>(add(2, 2)).await.unwrap().sum, 4);
            let stream = client.open().await.unwrap();
            stream.send(add(1, -1)).await.unwrap();
            let sent: Sum = stream.recv().await.unwrap().unwrap().decode().unwrap();
            assert_eq!(sent.sum, 100);
        }
    });
}

#[test]
fn a_service_that_ends_says_so_to_its_hooks() {
    run(async {
        for scopes in [Scopes::OS, Scopes::PROCESS] {
            let dir = Dir::new("ends");
            let (closed, gone) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            let (close, leave) = (closed.clone(), gone.clone());
            let handlers = arithmetic()
                .on_stream_close(move |_| close.set(close.get() + 1))
                .on_disconnect(move |_| leave.set(leave.get() + 1));
            let published = publish(&dir.node(), "ends", handlers, scopes);
            let client = connect(&dir, "ends", scopes).await;
            let stream = client.open().await.unwrap();
            assert_eq!(stream.call::<_, Sum>(add(1, 2)).await.unwrap().sum, 3);
            let waits = Rc::new(client);
            let call = rt::spawn({
                let client = waits.clone();
                async move { client.call::<_, Sum>(Wait { ms: 60_000 }).await }
            });
            rt::sleep(Duration::from_millis(5)).await;
            drop(published);
            assert!(call.await.is_err());
            until(|| gone.get() == 1 && closed.get() == 2).await;
        }
    });
}
