//! Nodes: several on one machine, one per pair of folders, started on demand.

use std::time::Duration;

use gshell_tests::{Node, wait_until};

use crate::SLEEPER;

#[test]
fn two_nodes_know_nothing_of_each_other() {
    let (one, two) = (Node::start(), Node::start());
    let id = one.run_script(&["-g", "same"], SLEEPER, &[]);
    let other = two.run_script(&["-g", "same"], SLEEPER, &[]);
    assert_eq!(one.ps().iter().map(|job| &job.id).collect::<Vec<_>>(), [&id]);
    assert_eq!(two.ps().iter().map(|job| &job.id).collect::<Vec<_>>(), [&other]);
    two.cmd(&["stop", &id]).fails(&[&id]);
    assert_ne!(one.group_pid(&id), two.group_pid(&other));
}

#[test]
fn folders_can_be_options() {
    let node = Node::start();
    let mut command = node.command(["--run-dir"]);
    command
        .arg(node.run_dir())
        .arg("--state-dir")
        .arg(node.state_dir())
        .args(["ps", "--json"]);
    command
        .env_remove("GSHELL_RUN_DIR")
        .env_remove("GSHELL_STATE_DIR");
    assert_eq!(gshell_tests::command::run(command, b"").ok(), "[]");
}

#[test]
fn scripts_publish_at_the_node_that_runs_them() {
    let node = Node::start();
    let folder = |name: &str| node.work_dir().join(name).display().to_string();
    let (run, state) = (folder("r2"), folder("s2"));
    let at = |words: &[&str]| node.cmd(&[&["--run-dir", &run, "--state-dir", &state], words].concat());
    let server = node.script(
        "server.lua",
        "local server = require 'gshell'.server { publisher = 'p' }\nserver:publish('s', {})\nserver:serve()",
    );
    // The folders are options: the variables, which every process has from here, name another node.
    at(&["daemon", "--detach"]).ok();
    at(&["run", "-g", "g", &server]).ok();
    wait_until("it publishes there", Duration::from_secs(20), || {
        at(&["list"]).ok().lines().any(|line| line.starts_with("p "))
    });
    assert!(!node.ok(&["list"]).lines().any(|line| line.starts_with("p ")));
    // So does a script without a node.
    let found = "print(#require 'gshell'.discover_all('p', '*'))";
    let client = node.script("client.lua", found);
    assert_eq!(at(&["exec", &client]).ok(), "1");
    // And the shell, as long as it lives.
    let typed = format!(
        "{found}\nserver = require 'gshell'.server {{ publisher = 'q' }}\nservice = server:publish('s', {{}})\n\
         print(require 'gshell.fs'.exists('{run}/svc/q_s.sock'))\n"
    );
    let shell = node.cmd_with_input(
        &["--run-dir", &run, "--state-dir", &state, "shell"],
        typed.as_bytes(),
    );
    assert_eq!(shell.ok(), "1\ntrue");
}

#[test]
fn a_second_daemon_on_the_same_folders_is_refused() {
    let node = Node::start();
    let id = node.run_script(&[], SLEEPER, &[]);
    let out = node.cmd(&["daemon"]);
    out.fails(&[&node.run_dir().display().to_string()]);
    assert!(
        out.stderr.contains(&node.daemon_pid().to_string()),
        "it names the one that runs: {out:?}"
    );
    assert_eq!(node.job(&id).id, id, "the first one goes on");
    // The same state folder behind another run folder is refused as well.
    let mut command = node.command(["daemon"]);
    command.env("GSHELL_RUN_DIR", node.work_dir().join("r2"));
    gshell_tests::command::run(command, b"").fails(&[&node.state_dir().display().to_string()]);
}

#[test]
fn what_a_killed_daemon_left_is_in_nobodys_way() {
    let mut node = Node::start();
    node.kill_everything();
    assert!(
        node.run_dir().join("svc").read_dir().unwrap().next().is_some(),
        "its socket file is left"
    );
    node.start_daemon();
    assert_eq!(node.ps(), []);
}

