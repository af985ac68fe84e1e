//! Publishing and finding services.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{Dir, LONG, Sum, Wait, add, arithmetic, run};
use gshell_service::{
    Address, Node, PublishOptions, Publisher, Scope, Scopes, Select, Timeout, discover, rt, unix,
};
use gshell_wire::Code;

const SOON: Timeout = Timeout::For(Duration::from_millis(50));
const LATE: Timeout = Timeout::For(LONG);

#[test]
fn the_nearest_scope_comes_first() {
    run(async {
        let dir = Dir::new("nearest");
        let node = dir.node();
        let _both = dir.publish("nearest", Scopes::PROCESS | Scopes::OS);
        for (scopes, expected) in [
            (Scopes::ALL, Scope::Process),
            (Scopes::PROCESS, Scope::Process),
            (Scopes::OS | Scopes::LAN, Scope::Os),
        ] {
            let client = discover(&node, "test", "nearest")
                .scopes(scopes)
                .timeout(Timeout::Once)
                .one()
                .await
                .unwrap();
            assert_eq!(client.peer().scope, expected);
            let sum: Sum = client.call(add(1, 2)).await.unwrap();
            assert_eq!(sum.sum, 3);
        }
        // Named once, though both scopes have it.
        let all = discover(&node, "test", "near*")
            .timeout(Timeout::Once)
            .all()
            .await
            .unwrap();
        assert_eq!((all.len(), all[0].scope), (1, Scope::Process));
    });
}

#[test]
fn what_is_not_there_is_not_found_and_in_time() {
    run(async {
        let dir = Dir::new("absent");
        let node = dir.node();
        let began = Instant::now();
        for timeout in [Timeout::Once, SOON] {
            let fault = discover(&node, "test", "absent")
                .timeout(timeout)
                .one()
                .await
                .map(drop)
                .unwrap_err();
            assert_eq!(fault.code(), Some(Code::NotFound));
            assert_eq!(fault.message, "service not found: test/absent");
            let all = discover(&node, "*", "absent*").timeout(timeout).all().await;
            assert_eq!(all.unwrap_err().code(), Some(Code::NotFound));
        }
        assert!(began.elapsed() >= Duration::from_millis(100) && began.elapsed() < Duration::from_secs(5));
        let fault = discover(&node, "te_st", "x").one().await.map(drop).unwrap_err();
        assert_eq!(fault.code(), Some(Code::Invalid));
        let far = discover(&node, "test", "x")
            .scopes(Scopes::LAN)
            .one()
            .await
            .map(drop)
            .unwrap_err();
        assert!(
            far.message.contains("no registry") && far.message.contains("tcp:HOST:PORT"),
            "{far}"
        );
    });
}

#[test]
fn a_service_that_comes_later_wakes_whoever_waits() {
    run(async {
        let dir = Dir::new("later");
        let node = dir.node();
        for (name, scopes) in [
            ("later", Scopes::OS),
            ("inside", Scopes::PROCESS),
            ("again", Scopes::OS),
        ] {
            let waiting = rt::spawn({
                let node = node.clone();
                async move { discover(&node, "test", name).timeout(LATE).one().await }
            });
            // At first the folder of the sockets is not there either.
            rt::sleep(Duration::from_millis(20)).await;
            assert!(!waiting.is_finished());
            let _published = dir.publish(name, scopes);
            let began = Instant::now();
            let client = waiting.await.unwrap();
            assert!(
                began.elapsed() < Duration::from_millis(400),
                "woken, not by looking now and then"
            );
            let sum: Sum = client.call(add(2, 2)).await.unwrap();
            assert_eq!(sum.sum, 4);
        }
    });
}

#[test]
fn a_leftover_socket_is_nobody() {
    run(async {
        let dir = Dir::new("leftover");
        let node = dir.node();
        drop(
            unix::publish(&dir.0, "test", "dead")
                .unwrap()
                .into_listener()
                .unwrap(),
        );
        let found = discover(&node, "test", "*").timeout(Timeout::Once).all().await;
        assert_eq!(found.unwrap_err().code(), Some(Code::NotFound));
        let waiting = rt::spawn({
            let node = node.clone();
            async move { discover(&node, "test", "dead").timeout(LATE).one().await }
        });
        rt::sleep(Duration::from_millis(10)).await;
        let _published = dir.publish("dead", Scopes::OS);
        let sum: Sum = waiting.await.unwrap().call(add(1, 1)).await.unwrap();
        assert_eq!(sum.sum, 2);
    });
}

