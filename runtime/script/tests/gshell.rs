//! The module `gshell`, and the sandbox around Lua's own library.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{failure, finish, output, run, script};
use gshell_script::Outcome;
use gshell_service::rt;

#[test]
fn facts() {
    let out = output(
        "local g = require 'gshell' print(g.id, g.group, g.name, #g.args, g.args[2], g.stopping(), g.terminal().cols, math.type(g.now()))",
    );
    assert_eq!(
        out,
        "0123456789ab\ttest-1\tmain\t2\ttwo words\tfalse\t80\tfloat\n"
    );
}

#[test]
fn tasks_run_and_are_joined() {
    let out = output(
        "local g = require 'gshell'
        local t = g.spawn(function(a, ...) g.sleep(0.001) return a, select('#', ...) end, 'x', nil, nil)
        print(t:done(), t) print(t:join()) print(t:done(), t)
        local bad = g.spawn(function() g.sleep(0) error({ code = 'mine', n = 1 }) end)
        local ok, e = pcall(bad.join, bad) print(ok, e.code, e.n)
        local c = g.spawn(function() g.sleep(1000) end)
        print(c:cancel(), c:cancel()) ok, e = pcall(c.join, c) print(ok, e.code)
        local late = g.spawn(function() print('late') end)",
    );
    assert_eq!(
        out,
        "false\ttask (running)\nx\t2\ntrue\ttask (done)\nfalse\tmine\t1\ntrue\tfalse\nfalse\tcancelled\nlate\n"
    );
}

#[test]
fn a_failure_that_nobody_hears_ends_the_script() {
    assert_eq!(
        failure("require('gshell').spawn(function() error('alone') end) require('gshell').sleep(1000)").0,
        "main.lua:1: alone"
    );
    assert_eq!(
        failure("t = require('gshell').spawn(function() error('kept') end)").0,
        "main.lua:1: kept"
    );
    assert_eq!(
        failure("require('gshell').every(0, function() error('tick') end)").0,
        "main.lua:1: tick"
    );
    assert_eq!(failure("local g = require 'gshell' local a = g.spawn(function() error('x', 0) end) g.sleep(0.01) a:join()").0, "x");
}

#[test]
fn timers_keep_a_script_alive() {
    let out = output(
        "local g = require 'gshell' local n = 0 local t
        t = g.every(0.001, function() n = n + 1 print(n) if n == 3 then print(t:cancel(), t:cancel()) end end)",
    );
    assert_eq!(out, "1\n2\n3\ntrue\tfalse\n");
}

/// The next call is due before the callback returns, so nothing waits between the two.
#[test]
fn a_timer_that_cancels_itself_is_not_called_again() {
    let out = output(
        "local g = require 'gshell' local n, t = 0, nil
        t = g.every(0.001, function()
            n = n + 1
            print(n, t:cancel())
            local late = g.now() + 0.005
            while g.now() < late do end
        end)",
    );
    assert_eq!(out, "1\ttrue\n");
}

#[test]
fn a_task_that_cancels_itself_stays_cancelled() {
    let out = output(
        "local g = require 'gshell' local t
        t = g.spawn(function() t:cancel() return 1 end)
        g.sleep(0.001)
        local ok, e = pcall(t.join, t) print(ok, e.code, t)",
    );
    assert_eq!(out, "false\tcancelled\ttask (cancelled)\n");
}

