//! Scripts that call services of other scripts on their thread: the handler runs within the call.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::rc::Rc;
use std::time::Duration;

use common::{Collect, Script, finish, load_as};
use gshell_script::{Environment, Limits, Outcome};
use gshell_service::rt;

const LONG: Duration = Duration::from_secs(20);

/// What the scripts below share.
const HEAD: &str = r#"
    local gshell = require "gshell"
    local Ask = gshell.message("nested.Ask", { n = "i64", how = "string?" })
    local function connect(name) return gshell.discover("nested", name, { timeout = 5, scope = "process" }) end
    local function serve(name, handler, options)
      local server = gshell.server { publisher = "nested" }
      options = options or {}
      options.scope = "process"
      return server, server:publish(name, { [Ask] = { handler, reply = Ask } }, options)
    end
"#;

/// A service that runs beside the script of a test.
struct Beside {
    env: Rc<Environment>,
    output: Rc<Collect>,
    task: rt::Task<(Outcome, String, String)>,
}

impl Beside {
    /// Starts it and waits until it says that it is ready.
    async fn start(id: &str, code: &str) -> Beside {
        Beside::start_with(id, code, Limits::default()).await
    }

    async fn start_with(id: &str, code: &str, limits: Limits) -> Beside {
        let script = make(id, &format!("{code}\nprint 'ready'\nserver:serve()"), limits);
        let (env, output) = (script.env.clone(), script.output.clone());
        let task = rt::spawn(finish(script));
        while !output.out.borrow().contains("ready\n") {
            assert!(!task.is_finished(), "it ended");
            rt::sleep(Duration::from_millis(1)).await;
        }
        Beside { env, output, task }
    }

    /// Stops it; how it ended.
    async fn stop(self) -> Outcome {
        self.env.stop();
        drop((self.env, self.output));
        self.task.await.0
    }

    /// How it ended by itself.
    async fn ended(self) -> Outcome {
        drop((self.env, self.output));
        self.task.await.0
    }
}

fn make(id: &str, code: &str, limits: Limits) -> Script {
    load_as(id, &[("main.lua", &format!("{HEAD}{code}"))], limits).unwrap()
}

/// Runs a script that ends well; its output.
async fn caller(code: &str) -> String {
    let (outcome, out, err) = finish(make("caller000000", code, Limits::default())).await;
    assert_eq!((outcome, err.as_str()), (Outcome::Ok, ""), "{out}");
    out
}

fn test(work: impl Future<Output = ()>) {
    let done = rt::block_on(rt::timeout(LONG, work));
    assert!(done.is_some(), "it takes too long");
}

#[test]
fn a_call_takes_no_turn_of_the_thread_but_some_do() {
    test(async {
        let server = Beside::start(
            "server000000",
            "local server = serve('fast', function(ask) return ask end)",
        )
        .await;
        let out = caller(
            r#"
            local conn, turns, done = connect "fast", 0, false
            conn:call(Ask, { n = 0 })
            gshell.spawn(function() while not done do turns = turns + 1 gshell.sleep(0) end end)
            gshell.sleep(0)
            local waits, before = 0, turns
            for i = 1, 1000 do
              assert(conn:call(Ask, { n = i }).n == i)
              if turns ~= before then waits, before = waits + 1, turns end
            end
            print(waits)
            done = true
            "#,
        )
        .await;
        let waits: u32 = out.trim().parse().unwrap();
        // Every one would, by the queue; how many do not depends on how busy the machine is.
        assert!((10..950).contains(&waits), "{waits} of 1000 calls waited");
        server.stop().await;
    });
}

