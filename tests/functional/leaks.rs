//! Two hundred group starts leave no zombie and no descriptor behind.

use gshell_tests::{Node, binary, proc, wait_until};

/// Groups that are started in all.
const STARTS: usize = 200;

/// Where each command takes a tenth of a second, fewer show a leak as well: two descriptors or zombies would.
const STARTS_EMULATED: usize = 40;

fn zombies_of(parents: &[i32]) -> Vec<proc::Process> {
    proc::all()
        .into_iter()
        .filter(|process| process.is_zombie() && parents.contains(&process.parent))
        .collect()
}

#[test]
fn group_starts_leak_nothing() {
    let node = Node::start();
    let script = node.script("brief.lua", "print 'x'");
    let round = |name: &str| {
        let id = node.ok(&["run", "-g", name, &script]);
        node.wait_status(&id, "exited:ok");
        node.ok(&["kill", name]);
        if !node.ps().is_empty() {
            node.ok(&["rm", "*"]);
        }
    };
    // Caches and pools fill in the first rounds.
    for n in 0..10 {
        round(&format!("warm{n}"));
    }
    wait_until("the groups are gone", gshell_tests::DEADLINE, || {
        node.groups().is_empty()
    });
    let server = node.fork_server().expect("a fork server").pid;
    let counted = [node.daemon_pid(), server];
    let count = || counted.map(|pid| proc::descriptors(pid).expect("it runs"));
    let before = count();
    let starts = match binary::target() {
        Some(_) => STARTS_EMULATED,
        None => STARTS,
    };
    for n in 0..starts {
        round(&format!("g{n}"));
    }
    wait_until("the groups are gone", gshell_tests::DEADLINE, || {
        node.groups().is_empty()
    });
    wait_until("no zombie is left", gshell_tests::DEADLINE, || {
        zombies_of(&counted).is_empty()
    });
    assert_eq!(
        node.fork_server().expect("a fork server").pid,
        server,
        "it is the same one"
    );
    // The connection of the last command may take a moment to close.
    wait_until("no descriptor is left over", gshell_tests::DEADLINE, || {
        let after = count();
        after[0] <= before[0] && after[1] <= before[1]
    });
    let left = proc::files_below(&node.run_dir());
    let of_groups: Vec<&String> = left
        .iter()
        .filter(|file| file.contains("-g1") || file.contains("/g1"))
        .collect();
    assert!(
        of_groups.is_empty(),
        "files of groups that are gone: {of_groups:?}"
    );
}

#[test]
fn commands_leak_nothing_in_the_daemon() {
    let node = Node::start();
    let id = node.run_script(&["-g", "still"], crate::SLEEPER, &[]);
    node.wait_status(&id, "running");
    let group = node.group_pid(&id);
    let every = || {
        for args in [
            &["ps"][..],
            &["list"],
            &["info"],
            &["log", &id],
            &["log", "daemon"],
            &["stop", "nosuch"],
        ] {
            node.cmd(args);
        }
    };
    every();
    let count = || [node.daemon_pid(), group].map(|pid| proc::descriptors(pid).unwrap());
    let before = count();
    for _ in 0..30 {
        every();
    }
    wait_until("descriptors are back", gshell_tests::DEADLINE, || {
        let now = count();
        now[0] <= before[0] && now[1] <= before[1]
    });
}
