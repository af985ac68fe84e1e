//! `run -i` and `attach` through pipes: input, output, exit status, and a client that goes away.

use std::time::Duration;

use gshell_tests::stdin::Fed;
use gshell_tests::{Node, binary, emulated, wait_until};

const ECHO: &str = "for line in io.lines() do print('got ' .. line) io.stdout:flush() end print('end')";

#[test]
fn output_input_and_status() {
    let node = Node::start();
    let out = node.run_attached(
        &[],
        "print(io.read('a')) io.stderr:write('oops\\n') os.exit(7)",
        b"in\nput",
    );
    assert_eq!(
        (out.code, out.stdout.as_str(), out.stderr.as_str()),
        (Some(7), "in\nput\n", "oops\n")
    );
}

#[test]
fn the_end_of_input_reaches_the_script() {
    let node = Node::start();
    assert_eq!(node.run_attached(&[], "print(#io.read('a'))", b"").ok(), "0");
    assert_eq!(
        node.run_attached(&[], ECHO, b"a\nb\nc").ok(),
        "got a\ngot b\ngot c\nend"
    );
}

#[test]
fn input_and_output_take_turns() {
    let node = Node::start();
    let script = node.script("echo.lua", ECHO);
    let mut fed = Fed::start(node.command(["run", "-i", &script]));
    for word in ["one", "two", "three"] {
        fed.send(word);
        assert_eq!(fed.line(), format!("got {word}"));
    }
    fed.end_input();
    assert_eq!(fed.line(), "end");
    assert_eq!(fed.wait_end(), Some(0));
}

#[test]
fn much_input_and_output_arrives_whole() {
    let node = Node::start();
    let input: Vec<u8> = (0..200_000u32)
        .flat_map(|n| format!("{n}\n").into_bytes())
        .collect();
    let text = "local n, sum = 0, 0 for line in io.lines() do n = n + 1 sum = sum + line end print(n, sum)";
    assert_eq!(node.run_attached(&[], text, &input).ok(), "200000\t19999900000");
    let out = node.run_attached(&[], "io.write(io.read('a'))", &input);
    assert!(
        out.stdout.as_bytes() == input,
        "{} bytes of {} came back",
        out.stdout.len(),
        input.len()
    );
}

#[test]
fn fifty_thousand_lines_in_half_a_second() {
    let node = Node::start();
    let bound = Duration::from_millis(if binary::is_release() { 500 } else { 4000 });
    // The best of three: this machine may be busy with other tests.
    let times: Vec<Duration> = (0..3)
        .map(|_| {
            let out = node.run_attached(&[], "for i = 1, 50000 do print('line ' .. i) end", b"");
            assert_eq!(out.ok().lines().count(), 50_000);
            assert_eq!(out.stdout.lines().last(), Some("line 50000"));
            out.took
        })
        .collect();
    assert!(
        *times.iter().min().unwrap() < emulated::slower(bound),
        "{times:?}"
    );
}

#[test]
fn endless_output_slows_the_script_and_not_the_node() {
    let node = Node::start();
    let script = node.script("yes.lua", "while true do print(('y'):rep(100)) end");
    let detached = node.ok(&["run", "-g", "noise", &script]);
    let mut attached = Fed::start(node.command(["run", "-i", "-g", "noise", &script]));
    assert_eq!(attached.line().len(), 100);
    let times: Vec<Duration> = (0..20).map(|_| node.cmd(&["ps"]).took).collect();
    assert!(times.iter().max().unwrap() < &Duration::from_secs(1), "{times:?}");
    let daemon_kb = gshell_tests::proc::memory_kb(node.daemon_pid(), "Pss").unwrap();
    assert!(daemon_kb < 20_000, "the daemon holds {daemon_kb} kB");
    let log_bytes = node.cmd(&["log", &detached]).stdout.len();
    assert!(log_bytes <= 128 * 1024, "the log is bounded: {log_bytes} bytes");
    node.ok(&["stop", &detached]);
    node.wait_status(&detached, "exited:killed");
    attached.kill();
}

#[test]
fn a_client_that_dies_leaves_the_job_running() {
    let node = Node::start();
    let script = node.script(
        "tick.lua",
        "local g = require 'gshell' for i = 1, 1e9 do print(i) g.sleep(0.01) end",
    );
    let mut client = Fed::start(node.command(["run", "-i", &script]));
    assert_eq!(client.line(), "1");
    client.kill();
    let id = node.ps()[0].id.clone();
    let seen: u32 = node.ok(&["log", "-n", "1", &id]).parse().unwrap();
    wait_until("it goes on", gshell_tests::DEADLINE, || {
        node.ok(&["log", "-n", "1", &id]).parse::<u32>().unwrap() > seen + 5
    });
    // Somebody else comes to it.
    let mut again = Fed::start(node.command(["attach", &id]));
    again.line();
    again.kill();
    assert_eq!(node.job(&id).state, "running");
}

#[test]
fn attach_gives_input_and_the_exit_status() {
    let node = Node::start();
    let script = node.script(
        "att.lua",
        "print('ready') local line = io.read() print('read ' .. line) os.exit(5)",
    );
    let mut first = Fed::start(node.command(["run", "-i", "-g", "att", &script]));
    assert_eq!(first.line(), "ready");
    let id = node.ps()[0].id.clone();
    first.kill();
    let mut client = Fed::start(node.command(["attach", &id]));
    client.send("hello");
    while client.line() != "read hello" {}
    assert_eq!(client.wait_end(), Some(5));
    assert_eq!(node.wait_status(&id, "exited:error").code, Some(5));
}

#[test]
fn one_large_write_arrives_whole() {
    let node = Node::start();
    let out = node.run_attached(&[], "io.write(('x'):rep(2000000)) print('end')", b"");
    assert_eq!(out.ok().len(), 2_000_003);
}

#[test]
fn killed_from_elsewhere_the_client_ends() {
    let node = Node::start();
    let script = node.script("sleep.lua", crate::SLEEPER);
    let mut client = Fed::start(node.command(["run", "-i", "-g", "victim", &script]));
    client.line();
    node.ok(&["kill", "-f", "victim"]);
    assert!(client.wait_end().is_some_and(|code| code != 0));
}

#[test]
fn input_that_cannot_be_read_ends() {
    let node = Node::start();
    let script = node.script("count.lua", "print(#io.read('a'))");
    let folder = std::fs::File::open(node.work_dir()).unwrap();
    let mut command = node.command(["run", "-i", &script]);
    let out = command.stdin(folder).output().unwrap();
    let err = String::from_utf8_lossy(&out.stderr);
    assert_eq!(
        (out.status.code(), out.stdout.as_slice()),
        (Some(0), b"0\n".as_slice()),
        "{err}"
    );
    assert!(err.contains("cannot read standard input"), "{err}");
}
