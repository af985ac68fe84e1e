//! Scripts that call services and publish them: native ones, each other's, over the process and over the machine.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{finish, script};
use gshell_script::Outcome;
use gshell_service::{Context, Handlers, Node, PublishOptions, Published, Publisher, Scopes, rt};
use gshell_wire::{Code, Fault, Message};
use serde::{Deserialize, Serialize};

/// Asks something.
#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "native.Request")]
struct Request {
    who: String,
    num: i32,
    list: Option<Vec<String>>,
}

/// Answers it.
#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "native.Reply")]
struct Reply {
    text: String,
    sum: i64,
}

/// Goes on for some time.
#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "native.Slow")]
struct Slow {
    ms: u32,
}

/// Asks for a number of them.
#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "native.Count")]
struct Count {
    to: u32,
}

const LONG: std::time::Duration = std::time::Duration::from_secs(10);

fn node() -> Node {
    common::node::node()
}

/// A service in Rust.
fn native(name: &str, scopes: Scopes) -> Published {
    let handlers = Handlers::new()
        .on(|q: Request, _| async move {
            if q.num == 13 {
                return Err(Fault::new(Code::Denied, "not with me"));
            }
            let list = q.list.unwrap_or_default();
            Ok(Reply {
                text: format!("{} {}", q.who, list.join("+")),
                sum: i64::from(q.num) + 1,
            })
        })
        .on(|q: Slow, _| async move {
            rt::sleep(std::time::Duration::from_millis(q.ms.into())).await;
            Ok(Slow { ms: q.ms })
        })
        .on_stream(|q: Count, stream, _: Context| async move {
            for ms in 1..=q.to {
                stream.send(Slow { ms }).await?;
            }
            while let Some(message) = stream.recv().await? {
                let slow: Reply = message.decode()?;
                stream.send(Slow { ms: slow.sum as u32 }).await?;
            }
            Ok(())
        });
    Publisher::new(&node(), "native")
        .unwrap()
        .publish(name, handlers, scopes, &PublishOptions::default())
        .unwrap()
}

/// Runs scripts side by side, with native services around them; all must end well. The output of the first.
fn run(scripts: &[&str], services: &[(&str, Scopes)]) -> String {
    rt::block_on(async {
        let published: Vec<_> = services
            .iter()
            .map(|(name, scopes)| native(name, *scopes))
            .collect();
        let scripts: Vec<_> = scripts.iter().map(|code| script(code)).collect();
        let kept: Vec<_> = scripts.iter().map(|script| script.output.clone()).collect();
        let tasks: Vec<_> = scripts
            .into_iter()
            .map(|script| rt::spawn(finish(script)))
            .collect();
        let mut outputs = Vec::new();
        // The last first: servers are before their clients, and end with them.
        for task in tasks.into_iter().rev() {
            let Some((outcome, out, err)) = rt::timeout(LONG, task).await else {
                let texts: Vec<_> = kept
                    .iter()
                    .map(|kept| (kept.out.take(), kept.err.take()))
                    .collect();
                panic!("it takes too long: {texts:#?}");
            };
            assert!(
                matches!(outcome, Outcome::Ok | Outcome::Stopped),
                "{outcome:?} {out} {err}"
            );
            assert_eq!(err, "", "{out}");
            outputs.push(out);
        }
        drop(published);
        outputs.pop().unwrap()
    })
}