#[test]
fn names_are_unique_in_a_scope_and_the_error_says_where() {
    run(async {
        let dir = Dir::new("unique");
        let published = dir.publish("unique", Scopes::OS);
        let publisher = Publisher::new(&dir.node(), "test").unwrap();
        let options = PublishOptions::default();
        let both = Scopes::OS | Scopes::PROCESS;
        let again = publisher.publish("unique", arithmetic(), both, &options);
        let fault = again.map(drop).unwrap_err();
        assert_eq!(fault.code(), Some(Code::Exists));
        assert!(
            fault.message.contains("scope OS") && fault.message.contains("test_unique.sock"),
            "{fault}"
        );
        // The scope that was free is free again.
        drop(
            publisher
                .publish("unique", arithmetic(), Scopes::PROCESS, &options)
                .unwrap(),
        );
        drop(published);
        drop(publisher.publish("unique", arithmetic(), both, &options).unwrap());
        assert!(
            unix::published(&dir.0).is_empty(),
            "the socket file goes with its service"
        );
        for (name, scopes) in [("a_b", Scopes::OS), ("x", Scopes::LAN), ("x", Scopes::NONE)] {
            let refused = publisher.publish(name, arithmetic(), scopes, &options);
            assert_eq!(
                refused.map(drop).unwrap_err().code(),
                Some(Code::Invalid),
                "{name}"
            );
        }
    });
}

#[test]
fn wildcards_and_providers() {
    run(async {
        let dir = Dir::new("wild");
        let node = Node {
            id: "0123456789ab".to_owned(),
            ..dir.node()
        };
        let _a = dir.publish("wild-a", Scopes::OS);
        let _b = dir.publish("wild-b", Scopes::PROCESS);
        let search = |service| discover(&node, "t*t", service).timeout(Timeout::Once);
        let names = |found: Vec<gshell_service::Found>| -> Vec<String> {
            found.into_iter().map(|found| found.service).collect()
        };
        assert_eq!(names(search("wild-*").all().await.unwrap()), ["wild-b", "wild-a"]);
        assert_eq!(names(search("wild-a").all().await.unwrap()), ["wild-a"]);
        assert_eq!(
            names(search("*").scopes(Scopes::OS).all().await.unwrap()),
            ["wild-a"]
        );
        for (provider, found) in [("self", true), ("0123*", true), ("*", true), ("ffff*", false)] {
            let result = search("wild-a").provider(provider).one().await;
            assert_eq!(result.is_ok(), found, "{provider}");
        }
        let all = search("wild-a").all().await.unwrap();
        assert_eq!(all[0].provider, "0123456789ab");
        let client = all[0].address.connect(None).await.unwrap();
        assert_eq!(client.call::<_, Sum>(add(1, 1)).await.unwrap().sum, 2);
    });
}

