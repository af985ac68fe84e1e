//! What shells are told when the tab key is pressed: the program's own words, and what runs at the moment.

use std::os::unix::ffi::OsStringExt;
use std::process::Command;
use std::time::Duration;

use gshell_tests::{Node, emulated, tools};

use crate::SLEEPER;

/// The words of the candidates, without what is said about them.
fn complete(node: &Node, words: &[&str]) -> Vec<String> {
    let line: Vec<&str> = [&["__complete"], words].concat();
    let out = node.ok(&line);
    out.lines()
        .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn what_runs_completes() {
    let node = Node::start();
    let script = node.script("sleeper.lua", SLEEPER);
    let id = node.ok(&["run", "-g", "tab", &script]);
    assert_eq!(complete(&node, &["stop", &id[..4]]), [id.as_str()]);
    assert_eq!(complete(&node, &["attach", "sl"]), ["sleeper"]);
    for words in [&["ps", "-g", "t"][..], &["kill", "t"], &["log", "t"]] {
        assert_eq!(complete(&node, words), ["tab"], "{words:?}");
    }
    assert_eq!(complete(&node, &["ps", "--group=t"]), ["--group=tab"]);
}

#[test]
fn without_a_node_nothing_is_said_and_none_is_started() {
    let node = Node::unstarted();
    let mut command = node.command(["__complete", "stop", ""]);
    command.env_remove("GSHELL_NO_AUTOSTART");
    let out = gshell_tests::command::run(command, b"");
    assert_eq!((out.ok(), out.stderr.as_str()), ("", ""));
    assert!(node.processes().is_empty());
    assert_eq!(complete(&node, &["star"]), ["start"]);
    assert_eq!(complete(&node, &["run", ""]), [":files"]);
}

#[test]
fn a_node_that_hangs_is_not_waited_for() {
    let node = Node::start();
    let signal =
        |signal| nix::sys::signal::kill(nix::unistd::Pid::from_raw(node.daemon_pid()), signal).unwrap();
    signal(nix::sys::signal::Signal::SIGSTOP);
    let out = node.cmd(&["__complete", "stop", ""]);
    signal(nix::sys::signal::Signal::SIGCONT);
    assert_eq!(out.ok(), "");
    assert!(out.took < emulated::slower(Duration::from_secs(2)), "{out:?}");
}

#[test]
fn odd_words_do_no_harm() {
    let node = Node::unstarted();
    assert!(complete(&node, &[]).contains(&"run".to_owned()));
    for words in [
        &["-"][..],
        &["--"],
        &["=", "="],
        &["--group", "="],
        &["--x=", "y"],
        &["run", "-g"],
    ] {
        complete(&node, words);
    }
    let mut command = node.command(["__complete", "stop"]);
    command.arg(std::ffi::OsString::from_vec(vec![0xff, 0xfe]));
    gshell_tests::command::run(command, b"").ok();
}

/// The scripts themselves, in the shells that this machine has.
#[test]
fn the_scripts_work_in_their_shells() {
    let node = Node::start();
    let folder = gshell_tests::binary::gshell();
    let folder = folder.parent().unwrap().display();
    let bash = format!(
        "PATH={folder}:$PATH; source <(gshell completions bash); \
         t() {{ COMP_WORDS=(gshell \"$@\"); COMP_CWORD=$#; _gshell; echo \"${{COMPREPLY[*]}}\"; }}; \
         t rest; t ps --log-level = d; t ps --log-level =; t run o"
    );
    let fish = format!(
        "set -x PATH {folder} $PATH; gshell completions fish | source; \
         complete -C 'gshell rest'; complete -C 'gshell ps --log-level=d'; complete -C 'gshell run o'"
    );
    // The functions of its completion system are there only at a prompt; these print what they are given.
    let zsh = format!(
        "path=({folder} $path); compdef() {{ }}; _files() {{ print files }}; _describe() {{ print -rl -- ${{(P)2}} }}; \
         source <(gshell completions zsh); t() {{ words=(gshell \"$@\"); CURRENT=${{#words}}; _gshell }}; \
         t rest; t ps --log-level=d; t run o"
    );
    let about = "Stop environments and start them again";
    for (shell, text, want) in [
        (
            "bash",
            bash,
            "restart\ndebug\nerror warn info debug\none.lua".to_owned(),
        ),
        (
            "fish",
            fish,
            format!("restart\t{about}\n--log-level=debug\none.lua"),
        ),
        ("zsh", zsh, format!("restart:{about}\n--log-level=debug:\nfiles")),
    ] {
        if !tools::has(shell, shell) {
            continue;
        }
        node.script("one.lua", "");
        let (plain, mut command) = (node.command([""; 0]), Command::new(shell));
        command.args(["-c", &text]).current_dir(node.work_dir());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let out = gshell_tests::command::run(command, b"");
        assert_eq!(out.ok(), want, "{shell}: {out:#?}");
    }
}
