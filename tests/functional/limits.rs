//! Bounds that a user meets: the error names the limit.

use gshell_tests::{Node, wait_until};

#[test]
fn too_many_environments_in_a_group_end_at_a_named_limit() {
    let node = Node::start();
    let script = node.script("bomb.lua", crate::SLEEPER);
    let refused = (0..600)
        .map(|_| node.cmd(&["run", "-g", "bomb", &script]))
        .find(|out| out.code != Some(0));
    let refused = refused.expect("the number of environments is bounded");
    assert_eq!(refused.fails(&["environment"]).code, Some(6), "{refused:?}");
    let limit = node.ps().len();
    assert!(
        refused.stderr.contains(&limit.to_string()),
        "it names the limit {limit}: {refused:?}"
    );
    // What runs goes on, and room can be made.
    node.ok(&["stop", &node.ps()[0].id]);
    node.ok(&["kill", "-f", "bomb"]);
}

#[test]
fn too_many_groups_end_at_a_named_limit() {
    let node = Node::start();
    let script = node.script("bomb.lua", crate::SLEEPER);
    let refused = (0..300)
        .map(|_| node.cmd(&["run", &script]))
        .find(|out| out.code != Some(0));
    let refused = refused.expect("the number of groups is bounded");
    assert_eq!(refused.fails(&["group"]).code, Some(6), "{refused:?}");
    let limit = node.groups().len();
    assert!(
        refused.stderr.contains(&limit.to_string()),
        "it names the limit {limit}: {refused:?}"
    );
}

#[test]
fn a_script_that_starts_itself_ends_at_the_limit_too() {
    let mut node = Node::unstarted();
    node.set_env("GSHELL", gshell_tests::binary::gshell().to_str().unwrap());
    node.start_daemon();
    let script = node.work_dir().join("bomb.lua");
    let text = "local process = require 'gshell.process'\n\
                for i = 1, 2 do\n\
                  local done = process.run({ os.getenv 'GSHELL', 'run', '-g', 'self', SCRIPT })\n\
                  if not done or (done.code or 0) ~= 0 then print('refused', done and done.stderr) end\n\
                end\n";
    std::fs::write(&script, text.replace("SCRIPT", &format!("{script:?}"))).unwrap();
    node.ok(&["run", "-g", "self", script.to_str().unwrap()]);
    wait_until("some run was refused", std::time::Duration::from_secs(60), || {
        let jobs = node.ps();
        let first = jobs
            .iter()
            .find(|job| node.cmd(&["log", &job.id]).stdout.contains("refused"));
        jobs.len() >= 100 && first.is_some()
    });
    assert!(node.cmd(&["ps"]).code == Some(0), "the node goes on");
}

#[test]
fn memory_is_limited_per_environment() {
    let node = Node::start();
    let text = "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end";
    let out = node.run_attached(&["--mem", "4M", "-g", "mem"], text, b"");
    out.fails(&["memory"]);
    let id = node.ps()[0].id.clone();
    assert_eq!(node.wait_status(&id, "exited:oom").exit.as_deref(), Some("oom"));
}

#[test]
fn a_package_has_a_largest_size() {
    let node = Node::start();
    std::fs::write(node.work_dir().join("big.lua"), vec![b' '; 20 << 20]).unwrap();
    node.cmd(&["run", "big.lua"]).fails(&["big.lua"]);
    assert_eq!(node.ps(), []);
}

#[test]
fn too_many_arguments_are_refused() {
    let node = Node::start();
    let script = node.script("a.lua", "print(#arg)");
    let many: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    let args: Vec<&str> = ["run", &script]
        .into_iter()
        .chain(many.iter().map(String::as_str))
        .collect();
    node.cmd(&args).fails(&["argument"]);
}

#[test]
fn memory_that_is_too_little_to_start_is_told_as_such() {
    let node = Node::start();
    let out = node.run_attached(&["--mem", "16K", "-g", "mem"], "print 'x'", b"");
    out.fails(&["not enough memory to start", "16 KiB", "--mem"]);
    let id = node.ps()[0].id.clone();
    assert_eq!(node.wait_status(&id, "exited:oom").exit.as_deref(), Some("oom"));
}
