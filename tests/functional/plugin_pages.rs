//! The examples in the pages of shipped plugins, run by the built program with the plugins' files.

use std::fmt::Write;

use gshell_tests::{Node, plugins};

/// All examples of a page as one script, each in a block of its own.
fn script(page: &str) -> String {
    let (mut script, mut inside, mut count) = (String::new(), false, 0);
    for line in page.lines() {
        match (line, inside) {
            ("```lua", false) => {
                script.push_str("do\n");
                (inside, count) = (true, count + 1);
            }
            ("```", true) => {
                script.push_str("end\n");
                inside = false;
            }
            (line, true) => writeln!(script, "{line}").unwrap(),
            _ => {}
        }
    }
    assert!(count > 0, "a page has examples");
    writeln!(script, "print 'all {count} ran'").unwrap();
    script
}

fn examples_run(name: &str) {
    let mut node = Node::unstarted();
    node.set_env("GSHELL_PLUGIN_DIR", plugins::shipped());
    node.start_daemon();
    let info: serde_json::Value = serde_json::from_str(&node.ok(&["info", "--json"])).unwrap();
    if info["plugins"]["can_load"] == false {
        return;
    }
    let path = format!("{}/../docs/plugins/{name}.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(&path).unwrap();
    let out = node.run_attached(&[], &script(&page), b"");
    assert!(out.ok().contains("all "), "{name}");
}

#[test]
fn compress() {
    examples_run("compress");
}

#[test]
fn hash() {
    examples_run("hash");
}

#[test]
fn regex() {
    examples_run("regex");
}

#[test]
fn sqlite() {
    examples_run("sqlite");
}