#[test]
fn tcp_by_address() {
    run(async {
        let dir = Dir::new("tcp");
        let publisher = Publisher::new(&dir.node(), "test").unwrap();
        let options = PublishOptions {
            tcp: Some("127.0.0.1:0".parse().unwrap()),
            ..PublishOptions::default()
        };
        let published = publisher
            .publish("tcp", arithmetic(), Scopes::NONE, &options)
            .unwrap();
        let address = Address::parse(&format!("tcp:{}", published.tcp().unwrap())).unwrap();
        let client = address.connect(None).await.unwrap();
        assert_eq!(
            (client.peer().scope, client.peer().credentials),
            (Scope::Lan, None)
        );
        for n in 0..100 {
            assert_eq!(client.call::<_, Sum>(add(n, 1)).await.unwrap().sum, n + 1);
        }
        let blocking = std::thread::spawn(move || {
            let mut client = address.connect_blocking(None).unwrap();
            client.call::<_, Sum>(&add(5, 5), Some(LONG)).unwrap().sum
        });
        while !blocking.is_finished() {
            rt::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(blocking.join().unwrap(), 10);
        drop(published);
        let fault = client.lost().await;
        assert_eq!(fault.code(), Some(Code::Stopped), "{fault}");
    });
}

#[test]
fn blocking_discovery_waits_without_an_executor() {
    let dir = Dir::new("blocking");
    let node = dir.node();
    let fault = discover(&node, "test", "blk")
        .timeout(SOON)
        .one_blocking()
        .map(drop)
        .unwrap_err();
    assert_eq!(fault.code(), Some(Code::NotFound));
    let user = std::thread::spawn(move || {
        let mut client = discover(&node, "test", "blk")
            .timeout(LATE)
            .one_blocking()
            .unwrap();
        let found = discover(&node, "test", "b*")
            .timeout(Timeout::Once)
            .all_blocking()
            .unwrap();
        assert_eq!((found.len(), found[0].scope), (1, Scope::Os));
        client.call::<_, Sum>(&add(3, 4), None).unwrap().sum
    });
    run(async {
        rt::sleep(Duration::from_millis(20)).await;
        let _published = dir.publish("blk", Scopes::OS);
        while !user.is_finished() {
            rt::sleep(Duration::from_millis(1)).await;
        }
    });
    assert_eq!(user.join().unwrap(), 7);
}

#[test]
fn a_client_connects_again_when_its_service_is_there_again() {
    run(async {
        let dir = Dir::new("again");
        let node = dir.node();
        let published = dir.publish("again", Scopes::OS);
        let search = discover(&node, "test", "again").reconnect(true);
        let client = Rc::new(search.one().await.unwrap());
        assert_eq!(client.call::<_, Sum>(add(1, 1)).await.unwrap().sum, 2);
        let pending = rt::spawn({
            let client = client.clone();
            async move { client.call::<_, Sum>(Wait { ms: 60_000 }).await }
        });
        rt::sleep(Duration::from_millis(10)).await;
        drop(published);
        let fault = pending.await.unwrap_err();
        assert_eq!(fault.code(), Some(Code::Stopped), "what waited fails: {fault}");
        // Gone: the next call waits as long as its own timeout.
        let short = Duration::from_millis(30);
        let fault = client
            .request(add(1, 1))
            .timeout(short)
            .send::<Sum>()
            .await
            .unwrap_err();
        assert_eq!(fault.code(), Some(Code::Timeout), "{fault}");
        let calls: Vec<_> = (0..20)
            .map(|n| {
                let client = client.clone();
                rt::spawn(async move { client.call::<_, Sum>(add(n, 1)).await.map(|sum| sum.sum) })
            })
            .collect();
        rt::sleep(Duration::from_millis(20)).await;
        let published = dir.publish("again", Scopes::OS);
        for (n, call) in (0..).zip(calls) {
            assert_eq!(call.await, Ok(n + 1));
        }
        assert_eq!(
            published.server().stats().accepted,
            1,
            "one connection for all of them"
        );
    });
}

#[test]
fn selection_takes_one_that_answers() {
    run(async {
        let dir = Dir::new("select");
        let node = dir.node();
        // A listener that accepts nobody: its socket is there, but nobody answers.
        let stuck = unix::publish(&dir.0, "test", "sel-stuck").unwrap();
        let _a = dir.publish("sel-a", Scopes::OS);
        let _b = dir.publish("sel-b", Scopes::OS);
        let chosen = Rc::new(Cell::new(0));
        for methods in [
            vec![Select::Latency],
            vec![Select::Latency, Select::Random],
            vec![Select::Capacity],
        ] {
            let client = discover(&node, "test", "sel-*")
                .scopes(Scopes::OS)
                .timeout(Timeout::For(Duration::from_millis(300)))
                .select(methods)
                .one()
                .await;
            if let Ok(client) = client {
                assert_eq!(client.call::<_, Sum>(add(1, 1)).await.unwrap().sum, 2);
                chosen.set(chosen.get() + 1);
            }
        }
        drop(stuck);
        assert_eq!(chosen.get(), 3);
    });
}
