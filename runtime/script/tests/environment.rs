//! How environments run and end.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::future::Future;
use std::time::Duration;

use common::{failure, finish, load, output, run, script};
use gshell_script::{Limits, LoadError, Outcome};
use gshell_service::rt;

#[test]
fn a_script_gets_its_arguments_and_streams() {
    let out = output(
        "print(arg[0], arg[1], arg[2], #arg, ...) io.write(1, ' ', 2.5, '\\n') io.stdout:write('x\\n')",
    );
    assert_eq!(out, "./main.lua\tone\ttwo words\t2\tone\ttwo words\n1 2.5\nx\n");
    let (_, _, err) = run("io.stderr:write('oh') warn('@on') warn('hey ', 'you')");
    assert_eq!(err, "ohLua warning: hey you\n");
}

#[test]
fn errors_keep_message_and_traceback() {
    let (message, traceback) = failure("local function f() error('boom') end\nf()");
    assert_eq!(message, "main.lua:1: boom");
    assert!(
        traceback.contains("main.lua:1: in ") && traceback.contains("main.lua:2: in main chunk"),
        "{traceback}"
    );
    assert!(
        !traceback.contains("xpcall") && !traceback.contains("gshell:"),
        "{traceback}"
    );
    assert_eq!(failure("error({ code = 'x', message = 'a table' })").0, "a table");
    assert_eq!(
        failure("error(setmetatable({}, { __tostring = function() return 'shown' end }))").0,
        "shown"
    );
    assert_eq!(failure("error()").0, "nil");
    assert_eq!(
        failure("local x = nil; x.y = 1").0,
        "main.lua:1: attempt to index a nil value (local 'x')"
    );
    let (message, traceback) = failure("require('gshell').sleep('x')");
    assert_eq!(
        message,
        "main.lua:1: bad argument #1 to 'sleep' (number expected, got string)"
    );
    assert_eq!(
        traceback,
        "\t[C]: in function 'gshell.sleep'\n\tmain.lua:1: in main chunk"
    );
    let deep = "local function f(a, b, c, d, e, g, h) return 1 + f(1, 2, 3, 4, 5, 6, 7) end f()";
    assert_eq!(failure(deep).0, "main.lua:1: stack overflow");
    let deep = "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) return t[1]";
    assert!(failure(deep).0.contains("C stack overflow"));
}

#[test]
fn exit_ends_at_once_whatever_catches() {
    let lines = [
        ("os.exit(3)", 3),
        ("os.exit(true)", 0),
        ("os.exit(false)", 1),
        ("os.exit()", 0),
        ("pcall(os.exit, 4) print('never')", 4),
        (
            "pcall(function() while true do pcall(os.exit, 5) end end) print('never')",
            5,
        ),
        (
            "table.sort({ 2, 1 }, function() while true do pcall(os.exit, 6) end end) print('never')",
            6,
        ),
        ("coroutine.wrap(function() os.exit(7) end)() print('never')", 7),
        (
            "require('gshell').spawn(function() os.exit(8) end) while true do end",
            8,
        ),
    ];
    for (code, status) in lines {
        assert_eq!(
            run(code),
            (Outcome::Exit(status), String::new(), String::new()),
            "{code}"
        );
    }
}

#[test]
fn what_does_not_load_says_where() {
    let new = |code: &str| load(&[("main.lua", code)], Limits::default()).err().unwrap();
    let LoadError::Syntax(message) = new("local x = 1\nlocal = 2") else {
        panic!()
    };
    assert!(message.starts_with("main.lua:2: "), "{message}");
    assert!(matches!(new("\x1bLua"), LoadError::Binary(_)));
    let LoadError::Syntax(message) = new("#!/usr/bin/env gshell\n\n}") else {
        panic!()
    };
    assert!(message.starts_with("main.lua:3: "), "{message}");
    assert!(matches!(
        load(&[("a.lua", "")], Limits::default()),
        Err(LoadError::NoMain(_))
    ));
    assert!(matches!(
        load(&[("../main.lua", "")], Limits::default()),
        Err(LoadError::BadPath(_))
    ));
}

