//! What a node that runs adds to the list: the groups that have opened a plugin, and what is left out for its crashes.

use std::fs;

use gshell_tests::{DEADLINE, wait_until};
use serde_json::Value;

use super::Plugins;
use super::opened::{cannot_load, compiled};
use crate::output::json;

/// What the list says about the plugin of this name.
fn told(plugins: &Plugins, name: &str) -> Value {
    let all = json(plugins.run(&["list", "--json"]).ok());
    let mut found = all["plugins"].as_array().unwrap().iter();
    found
        .find(|plugin| plugin["name"] == name)
        .cloned()
        .unwrap_or_default()
}

#[test]
fn the_list_names_the_groups_that_have_opened_a_plugin() {
    let mut plugins = Plugins::new();
    let file = compiled(&plugins, "sum", "", "return GSP_OK;");
    if cannot_load(&plugins, &file) {
        return;
    }
    plugins.start();
    assert_eq!(told(&plugins, "sum")["groups"], json("[]"));
    let text = "require 'sum' print 'opened' while true do require 'gshell'.sleep(60) end";
    let id = plugins.node.run_script(&["-g", "has"], text, &[]);
    let group = || {
        told(&plugins, "sum")["groups"][0]
            .as_str()
            .unwrap_or_default()
            .starts_with("has-")
    };
    wait_until("the group tells its plugin", DEADLINE, group);
    let page = plugins.run(&["list"]).ok().to_owned();
    assert!(
        page.lines()
            .any(|line| line.contains(" has-") && line.ends_with(&file)),
        "{page}"
    );
    // One that is gone from the folder is still what the group has.
    plugins.run(&["rm", "sum"]).ok();
    assert_eq!(told(&plugins, "sum")["path"], file.as_str());
    plugins.node.ok(&["stop", &id]);
}

#[test]
fn one_that_crashes_again_and_again_is_left_out_until_it_is_let_in() {
    let mut plugins = Plugins::new();
    let file = compiled(&plugins, "boom", "", "abort();");
    if cannot_load(&plugins, &file) {
        return;
    }
    plugins.start();
    let script = plugins.node.script("crash.lua", "require('boom').one()");
    let crash = |plugins: &Plugins| {
        wait_until("it has crashed often enough", DEADLINE, || {
            // The group may end before it answers, which is the point.
            plugins.node.cmd(&["run", "-g", "bad", &script]);
            let reason = told(plugins, "boom")["reason"].clone();
            reason.as_str().unwrap_or_default().starts_with("left out: ")
        });
    };
    crash(&plugins);
    let found = told(&plugins, "boom");
    let want = "it ended its group 3 times, the last time it crashed (SIGABRT) in boom.one";
    assert!(found["reason"].as_str().unwrap().contains(want), "{found}");
    assert_eq!((&found["taken"], &found["crashes"]), (&false.into(), &3.into()));
    assert_eq!(plugins.run(&["release", "boom"]).ok(), "boom is let in again");
    let found = told(&plugins, "boom");
    assert_eq!((&found["taken"], &found["crashes"]), (&true.into(), &0.into()));
    // Another file under the name is let in by itself.
    crash(&plugins);
    let other = plugins.node.work_dir().join("other.gplugin");
    let mut data = fs::read(&file).unwrap();
    data.extend(b"another build");
    fs::write(&other, data).unwrap();
    let said = plugins
        .run(&["install", &other.display().to_string()])
        .ok()
        .to_owned();
    assert!(said.ends_with("in place of 1.0.0, with other content"), "{said}");
    assert_eq!(told(&plugins, "boom")["taken"], true);
}