const CLIENT: &str = r#"
    local gshell = require "gshell"
    local conn <close> = gshell.discover("native", NAME, { timeout = 3, scope = SCOPE })
    local reply = conn:call("native.Request", { who = "John", num = 41, list = { "a", "b" } })
    assert(reply.text == "John a+b" and reply.sum == 42 and math.type(reply.sum) == "integer")
    assert(getmetatable(reply) == "native.Reply")
    assert(conn:call("native.Request", { who = "x", num = 1 }).text == "x ")

    -- A declared type of the same shape is the same message.
    local Request = gshell.message("native.Request", "{ who: string, num: i32, list: [string]? }")
    assert(conn:call(Request, { who = "a", num = 2 }).sum == 3)
    assert(conn:call(Request { who = "a", num = 3 }, { timeout = 2 }).sum == 4)

    -- One of another shape is told how it differs.
    local Other = gshell.message("native.Request", { { "who", "string" }, { "num", "i64" }, { "list", "[string]?" } })
    local ok, err = pcall(conn.call, conn, Other, { who = "a", num = 2 })
    assert(not ok and err.code == "unknown_message")
    assert(err.message == "native.Request differs: the service has num: i32, this side has num: i64", err.message)

    -- Errors.
    local function fails(code, text, ...)
      local ok, err = pcall(conn.call, conn, ...)
      assert(not ok and err.code == code and err.message == text, err and tostring(err.code) .. ": " .. tostring(err))
    end
    fails("denied", "not with me", "native.Request", { who = "a", num = 13 })
    fails("bad_message", "native.Request.num: expected i32, got string", "native.Request", { who = "a", num = "x" })
    fails("bad_message", "native.Request.num: 3000000000 does not fit i32", "native.Request", { who = "a", num = 3000000000 })
    fails("bad_message", "native.Request.who: expected string, got nil", Request, { num = 1 })
    fails("bad_message", "native.Request.list[2]: expected string, got boolean", Request, { who = "a", num = 1, list = { "x", true } })
    fails("bad_message", "native.Request.whom: no such field; there are: who, num, list", Request, { who = "a", whom = "b", num = 1 })
    fails("timeout", "no reply to native.Slow within 20ms", "native.Slow", { ms = 5000 }, { timeout = 0.02 })
    local ok, err = pcall(conn.call, conn, "native.Nope", {})
    assert(err.code == "unknown_message" and err.message:find("handles: native.Count, native.Request, native.Slow", 1, true), err)

    -- Calls overlap.
    local began, tasks = gshell.now(), {}
    for i = 1, 10 do tasks[i] = gshell.spawn(function() return conn:call("native.Slow", { ms = 50 + i }).ms end) end
    for i = 1, 10 do assert(tasks[i]:join() == 50 + i) end
    assert(gshell.now() - began < 0.4)

    -- A stream, in both directions.
    local s = conn:stream()
    s:send("native.Count", { to = 3 })
    for i = 1, 3 do
      local m, name = s:recv { timeout = 2 }
      assert(m.ms == i and name == "native.Slow")
    end
    local none, why = s:recv { timeout = 0.01 }
    assert(none == nil and why == "timeout")
    s:send("native.Reply", { text = "", sum = 9 })
    assert(s:recv().ms == 9)
    s:finish()
    local n = 0
    for m in s:messages() do n = n + 1 end
    assert(n == 0)
    s:close()
    assert(not pcall(s.recv, s))

    local about = conn:describe()
    assert(about.service == NAME and about.messages[2].shape == "{ who: string, num: i32, list: [string]? }")
    assert(about.messages[2].help == "Asks something.")
    print(tostring(conn))
    conn:close()
    local ok, err = pcall(conn.call, conn, "native.Request", {})
    assert(err.code == "closed", err)
"#;

fn client(name: &str, scope: &str) -> String {
    format!("local NAME, SCOPE = '{name}', '{scope}'\n{CLIENT}")
}

#[test]
fn a_script_calls_a_native_service_by_names_over_the_machine() {
    let out = run(&[&client("by-os", "os")], &[("by-os", Scopes::OS)]);
    assert_eq!(out, "connection (native/by-os)\n");
}

#[test]
fn a_script_calls_a_native_service_by_names_in_the_process() {
    run(
        &[&client("by-process", "process")],
        &[("by-process", Scopes::PROCESS)],
    );
}

const SERVER: &str = r#"
    local gshell = require "gshell"
    local Request = gshell.message("hello.Request", { who = "string", question = "string" }, { help = "Asks." })
    local Reply = gshell.message("hello.Reply", { answer = "string" })
    local Fail = gshell.message("hello.Fail", { how = "string" })
    local Wait = gshell.message("hello.Wait", { seconds = "f64" })
    local Deep = gshell.message("hello.Deep", "{ list: [{ a: i32?, b: map<string, [u8]> }], e: Off | On(i32), blob: bytes, pair: (i32, bool), big: u64 }")
    local Sub = gshell.message("hello.Sub", { count = "u32" })
    local Item = gshell.message("hello.Item", { n = "u32" })
    local Stop = gshell.message("hello.Stop", {})
    local cancelled = 0
    local server = gshell.server { publisher = PUBLISHER }
    server:publish("hello", {
      [Request] = function(req)
        return Reply { answer = "I am hello server, " .. req.who }
      end,
      [Fail] = { function(req)
        if req.how == "code" then error { code = "no_money", message = "no luck" } end
        if req.how == "known" then error { code = "not_found", message = "nowhere" } end
        if req.how == "nothing" then return nil end
        if req.how == "plain" then return { answer = "plain" } end
        if req.how == "bad" then return { answer = 1 } end
        if req.how == "limit" then gshell.sleep(-1) end
      end, reply = Reply },
      [Wait] = function(req)
        local done
        local guard <close> = setmetatable({}, { __close = function() end })
        gshell.sleep(req.seconds)
        return Wait { seconds = req.seconds }
      end,
      [Deep] = function(req) return Deep(req) end,
      [Sub] = function(req, stream)
        stream.vars.subs = (stream.vars.subs or 0) + 1
        for n = 1, req.count do stream:send(Item { n = n }) end
        local m, name = stream:recv { timeout = 5 }
        if m then stream:send(Item, { n = m.n * 10 + stream.vars.subs }) end
        stream:finish()
      end,
      [Stop] = function() server:close(0.5) return Stop {} end,
    }, { scope = SCOPE })
    server:serve()
    print("served")
