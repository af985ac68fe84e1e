//! What happens to requests and streams that nobody waits for any more.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{Add, Dir, Sum, Wait, add, both, connect, one_worker, publish, run, stats_of, until};
use gshell_service::{Client, Handlers, Scopes, current, rt};
use gshell_wire::{Code, Fault};

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
fn a_stream_that_its_client_leaves_is_no_error() {
    let endless = || {
        Handlers::new().on_stream(|request: Wait, stream, _| async move {
            if request.ms == 0 {
                return Err(Fault::new(Code::Invalid, "nothing to send"));
            }
            loop {
                stream.send(Sum { sum: 1 }).await?;
            }
        })
    };
    let counted = async |client: &Client| {
        let ended = async || stats_of(client, "test.Wait").await;
        until(async || ended().await.in_flight == 0).await;
        let stats = ended().await;
        (stats.calls, stats.cancelled, stats.errors)
    };
    run(async {
        both("left", endless, async |_published, client| {
            let stream = client.open().await.unwrap();
            stream.send(Wait { ms: 1 }).await.unwrap();
            stream.recv().await.unwrap().unwrap();
            drop(stream);
            assert_eq!(counted(&client).await, (1, 1, 0));
            // What the handler finds wrong stays its error.
            let stream = client.open().await.unwrap();
            stream.send(Wait { ms: 0 }).await.unwrap();
            assert!(stream.recv().await.is_err());
            assert_eq!(counted(&client).await, (2, 1, 1));
        })
        .await;
        // With its connection.
        let dir = Dir::new("left-at-once");
        let _published = publish(&dir.node(), "left", endless(), Scopes::OS);
        let leaves = connect(&dir, "left", Scopes::OS).await;
        let stream = leaves.open().await.unwrap();
        stream.send(Wait { ms: 1 }).await.unwrap();
        stream.recv().await.unwrap().unwrap();
        drop((stream, leaves));
        let client = connect(&dir, "left", Scopes::OS).await;
        assert_eq!(counted(&client).await, (1, 1, 0));
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
