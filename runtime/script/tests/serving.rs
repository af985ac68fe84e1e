//! What becomes of handlers and connections that end early, of limits, hooks, traces, and of handlers on threads.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{finish, load, script};
use gshell_script::{Limits, Outcome};
use gshell_service::rt;

const LONG: Duration = Duration::from_secs(10);

/// A script that ends well; its output.
fn output(files: &[(&str, &str)], limits: Limits) -> String {
    rt::block_on(async {
        let script = load(files, limits).unwrap();
        let kept = script.output.clone();
        let Some((outcome, out, err)) = rt::timeout(LONG, finish(script)).await else {
            panic!("it takes too long: {} {}", kept.out.take(), kept.err.take());
        };
        assert_eq!((outcome, err.as_str()), (Outcome::Ok, ""), "{out}");
        out
    })
}

fn main(code: &str) -> String {
    output(&[("main.lua", code)], Limits::default())
}

#[test]
fn a_handler_ends_where_it_waits_when_its_caller_gives_up() {
    let out = main(
        r#"
        local gshell = require "gshell"
        local Wait = gshell.message("w.Wait", { id = "u32" })
        local server = gshell.server { publisher = "cancel" }
        local begun, went_on, inner_gave_up = 0, 0, gshell.channel(8)
        server:publish("inner", { [Wait] = { function(req)
          begun = begun + 1
          gshell.sleep(0.3)
          went_on = went_on + 1
          return Wait { id = req.id }
        end, reply = Wait } }, { scope = "os" })
        -- Calls another one: that is given up too.
        server:publish("outer", { [Wait] = { function(req)
          local conn = gshell.discover("cancel", "inner", { timeout = 1 })
          return conn:call(Wait { id = req.id })
        end, reply = Wait } }, { scope = "process" })
        local conn = gshell.discover("cancel", "outer", { timeout = 1 })
        local ok, err = pcall(conn.call, conn, Wait, { id = 1 }, { timeout = 0.05 })
        assert(not ok and err.code == "timeout", tostring(err))
        local task = gshell.spawn(function() conn:call(Wait, { id = 2 }) end)
        gshell.sleep(0.05)
        task:cancel()
        gshell.sleep(0.5)
        print(begun, went_on)
        "#,
    );
    assert_eq!(out, "2\t0\n");
}

