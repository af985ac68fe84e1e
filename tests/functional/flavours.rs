//! What a build is: `gshell info` says it, and a command that a build is without says so.

use gshell_tests::Node;

use crate::output::json;

/// Commands of the feature `tools`, and what makes each end at once.
const TOOLS: [&[&str]; 6] = [
    &["schema", "gshell/daemon"],
    &["call", "gshell/daemon", "gshell.Id"],
    &["stats", "gshell/daemon"],
    &["mtrace", "list"],
    &["completions", "bash"],
    &["--trace", "gshell.Ps", "ps"],
];

#[test]
fn info_names_flavour_target_libc_and_features() {
    let node = Node::start();
    let info = json(&node.ok(&["info", "--json"]));
    let text = node.ok(&["info"]);
    let named = |key: &str| info[key].as_str().unwrap_or_default().to_owned();
    let (flavour, target, libc) = (named("flavour"), named("target"), named("libc"));
    assert!(["full", "lean", "custom"].contains(&flavour.as_str()), "{info}");
    match target.ends_with("-musl") {
        true => assert_eq!(libc, "musl static"),
        // With two numbers or three behind it.
        false => assert!(libc.starts_with("glibc 2."), "{libc}"),
    }
    let features: Vec<&str> = info["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let (built_in, features): (Vec<&str>, Vec<&str>) = features
        .into_iter()
        .partition(|name| name.starts_with("builtin-"));
    for (name, value) in [
        ("Flavour", flavour.as_str()),
        ("Target", &target),
        ("Libc", &libc),
        ("Features", &[features.as_slice(), &built_in].concat().join(" ")),
    ] {
        assert!(text.contains(&format!("{name:<13}: {value}\n")), "{name}: {text}");
    }
    let all = ["lua5.4", "unix", "tcp", "editor", "tools"];
    assert_eq!(flavour == "full", features == all, "{flavour}: {features:?}");
    assert_eq!(flavour == "lean", features == all[..3], "{flavour}: {features:?}");
}

#[test]
fn what_a_build_is_without_is_said_by_name() {
    let node = Node::start();
    let info = json(&node.ok(&["info", "--json"]));
    let has_tools = info["features"].as_array().unwrap().contains(&"tools".into());
    let help = node.ok(&["--help"]);
    for words in TOOLS {
        if has_tools {
            node.ok(words);
        } else {
            let said = format!("this build has no '{}'", words[0]);
            node.cmd(words)
                .fails(&[&said, "it was built without the feature tools"]);
        }
        let listed = help.contains(&format!("\n  {}", words[0]));
        assert_eq!(
            listed || words[0].starts_with('-'),
            has_tools || words[0].starts_with('-'),
            "{words:?}: {help}"
        );
    }
}
