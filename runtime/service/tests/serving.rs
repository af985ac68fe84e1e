//! Workers, priorities, order, panics: what a service does with its requests.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests fail as tests do

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use common::{Add, Sum, Wait, add, both, one_worker, run, stats_of, until};
use gshell_service::builtin::messages::{Load, LoadFigures};
use gshell_service::{Client, Handlers, rt};
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

fn boom() -> Result<Sum, Fault> {
    panic!("on purpose")
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
