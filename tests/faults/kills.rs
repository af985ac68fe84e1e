//! `kill -9` of a group, of the fork server, of the daemon, and of everything.

use std::time::Duration;

use gshell_tests::node::kill_hard;
use gshell_tests::stdin::Fed;
use gshell_tests::{DEADLINE, Node, command, emulated, wait_for, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::SLEEPER;

/// A killed group has to be back within this time.
const GROUP_BACK: Duration = Duration::from_millis(300);

/// A running and an exited environment in one group.
fn running_and_exited(node: &Node, group: &str) -> (String, String) {
    let running = node.run_script(&["-g", group], SLEEPER, &[]);
    let exited = node.run_script(&["-g", group], "print 'done'", &[]);
    node.wait_status(&running, "running");
    node.wait_status(&exited, "exited:ok");
    node.wait_log(&running, "up");
    (running, exited)
}

#[test]
fn a_killed_group_comes_back() {
    let node = Node::start();
    let (running, exited) = running_and_exited(&node, "fallen");
    let old = node.group_pid(&running);
    let start = std::time::Instant::now();
    kill_hard(old);
    let (job, _) = wait_for("the environment runs in a new process", DEADLINE, || {
        let job = node.job(&running);
        (job.state == "running" && job.pid.is_some_and(|pid| pid != old)).then_some(job)
    });
    let took = start.elapsed();
    println!("killed group: back after {took:?}");
    assert!(took < emulated::slower(GROUP_BACK), "back after {took:?}");
    assert_eq!(job.restarts, 1);
    let job = node.job(&exited);
    assert_eq!((job.status().as_str(), job.restarts), ("exited:ok", 0));
    assert_eq!(node.ok(&["log", &exited]), "done");
    wait_until("it printed again", DEADLINE, || {
        node.ok(&["log", &running]).matches("up").count() == 2
    });
    // A restored environment can be controlled, and ends cleanly.
    node.ok(&["stop", &running]);
    node.wait_status(&running, "exited:killed");
}

#[test]
fn a_restored_job_that_finishes_ends_cleanly() {
    let node = Node::start();
    let text = "local gshell, fs = require 'gshell', require 'gshell.fs'\n\
                local flag = arg[1]\n\
                print 'up' if io.open and fs.exists(flag) then os.exit(0) end\n\
                while true do gshell.sleep(60) end";
    let flag = node.work_dir().join("flag").display().to_string();
    let id = node.run_script(&["-g", "second"], text, &[&flag]);
    node.wait_log(&id, "up");
    std::fs::write(&flag, "").unwrap();
    kill_hard(node.group_pid(&id));
    let job = node.wait_status(&id, "exited:ok");
    assert_eq!((job.code, job.restarts), (Some(0), 1));
}

#[test]
fn a_group_that_is_killed_again_and_again_backs_off() {
    let node = Node::start();
    let (running, _) = running_and_exited(&node, "unlucky");
    for nth in 1..=4 {
        // A process that is killed before its script runs takes its own count with it.
        wait_until("the script runs again", DEADLINE, || {
            node.ok(&["log", &running]).matches("up").count() == nth
        });
        // Records are written in their order, and this command ends when its own is: so the count is on the disk, too.
        node.run_script(&["-g", "unlucky", "--rm"], "return", &[]);
        let (pid, _) = wait_for("it runs", DEADLINE, || node.job(&running).pid);
        kill_hard(pid);
        wait_until("that process is gone", DEADLINE, || {
            node.job(&running).pid != Some(pid)
        });
    }
    let job = node.wait_status(&running, "running");
    assert_eq!(job.restarts, 4, "{job:?}");
}

#[test]
fn a_killed_fork_server_is_replaced() {
    let node = Node::start();
    let (running, _) = running_and_exited(&node, "calm");
    let pid = node.group_pid(&running);
    let old = node.fork_server().expect("a fork server").pid;
    kill_hard(old);
    let new = node.run_script(&["-g", "fresh"], SLEEPER, &[]);
    node.wait_status(&new, "running");
    assert_ne!(node.fork_server().expect("a new fork server").pid, old);
    let job = node.job(&running);
    assert_eq!(
        (job.pid, job.restarts),
        (Some(pid), 0),
        "the group was not touched"
    );
    node.ok(&["stop", &running]);
    node.wait_status(&running, "exited:killed");
}

#[test]
fn groups_survive_the_daemon() {
    let mut node = Node::start();
    let (running, exited) = running_and_exited(&node, "lasting");
    let before = node.job(&running);
    let server = node.fork_server().expect("a fork server").pid;
    node.kill_daemon();
    wait_until("the fork server ends with its daemon", DEADLINE, || {
        node.processes().iter().all(|process| process.pid != server)
    });
    assert!(
        node.groups().iter().any(|group| Some(group.pid) == before.pid),
        "the group runs on"
    );
    node.start_daemon();
    let after = node.job(&running);
    assert_eq!(
        (after.pid, after.restarts, &after.state),
        (before.pid, 0, &before.state)
    );
    assert_eq!(after.started_at, before.started_at);
    assert_eq!(node.job(&exited).status(), "exited:ok");
    // The new daemon controls it in every way.
    node.ok(&["stop", &running]);
    node.wait_status(&running, "exited:killed");
    node.ok(&["start", &running]);
    assert_eq!(node.wait_status(&running, "running").pid, before.pid);
    kill_hard(before.pid.unwrap());
    wait_until(
        "the new daemon restarts a group that it adopted",
        DEADLINE,
        || {
            let job = node.job(&running);
            job.state == "running" && job.pid != before.pid
        },
    );
    node.ok(&["kill", "-f", "lasting"]);
    wait_until("the group is gone", DEADLINE, || node.groups().is_empty());
}

#[test]
fn a_group_that_nobody_can_reach_is_replaced() {
    let mut node = Node::start();
    let (running, _) = running_and_exited(&node, "lost");
    let old = node.job(&running).pid.expect("its process");
    // As when the fork server dies between making the process and saying so: it runs, and its socket is no more.
    node.kill_daemon();
    let sockets = node.run_dir().join("svc");
    for entry in sockets.read_dir().expect("sockets").flatten() {
        if entry.file_name().to_string_lossy().starts_with("gshell_grg-lost") {
            std::fs::remove_file(entry.path()).expect("removed");
        }
    }
    node.start_daemon();
    let (new, _) = wait_for("it runs again", DEADLINE, || {
        let job = node.job(&running);
        job.pid.filter(|pid| *pid != old && job.state == "running")
    });
    let groups = node.groups();
    assert_eq!(groups.iter().map(|group| group.pid).collect::<Vec<_>>(), [new]);
    assert!(
        node.ok(&["log", "daemon"]).contains(&old.to_string()),
        "it is told"
    );
}

/// Stops a process as Ctrl-Z does, until this value goes.
struct Frozen(Pid);

impl Frozen {
    fn new(pid: i32) -> Frozen {
        let pid = Pid::from_raw(pid);
        kill(pid, Signal::SIGSTOP).unwrap();
        Frozen(pid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

#[test]
fn a_group_that_is_found_gets_time_to_answer() {
    let mut node = Node::start();
    let (running, _) = running_and_exited(&node, "frozen");
    let before = node.job(&running);
    node.kill_daemon();
    let frozen = Frozen::new(before.pid.unwrap());
    node.start_daemon();
    // The first answer waits for it, and then says what it waited for.
    let first = node.job(&running);
    assert!(
        first
            .error
            .as_deref()
            .is_some_and(|error| error.contains("does not answer")),
        "{first:?}"
    );
    drop(frozen);
    wait_until("the group is heard", DEADLINE, || {
        node.job(&running).error.is_none()
    });
    let after = node.job(&running);
    assert_eq!((after.pid, after.restarts), (before.pid, 0));
    assert_eq!(after.state, before.state);
}

#[test]
fn a_group_that_is_found_and_does_not_answer_can_be_killed() {
    let mut node = Node::start();
    let (running, _) = running_and_exited(&node, "frozen");
    let pid = node.group_pid(&running);
    node.kill_daemon();
    let _frozen = Frozen::new(pid);
    node.start_daemon();
    node.ok(&["kill", "-f", "frozen"]);
    assert!(node.groups().is_empty() && node.ps().is_empty());
}

#[test]
fn a_group_that_is_found_ends_with_stop_all_before_it_has_answered() {
    let mut node = Node::start();
    let (running, _) = running_and_exited(&node, "frozen");
    let pid = node.group_pid(&running);
    node.kill_daemon();
    let frozen = Frozen::new(pid);
    node.start_daemon();
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| node.cmd(&["daemon", "stop", "--all"]));
        wait_until("the daemon was told", DEADLINE, || {
            node.ok(&["log", "daemon"]).contains("is to end")
        });
        drop(frozen);
        stopping.join().unwrap().ok();
    });
    wait_until("the group is gone", DEADLINE, || node.groups().is_empty());
}

#[test]
fn an_attached_client_outlives_the_daemon() {
    let mut node = Node::start();
    let script = node.script(
        "echo.lua",
        "print 'up' for line in io.lines() do print('got ' .. line) end",
    );
    let mut client = Fed::start(node.command(["run", "-i", &script]));
    assert_eq!(client.line(), "up");
    node.kill_daemon();
    client.send("one");
    assert_eq!(client.line(), "got one");
    node.start_daemon();
    client.send("two");
    assert_eq!(client.line(), "got two");
    client.end_input();
    assert_eq!(client.wait_end(), Some(0));
}

#[test]
fn an_environment_that_ends_while_no_daemon_runs_is_recorded() {
    let mut node = Node::start();
    let text = "local gshell, fs = require 'gshell', require 'gshell.fs'\n\
                while not fs.exists(arg[1]) do gshell.sleep(0.02) end print 'seen' os.exit(6)";
    let flag = node.work_dir().join("flag").display().to_string();
    let id = node.run_script(&["-g", "alone"], text, &[&flag]);
    node.wait_status(&id, "running");
    node.kill_daemon();
    std::fs::write(&flag, "").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    node.start_daemon();
    assert_eq!(node.wait_status(&id, "exited:error").code, Some(6));
    assert_eq!(node.ok(&["log", &id]), "seen");
}

#[test]
fn a_group_that_dies_while_no_daemon_runs_comes_back_with_the_next() {
    let mut node = Node::start();
    let (running, exited) = running_and_exited(&node, "orphan");
    let pid = node.group_pid(&running);
    node.kill_daemon();
    kill_hard(pid);
    wait_until("the group is gone", DEADLINE, || node.groups().is_empty());
    node.start_daemon();
    assert_ne!(node.wait_status(&running, "running").pid, Some(pid));
    assert_eq!(node.job(&exited).status(), "exited:ok");
}

#[test]
fn everything_killed_comes_back_from_disk() {
    let mut node = Node::start();
    let (running, exited) = running_and_exited(&node, "ga");
    let (other, _) = running_and_exited(&node, "gb");
    let failed = node.run_script(&["-g", "gb"], "error 'purple'", &[]);
    let stopped = node.run_script(&["-g", "gb"], SLEEPER, &["x", "y"]);
    node.wait_status(&stopped, "running");
    node.ok(&["stop", &stopped]);
    node.wait_status(&stopped, "exited:killed");
    node.wait_status(&failed, "exited:error");
    let native = node.ok(&[
        "run",
        "-g",
        "gb",
        &gshell_tests::programs::program("sleep"),
        "1000",
    ]);
    node.wait_status(&native, "running");
    let before = node.ps();
    node.kill_everything();
    node.start_daemon();
    for id in [&running, &other, &native] {
        node.wait_status(id, "running");
    }
    let after = node.ps();
    let stable = |jobs: &[gshell_tests::Job]| -> Vec<_> {
        let key = |job: &gshell_tests::Job| {
            (
                job.id.clone(),
                job.group.clone(),
                job.args.clone(),
                job.error.clone(),
            )
        };
        let mut all: Vec<_> = jobs.iter().map(|job| (key(job), job.status())).collect();
        all.sort();
        all
    };
    assert_eq!(stable(&before), stable(&after));
    assert_eq!(node.job(&exited).status(), "exited:ok");
    // Code and arguments are still there.
    node.ok(&["start", &stopped]);
    assert_eq!(node.wait_status(&stopped, "running").args, ["x", "y"]);
}

#[test]
fn a_lone_script_that_is_stuck_gives_its_group_back() {
    let node = Node::start();
    let greedy = "string.find(('a'):rep(64), ('.-'):rep(48) .. 'b')";
    let id = node.run_script(&["-g", "lone"], greedy, &[]);
    node.wait_status(&id, "exited:killed");
    let why = node.ok(&["ps", &id]);
    assert!(why.contains("restarted without it"), "{why}");
    assert_eq!(node.run_attached(&["-g", "lone"], "print 'x'", b"").ok(), "x");
}

#[test]
fn a_handler_that_is_stuck_is_named_and_not_its_caller() {
    let node = Node::start();
    let server = "local gshell = require 'gshell'
        local Ask = gshell.message('stuck.Ask', { n = 'u32' })
        local server = gshell.server { publisher = 'stuck' }
        server:publish('one', { [Ask] = { function(ask)
          if ask.n == 9 then string.find(('a'):rep(64), ('.-'):rep(48) .. 'b') end
          return ask
        end, reply = Ask } })
        server:serve()";
    let id = node.run_script(&["-g", "both", "--max-threads", "1"], server, &[]);
    let client = "local gshell = require 'gshell'
        local Ask = gshell.message('stuck.Ask', { n = 'u32' })
        local found, conn = pcall(gshell.discover, 'stuck', 'one', { timeout = 5, scope = 'process' })
        if not found then print 'nobody' gshell.sleep(1000) end
        for n = 1, 9 do conn:call(Ask, { n = n }) end";
    let caller = node.run_script(&["-g", "both"], client, &[]);
    // Started again together with its group, it finds that the other one is not there any more.
    node.wait_log(&caller, "nobody");
    assert_eq!(node.wait_status(&id, "exited:killed").id, id);
    let why = node.ok(&["ps", &id]);
    assert!(why.contains("restarted without it"), "{why}");
    assert_eq!(node.job(&caller).state, "running");
}

#[test]
fn whoever_is_attached_to_a_killed_group_learns_what_follows() {
    let node = Node::start();
    let script = node.script("sleeper.lua", SLEEPER);
    std::thread::scope(|scope| {
        let client = node.command(["run", "-i", "-g", "shot", &script]);
        let attached = scope.spawn(move || command::run(client, b""));
        wait_until("it runs", DEADLINE, || {
            node.ps()
                .first()
                .is_some_and(|job| job.state == "running" && job.pid.is_some())
        });
        let job = node.ps().remove(0);
        kill_hard(node.group_pid(&job.id));
        let out = attached.join().expect("the client ends");
        let said = format!(
            "was started again: the job runs on from its start: gshell attach {}",
            job.id
        );
        assert!(out.code == Some(1) && out.stderr.contains(&said), "{out:?}");
        assert_eq!(node.job(&job.id).state, "running");
    });
}