#[test]
fn channels_block_and_end() {
    let out = output(
        "local g = require 'gshell' local ch = g.channel(2)
        local got = {}
        local reader = g.spawn(function() for v in ch:iter() do got[#got + 1] = v end return #got end)
        for i = 1, 10 do ch:send(i) end
        ch:close() print(reader:join(), got[10])
        print(ch:recv()) print(pcall(ch.send, ch, 1))
        local other = g.channel() print(other:recv { timeout = 0.001 }) other:send('x') print(#other, other:recv())
        print(pcall(other.send, other)) print(pcall(g.channel, 0))",
    );
    assert_eq!(
        out,
        "10\t10\nnil\tclosed\nfalse\tchannel:send: the channel is closed\nnil\ttimeout\n1\tx\n\
         false\tchannel:send: nil cannot be sent; close the channel to end it\n\
         false\tgshell.channel: the size is a number of values, 1 or more\n"
    );
}

#[test]
fn waits_work_inside_coroutines() {
    let out = output(
        "local g = require 'gshell'
        local gen = coroutine.wrap(function() for i = 1, 3 do g.sleep(0.001) coroutine.yield(i) end end)
        for v in gen do print(v) end
        local co = coroutine.create(function() g.sleep(0.001) error('inside') end)
        print(coroutine.resume(co)) print(coroutine.status(co))",
    );
    assert_eq!(out, "1\n2\n3\nfalse\tmain.lua:4: inside\ndead\n");
}

#[test]
fn the_limit_of_tasks_is_named() {
    let (message, _) =
        failure("local g = require 'gshell' while true do g.spawn(function() g.sleep(1000) end) end");
    assert!(message.contains("4096"), "{message}");
}

#[test]
fn input_is_read_as_in_lua() {
    rt::block_on(async {
        let code = "print(io.read()) print(io.read('n', 'n', 'l')) print(io.read('L', 4)) print(io.read(0))
            for line in io.lines() do print('[' .. line .. ']') if line == 'c' then break end end
            print(#io.read('a'), io.read('a'), io.read(), io.read(0))";
        let script = script(code);
        let input = script.input.clone();
        let feeder = rt::spawn(async move {
            for piece in [
                "fir",
                "st\n 12",
                " 0x1F rest\nsec",
                "ond\nfoura",
                "\nb\nc\nta",
                "il\n",
            ] {
                input.push(piece.as_bytes());
                rt::yield_now().await;
            }
            input.end();
        });
        let (outcome, out, err) = finish(script).await;
        feeder.await;
        assert_eq!((outcome, err.as_str()), (Outcome::Ok, ""));
        assert_eq!(
            out,
            "first\n12\t31\t rest\nsecond\n\tfour\n\n[a]\n[b]\n[c]\n5\t\tnil\tnil\n"
        );
    });
}

#[test]
fn files_and_redirection_are_lua_s_own() {
    let out = output(
        "local name = os.tmpname()
        local old = io.output(name) == io.output()
        io.write('one\\n', 2, '\\n') io.close() io.output(io.stdout)
        io.input(name) print(io.read(), io.read('n')) io.close(io.input()) io.input(io.stdin)
        for l in io.lines(name) do io.write('<', l, '>') end print()
        print(io.type(io.stdout), io.type(42), io.type(io.open(name)), io.stdout)
        print(io.stdout:seek(), io.stdin:write('x'), select('#', io.stdout:read()))
        print(pcall(io.write, {})) print(io.open('/nonexistent/x')) os.remove(name)",
    );
    let expected = "one\t2\n<one><2>\nfile\tnil\tfile\tfile (stdout)\nnil\tnil\t3\n\
        false\tbad argument #1 to 'write' (string expected, got table)\nnil\t/nonexistent/x: No such file or directory\t2\n";
    assert_eq!(out, expected);
}

#[test]
fn commands_do_not_block() {
    let out = output(
        "local p = io.popen('echo a; echo b') print(p:read(), p:read(), p:read()) print(p:close()) print(io.type(p))
        print(os.execute('exit 3')) print(os.execute('echo shown'))
        local w = io.popen('cat', 'w') w:write('through cat\\n') print(w:close())",
    );
    assert_eq!(
        out,
        "a\tb\tnil\ntrue\texit\t0\nclosed file\nnil\texit\t3\nshown\ntrue\texit\t0\nthrough cat\ntrue\texit\t0\n"
    );
}

#[test]
fn a_slow_reader_slows_the_script() {
    rt::block_on(async {
        let script = script("for i = 1, 3 do print(i) end");
        script.output.congested.set(true);
        let output = script.output.clone();
        let (outcome, out, _) = finish(script).await;
        assert_eq!(
            (outcome, out.as_str(), output.drains.get()),
            (Outcome::Ok, "1\n2\n3\n", 1)
        );
    });
}

#[test]
fn modules_are_found_in_order() {
    let files = [
        ("main.lua", "print(require 'a.b', require 'a', #{ require 'a.b' }) print(require 'a.b') print(pcall(require, 'nowhere')) print(pcall(require, 'broken')) print(pcall(require, 'fails'))
            print(require('gshell') == require('gshell'), package.loaded['gshell.fs'], package.cpath == '', package.loadlib)"),
        ("a/b.lua", "require('gshell').sleep(0.001) return 'module ' .. ..."),
        ("a/init.lua", ""),
        ("broken.lua", "x ="),
        ("fails.lua", "error('on load')"),
    ];
    let (outcome, out, err) =
        rt::block_on(async { finish(common::load(&files, Default::default()).unwrap()).await });
    assert_eq!((outcome, err.as_str()), (Outcome::Ok, ""));
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines[0], "module a.b\ttrue\t1");
    assert_eq!(lines[1], "module a.b");
    assert!(
        out.contains("module 'nowhere' not found:")
            && out.contains("no file 'nowhere/init.lua' in the package")
    );
    assert!(
        out.contains("broken.lua:1: unexpected symbol near <eof>"),
        "{out}"
    );
    assert!(out.contains("fails.lua:1: on load"), "{out}");
    assert_eq!(*lines.last().unwrap(), "true\tnil\ttrue\tnil");
}

#[test]
fn the_sandbox_keeps_its_walls() {
    let out = output(
        "print(load('\\27Lua')) print(load('return 1', 'x', 'b')) print(load('return ...', 'x', 't', {})(5))
        print(load(function() return nil end) ~= nil, pcall(dofile, '/nonexistent'))
        print(debug.sethook, debug.getregistry, debug.setmetatable, debug.getinfo(1, 'l').currentline, debug.getinfo(print).func)
        print(os.setlocale(), os.setlocale('de_DE'), package.loaded.debug, getmetatable(io.stdout))
        print(#debug.traceback('m') > 0, pcall(string.rep))",
    );
    assert_eq!(
        out,
        "nil\tattempt to load a binary chunk (mode is 't')\nnil\tattempt to load a chunk as binary: only text is loaded\n5\n\
         true\tfalse\tcannot open /nonexistent: No such file or directory\nnil\tnil\tnil\t3\tnil\nC\tnil\tnil\tfalse\n\
         true\tfalse\tbad argument #1 to 'string.rep' (string expected, got no value)\n"
    );
}

#[test]
fn caught_errors_of_built_in_functions_are_tables() {
    let out = output(
        "local g = require 'gshell'
        local ok, e = pcall(g.sleep, -1) print(type(e), e.code, e.message == tostring(e))
        print(pcall(g.sleep, {}))
        print(xpcall(g.sleep, function(e) return e.code end, -1))
        print(select(2, coroutine.resume(coroutine.create(g.sleep), -1)).code)",
    );
    assert_eq!(
        out,
        "table\tinvalid\ttrue\nfalse\tmain.lua:3: bad argument #1 to 'sleep' (number expected, got table)\nfalse\tinvalid\ninvalid\n"
    );
}

#[test]
fn resizes_are_told() {
    rt::block_on(async {
        let script = script(
            "local g = require 'gshell' local ch = g.channel() g.on_resize(function() ch:send(g.terminal().rows) end) print(ch:recv())",
        );
        let env = script.env.clone();
        let sizer = rt::spawn(async move {
            rt::yield_now().await;
            env.resized();
        });
        let (outcome, out, _) = finish(script).await;
        sizer.await;
        assert_eq!((outcome, out.as_str()), (Outcome::Ok, "24\n"));
    });
}

#[test]
fn an_endless_finalizer_needs_no_patience_when_nobody_waits() {
    // It ends by itself here; that the state is gone is what `run` checks.
    assert_eq!(
        run("setmetatable({}, { __gc = function() for i = 1, 1e6 do end end })").0,
        Outcome::Ok
    );
}
