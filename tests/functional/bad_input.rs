//! What a wrong command line gets: a message with the name of what is wrong, an exit status, and nothing done.

use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use gshell_tests::{Node, emulated};

use crate::SLEEPER;

/// Exit statuses that the documentation promises.
const NOT_FOUND: Option<i32> = Some(3);
const UNREACHABLE: Option<i32> = Some(4);
const REFUSED: Option<i32> = Some(5);

#[test]
fn a_missing_file_is_named() {
    let node = Node::start();
    for args in [
        &["run", "nosuch.lua"][..],
        &["run", "-i", "nosuch.lua"],
        &["exec", "nosuch.lua"],
    ] {
        let place = node.work_dir().join("nosuch.lua");
        node.cmd(args).fails(&[&place.display().to_string()]);
    }
    assert!(node.ps().is_empty());
}

#[test]
fn a_folder_needs_a_main_file() {
    let node = Node::start();
    node.script("app/other.lua", "print(1)");
    for args in [&["run", "app"][..], &["exec", "app"]] {
        node.cmd(args).fails(&["app", "main.lua"]);
    }
    node.cmd(&["run", "."]).fails(&["main.lua"]);
    assert!(node.ps().is_empty());
}

#[test]
fn a_group_name_is_checked_before_anything_starts() {
    let node = Node::start();
    let script = node.script("a.lua", SLEEPER);
    let long = "a".repeat(33);
    for name in [
        "a/b", "../x", "a_b", "a b", "*", "", "grüße", ".", "..", "daemon", &long,
    ] {
        node.cmd(&["run", "-g", name, &script]).fails(&["group"]);
    }
    assert!(node.ps().is_empty());
    assert!(node.groups().is_empty(), "no group was started");
}

#[test]
fn options_are_checked_before_anything_starts() {
    let node = Node::start();
    let script = node.script("a.lua", SLEEPER);
    for (option, value) in [
        ("--max-threads", "many"),
        ("--max-threads", "0"),
        ("--rt", "100"),
        ("--rt", "0"),
        ("--mem", "lots"),
        ("--user", "no-such-user-here"),
        ("--restart", "-1"),
        ("--restart", "often"),
    ] {
        node.cmd(&["run", &format!("{option}={value}"), &script])
            .fails(&[value]);
    }
    assert!(node.ps().is_empty());
    assert!(node.groups().is_empty(), "no group was started");
}

#[test]
fn what_matches_nothing_is_an_error() {
    let node = Node::start();
    for command in ["ps", "stop", "start", "restart", "rm", "log", "attach"] {
        for name in ["0123456789ab", "nosuch"] {
            let out = node.cmd(&[command, name]);
            out.fails(&[name]);
            assert_eq!(out.code, NOT_FOUND, "{out:?}");
        }
    }
    let out = node.cmd(&["ps", "-g", "nosuch"]);
    assert_eq!(out.fails(&["group", "nosuch"]).code, NOT_FOUND);
    let out = node.cmd(&["kill", "nosuch"]);
    assert_eq!(out.fails(&["nosuch"]).code, NOT_FOUND);
    assert_eq!(node.cmd(&["stop", "no*such"]).fails(&["no*such"]).code, NOT_FOUND);
}

#[test]
fn one_unknown_name_among_known_ones_is_an_error_too() {
    let node = Node::start();
    let id = node.run_script(&["-g", "one"], SLEEPER, &[]);
    let out = node.cmd(&["stop", &id, "nosuch"]);
    out.fails(&["nosuch"]);
    node.wait_status(&id, "exited:killed");
}

#[test]
fn log_and_rm_take_no_paths() {
    let node = Node::start();
    std::fs::write(node.run_dir().join("secret"), "secret").unwrap();
    let id = node.run_script(&[], "print 'x'", &[]);
    node.wait_status(&id, "exited:ok");
    for command in ["log", "rm"] {
        for path in [
            "../../../../etc/hostname",
            "../secret",
            "/etc/hostname",
            "./daemon",
            &format!("./{id}"),
        ] {
            let out = node.cmd(&[command, path]);
            out.fails(&[]);
            assert_eq!(out.stdout, "", "{out:?}");
        }
    }
    assert!(node.run_dir().join("secret").exists());
    assert_eq!(node.ps().len(), 1);
}