#[test]
fn the_memory_limit_is_named() {
    let limits = Limits {
        memory: 4 << 20,
        ..Limits::default()
    };
    for code in [
        "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
        "t = {} while true do t[#t + 1] = { #t } end",
        "local s = 'x' while true do s = s .. s end",
        "local ok, e = pcall(string.rep, 'x', 1e8) error(e, 0)",
        "coroutine.wrap(function() local s = 'x' while true do s = s .. s end end)()",
    ] {
        let (outcome, _, err) =
            rt::block_on(async { finish(load(&[("main.lua", code)], limits).unwrap()).await });
        let Outcome::OutOfMemory { message } = outcome else {
            panic!("{code}: {outcome:?}")
        };
        assert!(
            message.contains("4 MiB") && message.contains("--mem") && err.contains(&message),
            "{message}"
        );
    }
}

/// Until the end of a slice a script may go beyond its limit, which is looked at then, and after a collection in slices.
#[test]
fn a_memory_limit_holds_between_slices() {
    let limits = Limits {
        memory: 32 << 20,
        ..Limits::default()
    };
    let code = "local t, used = {}, 0
        local function grow() while true do t[#t + 1] = ('x'):rep(100) .. #t end end
        for _ = 1, 2 do
            local ok, message = pcall(grow)
            assert(not ok and message:find('32 MiB', 1, true), message)
            used = collectgarbage('count')
            assert(used > 32 * 1024 and used <= 36 * 1024, used)
        end
        t = nil
        -- What is garbage does not count: many times the limit, but never at once.
        for i = 1, 1000000 do local _ = ('x'):rep(100) .. i end
        print 'went on'";
    let (outcome, out, err) =
        rt::block_on(async { finish(load(&[("main.lua", code)], limits).unwrap()).await });
    assert_eq!(
        (outcome, out.as_str(), err.as_str()),
        (Outcome::Ok, "went on\n", "")
    );
}

#[test]
fn an_error_of_a_built_in_function_can_be_raised_again() {
    let (message, _) = failure(
        "local ok, e = pcall(require('gshell').sleep, -1) assert(e.code == 'invalid', e.code) error(e)",
    );
    assert!(message.contains("0 or more"), "{message}");
}

#[test]
fn stop_runs_the_callbacks_then_fails_waits() {
    rt::block_on(async {
        let code = "local gshell = require 'gshell'
            gshell.on_stop(function() gshell.sleep(0.001) print('first', gshell.stopping()) end)
            gshell.on_stop(function() print('second') end)
            local ok, e = pcall(gshell.sleep, 1000)
            print(ok, e.code, tostring(e))
            gshell.sleep(1000)";
        let script = script(code);
        let env = script.env.clone();
        let stopper = rt::spawn(async move {
            rt::yield_now().await;
            env.stop();
            env.stop();
        });
        let (outcome, out, err) = finish(script).await;
        stopper.await;
        assert_eq!((outcome, err.as_str()), (Outcome::Stopped, ""));
        assert_eq!(
            out,
            "first\ttrue\nsecond\nfalse\tstopped\tstopped: the environment was told to end\n"
        );
    });
}

#[test]
fn a_stop_leaves_time_to_clean_up() {
    rt::block_on(async {
        let code = "local gshell = require 'gshell'
            gshell.spawn(function() gshell.sleep(1000) end)
            gshell.every(1000, print)
            local task = gshell.spawn(function() pcall(gshell.sleep, 1000) for i = 1, 10 do coroutine.yield() end print('task') end)
            pcall(gshell.sleep, 1000)
            for i = 1, 20 do coroutine.yield() end
            print('main')";
        let script = script(code);
        let env = script.env.clone();
        let stopper = rt::spawn(async move {
            rt::yield_now().await;
            env.stop();
        });
        let (outcome, out, err) = finish(script).await;
        stopper.await;
        assert_eq!(
            (outcome, out.as_str(), err.as_str()),
            (Outcome::Stopped, "task\nmain\n", "")
        );
    });
}

#[test]
fn kill_ends_what_never_waits() {
    for code in [
        "while true do end",
        "while true do pcall(error) end",
        "while true do pcall(function() while true do end end) end",
        "coroutine.wrap(function() while true do end end)()",
        "local g = require 'gshell' for i = 1, 10 do g.spawn(function() while true do pcall(error) end end) end",
        "require('gshell').sleep(1000)",
        "co = coroutine.wrap(function() require('gshell').sleep(1000) end) co()",
        "local f = require('gshell').channel(1) f:recv()",
        "io.read()",
        "keep = io.popen('sleep 1000') keep:read()",
        "require('gshell.process').run('sleep 1000')",
        "local g = require 'gshell' held = g.spawn(function() error('x') end) pcall(held.join, held) g.sleep(1000)",
        "ch = require('gshell').channel(1) ch:send(coroutine.running()) ch:send(1)",
    ] {
        rt::block_on(async {
            let script = script(code);
            let env = script.env.clone();
            let killer = rt::spawn(async move {
                for _ in 0..3 {
                    rt::yield_now().await;
                }
                env.kill();
            });
            let (outcome, ..) = finish(script).await;
            killer.await;
            assert_eq!(outcome, Outcome::Killed, "{code}");
        });
    }
}

#[test]
fn a_dropped_environment_frees_its_state() {
    rt::block_on(async {
        let script = script(
            "co = coroutine.create(function() require('gshell').sleep(1000) end) coroutine.resume(co)",
        );
        {
            let mut run = Box::pin(script.env.run());
            futures_lite::future::poll_once(&mut run).await;
        }
        let cx = std::rc::Rc::downgrade(script.env.context());
        drop(script);
        assert!(cx.upgrade().is_none(), "nothing of it is left");
    });
}

/// Held by tests that count the slices of the process, or that use up many.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A busy script and a ticker on one thread: slices bound how long the ticker waits. Counted in slices, not in time.
#[test]
fn a_busy_neighbour_leaves_room() {
    let _alone = alone();
    for busy in [
        "while true do end",
        "while true do pcall(error) end",
        "while true do coroutine.wrap(function() for i = 1, 100 do end end)() end",
        "local g = require 'gshell' for i = 1, 50 do g.spawn(function() while true do end end) end",
    ] {
        rt::block_on(async {
            let limits = Limits {
                slice: Duration::from_millis(2),
                ..Limits::default()
            };
            let busy_script = load(&[("main.lua", busy)], limits).unwrap();
            let env = busy_script.env.clone();
            let runs = rt::spawn(async move { finish(busy_script).await.0 });
            let mut longest = 0;
            for _ in 0..50 {
                let before = gshell_sys::slice::counts().expiries;
                rt::yield_now().await;
                longest = longest.max(gshell_sys::slice::counts().expiries.wrapping_sub(before));
            }
            // A slice of the other takes two expiries; one more when its end comes up from an inner coroutine.
            assert!(longest <= 4, "{busy}: the neighbour waited for {longest} slices");
            env.kill();
            assert_eq!(runs.await, Outcome::Killed);
        });
    }
}

#[test]
fn a_large_state_is_freed_in_pieces() {
    let _alone = alone();
    let fill = "local t = {} for n = 1, 3e5 do t[n] = { n } end error('over')";
    let limits = Limits {
        slice: Duration::from_millis(1),
        ..Limits::default()
    };
    let script = load(&[("main.lua", fill)], limits).unwrap();
    let (mut steps, mut sizes) = (0, Vec::new());
    let outcome = rt::block_on(async {
        let mut run = std::pin::pin!(script.env.run());
        std::future::poll_fn(|cx| {
            let ended = !script.output.err.borrow().is_empty();
            if ended {
                steps += 1;
                sizes.push(script.env.memory());
            }
            run.as_mut().poll(cx)
        })
        .await
    });
    assert!(matches!(outcome, Outcome::Error { .. }), "{outcome:?}");
    assert!(steps > 1, "neighbours have turns while it is freed: {sizes:?}");
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    assert!(sizes.last() < Some(&(4 << 20)), "{sizes:?}");
    assert_eq!(script.env.memory(), 0);
}