#[test]
fn every_kind_of_end_of_a_handler_comes_to_its_caller() {
    test(async {
        let server = Beside::start(
            "server000000",
            r#"
            local server, service
            server, service = serve("ends", function(ask)
              if ask.how == "sleep" then gshell.sleep(0.002) end
              if ask.how == "wait" then gshell.sleep(60) end
              if ask.how == "error" then error { code = "no_money", message = "none" } end
              if ask.how == "memory" then local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end end
              if ask.how == "spin" then while true do end end
              if ask.how == "long" then for i = 1, 5e6 do end end
              if ask.how == "spawn" then local v = gshell.spawn(function() return ask.n + 1 end):join() return Ask { n = v } end
              return Ask { n = ask.n + 1 }
            end)
            "#,
        )
        .await;
        let out = caller(
            r#"
            local conn = connect "ends"
            local function code(how, options)
              local ok, err = pcall(conn.call, conn, Ask, { n = 1, how = how }, options)
              return ok and err.n or err.code
            end
            for turn = 1, 3 do
              for i = 1, 300 do assert(conn:call(Ask, { n = i }).n == i + 1) end
              local soon = { timeout = 0.03 }
              print(code "sleep", code "error", code "memory", code "long", code "spawn", code("wait", soon), code("spin", soon))
            end
            "#,
        )
        .await;
        let line = "2\tno_money\tscript\t2\t2\ttimeout\ttimeout\n";
        assert_eq!(out, line.repeat(3));
        assert_eq!(server.stop().await, Outcome::Stopped);
    });
}

#[test]
fn a_handler_may_end_what_its_call_came_by() {
    test(async {
        for how in [
            "service:close()",
            "server:close(0)",
            "service:close() gshell.sleep(0)",
        ] {
            let code = format!(
                "local server, service
                server, service = serve('ends-itself', function(ask)
                  if ask.n == 0 then {how} end
                  return ask
                end)"
            );
            let server = Beside::start("server000000", &code).await;
            let out = caller(
                r#"
                local conn = connect "ends-itself"
                for i = 1, 10 do assert(conn:call(Ask, { n = i }).n == i) end
                local ok, err = pcall(conn.call, conn, Ask, { n = 0 })
                print(ok and "answered" or err.code)
                "#,
            )
            .await;
            assert!(
                matches!(&*out, "answered\n" | "unreachable\n" | "stopped\n"),
                "{how}: {out}"
            );
            server.stop().await;
        }
    });
}

#[test]
fn a_script_calls_its_own_service() {
    test(async {
        let out = caller(
            r#"
            local conn, server
            server = serve("own", function(ask)
              if ask.how == "close" then conn:close() end
              if ask.n > 0 then return Ask { n = conn:call(Ask, { n = ask.n - 1 }).n } end
              return ask
            end)
            conn = connect "own"
            for i = 1, 100 do assert(conn:call(Ask, { n = 0 }).n == 0) end
            -- All of Lua's depth is there for each of them.
            local function deep(n, work) if n == 0 then return work() end local ok, v = pcall(deep, n - 1, work) assert(ok, v) return v end
            print(deep(150, function() return conn:call(Ask, { n = 40 }).n end))
            local ok, err = pcall(conn.call, conn, Ask, { n = 0, how = "close" })
            print(ok, err.code)
            server:close(0)
            "#,
        )
        .await;
        assert_eq!(out, "0\nfalse\tunreachable\n");
    });
}

#[test]
fn a_stream_that_is_ordered_stays_so() {
    test(async {
        let server = Beside::start(
            "server000000",
            r#"
            local last = 0
            local server = serve("ordered", function(ask)
              if ask.n % 7 == 0 then gshell.sleep(0.0005) end
              assert(ask.n == last + 1, "in order")
              last = ask.n
              return ask
            end, { ordered = true })
            "#,
        )
        .await;
        caller(
            r#"
            local conn = connect "ordered"
            local tasks = {}
            for i = 1, 200 do tasks[i] = gshell.spawn(function() return conn:call(Ask, { n = i }).n end) end
            for i = 1, 200 do assert(tasks[i]:join() == i) end
            "#,
        )
        .await;
        server.stop().await;
    });
}

