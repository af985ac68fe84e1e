//! New plugins, in C and in Rust, as `gshell plugin new` writes them: each builds and passes its own test.

use std::fs;
use std::path::Path;
use std::process::Command;

use gshell_tests::{Node, binary, command, programs};

use super::made::own;

/// Writes a new plugin; `false` when this build cannot.
fn written(node: &Node, words: &[&str]) -> bool {
    let out = node.cmd(&[&["plugin", "new"], words].concat());
    if out.stderr.contains("built without the feature tools") {
        return false;
    }
    assert!(out.ok().contains("make test"), "{out:#?}");
    true
}

/// Checks the plugin in the folder and calls it from Lua, where the program has a loader.
fn works(node: &Node, folder: &Path, name: &str) {
    let short = name.rsplit('/').next().unwrap();
    let file = folder.join(format!("{short}.gplugin")).display().to_string();
    let said = node.ok(&["plugin", "check", &file]);
    let want = format!("{file}: {name} 0.1.0 for {}, ABI 1.0, ", own());
    assert!(said.starts_with(&want), "{said}");
    if node
        .cmd(&["plugin", "info", &file])
        .stderr
        .contains("linked statically")
    {
        return;
    }
    let script = folder.join("test.lua").display().to_string();
    let out = node.cmd(&["--plugin-dir", &folder.display().to_string(), "exec", &script]);
    assert_eq!(out.ok(), format!("{name} works"));
}

#[test]
fn one_in_c_works() {
    let node = Node::unstarted();
    if !written(&node, &["--c", "example.org/my-sum", "--path", "sum"]) {
        return;
    }
    let folder = node.work_dir().join("sum");
    let header = binary::repository().join("plugins/abi/include/gshell_plugin.h");
    assert_eq!(
        fs::read(folder.join("gshell_plugin.h")).unwrap(),
        fs::read(header).unwrap()
    );
    let mut compiler = programs::c_compiler();
    compiler
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-O2",
            "-fPIC",
            "-fvisibility=hidden",
            "-shared",
            "-s",
        ])
        .args(["-o", "my-sum.gplugin", "my-sum.c"])
        .current_dir(&folder);
    command::run(compiler, b"").ok();
    works(&node, &folder, "example.org/my-sum");
    // What somebody has written is never written over.
    let out = node.cmd(&["plugin", "new", "--c", "sum"]);
    assert_eq!(out.fails(&["sum is there already, and not empty"]).code, Some(5));
}

#[test]
fn one_in_rust_works() {
    let node = Node::unstarted();
    let sdk = binary::repository().join("plugins/sdk").display().to_string();
    if !written(&node, &["--sdk", &sdk, "example.org/my-sum", "--path", "sum"]) {
        return;
    }
    // Compiled for this machine only: other targets have toolchains of their own.
    if binary::target().is_some() {
        return;
    }
    let folder = node.work_dir().join("sum");
    // The versions that this repository is built with, which are here.
    fs::copy(binary::repository().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let built = binary::profile_dir().join("new-plugin");
    for what in ["build", "test"] {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args([what, "--quiet", "--offline", "--target-dir"])
            .arg(&built)
            .current_dir(&folder);
        let out = cargo.output().expect("cargo runs");
        assert!(
            out.status.success(),
            "cargo {what}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
    let library = built.join("debug/libgshell_plugin_example_org_my_sum.so");
    fs::copy(library, folder.join("my-sum.gplugin")).unwrap();
    works(&node, &folder, "example.org/my-sum");
}

#[test]
fn without_the_sdk_there_is_a_way_to_go_on() {
    let node = Node::unstarted();
    let out = node.cmd(&["plugin", "new", "--sdk", "/", "sum"]);
    if !out.stderr.contains("built without the feature tools") {
        out.fails(&["/ is not the SDK"]);
        node.cmd(&["plugin", "new", "Sum"]).fails(&["'S' is not among"]);
    }
    assert!(!node.work_dir().join("sum").exists());
}
