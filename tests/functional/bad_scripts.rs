//! Scripts that cannot run, or fail while they run: file and line reach the user.

use gshell_tests::Node;

#[test]
fn a_syntax_error_has_its_line() {
    let node = Node::start();
    let bad = node.script("bad.lua", "local a = 1\nlocal b = 2\nlocal = 3\n");
    for args in [&["run", &bad][..], &["run", "-i", &bad], &["exec", &bad]] {
        node.cmd(args).fails(&["bad.lua:3"]);
    }
}

#[test]
fn a_syntax_error_in_a_module_has_its_file() {
    let node = Node::start();
    node.script("app/main.lua", "require 'part'");
    node.script("app/part.lua", "\n\nreturn return");
    node.cmd(&["run", "-i", "app"]).fails(&["part.lua:3"]);
}

#[test]
fn a_binary_chunk_is_refused() {
    let node = Node::start();
    let path = node.work_dir().join("chunk.lua");
    std::fs::write(&path, b"\x1bLuaT\x00\x19\x93\r\n\x1a\n\x04\x08\x08xV\x00\x00").unwrap();
    for args in [
        &["run", "chunk.lua"][..],
        &["run", "-i", "chunk.lua"],
        &["exec", "chunk.lua"],
    ] {
        node.cmd(args).fails(&["chunk.lua"]);
    }
    let loads = "local f, why = load(string.dump(function() end)) assert(not f) print(why)";
    let out = node.run_attached(&[], &format!("{loads} os.exit(4)"), b"");
    // Either there is no string.dump, or what it gives does not load.
    assert_ne!(out.code, Some(0), "{out:?}");
}

#[test]
fn an_uncaught_error_is_everywhere_it_is_looked_for() {
    let node = Node::start();
    let script = node.script(
        "fails.lua",
        "local function inner()\n  error('the disk is purple')\nend\ninner()\n",
    );
    let out = node.cmd(&["run", "-i", &script]);
    assert_eq!(out.code, Some(1), "{out:?}");
    out.fails(&["fails.lua:2", "the disk is purple", "traceback"]);
    let id = node.ps()[0].id.clone();
    let job = node.wait_status(&id, "exited:error");
    assert!(job.error.unwrap().contains("fails.lua:2: the disk is purple"));
    assert!(node.ok(&["ps", &id]).contains("the disk is purple"));
    let log = node.ok(&["log", &id]);
    assert!(
        log.contains("the disk is purple") && log.contains("traceback"),
        "{log}"
    );
}

#[test]
fn an_error_value_without_text_does_no_harm() {
    let node = Node::start();
    for text in [
        "error()",
        "error(nil)",
        "error({})",
        "error(setmetatable({}, {__tostring = function() error('x') end}))",
    ] {
        let out = node.run_attached(&[], text, b"");
        assert_eq!(out.code, Some(1), "{out:?}");
        out.fails(&[]);
    }
    let coded = "error(setmetatable({code = 7}, {__tostring = function() return 'seven' end}))";
    node.run_attached(&[], coded, b"").fails(&["seven"]);
}

#[test]
fn a_module_outside_of_the_package_is_out_of_reach() {
    let node = Node::start();
    node.script("outside.lua", "return 'outside'");
    node.script("app/main.lua", "print((require(arg[1])))");
    node.script("app/inside.lua", "return 'inside'");
    assert_eq!(node.ok(&["run", "-i", "app", "inside"]), "inside");
    let absolute = node.work_dir().join("outside");
    for name in [
        "../outside",
        "...outside",
        "./../outside",
        absolute.to_str().unwrap(),
    ] {
        let out = node.cmd(&["run", "-i", "app", name]);
        out.fails(&["outside"]);
        assert_eq!(out.stdout, "", "{out:?}");
    }
}

#[test]
fn a_link_out_of_the_package_is_refused() {
    let node = Node::start();
    node.script("outside.lua", "return 'outside'");
    node.script("app/main.lua", "print((require 'link'))");
    std::os::unix::fs::symlink("../outside.lua", node.work_dir().join("app/link.lua")).unwrap();
    let out = node.cmd(&["run", "-i", "app"]);
    out.fails(&["link"]);
    assert_eq!(out.stdout, "", "{out:?}");
}

#[test]
fn os_exit_ends_only_the_environment() {
    let node = Node::start();
    let neighbour = node.run_script(&["-g", "both"], crate::SLEEPER, &[]);
    node.wait_status(&neighbour, "running");
    let pid = node.group_pid(&neighbour);
    for (text, code) in [
        ("os.exit(0)", 0),
        ("os.exit(3)", 3),
        ("os.exit(true)", 0),
        ("os.exit(false)", 1),
        ("os.exit(255)", 255),
    ] {
        assert_eq!(
            node.run_attached(&["-g", "both"], text, b"").code,
            Some(code),
            "{text}"
        );
    }
    // From inside of a protected call and of a coroutine too.
    let inside = "pcall(function() coroutine.wrap(function() os.exit(9) end)() end) print('not reached')";
    let out = node.run_attached(&["-g", "both"], inside, b"");
    assert_eq!((out.code, out.stdout.as_str()), (Some(9), ""));
    assert_eq!(
        (node.job(&neighbour).state.as_str(), node.group_pid(&neighbour)),
        ("running", pid)
    );
}