#[test]
fn scripts_that_call_each_other_and_go_deep_do_not_fill_the_stack() {
    // Each goes down in C as far as Lua allows it, or nearly, before it calls the next.
    let deep = r#"
        local function deep(n, work) if n == 0 then return work() end local ok, v = pcall(deep, n - 1, work) assert(ok, v) return v end
        local function lower(n, work)
          local v
          local function read(n)
            if n == 0 then v = work() return end
            pcall(gshell.server, setmetatable({}, { __index = function() read(n - 1) end }))
          end
          read(n)
          return v
        end
        local other
        local server = serve(NAME, function(ask)
          if ask.n == 0 then return ask end
          other = other or connect(OTHER)
          local function call() return other:call(Ask, { n = ask.n - 1, how = ask.how }) end
          local reply = ask.how == "deep" and deep(150, call) or lower(40, call)
          return reply or ask
        end)
    "#;
    test(async {
        let code = |name: &str, other: &str| format!("local NAME, OTHER = '{name}', '{other}'\n{deep}");
        let one = Beside::start("one000000000", &code("one", "two")).await;
        let two = Beside::start("two000000000", &code("two", "one")).await;
        let out = caller(
            r#"
            local conn = connect "one"
            for turn = 1, 3 do print(conn:call(Ask, { n = 50, how = "deep" }).n) end
            -- Where Lua cannot wait, a call works as long as nothing waits.
            for turn = 1, 3 do conn:call(Ask, { n = 50, how = "low" }) end
            "#,
        )
        .await;
        assert_eq!(out, "0\n0\n0\n");
        one.stop().await;
        two.stop().await;
    });
}

#[test]
fn an_exit_in_a_handler_ends_its_own_environment() {
    test(async {
        let server = Beside::start(
            "server000000",
            r#"
            local server = serve("exits", function(ask)
              if ask.n == 0 then pcall(os.exit, 5) end
              while true do pcall(gshell.sleep, 0) end
            end)
            "#,
        )
        .await;
        let out = caller(
            r#"
            local conn = connect "exits"
            local ok, err = pcall(conn.call, conn, Ask, { n = 0 }, { timeout = 10 })
            print(ok, err.code)
            "#,
        )
        .await;
        assert!(out.starts_with("false\t") && !out.contains("timeout"), "{out}");
        assert_eq!(server.ended().await, Outcome::Exit(5));
    });
}

#[test]
fn an_exit_in_an_own_handler_ends_what_waits_for_it() {
    test(async {
        let code = r#"
            local conn
            local server = serve("self", function(ask) if ask.n == 1 then os.exit(6) end return ask end)
            conn = connect "self"
            conn:call(Ask, { n = 0 })
            while true do pcall(conn.call, conn, Ask, { n = 1 }) end
            print "never"
        "#;
        let (outcome, out, _) = finish(make("caller000000", code, Limits::default())).await;
        assert_eq!((outcome, out.as_str()), (Outcome::Exit(6), ""));
    });
}

/// Counted in slices, not in time.
#[test]
fn neighbours_have_their_turn_beside_scripts_that_call_each_other() {
    test(async {
        for busy in [
            "",
            "for i = 1, 3e5 do end",
            "if ask.n % 50 == 0 then for i = 1, 3e6 do end end",
        ] {
            let code = format!("local server = serve('busy', function(ask) {busy} return ask end)");
            let server = Beside::start("server000000", &code).await;
            let code = "local conn, n = connect 'busy', 0
                while true do n = n + 1 conn:call(Ask, { n = n }) for i = 1, 1000 do end end";
            let script = make("caller000000", code, Limits::default());
            let env = script.env.clone();
            let calls = rt::spawn(finish(script));
            let mut longest = 0;
            for _ in 0..100 {
                let before = gshell_sys::slice::counts().expiries;
                rt::yield_now().await;
                longest = longest.max(gshell_sys::slice::counts().expiries.wrapping_sub(before));
            }
            env.kill();
            drop(env);
            assert_eq!(calls.await.0, Outcome::Killed);
            server.stop().await;
            assert!(longest <= 6, "{busy}: {longest} slices");
        }
    });
}
