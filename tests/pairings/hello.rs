//! The hello example: every language calls every language.

use gshell_tests::stdin::Fed;
use gshell_tests::{DEADLINE, Node, wait_until};

use crate::languages::{
    Language::{self, C, Lua, Rust},
    Server, Way, client, script,
};

const ALL: [Language; 3] = [Rust, Lua, C];

fn every_client_calls(server_language: Language) {
    for way in [Way::Os, Way::Tcp] {
        let node = Node::unstarted();
        let server = Server::start(&node, server_language, "hello", way, &[]);
        for language in ALL {
            let words: &[&str] = match language {
                Rust => &["--who", "Ann"],
                Lua | C => &["Ann"],
            };
            let out = client(&node, language, "hello", &server, words);
            assert_eq!(
                out.ok(),
                "I am hello server, Ann",
                "{language:?} calls {server_language:?} over {way:?}"
            );
        }
        // A client that has another idea of a field is told which.
        let other = client_that_differs(&node);
        assert!(
            other.contains("hello.Request differs: ") && other.contains("question: string"),
            "{server_language:?}: {other}"
        );
        assert!(other.contains("question: i32"), "{server_language:?}: {other}");
        let status = server.stop();
        // Scripts end by the signal that they did not wait for.
        assert!(
            matches!(status, Some(0 | 143)),
            "{server_language:?} ended with {status:?}"
        );
    }
}

/// A script that declares a field as another type. The message of the error that it gets.
fn client_that_differs(node: &Node) -> String {
    let code = r#"
        local gshell = require "gshell"
        local Request = gshell.message("hello.Request", "{ who: string, question: i32 }")
        local conn <close> = gshell.discover("example", "hello", { timeout = 5 })
        local ok, err = pcall(conn.call, conn, Request, { who = "Ann", question = 1 })
        assert(not ok and err.code == "unknown_message", tostring(err))
        print(err.message)
    "#;
    let path = node.work_dir().join("differs.lua");
    std::fs::write(&path, code).unwrap();
    node.cmd(&["exec", path.to_str().unwrap()]).ok().to_owned()
}

#[test]
fn of_a_server_in_rust() {
    every_client_calls(Rust);
}

#[test]
fn of_a_server_in_lua() {
    every_client_calls(Lua);
}

#[test]
fn of_a_server_in_c() {
    every_client_calls(C);
}

#[test]
fn scripts_of_one_group_meet_inside_of_it_and_others_on_the_machine() {
    let node = Node::start();
    node.ok(&["run", "-g", "pair", &script("hello_server.lua")]);
    wait_until("the service is listed", DEADLINE, || {
        node.ok(&["list"]).contains("hello")
    });
    let code = r#"
        local gshell = require "gshell"
        local conn <close> = gshell.discover("example", "hello", { timeout = 5 })
        print(conn:peer().scope, conn:call("hello.Request", { who = "Ann", question = "" }).answer)
    "#;
    let path = node.work_dir().join("where.lua");
    std::fs::write(&path, code).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(
        node.ok(&["run", "-g", "pair", "-i", path]),
        "process\tI am hello server, Ann"
    );
    assert_eq!(
        node.ok(&["run", "-g", "apart", "-i", path]),
        "os\tI am hello server, Ann"
    );
    // Nor does it matter to a program, or to the command line, that the service is a script's.
    let found = node.cmd(&[
        "call",
        "example/hello",
        "hello.Request",
        r#"{"who": "Ann", "question": ""}"#,
    ]);
    assert!(found.ok().contains("I am hello server, Ann"), "{found:?}");
}

#[test]
fn a_client_that_comes_first_waits_for_its_server() {
    for language in [Rust, Lua] {
        let node = Node::unstarted();
        let early = node.command(["exec", &script("hello_client.lua"), "Ann"]);
        let mut early = Fed::start(early);
        let server = Server::start(&node, language, "hello", Way::Os, &[]);
        assert_eq!(early.line(), "I am hello server, Ann");
        assert_eq!(early.wait_end(), Some(0));
        server.stop();
    }
}
