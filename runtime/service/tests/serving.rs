//! Workers, priorities, order, panics, cancelling: what a service does with its requests.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests fail as tests do

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{Add, Dir, Sum, Wait, add, publish, run};
use gshell_service::builtin::messages::{Load, LoadFigures, MessageStats, Stats, StatsFigures};
use gshell_service::{Client, Handlers, Published, Scopes, Timeout, Workers, current, discover, rt};
use gshell_wire::{Code, Fault, Message};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "test.High", priority = "high")]
struct High {
    n: u32,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "test.Normal")]
struct Normal {
    n: u32,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "test.Low", priority = "low")]
struct Low {
    n: u32,
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "test.Panic")]
struct Panic {
    /// Not at once, but after a wait.
    later: bool,
}

async fn connect(dir: &Dir, name: &str, scopes: Scopes) -> Client {
    let node = dir.node();
    let search = discover(&node, "test", name).scopes(scopes);
    search.timeout(Timeout::Once).one().await.unwrap()
}

/// A service and a client, over a socket and inside the process.
async fn both<T: Future<Output = ()>>(
    name: &str,
    handlers: impl Fn() -> Handlers,
    test: impl Fn(Published, Rc<Client>) -> T,
) {
    for scopes in [Scopes::OS, Scopes::PROCESS] {
        let dir = Dir::new(name);
        let published = publish(&dir.node(), name, handlers(), scopes);
        let client = Rc::new(connect(&dir, name, scopes).await);
        test(published, client).await;
    }
}

async fn stats_of(client: &Client, name: &str) -> MessageStats {
    let stats: StatsFigures = client.call(Stats {}).await.unwrap();
    stats
        .messages
        .into_iter()
        .find(|entry| entry.name == name)
        .unwrap()
}

async fn until(mut done: impl AsyncFnMut() -> bool) {
    while !done().await {
        rt::sleep(Duration::from_millis(1)).await;
    }
}

fn boom() -> Result<Sum, Fault> {
    panic!("on purpose")
}

fn one_worker() -> Workers {
    Workers {
        max: 1,
        ..Workers::default()
    }
}

#[test]
fn priorities_count_and_low_is_not_starved() {
    run(async {
        let seen: Rc<RefCell<Vec<char>>> = Rc::default();
        let note = |what: char| {
            let seen = seen.clone();
            move || {
                let seen = seen.clone();
                async move {
                    rt::yield_now().await;
                    seen.borrow_mut().push(what);
                    Ok(Sum { sum: 0 })
                }
            }
        };
        let handlers = || {
            let (high, normal, low) = (note('h'), note('n'), note('l'));
            Handlers::new()
                .on(|wait: Wait, _| async move {
                    rt::sleep(Duration::from_millis(wait.ms.into())).await;
                    Ok(Sum { sum: 0 })
                })
                .on(move |_: High, _| high())
                .on(move |_: Normal, _| normal())
                .on(move |_: Low, _| low())
                .workers(one_worker())
        };
        both("priorities", handlers, async |_published, client| {
            seen.borrow_mut().clear();
            let spawn = |which: u32, n: u32| {
                let client = client.clone();
                rt::spawn(async move {
                    match which {
                        0 => client.call::<_, Sum>(Low { n }).await,
                        1 => client.call::<_, Sum>(Normal { n }).await,
                        _ => client.call::<_, Sum>(Wait { ms: 20 }).await,
                    }
                })
            };
            let mut tasks = vec![spawn(2, 0)];
            until(async || stats_of(&client, "test.Wait").await.in_flight == 1).await;
            for n in 0..3 {
                tasks.push(spawn(0, n));
            }
            for n in 0..60 {
                tasks.push(spawn(1, n));
            }
            until(async || {
                let load: LoadFigures = client.call(Load {}).await.unwrap();
                load.queue_len == 63 && load.busy == 1 && load.workers == 1
            })
            .await;
            // High priority passes a service whose only worker hangs.
            client.call::<_, Sum>(High { n: 0 }).await.unwrap();
            for task in tasks {
                task.await.unwrap();
            }
            let order: String = seen.borrow().iter().collect();
            assert!(order.starts_with("hnnnn"), "{order}");
            let lows: Vec<_> = order.match_indices('l').map(|(at, _)| at).collect();
            assert_eq!(lows, [8, 17, 26], "{order}");
        })
        .await;
    });
}

