//! The examples template and select-provider between Rust and Lua.

use gshell_tests::Node;

use crate::languages::{
    Language::{Lua, Rust},
    Server, Way, client,
};

#[test]
fn template() {
    for server_language in [Rust, Lua] {
        for way in [Way::Os, Way::Tcp] {
            let node = Node::unstarted();
            let server = Server::start(&node, server_language, "template", way, &[]);
            let out = client(&node, Rust, "template", &server, &["--input", "It says:"]);
            assert_eq!(out.ok(), "It says: Hello template");
            let out = client(&node, Lua, "template", &server, &["It says:"]);
            assert_eq!(out.ok(), "It says: Hello template");
            client(&node, Rust, "template", &server, &["--input", ""]).fails(&["the input is empty"]);
            client(&node, Lua, "template", &server, &[""]).fails(&["the input is empty"]);
            server.stop();
        }
    }
}

#[test]
fn one_of_several_is_chosen() {
    let node = Node::unstarted();
    let servers = [
        Server::start(&node, Rust, "select-provider", Way::Os, &["--name", "one"]),
        Server::start(&node, Lua, "select-provider", Way::Os, &["two"]),
    ];
    for methods in ["capacity,latency", "latency,random", "random"] {
        let options = ["--select", methods, "--times", "3", "--ms", "1"];
        for out in [
            client(&node, Rust, "select-provider", &servers[0], &options),
            client(&node, Lua, "select-provider", &servers[0], &[methods, "3"]),
        ] {
            let lines: Vec<_> = out.ok().lines().collect();
            assert!(
                lines[0].contains("worker.one") && lines[1].contains("worker.two"),
                "{out:?}"
            );
            let done =
                |line: &&str| line.starts_with("done by one in ") || line.starts_with("done by two in ");
            assert_eq!(lines[2..].iter().filter(|line| done(line)).count(), 3, "{out:?}");
        }
    }
    client(&node, Rust, "select-provider", &servers[0], &["--select", "best"]).fails(&["best"]);
    for server in servers {
        server.stop();
    }
}
