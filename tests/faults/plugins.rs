//! Plugins that crash, and plugins that never return: named, survived by their neighbours, and left out in the end.

use std::fs;
use std::path::{Path, PathBuf};

use gshell_tests::{DEADLINE, Node, Out, binary, command, programs, wait_until};
use serde_json::Value;

use crate::SLEEPER;

/// Crashes before one is left out.
const CRASHES: u64 = 3;

/// Source of a plugin `bad`: each function ends badly, but `add`.
const BAD: &str = r#"
#include "gshell_plugin.h"
#include <stdlib.h>
static int32_t add(gsp_call *call) {
    int64_t a, b;
    if (!call->host->get_integer(call, 1, &a) || !call->host->get_integer(call, 2, &b)) return GSP_FAILED;
    return call->host->put_integer(call, a + b) ? GSP_OK : GSP_FAILED;
}
static int32_t aborts(gsp_call *call) { abort(); }
static int32_t writes(gsp_call *call) { *(volatile int *)16 = 1; return GSP_OK; }
static int32_t deep(gsp_call *call) { volatile char page[4096]; page[0] = 1; return deep(call) + page[0]; }
static int32_t stays(gsp_call *call) { for (;;) ; }
static const gsp_function functions[] = {
    { GSP_TEXT("add"), GSP_TEXT(""), GSP_TEXT(""), add, 0, 0 },
    { GSP_TEXT("aborts"), GSP_TEXT(""), GSP_TEXT(""), aborts, 0, 0 },
    { GSP_TEXT("writes"), GSP_TEXT(""), GSP_TEXT(""), writes, 0, 0 },
    { GSP_TEXT("deep"), GSP_TEXT(""), GSP_TEXT(""), deep, 0, 0 },
    { GSP_TEXT("stays"), GSP_TEXT(""), GSP_TEXT(""), stays, 0, 0 },
    { GSP_TEXT("waits"), GSP_TEXT(""), GSP_TEXT(""), aborts, GSP_BLOCKING, 0 },
};
"#;

/// The end of it: what its constructor does, and its version.
fn bad(constructor: &str, version: &str) -> String {
    format!(
        "{BAD}\n__attribute__((constructor)) static void begin(void) {{ {constructor} }}\n\
         GSP_PLUGIN(bad, \"{version}\", \"Bad.\", .functions = functions, .function_count = 6);\n"
    )
}

/// A node with a folder of plugins. The scripts wait for a file until they do their harm, so that they are in the list by then.
struct Plugins {
    node: Node,
    harm: u32,
}

impl Plugins {
    /// `None` where the program under test cannot load files.
    fn start(source: &str) -> Option<Plugins> {
        let mut node = Node::unstarted();
        let folder = node.work_dir().join("plugins");
        fs::create_dir(&folder).unwrap();
        node.set_env("GSHELL_PLUGIN_DIR", &folder.display().to_string());
        node.start_daemon();
        let plugins = Plugins { node, harm: 0 };
        if plugins.info()["plugins"]["can_load"] == false {
            println!("skipped: this build is linked statically");
            return None;
        }
        plugins.compile(source);
        Some(plugins)
    }

    fn file(&self) -> PathBuf {
        self.node.work_dir().join("plugins/bad.gplugin")
    }

    /// Makes the plugin, as an installation does: with a new file in the place of the old.
    fn compile(&self, source: &str) {
        let (c, made) = (
            self.node.work_dir().join("bad.c"),
            self.node.work_dir().join("made"),
        );
        fs::write(&c, source).unwrap();
        let include = binary::repository().join("plugins/abi/include");
        let mut compiler = programs::c_compiler();
        compiler
            .args(["-shared", "-fPIC", "-w", "-I"])
            .args([include.as_path(), Path::new("-o"), &made, &c]);
        command::run(compiler, b"").ok();
        fs::rename(made, self.file()).unwrap();
    }

    fn info(&self) -> Value {
        serde_json::from_str(self.node.cmd(&["info", "--json"]).ok()).unwrap()
    }