"#;

const CALLER: &str = r#"
    local gshell = require "gshell"
    local conn <close> = gshell.discover(PUBLISHER, "hello", { timeout = 3, scope = SCOPE })
    assert(conn:peer().scope == SCOPE)
    assert(conn:call("hello.Request", { who = "John", question = "who are you" }).answer == "I am hello server, John")
    local Request = gshell.message("hello.Request", { who = "string", question = "string" })
    for i = 1, 200 do
      assert(conn:call(Request, { who = "n" .. i, question = "" }).answer == "I am hello server, n" .. i)
    end
    local function fails(code, pattern, ...)
      local ok, err = pcall(conn.call, conn, ...)
      assert(not ok and err.code == code and err.message:find(pattern), err and tostring(err.code) .. ": " .. tostring(err))
      assert(tostring(err) == err.message)
    end
    fails("no_money", "^no luck$", "hello.Fail", { how = "code" })
    fails("not_found", "^nowhere$", "hello.Fail", { how = "known" })
    fails("script", "returned nothing", "hello.Fail", { how = "nothing" })
    fails("script", "bad reply: hello.Reply.answer: expected string, got number", "hello.Fail", { how = "bad" })
    fails("invalid", "number of seconds", "hello.Fail", { how = "limit" })
    assert(conn:call("hello.Fail", { how = "plain" }).answer == "plain")
    fails("timeout", "no reply to hello.Wait within", "hello.Wait", { seconds = 60 }, { timeout = 0.03 })

    local tasks = {}
    for i = 1, 20 do tasks[i] = gshell.spawn(function() return conn:call("hello.Wait", { seconds = 0.05 + i / 1e6 }).seconds end) end
    local began = gshell.now()
    for i = 1, 20 do assert(tasks[i]:join() == 0.05 + i / 1e6) end
    assert(gshell.now() - began < 0.5)

    local deep = {
      list = { { a = 1, b = { x = { 1, 2, 255 }, y = {} } }, { b = {} } }, e = { On = -7 }, blob = "\0\255", pair = { 5, true },
      big = "18446744073709551615",
    }
    local back = conn:call("hello.Deep", deep)
    assert(back.list[1].a == 1 and back.list[1].b.x[3] == 255 and #back.list[1].b.y == 0 and back.list[2].a == nil)
    assert(back.e.On == -7 and back.blob == "\0\255" and back.pair[2] == true and back.big == "18446744073709551615")
    deep.e, deep.big = "Off", 7
    back = conn:call("hello.Deep", deep)
    assert(back.e == "Off" and back.big == 7 and math.type(back.big) == "integer")
    fails("bad_message", "^hello.Deep.list%[2%].b.z%[1%]: 256 does not fit u8$", "hello.Deep",
      { list = { { b = {} }, { b = { z = { 256 } } } }, e = "Off", blob = "", pair = { 1, true }, big = 0 })

    for turn = 1, 2 do
      local s <close> = conn:stream()
      s:send("hello.Sub", { count = 3 })
      for i = 1, 3 do assert(s:recv().n == i) end
      s:send("hello.Item", { n = 4 })
      local m, name = s:recv()
      assert(m.n == 41 and name == "hello.Item")
      assert(s:recv() == nil)
    end
    local about = conn:describe()
    assert(about.publisher == PUBLISHER and #about.messages == 6)
    conn:call("hello.Stop", {})
"#;

fn lua_pair(publisher: &str, scope: &str) {
    let head = format!("local PUBLISHER, SCOPE = '{publisher}', '{scope}'\n");
    let out = run(&[&format!("{head}{SERVER}"), &format!("{head}{CALLER}")], &[]);
    assert_eq!(out, "served\n");
}

#[test]
fn a_script_calls_another_in_the_process() {
    lua_pair("lua-process", "process");
}

#[test]
fn a_script_calls_another_over_the_machine() {
    lua_pair("lua-os", "os");
}
