//! Functions and objects of a plugin in scripts: results, errors, limits, calls that block, its Lua side and its app.

use std::fs;
use std::path::Path;

use gshell_tests::{DEADLINE, wait_for};

use super::Plugins;

#[test]
fn functions_answer_and_fail_as_scripts_expect() {
    let Some(plugins) = Plugins::start() else { return };
    let out = plugins.output(
        r#"
        local tried = require "tried"
        print(tried.add(2, 3), tried.twice(4), require "tried" == tried)
        for _, f in ipairs { tried.facts, tried.slow_facts } do
          local t = f { name = "x", [1] = 2 }
          print(t.given, #t.list, select(2, pcall(f, { name = {} })))
        end
        local function show(ok, e) print(ok, type(e), e.code, e.message) end
        show(pcall(tried.fails))
        show(pcall(tried.slow_fails))
        show(pcall(tried.add, 1, "2"))
        show(pcall(coroutine.wrap(function() tried.add {} end)))
        show(pcall(function() local ok, e = pcall(tried.fails) error(e) end))
        print(select(2, xpcall(tried.fails, debug.traceback)))
        print(select(2, xpcall(function() tried.add() end, function(e) return debug.traceback(e.message) end)):match "in function 'tried.add'" ~= nil)
        "#,
    );
    let want = "5\t8\ttrue\n\
        x\t2\tbad argument #1 to 'tried.facts' (at .name: string expected, got table)\n\
        x\t2\tbad argument #1 to 'tried.slow_facts' (at .name: string expected, got table)\n\
        false\ttable\tbusy\tnot now\n\
        false\ttable\tbusy\tnot now\n\
        false\ttable\tinvalid\tbad argument #2 to 'tried.add' (integer expected, got string)\n\
        false\ttable\tinvalid\tbad argument #1 to 'tried.add' (integer expected, got table)\n\
        false\ttable\tbusy\tnot now\n\
        not now\n\
        true\n";
    assert_eq!(out, want);
}

#[test]
fn a_script_of_the_plugins_name_gets_the_plugin() {
    let Some(plugins) = Plugins::start() else { return };
    let script = plugins
        .node
        .script("tried.lua", "print(require 'tried'.add(2, 3))");
    assert_eq!(plugins.node.ok(&["run", "-i", "-g", "g", &script]), "5");
    assert_eq!(plugins.node.ok(&["exec", &script]), "5");
    // In a folder, only the file that runs is not a module of it.
    let folder = plugins.node.work_dir().join("app");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("main.lua"), "print((require 'tried'))").unwrap();
    fs::write(folder.join("tried.lua"), "return 'its own'").unwrap();
    assert_eq!(plugins.node.ok(&["exec", &plugins.path("app")]), "its own");
}

#[test]
fn an_error_that_nobody_catches_ends_the_script_with_its_text() {
    let Some(plugins) = Plugins::start() else { return };
    let script = "local tried = require 'tried'\ntried.add(1)\n";
    let out = plugins.node.run_attached(&["-g", "g"], script, b"");
    assert_eq!(out.code, Some(1), "{out:#?}");
    let want = "bad argument #2 to 'tried.add' (integer expected, got no value)";
    assert!(
        out.stderr.contains(want) && out.stderr.contains(":2: in main chunk"),
        "{out:#?}"
    );
}

#[test]
fn results_keep_to_the_memory_limit() {
    let Some(plugins) = Plugins::start() else { return };
    let script = r#"
        local tried = require "tried"
        for _, f in ipairs { tried.list, tried.slow_list } do
          for i = 1, 20 do
            local ok, e = pcall(f, 1000, 4000)
            assert(not ok and tostring(e):find "--mem", tostring(e))
            assert(#f(100, 1000) == 100 and tried.add(1, 2) == 3)
          end
        end
        print "fine"
        tried.list(1000, 100000)
    "#;
    let out = plugins
        .node
        .run_attached(&["-g", "g", "--mem", "2M"], script, b"");
    assert_eq!(out.stdout, "fine\n", "{out:#?}");
    assert_eq!(out.code, Some(137), "{out:#?}");
    assert!(
        out.stderr.contains("not enough memory") && out.stderr.contains("--mem"),
        "{out:#?}"
    );
}

#[test]
fn calls_that_block_wait_beside_each_other() {
    let Some(plugins) = Plugins::start() else { return };
    let script = r#"
        local tried, gshell, fs = require "tried", require "gshell", require "gshell.fs"
        local base = arg[1]
        local tasks = {}
        for i = 1, 12 do
          tasks[i] = gshell.spawn(function() return tried.awaits(base .. "begun" .. i, base .. "go", base .. "no") end)
        end
        -- All have begun, so each has a thread; files and this script go on meanwhile.
        for i = 1, 12 do while not fs.exists(base .. "begun" .. i) do gshell.sleep(0.002) end end
        fs.write(base .. "go", "")
        for i = 1, 12 do assert(tasks[i]:join() == "found") end
        local box = tried.box()
        local held = gshell.spawn(function() return box:hold(base .. "held", base .. "free") end)
        while not fs.exists(base .. "held") do gshell.sleep(0.002) end
        print(pcall(box.add, box, 1))
        print(pcall(box.hold, box, base .. "x", base .. "free"))
        fs.write(base .. "free", "")
        print(held:join(), box:add(1), box:hold(base .. "x", base .. "free"))
    "#;
    let base = plugins.path("file-");
    let path = plugins.node.work_dir().join("blocking.lua");
    fs::write(&path, script).unwrap();
    let out = plugins
        .node
        .cmd(&["run", "-i", "-g", "g", &path.display().to_string(), &base]);
    let busy = "the Box is in use by a call that has not returned yet";
    let want = format!("false\t'tried.Box:add': {busy}\nfalse\t'tried.Box:hold': {busy}\n1\t2\t3\n");
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), (want.as_str(), ""));
}