#[test]
fn a_panic_costs_one_call() {
    run(async {
        let handlers = || {
            Handlers::new()
                .on(|panic: Panic, _| async move {
                    if panic.later {
                        rt::sleep(Duration::from_millis(1)).await;
                    }
                    boom()
                })
                .on_blocking(|_: Normal, _| boom())
                .on_stream(|_: Low, stream, _| async move {
                    stream.send(Sum { sum: 1 }).await?;
                    panic!("on purpose")
                })
                .on(|add: Add, _| async move { Ok(Sum { sum: add.a + add.b }) })
        };
        both("panics", handlers, async |_published, client| {
            for later in [false, true] {
                let fault = client.call::<_, Sum>(Panic { later }).await.unwrap_err();
                assert_eq!(fault.code(), Some(Code::Internal));
                assert_eq!(fault.message, "the handler of test.Panic panicked");
            }
            let fault = client.call::<_, Sum>(Normal { n: 0 }).await.unwrap_err();
            assert_eq!(fault.message, "the handler of test.Normal panicked");
            let stream = client.open().await.unwrap();
            stream.send(Low { n: 0 }).await.unwrap();
            assert!(stream.recv().await.unwrap().is_some());
            let fault = stream.recv().await.unwrap_err();
            assert_eq!(fault.message, "the handler of test.Low panicked");
            assert!(stream.recv().await.unwrap().is_none(), "and the stream is ended");
            assert_eq!(client.call::<_, Sum>(add(1, 2)).await.unwrap().sum, 3);
            let stats = stats_of(&client, "test.Panic").await;
            assert_eq!(
                (stats.calls, stats.errors, stats.panics, stats.in_flight),
                (2, 2, 2, 0)
            );
            assert_eq!(stats_of(&client, "test.Normal").await.panics, 1);
        })
        .await;
    });
}

#[test]
fn blocked_threads_do_not_stop_others() {
    run(async {
        let (release, held) = async_channel::bounded::<()>(1);
        let handlers = || {
            let held = held.clone();
            Handlers::new()
                .on_blocking(move |_: Wait, caller| {
                    assert!(!caller.is_cancelled());
                    let _ = held.recv_blocking();
                    Ok(Sum { sum: 1 })
                })
                .on_blocking(|add: Add, _| Ok(Sum { sum: add.a + add.b }))
        };
        both("blocked", handlers, async |_published, client| {
            let blocked: Vec<_> = (0..20)
                .map(|_| {
                    let client = client.clone();
                    rt::spawn(async move { client.call::<_, Sum>(Wait { ms: 0 }).await })
                })
                .collect();
            for n in 0..50 {
                assert_eq!(client.call::<_, Sum>(add(n, 1)).await.unwrap().sum, n + 1);
            }
            let load: LoadFigures = client.call(Load {}).await.unwrap();
            assert!(load.busy >= 20 && load.idle >= 1, "{load:?}");
            for _ in 0..20 {
                release.send(()).await.unwrap();
            }
            for task in blocked {
                assert_eq!(task.await.unwrap().sum, 1);
            }
        })
        .await;
    });
}

#[test]
fn one_after_the_other_where_that_is_wanted() {
    run(async {
        let seen: Rc<RefCell<Vec<u32>>> = Rc::default();
        let handlers = || {
            let seen = seen.clone();
            Handlers::new().on(move |wait: Wait, _| {
                let seen = seen.clone();
                async move {
                    rt::sleep(Duration::from_millis(wait.ms.into())).await;
                    seen.borrow_mut().push(wait.ms);
                    Ok(Sum { sum: 0 })
                }
            })
        };
        let calls = async |client: &Rc<Client>| {
            let stream = Rc::new(client.open().await.unwrap());
            let tasks: Vec<_> = [30, 20, 10, 0]
                .into_iter()
                .map(|ms| {
                    let stream = stream.clone();
                    rt::spawn(async move { stream.call::<_, Sum>(Wait { ms }).await.unwrap() })
                })
                .collect();
            for task in tasks {
                task.await;
            }
            seen.take()
        };
        both("disorder", handlers, async |_published, client| {
            assert_eq!(calls(&client).await, [0, 10, 20, 30]);
        })
        .await;
        both(
            "ordered",
            || handlers().ordered(),
            async |_published, client| {
                assert_eq!(calls(&client).await, [30, 20, 10, 0]);
                // Another stream does not wait for this one.
                let slow = client.call::<_, Sum>(Wait { ms: 50 });
                let quick = client.open().await.unwrap();
                let first = futures_lite::future::or(
                    async {
                        slow.await.unwrap();
                        "slow"
                    },
                    async {
                        quick.call::<_, Sum>(Wait { ms: 1 }).await.unwrap();
                        "quick"
                    },
                );
                assert_eq!(first.await, "quick");
                seen.take();
            },
        )
        .await;
        let by_hook = || handlers().on_stream_open(|stream| stream.set_ordered(stream.id() % 2 == 1));
        both("hook-order", by_hook, async |_published, client| {
            assert_eq!(calls(&client).await, [30, 20, 10, 0]);
            assert_eq!(calls(&client).await, [0, 10, 20, 30]);
        })
        .await;
    });
}

/// Counts how many of them there are.
struct Held(Rc<Cell<i32>>);

