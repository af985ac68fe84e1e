//! Services from the command line: what they handle, calls with JSON, what they counted, traces.

use std::time::Duration;

use gshell_tests::terminal::{CTRL_C, Terminal};
use gshell_tests::{Node, emulated, wait_until};
use serde_json::{Value, json};

use crate::SLEEPER;

/// A service that answers, streams, fails, and calls itself by another service of its own process.
const ECHO: &str = r#"
    local gshell = require "gshell"
    local Item = gshell.message("echo.Item", { n = "u32" }, { help = "One of several." })
    local Say = gshell.message("echo.Say",
      { { "who", "string" }, { "num", "i64" }, { "big", "u64" }, { "blob", "bytes" }, { "e", "Off | On(i32)" },
        { "map", "map<u8, string>" }, { "opt", "[f32]?" } }, { help = "Says it again.", priority = "high" })
    local Count = gshell.message("echo.Count", { to = "u32" })
    local Fail = gshell.message("echo.Fail", {})
    local Wait = gshell.message("echo.Wait", { seconds = "f64" })
    local Relay = gshell.message("echo.Relay", { who = "string" })
    local Hello = gshell.message("echo.Hello", { who = "string" })
    local Reply = gshell.message("echo.Reply", { text = "string" })
    local server = gshell.server { publisher = "example" }
    server:publish("echo", {
      [Say] = { function(req) return req end, reply = Say },
      [Item] = { function(req) return req end, reply = Item },
      [Count] = function(req, stream)
        for n = 1, req.to do stream:send(Item { n = n }) end
        stream:finish()
      end,
      [Fail] = function() error { code = "denied", message = "not with me" } end,
      [Wait] = { function(req) gshell.sleep(req.seconds) return req end, reply = Wait },
      [Relay] = { function(req)
        local other <close> = gshell.discover("example", "hello", { timeout = 3 })
        return Reply { text = other:call(Hello { who = req.who }).text }
      end, reply = Reply },
    })
    server:publish("hello", { [Hello] = { function(req) return Reply { text = "hello " .. req.who } end, reply = Reply } })
    print "up"
    server:serve()
"#;

/// A node with the service in group `echo`.
fn echo() -> Node {
    let node = Node::start();
    let id = node.run_script(&["-g", "echo"], ECHO, &[]);
    node.wait_log(&id, "up");
    node
}

fn call(node: &Node, ty: &str, json: &str) -> Value {
    serde_json::from_str(&node.ok(&["call", "example/echo", ty, json])).unwrap()
}

fn parsed(node: &Node, args: &[&str]) -> Value {
    serde_json::from_str(&node.ok(args)).unwrap()
}

