//! Time slices with plain mlua: what a script cannot do to the thread that runs it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gshell_sys::slice::{self, Protect, Running};
use mlua::{Function, Lua, MultiValue, Thread};

const RUNNING: Running = Running {
    id: *b"0123456789ab",
    slice: Duration::from_millis(2),
};

/// Another environment, whose slices are longer.
const OTHER: Running = Running {
    id: *b"ba9876543210",
    slice: Duration::from_millis(5),
};

fn state() -> Lua {
    slice::init().unwrap();
    let lua = Lua::new();
    let convert = lua
        .create_function(|_, e: mlua::Error| Ok(e.to_string()))
        .unwrap();
    slice::install(
        &lua,
        &Protect {
            convert,
            memory: "the memory limit".into(),
        },
    )
    .unwrap();
    let pause = lua
        .create_async_function(|_, n: u32| async move {
            for _ in 0..n {
                futures_yield().await;
            }
            Ok(n)
        })
        .unwrap();
    lua.globals().set("pause", pause).unwrap();
    lua
}

/// Pending once.
async fn futures_yield() {
    let mut first = true;
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::take(&mut first) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
}

struct Script {
    thread: Thread,
    future: Pin<Box<dyn Future<Output = mlua::Result<MultiValue>>>>,
}

impl Script {
    fn new(lua: &Lua, code: &str) -> Script {
        let function: Function = lua.load(code).set_name("=script").into_function().unwrap();
        let thread = lua.create_thread(function).unwrap();
        let future = Box::pin(thread.clone().into_async::<MultiValue>(()).unwrap());
        Script { thread, future }
    }

    /// One poll: the result if it ended, and whether its slice was over.
    fn poll(&mut self) -> (Option<mlua::Result<MultiValue>>, bool) {
        let guard = slice::enter(&self.thread, &RUNNING);
        let polled = self.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let sliced = guard.finish();
        match polled {
            Poll::Ready(r) => (Some(r), sliced),
            Poll::Pending => (None, sliced),
        }
    }

    /// Polls to its end; its results and the number of slices.
    fn finish(mut self) -> (mlua::Result<Vec<String>>, u32) {
        let mut slices = 0;
        loop {
            let (done, sliced) = self.poll();
            slices += u32::from(sliced);
            if let Some(result) = done {
                return (
                    result.map(|v| v.iter().map(|v| v.to_string().unwrap()).collect()),
                    slices,
                );
            }
        }
    }
}

fn eval(code: &str) -> Vec<String> {
    let lua = state();
    Script::new(&lua, code).finish().0.unwrap()
}

#[test]
fn endless_loops_yield_again_and_again() {
    for code in [
        "while true do end",
        "while true do pcall(error) end",
        "while true do pcall(function() while true do end end) end",
        "local co = coroutine.wrap(function() while true do end end) co()",
        "while true do coroutine.resume(coroutine.create(function() while true do pcall(error) end end)) end",
        "local function f() return f() end f()",
        "while true do coroutine.wrap(function() end)() end",
        "while true do xpcall(error, function() end) end",
        "while true do table.sort({ 3, 2, 1 }, function(a, b) return a < b end) end",
    ] {
        let lua = state();
        let mut script = Script::new(&lua, code);
        // A slice that ends inside a coroutine may take one more poll to come up to here.
        let mut slices = 0;
        for _ in 0..20 {
            let (done, sliced) = script.poll();
            assert!(done.is_none(), "{code}: {done:?}");
            slices += u32::from(sliced);
        }
        assert!(slices >= 10, "{code}: {slices}");
    }
}

#[test]
fn a_computation_survives_its_slices() {
    let lua = state();
    let code = "local s, t = 0, {}
        for i = 1, 3000000 do s = s + i; t[i % 10] = ('x'):rep(i % 3) end
        local co = coroutine.wrap(function(a) for i = 1, 1000000 do a = coroutine.yield(a + i) end return 'end' end)
        local v = 0
        for i = 1, 1000000 do v = co(0) end
        return s, v, co(0)";
    let (result, slices) = Script::new(&lua, code).finish();
    assert_eq!(result.unwrap(), ["4500001500000", "1000000", "end"]);
    assert!(slices > 3, "{slices} slices");
}

#[test]
fn a_script_that_does_not_run_long_is_never_sliced() {
    let lua = state();
    let before = slice::counts();
    let (result, slices) = Script::new(&lua, "return pause(3)").finish();
    assert_eq!((result.unwrap(), slices), (vec!["3".to_string()], 0));
    assert_eq!(slice::counts().slices, before.slices);
}

