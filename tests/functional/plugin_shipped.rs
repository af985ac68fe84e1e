//! The plugins echo and asbench, as files: their functions, and their services by their own apps.

use gshell_tests::{Node, plugins};

/// A node that has them; `None` where the program under test loads no files.
fn start() -> Option<Node> {
    let mut node = Node::unstarted();
    node.set_env("GSHELL_PLUGIN_DIR", plugins::shipped());
    node.start_daemon();
    let info: serde_json::Value = serde_json::from_str(&node.ok(&["info", "--json"])).unwrap();
    (info["plugins"]["can_load"] != false).then_some(node)
}

#[test]
fn echo_has_one_of_everything() {
    let Some(node) = start() else { return };
    let text = r#"
        local echo = require "echo"
        assert(echo.echo "a\0b" == "a\0b" and echo.add(2, 40) == 42 and echo.sum { 1, 2.5 } == 3.5)
        assert(echo.concat({ "a", "b" }, "-") == "a-b" and echo.length "añ" == 3)
        assert(echo.mirror({ 1, { a = true } })[2].a)
        assert(table.pack(echo.all(1, nil, "x")).n == 3)
        local facts = echo.facts "añ\nb"
        assert(facts.bytes == 5 and facts.characters == 4 and facts.lines[2] == "b" and facts.letters["ñ"] == 1)
        local counter <const> = echo.counter(5)
        assert(counter:next() == 5 and counter:walk(2) == 15 and counter:take(echo.counter()) == 15)
        assert(echo.LONGEST == 60000 and echo.SIGNATURE == "yours echo plugin")
        for _, call in ipairs {
          { echo.panic, "ouch" }, { echo.add, math.maxinteger, 1 }, { echo.fail, "as told", 4 }, { echo.add, 1, "two" },
          { echo.facts, "\xff" }, { echo.concat, { "a", 2 } }, { counter.take, counter, counter }, { echo.sleep, -1 },
        } do
          local ok, why = pcall(table.unpack(call))
          assert(not ok)
          print(why)
        end
    "#;
    let out = node.run_attached(&[], text, b"");
    let lines: Vec<&str> = out.ok().lines().collect();
    assert_eq!(
        lines,
        [
            "it panicked: ouch",
            "9223372036854775807 + 1 has more than 64 bits",
            "as told",
            "bad argument #2 to 'echo.add' (integer expected, got string)",
            "bad argument #1 to 'echo.facts' (text in UTF-8 expected, got string)",
            "bad argument #1 to 'echo.concat' (at [2]: string expected, got integer 2)",
            "one object is given twice to a function that changes it",
            "bad argument #1 to 'echo.sleep' (an integer from 0 to 4294967295 expected, got integer -1)",
        ]
    );
}

#[test]
fn its_app_serves_native_handlers() {
    let Some(node) = start() else { return };
    let id = node.ok(&["run", "echo"]);
    node.wait_log(&id, "echo serves");
    let call = |message: &str, body: &str| node.ok(&["call", "example/echo-plugin", message, body]);
    let signed = |msg: &str, num: u32| {
        format!("{{\"msg\":\"{msg}!\",\"num\":{num},\"signature\":\"yours echo plugin\"}}")
    };
    assert_eq!(
        call("echo.Request", r#"{"msg": "hi", "num": 4}"#),
        signed("hi", 5)
    );
    assert_eq!(call("echo.Slow", r#"{"msg": "so", "wait": 2}"#), signed("so", 3));
    let text = r#"
        local conn = require "gshell".discover("example", "echo-plugin", { timeout = 20 })
        local stream = conn:stream()
        stream:send("echo.Open", {})
        for i = 1, 3 do
          stream:send("echo.Request", { msg = "m" .. i, num = i })
          print(stream:recv({ timeout = 20 }).msg)
        end
        stream:close()
        print(conn:call("echo.Count", {}).requests)
        print(select(2, pcall(conn.call, conn, "echo.Slow", { msg = "", wait = 60001 })))
    "#;
    let out = node.run_attached(&[], text, b"");
    let lines: Vec<&str> = out.ok().lines().collect();
    let refused = "it waits 60000 ms at most, not 60001";
    assert_eq!(lines, ["m1!", "m2!", "m3!", "5", refused]);
    let slow = node.cmd(&[
        "call",
        "example/echo-plugin",
        "echo.Slow",
        r#"{"msg": "", "wait": 60001}"#,
    ]);
    slow.fails(&[refused]);
    node.ok(&["stop", &id]);
}

#[test]
fn asbench_serves_by_its_app() {
    let Some(node) = start() else { return };
    let id = node.ok(&["run", "asbench"]);
    node.wait_log(&id, "asbench serves");
    let call = |message: &str, body: &str| node.cmd(&["call", "platform/asbench", message, body]);
    let download = |size: u32| {
        let body = format!("{{\"name\":\"x\",\"id\":1,\"size\":{size}}}");
        call("asbench.DownloadRequest", &body)
    };
    assert_eq!(download(5).ok(), r#"{"payload":"CQkJCQk="}"#);
    download(u32::MAX).fails(&["a download has at most 16777152 bytes, not 4294967295"]);
    let upload = call(
        "asbench.UploadRequest",
        r#"{"name": "x", "id": 1, "payload": "CQkJ"}"#,
    );
    assert_eq!(upload.ok(), r#"{"code":0}"#);
    node.ok(&["stop", &id]);
}
