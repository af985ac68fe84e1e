//! Services of a plugin: bytes for bytes, with no Lua on the way, in every scope.

use gshell_tests::{DEADLINE, wait_for};

use super::Plugins;

/// Publishes the plugin's service, and stays.
const SERVE: &str = r#"
    local gshell, tried = require "gshell", require "tried"
    local server = gshell.server { publisher = "tests" }
    local handle = server:publish("numbers", tried.services.numbers, { scope = "process,os", tcp = "127.0.0.1:0" })
    print(handle.tcp)
    server:serve()
"#;

const CLIENT: &str = r#"
    local gshell = require "gshell"
    local conn = gshell.discover("tests", "numbers", { timeout = 10, scope = SCOPE })
    for i = 101, 150 do
      assert(conn:call("tried.Add", { a = i, b = -3 }).n == i - 3)
      assert(conn:call("tried.SlowAdd", { a = math.maxinteger - i, b = i }).n == math.maxinteger)
    end
    for _, request in ipairs { "tried.Add", "tried.SlowAdd" } do
      local ok, e = pcall(conn.call, conn, request, { a = 13, b = 0 })
      assert(not ok and e.code == "denied" and e.message:find "not 13", tostring(e))
    end
    local tasks = {}
    for i = 1, 40 do
      tasks[i] = gshell.spawn(function() return conn:call("tried.SlowAdd", { a = 100 + i, b = 100 }).n end)
    end
    for i = 1, 40 do assert(tasks[i]:join() == i + 200) end
    local stream = conn:stream()
    stream:send("tried.Open", { count = 100 })
    for i = 1, 100 do assert(stream:recv().n == i) end
    for i = 1, 10 do stream:send("tried.Number", { n = i }) end
    stream:finish()
    assert(stream:recv().n == 55 and stream:recv() == nil)
    print(SCOPE, "fine")
"#;

/// Starts the service; gives its TCP address.
fn serve(plugins: &Plugins) -> String {
    let id = plugins.node.run_script(&["-g", "server"], SERVE, &[]);
    let log = plugins.node.wait_log(&id, "127.0.0.1:");
    log.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn handlers_answer_in_every_scope() {
    let Some(plugins) = Plugins::start() else { return };
    serve(&plugins);
    // In the group of the service, and from another.
    for (scope, group) in [("process", "server"), ("os", "server"), ("os", "other")] {
        let script = format!("local SCOPE = '{scope}'\n{CLIENT}");
        let out = plugins.node.run_attached(&["-g", group], &script, b"");
        assert_eq!(
            (out.stdout, out.stderr.as_str()),
            (format!("{scope}\tfine\n"), "")
        );
    }
}

#[test]
fn the_command_line_knows_and_calls_them() {
    let Some(plugins) = Plugins::start() else { return };
    let tcp = serve(&plugins);
    let node = &plugins.node;
    let schema = node.cmd(&["schema", "tests/numbers"]);
    for part in ["tried.Add", "Adds.", "a: i64", "-> tried.Number"] {
        assert!(schema.ok().contains(part), "{schema:#?}");
    }
    let call = |words: &[&str]| node.cmd(&[&["call"], words].concat());
    let out = call(&["tests/numbers", "tried.Add", r#"{"a":40,"b":2}"#]);
    assert_eq!(out.ok(), "{\"n\":42}");
    call(&["tests/numbers", "tried.Add", r#"{"a":13,"b":2}"#]).fails(&["not 13"]);
    let script = format!(
        "local conn = require('gshell').connect('tcp:{tcp}')\nprint(conn:call('tried.Add', {{ a = 1, b = 2 }}).n)\n"
    );
    assert_eq!(plugins.output(&script), "3\n");
}

#[test]
fn a_handler_that_never_returns_is_named() {
    let Some(plugins) = Plugins::start() else { return };
    serve(&plugins);
    let node = &plugins.node;
    let neighbour = node.run_script(&["-g", "server"], crate::SLEEPER, &[]);
    node.wait_log(&neighbour, "started");
    node.cmd(&["call", "tests/numbers", "tried.Stay", "{}"])
        .fails(&["connection lost"]);
    wait_for("the neighbour runs on in a new process", DEADLINE, || {
        let job = node.job(&neighbour);
        (job.state == "running" && job.restarts == 1).then_some(())
    });
    let info: serde_json::Value = serde_json::from_str(node.cmd(&["info", "--json"]).ok()).unwrap();
    let exit = info["groups"][0]["last_exit"].as_str().unwrap_or_default();
    assert!(
        exit.contains("plugin tried") && exit.contains("tried.Stay"),
        "{exit}"
    );
}

#[test]
fn the_module_stands_for_its_service_of_that_name() {
    let Some(plugins) = Plugins::start() else { return };
    let out = plugins.output(
        r#"
        local gshell, tried = require "gshell", require "tried"
        local server = gshell.server { publisher = "tests" }
        local handle = server:publish("numbers", tried, { scope = "process" })
        local conn = gshell.discover("tests", "numbers", { timeout = 5, scope = "process" })
        print(conn:call("tried.Add", { a = 1, b = 2 }).n)
        print(tried.services.numbers, tried.messages["tried.Number"])
        print(select(2, pcall(server.publish, server, "other", tried)))
        local Number = gshell.message("tried.Number", tried.messages["tried.Number"])
        print(Number:is(conn:call("tried.Add", { a = 1, b = 2 })))
        handle:close()
        server:close()
        "#,
    );
    let want = "3\nnative service tried/numbers\t{ n: i64 }\nserver:publish: the plugin has no service \"other\", but \
                \"numbers\": publish it by plugin.services\ntrue\n";
    assert_eq!(out, want);
}
