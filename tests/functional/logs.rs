//! `log`: of environments, groups and the daemon; the last lines, and following.

use gshell_tests::Node;
use gshell_tests::stdin::Fed;

#[test]
fn the_last_lines() {
    let node = Node::start();
    let id = node.run_script(
        &[],
        "for i = 1, 10 do print(i) end io.stderr:write('err\\n')",
        &[],
    );
    node.wait_status(&id, "exited:ok");
    assert_eq!(node.ok(&["log", &id]).lines().count(), 11);
    assert_eq!(node.ok(&["log", "-n", "2", &id]), "10\nerr");
    assert_eq!(node.cmd(&["log", "-n", "0", &id]).ok(), "");
    assert_eq!(node.ok(&["log", "s1"]).lines().count(), 11, "by its name");
}

#[test]
fn following_ends_with_the_job() {
    let node = Node::start();
    let text = "local g = require 'gshell' for i = 1, 5 do print(i) g.sleep(0.05) end";
    let id = node.run_script(&[], text, &[]);
    let follow = Fed::start(node.command(["log", "-f", &id]));
    let lines: Vec<String> = (0..5).map(|_| follow.line()).collect();
    assert_eq!(lines, ["1", "2", "3", "4", "5"]);
}

#[test]
fn following_an_unknown_name_does_not_hang() {
    let node = Node::start();
    node.cmd(&["log", "-f", "nosuch"]).fails(&["nosuch"]);
}

#[test]
fn the_daemon_and_the_groups_have_logs_too() {
    let node = Node::start();
    let id = node.run_script(&["-g", "logged"], "print 'x'", &[]);
    node.wait_status(&id, "exited:ok");
    let log = node.ok(&["log", "daemon"]);
    assert!(
        log.contains(env!("CARGO_PKG_VERSION")),
        "its first line has the version: {log}"
    );
    node.cmd(&["log", "logged"]).ok();
}

#[test]
fn a_log_keeps_to_its_bound() {
    let node = Node::start();
    let text = "for i = 1, 100000 do print('line number ' .. i) end";
    let id = node.run_script(&["-g", "big"], text, &[]);
    node.wait_status(&id, "exited:ok");
    let log = node.cmd(&["log", &id]).stdout;
    assert!(log.ends_with("line number 100000\n"), "the newest lines stay");
    assert!(
        log.len() >= 16 * 1024 && log.len() <= 128 * 1024,
        "{} bytes",
        log.len()
    );
    let dir: u64 = std::fs::read_dir(node.run_dir().join("log"))
        .unwrap()
        .flatten()
        .map(|entry| entry.metadata().map_or(0, |meta| meta.len()))
        .sum();
    assert!(dir < 512 * 1024, "all logs together: {dir} bytes");
}

#[test]
fn bytes_that_are_no_text_come_through() {
    let node = Node::start();
    let out = node.run_attached(&[], "io.write('a\\0b', '\\255\\254', '\\r\\n')", b"");
    assert_eq!(out.stdout.as_bytes(), "a\0b\u{fffd}\u{fffd}\r\n".as_bytes());
    let id = node.ps()[0].id.clone();
    assert!(node.cmd(&["log", &id]).stdout.contains("a\0b"));
}