#[test]
fn a_refused_kill_changes_nothing() {
    let node = Node::start();
    let id = node.run_script(&["-g", "busy"], SLEEPER, &[]);
    node.wait_status(&id, "running");
    let before = node.job(&id);
    let out = node.cmd(&["kill", "busy"]);
    assert_eq!(out.fails(&["busy"]).code, REFUSED, "{out:?}");
    let after = node.job(&id);
    assert_eq!(
        (after.state, after.pid, after.restarts),
        (before.state, before.pid, before.restarts)
    );
}

#[test]
fn rm_of_a_running_environment_is_refused() {
    let node = Node::start();
    let id = node.run_script(&[], SLEEPER, &[]);
    node.wait_status(&id, "running");
    assert_eq!(node.cmd(&["rm", &id]).fails(&[&id]).code, REFUSED);
    assert_eq!(node.job(&id).state, "running");
}

#[test]
fn an_absent_daemon_is_told_at_once() {
    let mut node = Node::unstarted();
    let script = node.script("a.lua", SLEEPER);
    node.start_daemon();
    let told = |node: &Node| {
        for args in [
            &["ps"][..],
            &["ps", "--json"],
            &["run", &script],
            &["stop", "x"],
            &["log", "daemon"],
        ] {
            let out = node.cmd(args);
            assert_eq!(out.fails(&["node"]).code, UNREACHABLE, "{out:?}");
            assert!(out.took < emulated::slower(Duration::from_millis(100)), "{out:?}");
        }
    };
    // Its socket file is left behind, and nobody listens.
    node.kill_everything();
    told(&node);
    // Nothing was ever there.
    told(&Node::unstarted());
}

#[test]
fn a_daemon_that_hangs_does_not_hang_the_command_line_for_ever() {
    let node = Node::start();
    let stop =
        |signal| nix::sys::signal::kill(nix::unistd::Pid::from_raw(node.daemon_pid()), signal).unwrap();
    stop(nix::sys::signal::Signal::SIGSTOP);
    let out = node.cmd(&["ps"]);
    stop(nix::sys::signal::Signal::SIGCONT);
    assert_eq!(out.fails(&[]).code, UNREACHABLE, "{out:?}");
    assert_eq!(node.ps(), []);
}

#[test]
fn wrong_usage_has_its_own_status() {
    let node = Node::unstarted();
    for args in [
        &["frobnicate"][..],
        &["run"],
        &["stop"],
        &["ps", "--frobnicate"],
        &["kill"],
        &["log"],
    ] {
        let out = node.cmd(args);
        assert_eq!(out.fails(&[]).code, Some(2), "{out:?}");
    }
    let odd = std::ffi::OsString::from_vec(b"a\xff".to_vec());
    let mut command = node.command(["stop"]);
    command.arg(odd);
    let out = gshell_tests::command::run(command, b"");
    assert_eq!(out.fails(&["a\\xff", "UTF-8", "ID|NAME"]).code, Some(2));
    node.cmd(&["ps", "--gruop", "x"])
        .fails(&["did you mean '--group'"]);
    node.cmd(&["strat", "x"]).fails(&["did you mean 'start'"]);
    for args in [&["--help"][..], &["run", "-h"], &["help", "run"]] {
        assert!(node.ok(args).contains("--log-level"), "{args:?}");
    }
    node.cmd(&["--help"]).ok();
    assert!(node.ok(&["--version"]).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_run_dir_that_is_too_long_for_sockets_is_named() {
    let node = Node::unstarted();
    let long = node.work_dir().join("d".repeat(120));
    let mut command = node.command(["daemon"]);
    command.env("GSHELL_RUN_DIR", &long);
    gshell_tests::command::run(command, b"").fails(&["ddd"]);
}
