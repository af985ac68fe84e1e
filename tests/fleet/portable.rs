//! Made on one architecture, read on all others: a node's folders, with records of every kind, packages of several files
//! and logs, go on under another build of the program.

use std::fs;
use std::path::Path;

use gshell_tests::{Job, Node, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::machine::{Build, PATIENCE, builds};
use crate::namespaces::{cover_temporary_files, inside};

/// A package of several files, which counts its starts where the next node finds it.
const MAIN: &str = r#"
local gshell = require "gshell"
local greet = require "lib.greet"
print(greet(...))
gshell.on_stop(function() end)
if select('#', ...) > 1 then gshell.sleep(100000) end
"#;
const GREET: &str =
    r#"return function(who, ...) return ("grüß %s %d %s"):format(who, select('#', ...), 1 << 40) end"#;

/// A job as it has to be found: all that `ps --json` says of it.
struct Made {
    id: String,
    status: &'static str,
    log: &'static str,
    json: Value,
}

#[test]
fn a_node_goes_on_under_another_build() {
    inside("portable::a_node_goes_on_under_another_build", || {
        cover_temporary_files();
        let builds = builds();
        for maker in &builds {
            let mut node = maker.node();
            let made = fill(&mut node, maker);
            for reader in builds.iter().filter(|reader| reader.arch != maker.arch) {
                read(&node, &made, reader);
                println!(
                    "made on {}, read on {}: {} jobs",
                    maker.arch,
                    reader.arch,
                    made.len()
                );
            }
        }
    });
}

fn ps(node: &Node, id: &str) -> Value {
    let all: Value = serde_json::from_str(&node.ok(&["ps", "--json"])).expect("JSON");
    let found = all
        .as_array()
        .expect("an array")
        .iter()
        .find(|job| job["id"] == id);
    found
        .unwrap_or_else(|| panic!("{id} is not listed in {all:#}"))
        .clone()
}

/// Makes jobs of every kind, and kills the node.
fn fill(node: &mut Node, maker: &Build) -> Vec<Made> {
    node.start_daemon();
    node.script("package/lib/greet.lua", GREET);
    let main = node.script("package/main.lua", MAIN);
    let package = Path::new(&main).parent().unwrap().to_str().unwrap().to_owned();
    let run = |options: &[&str], words: &[&str]| node.ok(&[&["run"], options, words].concat());
    let fails = node.script("fails.lua", "print 'before' error 'purple'");
    let seven = node.script("seven.lua", "print 'seven' os.exit(7)");
    // A program of the maker's processor, killed by a signal that has another number on mips.
    let sleep = maker.c_program("sleep", &node.work_dir());
    let killed = run(&["-g", "gc"], &[&sleep, "1000"]);
    wait_until("the program runs", PATIENCE, || {
        node.job(&killed).status() == "running"
    });
    kill(Pid::from_raw(node.group_pid(&killed)), Signal::SIGUSR1).expect("it runs");
    let jobs = [
        (killed, "exited:signal", ""),
        (
            run(&["-g", "ga", "--restart", "always"], &[&package, "Änn", "on"]),
            "running",
            "grüß Änn 1 1099511627776",
        ),
        (
            run(&["-g", "ga", "--mem", "8M"], &[&package, "Bob"]),
            "exited:ok",
            "grüß Bob 0 1099511627776",
        ),
        (
            run(&["-g", "gb", "--max-threads", "1"], &[&fails]),
            "exited:error",
            "before",
        ),
        (
            run(&["-g", "gb", "--restart", "3"], &[&seven]),
            "exited:error",
            "seven",
        ),
    ];
    let made = jobs.map(|(id, status, log)| {
        wait_until(&format!("{id} is {status}"), PATIENCE, || {
            node.job(&id).status() == status
        });
        wait_until(&format!("{id} has printed {log}"), PATIENCE, || {
            node.ok(&["log", &id]).contains(log)
        });
        let json = ps(node, &id);
        Made {
            id,
            status,
            log,
            json,
        }
    });
    node.kill_everything();
    made.into()
}

/// Copies files, but no sockets: what another machine would get.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (target, kind) = (to.join(entry.file_name()), entry.file_type().unwrap());
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn read(from: &Node, made: &[Made], reader: &Build) {
    let mut node = reader.node();
    copy(&from.state_dir(), &node.state_dir());
    copy(&from.run_dir(), &node.run_dir());
    node.start_daemon();
    assert_eq!(node.ps().len(), made.len(), "{:#?}", node.ps());
    for job in made {
        check(&node, job);
    }
    // Nothing was set aside as unreadable.
    let output = node.daemon_output();
    assert!(!output.contains("set aside"), "{output}");
    // What has ended starts again, from the package that the other build wrote.
    let package = &made[2];
    node.ok(&["start", &package.id]);
    wait_until("it has run again", PATIENCE, || {
        node.ok(&["log", &package.id]).matches(package.log).count() == 2
            && node.job(&package.id).status() == "exited:ok"
    });
    node.kill_everything();
}

fn check(node: &Node, made: &Made) {
    let wanted = Job::from_json(&made.json);
    wait_until(&format!("{} is {}", made.id, made.status), PATIENCE, || {
        node.job(&made.id).status() == made.status
    });
    if made.status == "running" {
        let now = node.job(&made.id);
        assert_eq!(
            (now.group, now.name, now.args),
            (wanted.group, wanted.name, wanted.args)
        );
        // It prints again, since it was started again; the line of the first start is there, too.
        wait_until("both starts have printed", PATIENCE, || {
            node.ok(&["log", &made.id]).matches(made.log).count() >= 2
        });
    } else {
        assert_eq!(ps(node, &made.id), made.json);
        assert!(
            node.ok(&["log", &made.id]).contains(made.log),
            "the log of {} is read",
            made.id
        );
    }
}