    /// How many crashes of the file were counted.
    fn crashes(&self) -> u64 {
        let list: Value = serde_json::from_str(self.node.cmd(&["plugin", "list", "--json"]).ok()).unwrap();
        let plugins = list["plugins"].as_array().unwrap();
        let bad = plugins.iter().find(|plugin| plugin["name"] == "bad").unwrap();
        bad["crashes"].as_u64().unwrap()
    }

    /// Runs a script that calls `harm` of the plugin as soon as it is listed as running; gives its ID.
    fn run_harm(&mut self, options: &[&str], group: &str, harm: &str) -> String {
        self.harm += 1;
        let go = self.node.work_dir().join(format!("go{}", self.harm));
        let script = format!(
            "local gshell, fs = require 'gshell', require 'gshell.fs'
             while not fs.exists(arg[1]) do gshell.sleep(0.005) end
             {harm}"
        );
        let options = [&["-g", group], options].concat();
        let go = go.display().to_string();
        let id = self.node.run_script(&options, &script, &[&go]);
        self.node.wait_status(&id, "running");
        fs::write(go, "").unwrap();
        id
    }

    /// How the process of the group before ended.
    fn last_exit(&self, group: &str) -> String {
        let info = self.info();
        let groups = info["groups"].as_array().unwrap();
        let of = |group_info: &&Value| {
            group_info["name"]
                .as_str()
                .is_some_and(|name| name.starts_with(group))
        };
        let found = groups.iter().find(of).unwrap();
        found["last_exit"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an environment runs in another process than this.
    fn wait_moved(&self, id: &str, from: i32) {
        wait_until("the neighbour runs on in a new process", DEADLINE, || {
            let job = self.node.job(id);
            job.state == "running" && job.pid.is_some_and(|pid| pid != from)
        });
    }

    /// What a script that asks for the plugin says.
    fn ask(&self, group: &str) -> String {
        let out = self
            .node
            .run_attached(&["-g", group], "print(require('bad').add(2, 3))", b"");
        format!("{}{}", out.stdout, out.stderr)
    }
}

#[test]
fn a_plugin_that_aborts_is_named_and_left_out_in_the_end() {
    let Some(mut plugins) = Plugins::start(&bad("", "1.0")) else {
        return;
    };
    let neighbour = plugins.node.run_script(&["-g", "torn"], SLEEPER, &[]);
    plugins.node.wait_status(&neighbour, "running");
    for (crashes, (harm, signal)) in (1..).zip([("aborts", 6), ("writes", 11), ("deep", 11)]) {
        let before = plugins.node.group_pid(&neighbour);
        let id = plugins.run_harm(&[], "torn", &format!("require('bad').{harm}()"));
        let job = plugins.node.wait_status(&id, "exited:signal");
        let name = if signal == 6 { "SIGABRT" } else { "SIGSEGV" };
        let deed = format!("plugin bad crashed ({name}) in bad.{harm}");
        assert_eq!(job.error.as_deref(), Some(deed.as_str()));
        plugins.wait_moved(&neighbour, before);
        let last = plugins.last_exit("torn");
        assert!(
            last.contains(&format!("signal {signal}: {deed}, environment {id}")),
            "{last}"
        );
        assert!(plugins.node.ok(&["ps", &id]).contains(&deed));
        assert!(plugins.node.ok(&["log", &id]).contains(&deed));
        assert!(plugins.node.ok(&["log", "torn"]).contains(&deed));
        assert!(plugins.node.ok(&["log", "daemon"]).contains(&deed));
        if crashes < CRASHES {
            assert_eq!(plugins.ask("other").trim(), "5");
        }
    }
    left_out_until_released(&mut plugins);
}

fn left_out_until_released(plugins: &mut Plugins) {
    let refused = |plugins: &Plugins| {
        let said = plugins.ask("torn");
        let file = plugins.file().display().to_string();
        for part in [
            file.as_str(),
            "3 times",
            "(SIGSEGV) in bad.deep",
            "gshell plugin release bad",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    };
    refused(plugins);
    assert_eq!(plugins.info()["plugins"]["left_out"], serde_json::json!(["bad"]));
    assert!(plugins.node.ok(&["info"]).contains("left out   : bad"));
    // It is known to the next node, too.
    plugins.node.kill_everything();
    plugins.node.start_daemon();
    refused(plugins);
    plugins.node.ok(&["plugin", "release", "bad"]);
    assert_eq!(plugins.ask("torn").trim(), "5");
    assert_eq!(plugins.info()["plugins"]["left_out"], serde_json::json!([]));
    let again = plugins.node.cmd(&["plugin", "release", "bad"]);
    assert_ne!(again.code, Some(0), "{again:?}");
}

/// The crash is faster than the record of the environment, most of the time: then the daemon, which got no answer, asks again.
#[test]
fn one_run_that_crashes_at_once_is_one_crash() {
    let Some(plugins) = Plugins::start(&bad("", "1.0")) else {
        return;
    };
    let deed = "plugin bad crashed (SIGABRT) in bad.aborts";
    let crash = |options: &[&str]| {
        let id = plugins.node.run_script(options, "require('bad').aborts()", &[]);
        let job = plugins.node.wait_status(&id, "exited:signal");
        assert_eq!((job.error.as_deref(), job.restarts), (Some(deed), 0));
        assert!(plugins.node.ok(&["log", &id]).contains(deed));
    };
    for _ in 0..6 {
        crash(&[]);
        assert_eq!(plugins.crashes(), 1);
        plugins.node.ok(&["plugin", "release", "bad"]);
    }
    for crashes in 1..=CRASHES {
        crash(&["-g", "same"]);
        assert_eq!(plugins.crashes(), crashes);
    }
    assert!(plugins.ask("same").contains("left out"));
    assert_eq!(plugins.crashes(), CRASHES);
    // The log tells each once.
    let told = plugins.node.ok(&["log", "daemon"]);
    assert_eq!(told.matches(deed).count() as u64, 6 + CRASHES, "{told}");
}

#[test]
fn another_build_is_let_in_again() {
    let Some(mut plugins) = Plugins::start(&bad("*(volatile int *)16 = 1;", "1.0")) else {
        return;
    };
    let neighbour = plugins.node.run_script(&["-g", "new"], SLEEPER, &[]);
    plugins.node.wait_status(&neighbour, "running");
    for _ in 0..CRASHES {
        let before = plugins.node.group_pid(&neighbour);
        let id = plugins.run_harm(&[], "new", "require 'bad'");
        let job = plugins.node.wait_status(&id, "exited:signal");
        let deed = "plugin bad crashed (SIGSEGV) while it was opened";
        assert_eq!(job.error.as_deref(), Some(deed));
        plugins.wait_moved(&neighbour, before);
    }
    let before = plugins.node.group_pid(&neighbour);
    let said = plugins.ask("new");
    assert!(
        said.contains("left out") && said.contains("while it was opened"),
        "{said}"
    );
    // In the process that refused it, too.
    plugins.compile(&bad("", "1.1"));
    assert_eq!(plugins.ask("new").trim(), "5");
    assert_eq!(plugins.node.group_pid(&neighbour), before);
}

#[test]
fn who_crashed_is_started_again_as_its_policy_says() {
    let Some(mut plugins) = Plugins::start(&bad("", "1.0")) else {
        return;
    };
    let neighbour = plugins.node.run_script(&["-g", "policy"], SLEEPER, &[]);
    plugins.node.wait_status(&neighbour, "running");
    let before = plugins.node.group_pid(&neighbour);
    let id = plugins.run_harm(&["--restart", "1"], "policy", "require('bad').aborts()");
    let job = plugins.node.wait_status(&id, "exited:signal");
    assert!(job.restarts >= 1, "{job:?}");
    let shown = plugins.node.ok(&["ps", &id]);
    // Its end now, and the last ends.
    assert!(
        shown.matches("crashed (SIGABRT) in bad.aborts").count() >= 3,
        "{shown}"
    );
    plugins.wait_moved(&neighbour, before);
}

#[test]
fn whose_call_crashed_on_a_thread_for_calls_that_block_is_known() {
    let Some(mut plugins) = Plugins::start(&bad("", "1.0")) else {
        return;
    };
    let neighbour = plugins.node.run_script(&["-g", "blocked"], SLEEPER, &[]);
    plugins.node.wait_status(&neighbour, "running");
    let before = plugins.node.group_pid(&neighbour);
    let id = plugins.run_harm(&[], "blocked", "require('bad').waits()");
    let job = plugins.node.wait_status(&id, "exited:signal");
    let deed = "plugin bad crashed (SIGABRT) in bad.waits";
    assert_eq!(job.error.as_deref(), Some(deed));
    plugins.wait_moved(&neighbour, before);
}

#[test]
fn a_plugin_that_never_returns_is_named() {
    let Some(mut plugins) = Plugins::start(&bad("", "1.0")) else {
        return;
    };
    let neighbour = plugins.node.run_script(&["-g", "stuck"], SLEEPER, &[]);
    plugins.node.wait_status(&neighbour, "running");
    let before = plugins.node.group_pid(&neighbour);
    let id = plugins.run_harm(&["--restart", "always"], "stuck", "require('bad').stays()");
    let job = plugins.node.wait_status(&id, "exited:killed");
    let why = job.error.unwrap();
    assert!(why.contains("plugin bad did not return in bad.stays"), "{why}");
    plugins.wait_moved(&neighbour, before);
    let last = plugins.last_exit("stuck");
    assert!(
        last.contains(&format!(
            "plugin bad did not return in bad.stays, environment {id}"
        )),
        "{last}"
    );
    // The same while it is opened.
    plugins.compile(&bad("for (;;) ;", "1.1"));
    let id = plugins.run_harm(&[], "stuck", "require 'bad'");
    let why = plugins.node.wait_status(&id, "exited:killed").error.unwrap();
    assert!(
        why.contains("plugin bad did not return while it was opened"),
        "{why}"
    );
}

#[test]
fn without_a_node_it_ends_the_command() {
    let Some(plugins) = Plugins::start(&bad("", "1.0")) else {
        return;
    };
    let good = plugins.node.script("good.lua", "print(require('bad').add(2, 3))");
    assert_eq!(plugins.node.ok(&["exec", &good]), "5");
    // One line says who it was; the signal ends the command, as it would any program. An emulator adds a line of its own.
    let told = |out: &Out, said: &str| {
        let whole = binary::target().is_some() || out.stderr == said;
        assert!(
            out.code.is_none() && out.stderr.starts_with(said) && whole,
            "{out:#?}"
        );
    };
    for (harm, name) in [
        ("aborts", "SIGABRT"),
        ("writes", "SIGSEGV"),
        ("deep", "SIGSEGV"),
        ("waits", "SIGABRT"),
    ] {
        let call = format!("require('bad').{harm}()\n");
        let said = format!("gshell: plugin bad crashed ({name}) in bad.{harm}\n");
        let crash = plugins.node.script("crash.lua", &call);
        told(&plugins.node.cmd(&["exec", &crash]), &said);
        told(&plugins.node.cmd_with_input(&["shell"], call.as_bytes()), &said);
    }
    plugins.compile(&bad("*(volatile int *)16 = 1;", "1.1"));
    let said = "gshell: plugin bad crashed (SIGSEGV) while it was opened\n";
    told(&plugins.node.cmd(&["exec", &good]), said);
    // Nobody counts them: who typed the command saw it.
    assert_eq!(plugins.info()["plugins"]["left_out"], serde_json::json!([]));
}

#[test]
fn whoever_is_attached_learns_which_plugin_it_was() {
    let Some(plugins) = Plugins::start(&bad("", "1.0")) else {
        return;
    };
    let said = "plugin bad crashed (SIGABRT) in bad.aborts";
    let out = plugins
        .node
        .run_attached(&[], "require('gshell').sleep(0.2) require('bad').aborts()", b"");
    assert_eq!(
        (out.code, out.stderr.trim()),
        (Some(128 + 6), format!("gshell: {said}").as_str())
    );
    // At once: the group may be gone before the disk has anything of the run, and then only the group's end is known.
    let out = plugins.node.run_attached(&[], "require('bad').aborts()", b"");
    assert!(out.code != Some(0) && out.stderr.contains(said), "{out:?}");
    let ended = plugins.node.ps();
    assert!(
        ended.iter().all(|job| job.status() == "exited:signal"),
        "{ended:#?}"
    );
    // Also where the disk had no time of the start, which is not 1970.
    assert!(ended.iter().all(|job| job.duration_ms < 3_600_000), "{ended:#?}");
}