#[test]
fn limits_of_connections_streams_and_handlers_are_kept() {
    let limits = Limits {
        handles: 6,
        coroutines: 8,
        ..Limits::default()
    };
    let out = output(
        &[(
            "main.lua",
            r#"
        local gshell = require "gshell"
        local Wait = gshell.message("l.Wait", {})
        local server = gshell.server { publisher = "limits" }
        server:publish("one", { [Wait] = function() gshell.sleep(0.1) return Wait {} end }, { scope = "process" })
        local function open() return gshell.discover("limits", "one", { timeout = 1 }) end
        local conns = {}
        for i = 1, 5 do conns[i] = open() end
        local ok, err = pcall(open)
        assert(not ok and err.code == "limit" and err.message:find "a connection", tostring(err))
        conns[5]:close()
        local stream = conns[1]:stream()
        ok, err = pcall(conns[1].stream, conns[1])
        assert(not ok and err.code == "limit" and err.message:find "a stream", tostring(err))
        stream:close()
        conns[5], conns[4] = nil, nil
        collectgarbage() collectgarbage()
        local a <close> = open()
        open():close()

        -- Callers count as tasks, and so do requests in progress.
        local tasks, codes = {}, {}
        for i = 1, 6 do
          tasks[i] = gshell.spawn(function()
            local ok, err = pcall(conns[1].call, conns[1], Wait, {})
            codes[#codes + 1] = ok and "ok" or err.code
          end)
        end
        for i = 1, 6 do tasks[i]:join() end
        table.sort(codes)
        print(table.concat(codes, " "))
        "#,
        )],
        limits,
    );
    assert_eq!(out, "limit limit limit limit ok ok\n");
}

#[test]
fn errors_that_are_mistakes_are_told_to_the_script_that_made_them() {
    let (outcome, out, err) = common::run(
        r#"
        local gshell = require "gshell"
        local M = gshell.message("m.M", {})
        local server = gshell.server { publisher = "mistakes" }
        server:publish("one", { [M] = function() local x = nil; return x.y end }, { scope = "process" })
        local conn = gshell.discover("mistakes", "one", { timeout = 1 })
        local ok, err = pcall(conn.call, conn, M, {})
        print(err.code, err.message)
        "#,
    );
    assert_eq!(outcome, Outcome::Ok, "{err}");
    assert!(
        out.starts_with("script\tmain.lua:5: attempt to index a nil value"),
        "{out}"
    );
    assert!(
        err.starts_with("gshell: the handler of m.M: main.lua:5: attempt to index"),
        "{err}"
    );
    assert!(err.contains("stack traceback:\n\tmain.lua:5:"), "{err}");
}

#[test]
fn a_script_that_is_told_to_stop_stops_serving() {
    rt::block_on(async {
        let script = script(
            r#"
            local gshell = require "gshell"
            local M = gshell.message("m.M", {})
            local server = gshell.server { publisher = "stopping" }
            server:publish("one", { [M] = function() gshell.sleep(100) return M {} end })
            local conn = gshell.discover("stopping", "one", { timeout = 1 })
            gshell.spawn(function()
              local ok, err = pcall(conn.call, conn, M, {})
              print(err.code)
            end)
            print "ready"
            server:serve()
            print "served"
            "#,
        );
        let (env, output) = (script.env.clone(), script.output.clone());
        let task = rt::spawn(finish(script));
        while !output.out.borrow().contains("ready") {
            rt::sleep(Duration::from_millis(1)).await;
        }
        rt::sleep(Duration::from_millis(20)).await;
        env.stop();
        drop(env);
        let (outcome, out, err) = rt::timeout(LONG, task).await.unwrap();
        assert_eq!((outcome, err.as_str()), (Outcome::Stopped, ""), "{out}");
        assert!(out.contains("stopped\n") && out.contains("served\n"), "{out}");
    });
}

#[test]
fn hooks_see_connections_and_streams() {
    let out = main(
        r#"
        local gshell = require "gshell"
        local M = gshell.message("h.M", { n = "u32" })
        local server = gshell.server { publisher = "hooks" }
        local seen, refuse = {}, false
        local function note(text) seen[#seen + 1] = text end
        server:publish("one", { [M] = { function(req, stream)
          stream.vars.count = (stream.vars.count or 0) + req.n
          return { n = stream.vars.count }
        end, reply = M } }, {
          scope = "process",
          ordered = true,
          on_connect = function(peer)
            note("connect " .. peer.scope)
            if refuse then return "not now" end
          end,
          on_disconnect = function() note "disconnect" end,
          on_stream = function(stream) stream.vars.count = 100 note "stream" end,
          on_stream_close = function(stream) note("close " .. stream.vars.count) end,
        })
        do
          local conn <close> = gshell.discover("hooks", "one", { timeout = 1 })
          assert(conn:call(M { n = 1 }).n == 101)
          local stream = conn:stream()
          assert(stream:call(M { n = 5 }).n == 105 and stream:call(M { n = 5 }).n == 110)
          stream:close()
          gshell.sleep(0.02)
        end
        gshell.sleep(0.02)
        refuse = true
        local ok, err = pcall(function()
          local conn <close> = gshell.discover("hooks", "one", { timeout = 1 })
          conn:call(M { n = 1 })
        end)
        assert(not ok and err.message:find "not now", tostring(err))
        print(table.concat(seen, ", "))
        "#,
    );
    assert!(out.starts_with("connect process, stream, stream, "), "{out}");
    for part in ["close 110", "close 101", "disconnect, connect process"] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn admitting_may_compute_beyond_a_slice_but_not_for_ever() {
    let out = main(
        r#"
        local gshell = require "gshell"
        local time = require "gshell.time"
        local M = gshell.message("adm.M", { n = "u32" })
        local server = gshell.server { publisher = "adm" }
        local busy_for
        server:publish("one", { [M] = { function(req) return req end, reply = M } }, {
          scope = "process",
          on_connect = function()
            local start = time.monotonic()
            while time.monotonic() - start < busy_for do end
          end,
        })
        local function try(seconds)
          busy_for = seconds
          return pcall(function()
            local conn <close> = gshell.discover("adm", "one", { timeout = 5 })
            return conn:call(M { n = 1 }).n
          end)
        end
        print(try(0.03))
        local ok, err = try(30)
        print(ok, err.message)
        "#,
    );
    assert!(out.starts_with("true\t1\nfalse\t"), "{out}");
    assert!(
        out.contains("on_connect of this service computes for too long"),
        "{out}"
    );
}

#[test]
fn handlers_run_in_states_on_threads_of_their_own() {
    let out = output(
        &[
            (
                "work.lua",
                r#"
                local gshell = require "gshell"
                local Work = gshell.message("s.Work", { rounds = "u32" })
                local Done = gshell.message("s.Done", { state = "string", calls = "u32" })
                local calls = 0
                return {
                  [Work] = function(req)
                    calls = calls + 1
                    local x = 0
                    for i = 1, req.rounds do x = x + i % 7 end
                    if req.rounds == 13 then error { code = "unlucky", message = "no" } end
                    return Done { state = tostring(calls), calls = calls }
                  end,
                }
                "#,
            ),
            (
                "main.lua",
                r#"
                local gshell = require "gshell"
                local server = gshell.server { publisher = "states" }
                local service = server:publish("work", "work", { workers = { states = 3 } })
                for _, scope in ipairs { "process", "os" } do
                  local conn = gshell.discover("states", "work", { timeout = 1, scope = scope })
                  local tasks, total = {}, 0
                  for i = 1, 12 do
                    tasks[i] = gshell.spawn(function() return conn:call("s.Work", { rounds = 200000 }).calls end)
                  end
                  local most = 0
                  for i = 1, 12 do most = math.max(most, (tasks[i]:join())) end
                  -- No state did it all.
                  print(scope, most < 12)
                  local ok, err = pcall(conn.call, conn, "s.Work", { rounds = 13 })
                  assert(not ok and err.code == "unlucky" and err.message == "no", tostring(err))
                  conn:close()
                end
                for _, found in ipairs(gshell.discover_all("*", "*", { timeout = 0 })) do
                  assert(found.publisher ~= "gshell.states")
                end
                service:close()
                "#,
            ),
        ],
        Limits::default(),
    );
    assert_eq!(out, "process\ttrue\nos\ttrue\n");
}

#[test]
fn deadlines_follow_a_request_through_handlers_and_their_tasks() {
    let out = main(
        r#"
        local gshell = require "gshell"
        local M = gshell.message("d.M", {})
        local server = gshell.server { publisher = "deadlines" }
        local seen = gshell.channel(4)
        server:publish("last", { [M] = function() gshell.sleep(30) return M {} end }, { scope = "process" })
        server:publish("first", { [M] = function()
          local conn = gshell.discover("deadlines", "last", { timeout = 1 })
          local task = gshell.spawn(function()
            local began = gshell.now()
            local ok, err = pcall(conn.call, conn, M, {})
            seen:send(err.code)
          end)
          task:join()
          return M {}
        end }, { scope = "process" })
        local conn = gshell.discover("deadlines", "first", { timeout = 1 })
        local ok, err = pcall(conn.call, conn, M, {}, { timeout = 0.1 })
        print(err.code, seen:recv { timeout = 1 })
        "#,
    );
    assert_eq!(out, "timeout\ttimeout\n");
}