#[test]
fn the_daemon_is_a_service_like_any_other() {
    let node = Node::start();
    let id = node.run_script(&["-g", "x"], SLEEPER, &[]);
    let out = node.ok(&["call", "gshell/daemon", "gshell.Ps", r#"{"patterns": []}"#]);
    let jobs: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(jobs["jobs"][0]["id"], json!(id));
    assert_eq!(
        parsed(&node, &["call", "gshell/daemon", "gshell.Ping"]),
        json!({})
    );
    let lines = node.cmd_with_input(&["call", "gshell/daemon", "gshell.Id", "-"], b"{}\n{\n}\n");
    assert_eq!(lines.ok().lines().count(), 2, "{lines:?}");
    // A stream ends by itself.
    let log = node.ok(&[
        "call",
        "--types",
        "gshell/daemon",
        "gshell.LogQuery",
        r#"{"target":"daemon","follow":false}"#,
    ]);
    assert!(
        log.starts_with(r#"{"type":"gshell.Chunk","value":{"bytes":""#),
        "{log}"
    );
    assert!(log.ends_with(r#"{"type":"gshell.End","value":{}}"#), "{log}");
    // A group is one, too.
    let stats = node.ok(&["stats", "gshell/grg-x-*"]);
    assert!(stats.contains("gshell.Hello"), "{stats}");
}

#[test]
fn what_is_wrong_is_told_by_place() {
    let node = Node::start();
    for (args, code, words) in [
        (
            &["gshell/daemon", "gshell.Pss"][..],
            3,
            &["did you mean gshell.Ps?", "gshell.Groups"][..],
        ),
        (
            &["gshell/daemo", "gshell.Ps"],
            3,
            &["service not found: gshell/daemo", "did you mean gshell/daemon?"],
        ),
        (&["daemon", "gshell.Ps"], 2, &["publisher and service"]),
        (
            &["gshell/daemon", "gshell.Ps", "{"],
            2,
            &["the json does not read", "line 1 column 1"],
        ),
        (
            &["gshell/daemon", "gshell.Ps", "{}"],
            2,
            &["patterns: is missing", "gshell schema"],
        ),
        (
            &["gshell/daemon", "gshell.Ps", r#"{"patterns":[1]}"#],
            2,
            &["patterns[1]: expected string, got number"],
        ),
        (
            &["gshell/daemon", "gshell.Ps", r#"{"patterns":[],"x":1}"#],
            2,
            &["x: no such field; there are: patterns, group"],
        ),
        (&["gshell/daemon", "gshell.Ps", "{}", "{}"], 2, &["more than one"]),
        (&["--timeout", "0", "gshell/daemon", "gshell.Ps"], 2, &["above 0"]),
        (
            &["--tcp", "127.0.0.1:1", "gshell/daemon", "gshell.Ps"],
            4,
            &["127.0.0.1:1"],
        ),
        (
            &["--scope", "lan", "gshell/daemon", "gshell.Ps"],
            1,
            &["no registry"],
        ),
        (
            &["gshell/daemon", "gshell.Locate", r#"{"target":"nope"}"#],
            3,
            &["nope"],
        ),
    ] {
        let line: Vec<&str> = [&["call"], args].concat();
        let out = node.cmd(&line);
        out.fails(words);
        assert_eq!(out.code, Some(code), "{out:#?}");
    }
    let none = Node::unstarted();
    let out = none.cmd(&["call", "gshell/daemon", "gshell.Ps"]);
    out.fails(&["service not found", "no node is running"]);
    assert_eq!(out.code, Some(3));
}

#[test]
fn a_script_is_called_with_json() {
    let node = echo();
    let all = json!({
        "who": "you", "num": i64::MIN, "big": u64::MAX, "blob": "//79AA==", "e": {"On": -7},
        "map": [[1, "a"], [2, "b"]], "opt": [0.1],
    });
    assert_eq!(call(&node, "echo.Say", &all.to_string()), all);
    let least = json!({ "who": "", "num": 0, "big": 0, "blob": "", "e": "Off", "map": [] });
    assert_eq!(call(&node, "echo.Say", &least.to_string())["opt"], Value::Null);
    assert_eq!(
        node.ok(&["call", "example/echo", "echo.Count", r#"{"to":3}"#]),
        "{\"n\":1}\n{\"n\":2}\n{\"n\":3}"
    );
    let out = node.cmd(&["call", "example/echo", "echo.Fail"]);
    out.fails(&["not with me"]);
    assert_eq!(out.code, Some(5), "{out:?}");
    let out = node.cmd(&[
        "call",
        "--timeout",
        "0.1",
        "example/echo",
        "echo.Wait",
        r#"{"seconds":60}"#,
    ]);
    out.fails(&["cannot call echo.Wait of example/echo"]);
    assert_eq!(out.code, Some(4), "{out:?}");
    assert!(out.took < emulated::slower(Duration::from_secs(5)), "{out:?}");
}

#[test]
fn lists_and_schemas() {
    let node = echo();
    let list = parsed(&node, &["list", "-v", "--json", "--publisher", "example"]);
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    let (echo, group) = (&list[0], node.ps()[0].group.clone());
    assert_eq!(echo["service"], "echo");
    assert_eq!(echo["pid"], json!(node.groups()[0].pid), "{group}");
    let say = echo["messages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|message| message["name"] == "echo.Say");
    assert_eq!(say.unwrap()["priority"], "high");
    let text = node.ok(&["list", "-v", "--service", "echo"]);
    for part in [
        "SCOPES   : os",
        "MESSAGES : 6",
        "echo.Say (priority high",
        "big: u64",
        "Says it again.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let schema = parsed(&node, &["schema", "--json", "example/echo", "echo.Say"]);
    let fields = schema["messages"][0]["fields"].as_array().unwrap();
    let types: Vec<_> = fields
        .iter()
        .map(|field| field["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "string",
            "i64",
            "u64",
            "bytes",
            "Off | On(i32)",
            "map<u8, string>",
            "[f32]?"
        ]
    );
    assert_eq!(schema["messages"][0]["replies"][0]["name"], "echo.Say");
    let text = node.ok(&["schema", "example/echo"]);
    assert!(
        text.contains("| On i32") && text.contains("-> echo.Reply"),
        "{text}"
    );
    node.cmd(&["schema", "example/echo", "echo.Sey"])
        .fails(&["did you mean echo.Say?"]);
    let out = node.cmd(&["__complete", "call", "example/echo", "echo.S"]);
    assert_eq!(out.ok(), "echo.Say\tSays it again.");
    assert_eq!(
        node.cmd(&["__complete", "stats", "example/h"]).ok(),
        "example/hello\tservice"
    );
}

#[test]
fn what_is_counted() {
    let node = echo();
    for _ in 0..3 {
        call(&node, "echo.Item", r#"{"n":1}"#);
    }
    node.cmd(&["call", "example/echo", "echo.Fail"]).fails(&[]);
    let stats = parsed(&node, &["stats", "--json", "example/echo"]);
    let messages = stats[0]["stats"]["messages"].as_array().unwrap();
    let of = |name: &str| messages.iter().find(|message| message["name"] == name).unwrap();
    assert_eq!(
        (&of("echo.Item")["calls"], &of("echo.Fail")["errors"]),
        (&json!(3), &json!(1))
    );
    assert!(of("echo.Item")["p99_us"].as_u64().unwrap() > 0);
    assert!(stats[0]["load"]["workers"].as_u64().unwrap() > 0);
    let text = node.ok(&["stats"]);
    for part in ["example/echo", "echo.Item", "gshell/daemon", "queue 0 of"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("echo.Wait"), "nobody called it: {text}");
    let out = node.cmd(&["stats", "example/nothing"]);
    assert_eq!(out.fails(&["service not found"]).code, Some(3));
}

#[test]
fn figures_as_they_change() {
    let node = echo();
    let mut monitor = Terminal::start(&node.command(["monitor", "-i", "0.1"]));
    monitor.wait_shown("services,");
    wait_until("its rate is shown", Duration::from_secs(10), || {
        call(&node, "echo.Item", r#"{"n":1}"#);
        monitor.shown().contains("echo.Item")
    });
    monitor.send(CTRL_C);
    monitor.wait_end();
    let out = node.ok(&["monitor", "--json", "-n", "2", "-i", "0.1", "example/*"]);
    let last: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(out.lines().count(), 2);
    assert_eq!(last["services"][0]["service"], "example/echo");
    assert_eq!(last["services"][0]["rates"][0]["calls_per_s"], json!(0.0));
    let plain = node.ok(&["monitor", "-n", "1", "-i", "0.1", "example/*"]);
    assert!(
        plain.starts_with("TIME ") && plain.lines().count() == 1,
        "{plain}"
    );
}

#[test]
fn traces_through_services() {
    let node = echo();
    // The call itself, and what its handler calls.
    let out = node.cmd(&[
        "call",
        "--trace",
        "example/echo",
        "echo.Relay",
        r#"{"who":"you"}"#,
    ]);
    assert_eq!(out.ok(), r#"{"text":"hello you"}"#);
    let lines: Vec<&str> = out.stderr.lines().collect();
    let line = |part: &str| {
        let found = lines.iter().position(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("no {part:?}: {out:#?}"))
    };
    let relay = line(r#"calls echo.Relay { who: "you" }"#);
    let hello = line(r#"    example/echo calls echo.Hello { who: "you" }"#);
    assert!(relay < hello, "{out:#?}");
    assert!(
        line(r#"example/hello answers echo.Reply { text: "hello you" }"#)
            < line("example/echo answers echo.Reply")
    );
    // By the global option, too: once.
    let hello = r#"{"who":"you"}"#;
    let out = node.cmd(&[
        "--trace",
        "echo.Hello",
        "call",
        "example/hello",
        "echo.Hello",
        hello,
    ]);
    assert!(out.stderr.contains("calls echo.Hello"), "{out:?}");
    assert!(!out.stderr.contains("nothing was traced"), "{out:?}");
    // A tag on the group: the calls that it makes.
    let tag = node.ok(&[
        "mtrace",
        "tag",
        "-g",
        "echo",
        "-c",
        "2",
        "-f",
        "who=J*",
        "echo.Hello",
    ]);
    assert!(tag.contains("traced in 1 processes: echo-"), "{tag}");
    let token = tag
        .lines()
        .last()
        .unwrap()
        .strip_prefix("token ")
        .unwrap()
        .to_owned();
    for who in ["Ann", "John", "Jane", "Jim"] {
        call(&node, "echo.Relay", &json!({ "who": who }).to_string());
    }
    let list = parsed(&node, &["mtrace", "list", "--json"]);
    assert_eq!(
        (&list["tags"][0]["tag"]["left"], &list["tags"][0]["tag"]["used"]),
        (&json!(0), &json!(2)),
        "{list}"
    );
    let mermaid = node.ok(&["mtrace", "show", "--keep", "--mermaid", &format!("{token}.1")]);
    assert!(
        mermaid.starts_with("sequenceDiagram") && mermaid.contains("Jane"),
        "{mermaid}"
    );
    assert!(
        node.ok(&["mtrace", "show", "--keep", "--plantuml"])
            .matches("@startuml")
            .count()
            == 2
    );
    let shown = parsed(&node, &["mtrace", "show", "--json", &token]);
    assert_eq!(shown.as_array().unwrap().len(), 8, "{shown}");
    let out = node.cmd(&["mtrace", "show", &token]);
    assert_eq!(
        out.fails(&["nothing is traced under"]).code,
        Some(3),
        "what was shown is gone"
    );
    assert_eq!(node.ok(&["mtrace", "untag", "echo.*"]), "1 tags removed");
    assert_eq!(
        node.cmd(&["mtrace", "untag", "echo.Hello"])
            .fails(&["no process"])
            .code,
        Some(3)
    );
    assert_eq!(node.ok(&["mtrace", "purge"]), "0 records dropped");
}

#[test]
fn tags_that_nobody_takes() {
    let node = Node::start();
    let out = node.cmd(&["mtrace", "tag", "-g", "nope", "echo.Say"]);
    assert_eq!(out.fails(&["no process was tagged", "grg-nope"]).code, Some(3));
    let out = node.cmd(&["mtrace", "tag", "echo.Say"]);
    assert!(out.ok().contains("traced in 1 processes: daemon["), "{out:?}");
    assert!(out.stderr.contains("no service handles echo.Say"), "{out:?}");
    for (args, words) in [
        (&["mtrace"][..], &["list, tag, untag, show or purge"][..]),
        (&["mtrace", "tag", "x", "-c", "0"], &["1 to 4096"]),
        (&["mtrace", "tag", "x", "-f", "y"], &["who=J*"]),
        (&["mtrace", "show", "zz"], &["28 hexadecimal digits"]),
        (&["mtrace", "show", "--mermaid", "--plantuml"], &["contradict"]),
    ] {
        assert_eq!(node.cmd(args).fails(words).code, Some(2), "{args:?}");
    }
    // Any command can trace what it sends.
    let out = node.cmd(&["--trace", "gshell.Id,gshell.Groups", "id"]);
    assert!(
        out.stderr.contains("calls gshell.Id {}")
            && out.stderr.contains("gshell/daemon answers gshell.NodeId"),
        "{out:?}"
    );
}

#[test]
fn a_service_by_its_address() {
    let node = Node::start();
    let script = r#"
        local gshell = require "gshell"
        local Ping = gshell.message("ping.Ping", { n = "i32" })
        local server = gshell.server { publisher = "example" }
        local service = server:publish("ping", { [Ping] = function(req) return req end }, { tcp = "127.0.0.1:0" })
        print("at " .. service.tcp .. " it is")
        server:serve()
    "#;
    let id = node.run_script(&[], script, &[]);
    let log = node.wait_log(&id, "it is");
    let place = log.split_whitespace().nth(1).unwrap();
    let out = node.ok(&["call", "--tcp", place, "example/ping", "ping.Ping", r#"{"n":-5}"#]);
    assert_eq!(out, r#"{"n":-5}"#);
    assert!(
        node.ok(&["schema", "--tcp", place, "example/ping"])
            .contains("n: i32")
    );
    let out = node.cmd(&["call", "--tcp", place, "example/pong", "ping.Ping"]);
    out.fails(&["example/pong is not at this address, example/ping is"]);
    let out = node.cmd(&["call", "example/ping", "ping.Ping", r#"{"n":1}"#]);
    out.fails(&["service not found: example/ping"]);
}

#[test]
fn a_service_that_hangs_holds_nothing_up() {
    let node = echo();
    let signal = |signal| {
        let pid = nix::unistd::Pid::from_raw(node.groups()[0].pid);
        nix::sys::signal::kill(pid, signal).unwrap();
    };
    signal(nix::sys::signal::Signal::SIGSTOP);
    let out = node.cmd(&["stats"]);
    signal(nix::sys::signal::Signal::SIGCONT);
    out.fails(&["does not answer gshell.Stats"]);
    assert!(out.stdout.contains("gshell/daemon"), "{out:?}");
    assert!(out.took < Duration::from_secs(20), "{out:?}");
}
