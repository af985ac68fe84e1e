//! The examples of plugins: in C, and in Rust by Debian's compiler, loaded and called in one process.

use std::path::{Path, PathBuf};
use std::process::Command;

use gshell_tests::temp::TempDir;
use gshell_tests::{Node, binary, command, tools};

/// Debian's compiler, which is not the one of rustup in the path.
const OTHER_RUSTC: &str = "/usr/bin/rustc";

fn examples() -> PathBuf {
    binary::repository().join("examples/plugins")
}

fn script(name: &str) -> String {
    examples().join("lua").join(name).display().to_string()
}

/// Builds an example by its Makefile into `folder`.
fn make(example: &str, folder: &Path, words: &[&str]) {
    let mut make = Command::new("make");
    make.arg("--silent")
        .arg("-C")
        .arg(examples().join(example))
        .arg(format!("OUT={}", folder.display()))
        .args(words);
    command::run(make, b"").ok();
}

/// A folder with the example in C, for the target under test.
fn with_c() -> TempDir {
    let folder = TempDir::new();
    let compiler = std::env::var("GSHELL_TEST_CC").unwrap_or_else(|_| "cc".to_owned());
    make(
        "c",
        folder.path(),
        &[&format!("CC={compiler}"), "CFLAGS=-Os -Werror"],
    );
    folder
}

#[test]
fn a_plugin_in_c_has_one_of_everything() {
    if !tools::has("make", "make") {
        return;
    }
    let (plugins, node) = (with_c(), Node::unstarted());
    let folder = plugins.path().display().to_string();
    let out = node.cmd(&["--plugin-dir", &folder, "exec", &script("use_sum.lua")]);
    let lines: Vec<&str> = out.ok().lines().collect();
    assert_eq!(
        lines,
        [
            "add\t42",
            "total\t7.5",
            "reverse\tdesserts",
            "tally\t6\t3\t1\t2",
            "mean\t3.0",
            "constants\tC\t3.1415926535898",
            "meanwhile\t2",
            "nap\t50",
            "false\tbad argument #2 to 'sum.add' (integer expected, got string)",
            "false\tthe sum has more than 64 bits",
            "false\tbad argument #1 to 'sum.nap' (an integer from 0 to 60000 expected, got integer -1)",
            "false\ta mean of nothing",
        ]
    );
}

#[test]
fn its_service_answers() {
    if !tools::has("make", "make") {
        return;
    }
    let plugins = with_c();
    let mut node = Node::unstarted();
    node.set_env("GSHELL_PLUGIN_DIR", &plugins.path().display().to_string());
    node.start_daemon();
    let text = "local server = require 'gshell'.server { publisher = 'example' }\n\
                server:publish('sum', require 'sum', { scope = 'os' })\n\
                print 'ready'\n\
                server:serve()";
    let id = node.run_script(&[], text, &[]);
    node.wait_log(&id, "ready");
    let call = |numbers: &str| {
        node.cmd(&[
            "call",
            "example/sum",
            "sum.Request",
            &format!("{{\"numbers\": {numbers}}}"),
        ])
    };
    assert_eq!(call("[1, 20, -300]").ok(), "{\"sum\":-279,\"count\":3}");
    assert_eq!(call("[]").ok(), "{\"sum\":0,\"count\":0}");
    let schema = node.ok(&["schema", "example/sum"]);
    assert!(
        schema.contains("Asks for a sum.") && schema.contains("numbers: [i32]"),
        "{schema}"
    );
    node.ok(&["stop", &id]);
}

#[test]
fn a_plugin_of_another_compiler_and_one_in_c_work_in_one_group() {
    // Debian's has no standard library for other targets.
    if binary::target().is_some() || !tools::has("make", "make") {
        return;
    }
    if !Path::new(OTHER_RUSTC).exists() {
        tools::left_out("Debian's compiler is not installed: apt-get install rustc");
        return;
    }
    let plugins = with_c();
    make("rust-plain", plugins.path(), &[&format!("RUSTC={OTHER_RUSTC}")]);
    let mut version = Command::new(OTHER_RUSTC);
    version.arg("--version");
    let version = command::run(version, b"").ok().to_owned();
    let mut node = Node::unstarted();
    node.set_env("GSHELL_PLUGIN_DIR", &plugins.path().display().to_string());
    node.start_daemon();
    let out = node.cmd(&["run", "-i", &script("use_plain.lua")]);
    let lines: Vec<&str> = out.ok().lines().collect();
    assert_eq!(
        lines,
        [
            format!("plain is built by\t{version}").as_str(),
            "add\t42\t42",
            "shout\tSTRESSED",
            "false\tthe sum has more than 64 bits",
        ]
    );
}
