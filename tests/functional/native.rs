//! ELF programs as environments: the same states, streams and limits.

use gshell_tests::{Node, node::kill_hard, programs::program, stdin::Fed, wait_until};

#[test]
fn a_program_has_output_and_status() {
    let node = Node::start();
    let id = node.ok(&["run", &program("echo"), "hello", "world"]);
    assert_eq!(node.wait_status(&id, "exited:ok").code, Some(0));
    assert_eq!(node.ok(&["log", &id]), "hello world");
    let id = node.ok(&["run", &program("false")]);
    assert_eq!(node.wait_status(&id, "exited:error").code, Some(1));
    assert_eq!(
        node.cmd(&["run", "-i", &program("echo"), "--status", "9"]).code,
        Some(9)
    );
}

#[test]
fn a_program_takes_input() {
    let node = Node::start();
    let out = node.cmd_with_input(&["run", "-i", &program("cat")], b"in\nput\n");
    assert_eq!(out.ok(), "in\nput");
    let mut fed = Fed::start(node.command(["run", "-i", &program("cat")]));
    fed.send("one");
    assert_eq!(fed.line(), "one");
    fed.end_input();
    assert_eq!(fed.wait_end(), Some(0));
}

#[test]
fn a_program_is_stopped_with_all_its_children() {
    let node = Node::start();
    let id = node.ok(&["run", "-g", "nat", &program("twosleeps")]);
    node.wait_status(&id, "running");
    let sleeps = |node: &Node| {
        node.processes()
            .iter()
            .filter(|process| process.comm == "sleep")
            .count()
    };
    wait_until("both sleeps run", gshell_tests::DEADLINE, || sleeps(&node) == 2);
    node.ok(&["stop", &id]);
    node.wait_status(&id, "exited:killed");
    wait_until("both sleeps are gone", gshell_tests::DEADLINE, || {
        sleeps(&node) == 0
    });
}

#[test]
fn a_signal_from_elsewhere_is_told() {
    let node = Node::start();
    let id = node.ok(&["run", &program("sleep"), "1000"]);
    node.wait_status(&id, "running");
    kill_hard(node.group_pid(&id));
    node.wait_status(&id, "exited:signal");
}

#[test]
fn a_program_is_restarted_by_its_policy() {
    let node = Node::start();
    let id = node.ok(&["run", "--restart", "2", &program("false")]);
    wait_until("it gives up", gshell_tests::DEADLINE, || {
        let job = node.job(&id);
        job.status() == "exited:error" && job.restarts == 2
    });
}

#[test]
fn the_programs_of_a_killed_group_die_with_it() {
    let node = Node::start();
    let id = node.ok(&["run", "-g", "nat", &program("sleep"), "1000"]);
    node.wait_status(&id, "running");
    let pid = node.group_pid(&id);
    assert!(
        node.processes().iter().any(|process| process.pid == pid),
        "it is the program's own"
    );
    node.ok(&["kill", "-f", "nat"]);
    wait_until("the program is gone", gshell_tests::DEADLINE, || {
        node.processes().iter().all(|process| process.pid != pid)
    });
}

#[test]
fn a_program_is_called_by_its_own_name() {
    let node = Node::start();
    let out = node.cmd(&["run", "-i", &program("echo"), "--name"]);
    assert_eq!(out.ok(), "echo");
}

#[test]
fn a_damaged_program_is_no_shell_script() {
    let node = Node::start();
    let path = node.work_dir().join("cut");
    let whole = std::fs::read(program("echo")).unwrap();
    for length in [64, whole.len() / 2] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let out = node.cmd(&["run", "-i", "./cut"]);
        out.fails(&["cannot start cut", "the end is missing"]);
        assert!(!out.stderr.contains("not found"), "no shell saw it: {out:?}");
    }
}

#[test]
fn a_missing_interpreter_is_named() {
    let node = Node::start();
    let path = node.work_dir().join("foreign");
    let mut bytes = std::fs::read(program("dynamic")).unwrap();
    // Such as /lib64/ld-linux-x86-64.so.2 or /lib/ld.so.1.
    let at = bytes.windows(3).position(|three| three == b"/ld").unwrap();
    bytes[at + 1..at + 3].copy_from_slice(b"no");
    std::fs::write(&path, &bytes).unwrap();
    let out = node.cmd(&["run", "-i", "./foreign"]);
    out.fails(&["cannot start foreign", "needs the interpreter /"]);
}
