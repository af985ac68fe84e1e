//! What the sandbox costs, against the stock library in the same process: `cargo bench -p gshell-script`.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use gshell_script::{Limits, Outcome};
use gshell_service::rt;
use mlua::Lua;

const WORK: &[(&str, &str)] = &[
    (
        "fib(30)",
        "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end fib(30)",
    ),
    (
        "loop of 30 M",
        "local s = 0 for i = 1, 30000000 do s = s + i % 7 end",
    ),
    (
        "tables",
        "for n = 1, 30 do local t = {} for i = 1, 100000 do t[i] = { i } end end",
    ),
    (
        "strings",
        "local t = {} for i = 1, 500000 do t[i % 100] = ('%d:%s'):format(i, 'x'):upper() end",
    ),
    (
        "2 M pcall",
        "local f = function() end for i = 1, 2000000 do pcall(f) end",
    ),
    (
        "2 M resume",
        "local co = coroutine.create(function() while true do coroutine.yield() end end)
        for i = 1, 2000000 do coroutine.resume(co) end",
    ),
    (
        "2 M wrap",
        "local co = coroutine.wrap(function(a) while true do a = coroutine.yield(a) end end)
        for i = 1, 2000000 do co(i) end",
    ),
    (
        "100 k coroutines",
        "for i = 1, 100000 do coroutine.wrap(function() end)() end",
    ),
];

fn stock(code: &str) -> Duration {
    let lua = Lua::new();
    let began = Instant::now();
    lua.load(code).exec().unwrap();
    began.elapsed()
}

fn ours(code: &str) -> Duration {
    rt::block_on(async {
        let script = common::load(
            &[("main.lua", code)],
            Limits {
                memory: 0,
                ..Limits::default()
            },
        )
        .unwrap();
        let began = Instant::now();
        assert_eq!(script.env.run().await, Outcome::Ok);
        began.elapsed()
    })
}

fn main() {
    for (name, code) in WORK {
        let best = |f: fn(&str) -> Duration| (0..5).map(|_| f(code)).min().unwrap();
        let (stock, ours) = (best(stock), best(ours));
        println!(
            "{name:18} stock {stock:>9.1?} ours {ours:>9.1?} ratio {:.3}",
            ours.as_secs_f64() / stock.as_secs_f64()
        );
    }
    println!(
        "50 k print         {:.1?}",
        ours("for i = 1, 50000 do print(i, 'line') end")
    );
    println!(
        "50 k io.write      {:.1?}",
        ours("for i = 1, 50000 do io.write(i, ' line\\n') end")
    );
    println!(
        "100 k sleep(0)     {:.1?}",
        ours("local s = require('gshell').sleep for i = 1, 100000 do s(0) end")
    );
    println!(
        "100 k channel      {:.1?}",
        ours(
            "local g = require('gshell') local c = g.channel(8) g.spawn(function() for i = 1, 100000 do c:send(i) end c:close() end) for v in c:iter() do end"
        )
    );
    println!(
        "hello              {:.1?}",
        (0..20).map(|_| ours("print('hello')")).min().unwrap()
    );
    let began = Instant::now();
    let scripts: Vec<_> = (0..50).map(|_| common::script("")).collect();
    println!(
        "new environment    {:.1?}, {} bytes of Lua",
        began.elapsed() / 50,
        scripts[0].env.memory()
    );
}
