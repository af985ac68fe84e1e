//! The echo example: streams and subscriptions between Rust and Lua.

use std::collections::{BTreeMap, BTreeSet};

use gshell_tests::Node;

use crate::languages::{
    Language::{self, Lua, Rust},
    Server, Way, client,
};

/// A server that answers at once, so that a test does not wait.
fn start(node: &Node, language: Language, way: Way) -> Server {
    Server::start(node, language, "echo", way, &["--delay", "0"])
}

/// 9 requests on the connection's own stream and 9 on each of ten others: the text, the number, and one signature for
/// each stream.
fn check_echo(text: &str) {
    let mut signatures: BTreeMap<i32, BTreeSet<&str>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let (request, answer) = line.split_once(" ==> ").expect(line);
        let num = request
            .strip_prefix("{ni hao ")
            .and_then(|rest| rest.strip_suffix('}'));
        let num: i32 = num.expect(line).parse().expect(line);
        let (reply, signature) = answer.split_once(", ").expect(line);
        assert_eq!(reply, format!("{{ni hao! {}}}", num + 1));
        assert!(signature.starts_with("yours echo.v1.0 from "), "{line}");
        assert!(seen.insert(num), "{line} came twice");
        signatures.entry(num / 100).or_default().insert(signature);
    }
    assert_eq!(seen.len(), 99, "{text}");
    assert_eq!(signatures.len(), 11);
    assert!(
        signatures.values().all(|of_stream| of_stream.len() == 1),
        "{signatures:?}"
    );
    let all: BTreeSet<_> = signatures.values().flatten().collect();
    assert_eq!(
        all.len(),
        11,
        "each stream has a number of its own: {signatures:?}"
    );
}

fn pairings(server_language: Language) {
    for way in [Way::Os, Way::Tcp] {
        let node = Node::unstarted();
        let server = start(&node, server_language, way);
        for language in [Rust, Lua] {
            check_echo(client(&node, language, "echo", &server, &[]).ok());
            let words = ["--cmd", "whoelse", "--times", "2", "--every", "0.01"];
            let out = client(&node, language, "echo", &server, &words);
            let lines: Vec<_> = out.ok().lines().collect();
            assert_eq!(lines[0], "subscribed: 0", "{out:?}");
            assert!(lines[1].starts_with("who else: "), "{out:?}");
            client(&node, language, "echo", &server, &["--cmd", "nonsense"]).fails(&["unknown cmd"]);
        }
        server.terminate();
        if way == Way::Tcp {
            assert!(server.line().starts_with("at tcp:127.0.0.1:"));
        }
        assert_eq!(server.line(), "echo server has served 198 requests");
        // `gshell exec` says which signal ended it, also when the script ended well.
        assert!(matches!(server.stop(), Some(0 | 143)));
    }
}

#[test]
fn of_a_server_in_rust() {
    pairings(Rust);
}

#[test]
fn of_a_server_in_lua() {
    pairings(Lua);
}

#[test]
fn who_subscribed_hears_of_whoever_comes() {
    use gshell_tests::{binary, stdin::Fed};
    use std::process::Command;
    for (server_language, subscriber) in [(Rust, Lua), (Lua, Rust), (Rust, Rust), (Lua, Lua)] {
        let node = Node::unstarted();
        let server = start(&node, server_language, Way::Os);
        let words = ["--cmd", "whoelse", "--every", "60"];
        let command = match subscriber {
            Lua => {
                let script = crate::languages::script("echo_client.lua");
                let mut command = node.command(["exec", &script]);
                command.args(words);
                command
            }
            _ => {
                let mut command = Command::new(binary::examples().join("echo"));
                command
                    .arg("client")
                    .args(words)
                    .arg("--run-dir")
                    .arg(node.run_dir());
                command
            }
        };
        let mut subscriber = Fed::start(command);
        assert_eq!(subscriber.line(), "subscribed: 0");
        assert!(subscriber.line().starts_with("who else: pid "));
        for language in [Rust, Lua] {
            client(&node, language, "echo", &server, &[]).ok();
            assert!(subscriber.line().starts_with("event: new connection of pid "));
        }
        subscriber.kill();
        server.stop();
    }
}