#[test]
fn a_command_starts_a_node_for_this_user() {
    let node = Node::unstarted();
    let script = node.script("hello.lua", "print('hello ' .. (arg[1] or 'world'))");
    let out = node.cmd_autostarting(&["run", "-i", &script, "there"]);
    assert_eq!(out.ok(), "hello there");
    assert!(
        out.stderr.contains(&node.run_dir().display().to_string()),
        "it says so: {out:?}"
    );
    // The next command finds it, and says nothing.
    let out = node.cmd(&["ps", "--json"]);
    assert_eq!(out.stderr, "");
    assert!(out.stdout.contains("hello"));
}

#[test]
fn many_commands_at_once_start_one_node() {
    let node = Node::unstarted();
    let script = node.script("hello.lua", "print 'hello'");
    std::thread::scope(|scope| {
        let run = || node.cmd_autostarting(&["run", "-g", "one", &script]);
        let outs: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        for out in outs {
            out.join().unwrap().ok();
        }
    });
    assert_eq!(node.ps().len(), 8);
    let daemons = node
        .processes()
        .into_iter()
        .filter(|p| p.cmdline().contains("daemon") && p.comm != "gshell-fork");
    let daemons: Vec<_> = daemons.filter(|p| !p.comm.starts_with("gshell-grg")).collect();
    assert_eq!(daemons.len(), 1, "{daemons:?}");
}

#[test]
fn sigterm_ends_the_daemon_cleanly() {
    let mut node = Node::start();
    let id = node.run_script(&[], SLEEPER, &[]);
    node.wait_status(&id, "running");
    assert_eq!(node.stop_daemon(), Some(0), "{}", node.daemon_output());
    node.start_daemon();
    node.wait_status(&id, "running");
}

#[test]
fn exec_needs_no_node() {
    let node = Node::unstarted();
    let script = node.script(
        "e.lua",
        "print(arg[0] ~= nil, arg[1], io.read('a')) os.exit(tonumber(arg[2]))",
    );
    let out = node.cmd_with_input(&["exec", &script, "x", "6"], b"typed");
    assert_eq!(
        (out.code, out.stdout.as_str()),
        (Some(6), "true\tx\ttyped\n"),
        "{out:?}"
    );
    assert!(!node.run_dir().exists() || node.processes().is_empty());
    let fails = node.script("f.lua", "error 'no'");
    node.cmd(&["exec", &fails]).fails(&["f.lua:1", "no"]);
    let greedy = node.script("g.lua", "local t = {} for i = 1, 1e7 do t[i] = i .. '' end");
    let out = node.cmd(&["exec", "--mem", "2M", &greedy]);
    assert_eq!(
        out.fails(&["not enough memory", "2 MiB", "--mem"]).code,
        Some(137),
        "{out:?}"
    );
}

#[test]
fn the_socket_is_for_its_owner_and_group() {
    use std::os::unix::fs::PermissionsExt;
    let node = Node::start();
    let id = node.run_script(&["-g", "mode"], SLEEPER, &[]);
    node.wait_status(&id, "running");
    let svc = node.run_dir().join("svc");
    let sockets: Vec<_> = svc
        .read_dir()
        .unwrap()
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|end| end == "sock"))
        .collect();
    assert!(sockets.len() >= 2, "{sockets:?}");
    for socket in sockets {
        assert_eq!(
            socket.metadata().unwrap().permissions().mode() & 0o777,
            0o660,
            "{socket:?}"
        );
    }
}

#[test]
fn an_idle_node_writes_nothing() {
    let node = Node::start();
    let id = node.run_script(&[], SLEEPER, &[]);
    node.wait_status(&id, "running");
    let written = |node: &Node| -> Vec<_> {
        node.processes()
            .iter()
            .map(|p| (p.pid, gshell_tests::proc::written_bytes(p.pid)))
            .collect()
    };
    // What the start itself had to write is settled once two looks agree.
    wait_until("the start is settled", Duration::from_secs(10), || {
        let before = written(&node);
        std::thread::sleep(Duration::from_millis(500));
        before == written(&node)
    });
    let before = written(&node);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(before, written(&node));
}
