//! What a call costs a script, against a raw ping-pong over a unix socket: `cargo bench -p gshell-script --bench calls`.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use gshell_script::Outcome;
use gshell_service::{Handlers, PublishOptions, Publisher, Scopes, rt};
use gshell_wire::Message;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Message)]
#[message(name = "bench.Request")]
struct Request {
    who: String,
    num: i32,
}

#[derive(Serialize, Deserialize, Message)]
#[message(name = "bench.Reply")]
struct Reply {
    answer: String,
}

const CALLS: u32 = 20_000;

/// 32 bytes to and fro between two threads.
fn raw() -> Duration {
    let (mut a, mut b) = UnixStream::pair().unwrap();
    let echo = std::thread::spawn(move || {
        let mut bytes = [0; 32];
        while b.read_exact(&mut bytes).is_ok() {
            b.write_all(&bytes).unwrap();
        }
    });
    let began = Instant::now();
    let mut bytes = [7; 32];
    for _ in 0..CALLS {
        a.write_all(&bytes).unwrap();
        a.read_exact(&mut bytes).unwrap();
    }
    let took = began.elapsed();
    drop(a);
    echo.join().unwrap();
    took
}

/// Publishes a native service on a thread of its own until the result is dropped.
fn native(name: &'static str) -> std::sync::mpsc::Sender<()> {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        rt::block_on(async move {
            let handlers = Handlers::new().on(|q: Request, _| async move { Ok(Reply { answer: q.who }) });
            let publisher = Publisher::new(&common::node::node(), "bench").unwrap();
            let published = publisher.publish(name, handlers, Scopes::OS, &PublishOptions::default());
            let _published = published.unwrap();
            ready.send(()).unwrap();
            rt::unblock(move || stopped.recv()).await.ok();
        });
    });
    is_ready.recv().unwrap();
    stop
}

/// Time that this thread was on a processor: what a call costs, whatever else the machine does.
fn on_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn run(scripts: &[&str]) -> String {
    rt::block_on(async {
        let scripts: Vec<_> = scripts.iter().map(|code| common::script(code)).collect();
        let tasks: Vec<_> = scripts
            .into_iter()
            .map(|script| rt::spawn(common::finish(script)))
            .collect();
        let mut last = String::new();
        for task in tasks.into_iter().rev() {
            let (outcome, out, err) = task.await;
            assert_eq!(outcome, Outcome::Ok, "{err}");
            if last.is_empty() {
                last = out;
            }
        }
        last
    })
}

const CALLER: &str = r#"
    local gshell = require "gshell"
    local Request = gshell.message("bench.Request", "{ who: string, num: i32 }")
    local Reply = gshell.message("bench.Reply", "{ answer: string }")
    local conn = gshell.discover("bench", NAME, { timeout = 5, scope = SCOPE })
    local began
    for round = 1, 2 do
      began = gshell.now()
      for i = 1, CALLS do
        local reply = conn:call(Request, { who = "somebody", num = i })
        if reply.answer ~= "somebody" then error "wrong" end
      end
    end
    print(gshell.now() - began)
    pcall(conn.call, conn, "bench.Stop", {})
"#;

const SERVER: &str = r#"
    local gshell = require "gshell"
    local Request = gshell.message("bench.Request", "{ who: string, num: i32 }")
    local Reply = gshell.message("bench.Reply", "{ answer: string }")
    local Stop = gshell.message("bench.Stop", {})
    local server = gshell.server { publisher = "bench" }
    server:publish(NAME, {
      [Request] = function(req) return Reply { answer = req.who } end,
      [Stop] = function() server:close() return Stop {} end,
    }, { scope = SCOPE })
    server:serve()
"#;

fn main() {
    // `cargo bench ... -- process` measures only that.
    let only = std::env::args().nth(1).filter(|only| !only.starts_with('-'));
    let raw = match only {
        None => (0..3).map(|_| raw()).min().unwrap(),
        Some(_) => Duration::ZERO,
    };
    let show = |name: &str, took: f64| {
        let call = took * 1e6 / f64::from(CALLS);
        let ratio = raw.as_secs_f64() / took;
        println!("{name:36} {call:>7.2} µs a call, {ratio:.2} of raw");
    };
    show("raw ping-pong, two threads", raw.as_secs_f64());
    let head = |name: &str, scope: &str| format!("local NAME, SCOPE, CALLS = '{name}', '{scope}', {CALLS}\n");
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if wanted("native") {
        let stop = native("native");
        let took = run(&[&(head("native", "os") + CALLER)]);
        show("Lua to native, over the machine", took.trim().parse().unwrap());
        drop(stop);
    }
    for scope in ["process", "os"].into_iter().filter(|scope| wanted(scope)) {
        let head = head(scope, scope);
        let took = run(&[&(head.clone() + SERVER), &(head + CALLER)]);
        show(
            &format!("Lua to Lua, one thread, {scope}"),
            took.trim().parse().unwrap(),
        );
    }
}
