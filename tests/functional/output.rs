//! Tables for people and JSON for programs.

use gshell_tests::{Node, node::is_id};
use serde_json::Value;

use crate::SLEEPER;

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn ps_json_has_the_promised_fields() {
    let node = Node::start();
    assert_eq!(json(&node.ok(&["ps", "--json"])), Value::Array(Vec::new()));
    let ok = node.run_script(&[], "print(1)", &[]);
    let bad = node.run_script(&[], "error 'no'", &["x"]);
    let up = node.run_script(&[], SLEEPER, &[]);
    for (id, status) in [(&ok, "exited:ok"), (&bad, "exited:error"), (&up, "running")] {
        node.wait_status(id, status);
    }
    for job in node.ps() {
        assert!(is_id(&job.id), "{job:?}");
        assert!(job.group.contains('-'), "{job:?}");
        let at = job.started_at.clone().expect("it was started");
        assert_eq!(
            (at.len() >= 20, &at[4..5], &at[10..11]),
            (true, "-", "T"),
            "RFC 3339: {at}"
        );
        assert!(
            at.ends_with('Z') || at[19..].contains(['+', '-']),
            "RFC 3339 with a zone: {at}"
        );
        assert_eq!(job.pid.is_some(), job.state == "running", "{job:?}");
        assert_eq!(job.exit.is_some(), job.state == "exited", "{job:?}");
        assert_eq!(
            job.error.is_some(),
            job.exit.as_deref() == Some("error"),
            "{job:?}"
        );
    }
    // The newest first, as the table has them.
    let order: Vec<String> = node.ps().into_iter().map(|job| job.id).collect();
    assert_eq!(order, [up, bad, ok]);
}

#[test]
fn ps_prints_a_table() {
    let node = Node::start();
    let id = node.run_script(&["-g", "tab"], SLEEPER, &[]);
    node.wait_status(&id, "running");
    let table = node.ok(&["ps"]);
    let lines: Vec<&str> = table.lines().collect();
    for column in ["ID", "GROUP", "NAME", "START", "STATUS"] {
        assert!(lines[0].contains(column), "{table}");
    }
    assert!(
        lines[1].starts_with(&id) && lines[1].contains("tab-") && lines[1].contains("running"),
        "{table}"
    );
    assert!(!table.contains('\x1b'), "no colours into a pipe: {table:?}");
}

#[test]
fn ps_of_one_shows_everything() {
    let node = Node::start();
    let id = node.run_script(&["-g", "one"], "print 'last words' error 'purple'", &["a1"]);
    node.wait_status(&id, "exited:error");
    let text = node.ok(&["ps", &id]);
    for part in [id.as_str(), "one-", "s1", "a1", "purple", "last words"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[test]
fn list_shows_the_services() {
    let node = Node::start();
    let id = node.run_script(&["-g", "svc"], SLEEPER, &[]);
    node.wait_status(&id, "running");
    let group = node.job(&id).group;
    let table = node.ok(&["list"]);
    for part in [
        "PUBLISHER",
        "SERVICE",
        "PROVIDER",
        "WLOP",
        "gshell",
        "daemon",
        "grg-svc",
        "self",
    ] {
        assert!(table.contains(part), "no {part:?} in {table}");
    }
    let verbose = node.ok(&["list", "-v"]);
    assert!(verbose.contains(".sock"), "{verbose}");
    let services = json(&node.ok(&["list", "--json"])).to_string();
    assert!(services.contains(&format!("grg-{group}")), "{services}");
}

#[test]
fn id_and_info_tell_about_the_node() {
    let node = Node::start();
    let id = node.ok(&["id"]);
    assert!(
        !id.is_empty() && id.len() <= 32 && id.chars().all(|c| c.is_ascii_alphanumeric()),
        "{id}"
    );
    assert_eq!(node.ok(&["id"]), id);
    let info = node.ok(&["info"]);
    assert!(info.contains(env!("CARGO_PKG_VERSION")), "{info}");
    json(&node.ok(&["info", "--json"]));
}

#[test]
fn selftest_and_completions() {
    let node = Node::start();
    node.cmd(&["selftest"]).ok();
    assert!(node.ok(&["selftest", "--json"]).contains("\"check\": \"CRC-32\""));
    for shell in ["bash", "zsh", "fish"] {
        assert!(node.ok(&["completions", shell]).contains("gshell"));
    }
    node.cmd(&["completions", "nosuchshell"]).fails(&["nosuchshell"]);
}

#[test]
fn a_closed_output_ends_a_command_quietly() {
    let node = Node::start();
    for _ in 0..3 {
        node.run_script(&[], "", &[]);
    }
    let mut command = node.command(["ps"]);
    command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let mut child = gshell_tests::children::spawn(&mut command).unwrap();
    let status = gshell_tests::children::wait(&mut child);
    assert!(status.code().is_some_and(|code| code != 101), "{status:?}");
}