impl Held {
    fn new(count: &Rc<Cell<i32>>) -> Held {
        count.set(count.get() + 1);
        Held(count.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

fn waiting(held: &Rc<Cell<i32>>) -> Handlers {
    let held = held.clone();
    Handlers::new().on(move |wait: Wait, _| {
        let held = Held::new(&held);
        async move {
            rt::sleep(Duration::from_millis(wait.ms.into())).await;
            drop(held);
            Ok(Sum { sum: 7 })
        }
    })
}

#[test]
fn what_nobody_waits_for_is_dropped() {
    run(async {
        let held: Rc<Cell<i32>> = Rc::default();
        both(
            "given-up",
            || waiting(&held),
            async |_published, client| {
                // By its caller.
                let call = rt::spawn({
                    let client = client.clone();
                    async move { client.call::<_, Sum>(Wait { ms: 60_000 }).await }
                });
                until(async || held.get() == 1).await;
                drop(call);
                until(async || held.get() == 0).await;
                // By its deadline, which travels; the caller of this one waits longer than it said.
                let fault = client
                    .request(Wait { ms: 60_000 })
                    .timeout(Duration::from_millis(20))
                    .send::<Sum>()
                    .await
                    .unwrap_err();
                assert_eq!(fault.code(), Some(Code::Timeout));
                until(async || held.get() == 0).await;
                let stats = stats_of(&client, "test.Wait").await;
                assert_eq!(stats.in_flight, 0);
                assert_eq!(stats.cancelled + stats.expired, 2, "{stats:?}");
                // By the end of its stream.
                let stream = client.open().await.unwrap();
                let call = rt::spawn({
                    let stream = stream.clone();
                    async move { stream.call::<_, Sum>(Wait { ms: 60_000 }).await }
                });
                until(async || held.get() == 1).await;
                stream.reset(&Fault::new(Code::Cancelled, "enough"));
                until(async || held.get() == 0).await;
                assert!(call.await.is_err());
            },
        )
        .await;
        // By the end of its connection.
        let dir = Dir::new("gone");
        let _published = publish(&dir.node(), "gone", waiting(&held), Scopes::OS);
        let client = connect(&dir, "gone", Scopes::OS).await;
        let call = rt::timeout(
            Duration::from_millis(30),
            client.call::<_, Sum>(Wait { ms: 60_000 }),
        );
        assert!(call.await.is_none());
        drop(client);
        until(async || held.get() == 0).await;
    });
}

#[test]
fn finishing_handlers_end_all_the_same() {
    run(async {
        let held: Rc<Cell<i32>> = Rc::default();
        let finishing = || waiting(&held).finishing();
        both("finishing", finishing, async |_published, client| {
            let call = client.request(Wait { ms: 60 }).timeout(Duration::from_millis(5));
            assert!(call.send::<Sum>().await.is_err());
            rt::sleep(Duration::from_millis(20)).await;
            assert_eq!(held.get(), 1);
            until(async || held.get() == 0).await;
            let stats = stats_of(&client, "test.Wait").await;
            assert_eq!((stats.cancelled, stats.expired, stats.errors), (0, 0, 0));
        })
        .await;
    });
}

#[test]
fn what_waits_is_given_up_too() {
    run(async {
        let held: Rc<Cell<i32>> = Rc::default();
        let handlers = || waiting(&held).workers(one_worker());
        both("queue-cancel", handlers, async |_published, client| {
            let call = |ms: u32, limit: u64| {
                let client = client.clone();
                rt::spawn(async move {
                    let call = client.request(Wait { ms });
                    call.timeout(Duration::from_millis(limit)).send::<Sum>().await
                })
            };
            let first = call(80, 10_000);
            until(async || held.get() == 1).await;
            let dropped = call(0, 10_000);
            let late = call(0, 20);
            until(async || stats_of(&client, "test.Wait").await.queued == 2).await;
            drop(dropped);
            until(async || stats_of(&client, "test.Wait").await.queued <= 1).await;
            assert_eq!(late.await.unwrap_err().code(), Some(Code::Timeout));
            first.await.unwrap();
            until(async || {
                let stats = stats_of(&client, "test.Wait").await;
                stats.queued == 0 && stats.in_flight == 0
            })
            .await;
            let stats = stats_of(&client, "test.Wait").await;
            assert_eq!(
                (stats.calls, stats.cancelled + stats.expired),
                (3, 2),
                "{stats:?}"
            );
        })
        .await;
    });
}

#[test]
fn a_deadline_goes_on_to_further_calls() {
    run(async {
        let dir = Dir::new("deadline");
        let held: Rc<Cell<i32>> = Rc::default();
        let _behind = publish(&dir.node(), "behind", waiting(&held), Scopes::OS);
        let behind = Rc::new(connect(&dir, "behind", Scopes::OS).await);
        let front = Handlers::new().on(move |add: Add, context| {
            let behind = behind.clone();
            async move {
                assert_eq!(current::scope().deadline, context.deadline());
                let left = current::scope().left();
                assert_eq!(left.is_some(), add.a > 0);
                // Without a limit of its own.
                behind.call::<_, Sum>(Wait { ms: add.b as u32 }).await
            }
        });
        let _front = publish(&dir.node(), "front", front, Scopes::OS);
        let client = connect(&dir, "front", Scopes::OS).await;
        assert_eq!(client.call::<_, Sum>(add(0, 5)).await.unwrap().sum, 7);
        let began = Instant::now();
        let call = client.request(add(1, 60_000)).timeout(Duration::from_millis(30));
        let fault = call.send::<Sum>().await.unwrap_err();
        assert_eq!(fault.code(), Some(Code::Timeout));
        until(async || held.get() == 0).await;
        assert!(began.elapsed() < Duration::from_secs(5));
    });
}
