//! The examples of the repository, as the README runs them.

use gshell_tests::{Node, binary, terminal::Terminal};

fn example(name: &str) -> String {
    binary::repository()
        .join("examples")
        .join(name)
        .display()
        .to_string()
}

#[test]
fn hello() {
    let node = Node::start();
    let out = node.cmd(&["run", "-i", &example("hello.lua")]);
    assert!(out.ok().to_lowercase().contains("hello"), "{out:?}");
}

#[test]
fn top_prints_this_machines_processes() {
    let node = Node::start();
    let out = node.cmd(&["run", "-i", &example("top.lua"), "-n", "1"]);
    let table = out.ok();
    assert!(table.contains("PID") && table.contains("CPU"), "{table}");
    assert!(table.lines().count() >= 5, "{table}");
    assert!(!table.contains('\x1b'), "one plain table: {table:?}");
}

#[test]
fn top_as_json() {
    let node = Node::start();
    let out = node.cmd(&["run", "-i", &example("top.lua"), "-n", "1", "--json"]);
    let value: serde_json::Value = serde_json::from_str(out.ok()).expect("JSON");
    let processes = value
        .as_array()
        .or_else(|| value["processes"].as_array())
        .expect("an array of processes");
    assert!(
        processes.iter().any(|process| process["pid"].is_number()),
        "{value}"
    );
}

#[test]
fn top_as_a_tree() {
    let node = Node::start();
    let out = node.cmd(&["run", "-i", &example("top.lua"), "-n", "1", "--tree"]);
    assert!(out.ok().lines().count() >= 5, "{out:?}");
}

#[test]
fn top_refreshes_on_a_terminal_until_ctrl_c() {
    let node = Node::start();
    let mut terminal = Terminal::start(&node.command(["run", "-i", &example("top.lua")]));
    terminal.wait_shown("PID");
    let first = terminal.shown().len();
    gshell_tests::wait_until("it refreshes", gshell_tests::DEADLINE, || {
        terminal.shown().len() > first + 100
    });
    terminal.send(gshell_tests::terminal::CTRL_C);
    terminal.wait_end();
}