#[test]
fn whoever_blocks_learns_that_nobody_waits() {
    let Some(plugins) = Plugins::start() else { return };
    for (number, end) in [&["stop"][..], &["rm", "-f"]].into_iter().enumerate() {
        let [begun, go, gone] = ["begun", "go", "gone"].map(|name| plugins.path(&format!("{name}-{number}")));
        let script = "local tried = require 'tried'\nprint(pcall(tried.awaits, arg[1], arg[2], arg[3]))\n";
        let id = plugins
            .node
            .run_script(&["-g", "g"], script, &[&begun, &go, &gone]);
        let there = |what: &str, path: &str| {
            wait_for(what, DEADLINE, || Path::new(path).exists().then_some(()));
        };
        there("the call has begun", &begun);
        plugins.node.cmd(&[end, &[id.as_str()]].concat()).ok();
        there("the plugin was told", &gone);
        if number == 0 {
            plugins.node.wait_status(&id, "exited:killed");
            let log = plugins.node.cmd(&["log", &id]);
            assert!(
                log.ok().contains("stopped: the environment was told to end"),
                "{log:#?}"
            );
        }
    }
}

#[test]
fn a_task_that_is_cancelled_gives_its_call_up() {
    let Some(plugins) = Plugins::start() else { return };
    let base = plugins.path("task-");
    let script = format!(
        r#"
        local tried, gshell, fs = require "tried", require "gshell", require "gshell.fs"
        local base = {base:?}
        local task = gshell.spawn(function() return tried.awaits(base .. "begun", base .. "go", base .. "gone") end)
        while not fs.exists(base .. "begun") do gshell.sleep(0.002) end
        task:cancel()
        while not fs.exists(base .. "gone") do gshell.sleep(0.002) end
        print "given up"
        "#
    );
    assert_eq!(plugins.output(&script), "given up\n");
}

#[test]
fn modules_come_in_their_order() {
    let Some(plugins) = Plugins::start() else { return };
    let folder = plugins.node.work_dir().join("app");
    fs::create_dir(&folder).unwrap();
    fs::write(
        folder.join("main.lua"),
        "package.path = arg[1] .. '/?.lua'\nlocal tried, where = require 'tried'\nprint(tried.who, where, require('other').who)\n",
    )
    .unwrap();
    fs::write(folder.join("tried.lua"), "return { who = 'the package' }").unwrap();
    let path = plugins.node.work_dir().join("path");
    fs::create_dir(&path).unwrap();
    for name in ["tried", "other"] {
        fs::write(path.join(format!("{name}.lua")), "return { who = 'the path' }").unwrap();
    }
    let (folder, path) = (folder.display().to_string(), path.display().to_string());
    let out = plugins.node.cmd(&["run", "-i", "-g", "g", &folder, &path]);
    assert_eq!(out.ok(), "the package\ttried.lua\tthe path");
    let script = format!(
        "package.path = {path:?} .. '/?.lua'\nlocal tried, where = require 'tried'\nprint(tried.who, where, require('other').who)\n"
    );
    let want = format!("nil\t{}\tthe path\n", plugins.path("plugins/tried.gplugin"));
    assert_eq!(plugins.output(&script), want);
    // One that is installed while the script runs is found; a file that is none is told.
    fs::write(plugins.path("plugins/broken.gplugin"), "text").unwrap();
    let out = plugins
        .node
        .run_attached(&["-g", "g"], "print(select(2, pcall(require, 'broken')))", b"");
    let told = out.ok();
    assert!(
        told.contains("error loading module 'broken': plugin ")
            && told.ends_with("broken.gplugin: a text file, not a shared object"),
        "{told}"
    );
}

#[test]
fn an_app_runs_by_the_plugins_name() {
    let Some(plugins) = Plugins::start() else { return };
    let node = &plugins.node;
    assert_eq!(
        node.cmd(&["run", "-i", "-g", "g", "tried", "a", "b c"]).ok(),
        "app\t42\ta\tb c"
    );
    assert_eq!(node.cmd(&["exec", "tried", "--x"]).ok(), "app\t42\t--x");
    let id = node.cmd(&["run", "-g", "g", "tried"]).ok().trim().to_owned();
    let job = node.wait_status(&id, "exited:ok");
    assert_eq!(job.name, "tried");
    // Neither a file nor a plugin: told before anything is started, with both places.
    for command in ["run", "exec"] {
        let out = node.cmd(&[command, "nobody"]);
        let (here, plugins) = (plugins.path("nobody"), plugins.path("plugins"));
        out.fails(&[
            "cannot run nobody: no such file",
            &here,
            "no plugin 'nobody'",
            &plugins,
        ]);
        assert_eq!((out.code, out.stderr.lines().count()), (Some(3), 1), "{out:#?}");
    }
}