#[test]
fn waits_pass_through_the_scripts_own_coroutines() {
    let got = eval(
        "local co = coroutine.create(function(a)
            local inner = coroutine.wrap(function(x) local n = pause(3); local y = coroutine.yield(x + n); return y + pause(2) end)
            local b = coroutine.yield(inner(a))
            return inner(b), pause(1)
        end)
        local _, first = coroutine.resume(co, 10)
        local ok, second, third = coroutine.resume(co, 20)
        return first, ok, second, third, coroutine.status(co), select('#', coroutine.resume(co))",
    );
    assert_eq!(got, ["13", "true", "22", "1", "dead", "2"]);
}

#[test]
fn errors_pass_as_in_the_stock_library() {
    let lua = Lua::new();
    let code = "local out = {}
        local function add(...) for i = 1, select('#', ...) do out[#out + 1] = tostring((select(i, ...))) end end
        add(coroutine.resume(coroutine.create(function() error('boom') end)))
        add(coroutine.resume(coroutine.create(function() error({}, 2) end)) )
        add(pcall(coroutine.wrap(function() error('boom') end)))
        add(pcall(function() coroutine.wrap(function() error('boom') end)() end))
        add(pcall(function() local w = coroutine.wrap(function() end) w() w() end))
        add(pcall(coroutine.resume, 1))
        add(pcall(coroutine.wrap, 1))
        add(pcall(pcall))
        add(pcall(xpcall, print))
        add(xpcall(function(...) return ... end, print, 1, 2, 3))
        add(xpcall(error, function(m) return 'handled ' .. tostring(m) end, 'e'))
        local co co = coroutine.create(function() return coroutine.resume(co) end)
        add(coroutine.resume(co))
        add(coroutine.close(coroutine.create(print)))
        add(pcall(string.rep))
        return table.concat(out, '|')";
    let stock: String = lua.load(code).set_name("=script").eval().unwrap();
    let strip = |s: &str| {
        s.split("table: ")
            .map(|p| p.trim_start_matches("0x"))
            .map(|p| p.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
            .collect::<String>()
    };
    assert_eq!(strip(&eval(code)[0]), strip(&stock));
}

#[test]
fn errors_that_waited_pass_too() {
    let got = eval(
        "local a = { pcall(coroutine.wrap(function() pause(2) error('late') end)) }
        local b = { coroutine.resume(coroutine.create(function() pause(2) error('later') end)) }
        local w = coroutine.wrap(function() local t <close> = setmetatable({}, { __close = function() closed = true end }) pause(1) error({ 'x' }) end)
        local c = { pcall(w) }
        return a[1], a[2], b[1], b[2], c[2][1], closed",
    );
    assert_eq!(
        got,
        ["false", "script:1: late", "false", "script:2: later", "x", "true"]
    );
}

#[test]
fn rust_errors_and_panics_are_converted_where_they_are_caught() {
    let lua = state();
    lua.globals()
        .set(
            "fail",
            lua.create_function(|_, ()| Err::<(), _>(mlua::Error::runtime("no")))
                .unwrap(),
        )
        .unwrap();
    #[allow(clippy::panic)]
    lua.globals()
        .set(
            "crash",
            lua.create_function(|_, ()| -> mlua::Result<()> { panic!("oh dear") })
                .unwrap(),
        )
        .unwrap();
    let code = "local _, a = pcall(fail)
        local _, b = xpcall(fail, function(m) return type(m) end)
        local _, c = coroutine.resume(coroutine.create(fail))
        local _, d = pcall(crash)
        return type(a), b, type(c), d";
    let got = Script::new(&lua, code).finish().0.unwrap();
    assert_eq!(
        got,
        [
            "string",
            "string",
            "string",
            "internal error in a built-in function: oh dear"
        ]
    );
}

#[test]
fn a_full_memory_says_which_limit() {
    let lua = state();
    lua.set_memory_limit(2 << 20).unwrap();
    let code =
        "local ok, e = pcall(function() local t = {} for i = 1, 1e9 do t[i] = i .. 'x' end end) return e";
    assert_eq!(Script::new(&lua, code).finish().0.unwrap(), ["the memory limit"]);
}

#[test]
fn lua_that_cannot_yield_runs_on_and_is_counted() {
    let lua = state();
    let before = slice::counts();
    let code = "local n = 0
        local function slow() for i = 1, 3000000 do n = n + 1 end end
        table.sort({ 3, 2, 1 }, function(a, b) slow() return a < b end)
        local co = coroutine.wrap(function() slow() coroutine.yield(1) slow() return 2 end)
        local a = ('x'):gsub('x', function() return co() end)
        return n > 0, a, co()";
    let (result, _) = Script::new(&lua, code).finish();
    assert_eq!(result.unwrap(), ["true", "1", "2"]);
    assert!(slice::counts().overruns > before.overruns);
}

#[test]
fn condemned_code_cannot_catch_its_way_out() {
    let lua = state();
    lua.globals()
        .set(
            "condemn",
            lua.create_function(|_, ()| {
                slice::condemn();
                Ok(())
            })
            .unwrap(),
        )
        .unwrap();
    let code = "return pcall(string.gsub, 'x', 'x', function() while true do pcall(condemn) end end)";
    let (result, slices) = Script::new(&lua, code).finish();
    let got = result.unwrap();
    assert_eq!((got[0].as_str(), slices), ("false", 1));
    assert!(got[1].contains("cannot be interrupted"), "{got:?}");
}

/// A global function of a script, in which something of another environment runs at once.
fn within(lua: &Lua, running: Running, work: impl Fn() + 'static) {
    let within = lua.create_function(move |_, ()| {
        slice::watched(&running, &work);
        Ok(())
    });
    lua.globals().set("within", within.unwrap()).unwrap();
}

fn condemnable() -> Lua {
    let lua = state();
    let condemn = lua.create_function(|_, ()| {
        slice::condemn();
        Ok(())
    });
    lua.globals().set("condemn", condemn.unwrap()).unwrap();
    lua
}

#[test]
fn time_of_a_run_within_another_is_time_of_both() {
    let (lua, calls) = (state(), Rc::new(Cell::new(0)));
    let seen = calls.clone();
    within(&lua, OTHER, move || {
        seen.set(seen.get() + 1);
        let before = slice::expiries();
        while slice::expiries() == before {}
    });
    let mut script = Script::new(&lua, "for i = 1, 20 do within() end");
    let (done, sliced) = script.poll();
    assert!(done.is_none() && sliced, "{done:?} {sliced}");
    // The timer was armed in this run; in later ones, the first expiry may be for the run before.
    assert!(calls.get() <= 1, "{} calls", calls.get());
    for turn in 2..5 {
        assert!(script.poll().1);
        assert!(calls.get() <= 2 * turn, "{} calls in {turn} slices", calls.get());
    }
}

#[test]
fn a_run_within_another_has_a_slice_of_its_own() {
    let lua = state();
    let (slices, other) = (Rc::new(Cell::new(0)), state());
    let seen = slices.clone();
    within(&lua, OTHER, move || {
        let mut busy = Script::new(&other, "while true do end");
        let guard = slice::enter(&busy.thread, &OTHER);
        let polled = busy.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        seen.set(seen.get() + u32::from(guard.finish()));
    });
    let (result, sliced) = Script::new(&lua, "within() local n = 1 return n").finish();
    assert_eq!(result.unwrap(), ["1"]);
    // The outer one waited for longer than a slice: it yields at its next instruction, once.
    assert!(slices.get() == 1 && sliced >= 1, "{slices:?} {sliced}");
}

#[test]
fn what_runs_within_another_is_condemned_alone() {
    let (lua, other) = (state(), condemnable());
    within(&lua, OTHER, move || {
        let code = "return pcall(string.gsub, 'x', 'x', function() while true do pcall(condemn) end end)";
        let mut script = Script::new(&other, code);
        // Condemned, it unwinds to where it can yield.
        assert_eq!(script.poll().0.map(|done| done.is_ok()), None);
    });
    let code = "local out = 'none'
        local ok, e = pcall(string.gsub, 'x', 'x', function() within() out = 'all' end)
        return ok, out";
    let (result, _) = Script::new(&lua, code).finish();
    assert_eq!(result.unwrap(), ["true", "all"]);
}

#[test]
fn scripts_nest_as_far_as_there_is_stack() {
    fn deep(bytes: usize) -> bool {
        let room = [0_u8; 4096];
        match std::hint::black_box(&room).len() {
            size if size < bytes => deep(bytes - size),
            _ => slice::may_nest(),
        }
    }
    let lua = state();
    assert!(
        deep(slice::STACK / 3),
        "where no script runs, there is nothing to share"
    );
    within(&lua, OTHER, || {
        assert!(slice::may_nest());
        assert!(!deep(slice::STACK / 3), "too much of the stack is in use");
        slice::watched(&RUNNING, || assert!(!slice::may_nest(), "two are enough"));
    });
    Script::new(&lua, "within()").finish().0.unwrap();
}
