//! The scripts of `examples/`, run as a user runs them.

mod scripts;

use gshell_script::Outcome;

fn example(name: &str, args: &[&str]) -> scripts::Ran {
    scripts::run(name, &scripts::read(&format!("examples/{name}")), args)
}

/// The table of `top.lua`, by lines, without its head.
fn table(args: &[&str]) -> Vec<String> {
    let ran = example("top.lua", args);
    assert_eq!(ran.outcome, Outcome::Ok, "{}", ran.err);
    let mut lines = ran.out.lines().map(str::to_owned);
    assert!(
        lines.any(|line| line.contains("PID PRIO S   CPU%      MEM  COMMAND")),
        "{}",
        ran.out
    );
    lines.collect()
}

fn has_line_of(lines: &[String], pid: u32) -> bool {
    let pid = pid.to_string();
    lines
        .iter()
        .any(|line| line.split_whitespace().next() == Some(&pid))
}

#[test]
fn hello_greets() {
    assert_eq!(example("hello.lua", &[]).out, "Hello, world!\n");
    assert_eq!(
        example("hello.lua", &["Ada", "Lovelace"]).out,
        "Hello, Ada Lovelace!\n"
    );
    assert_eq!(
        example("hello.lua", &["-"]).out,
        "Who are you? Hello, world!\n",
        "at the end of the input"
    );
}

#[test]
fn top_prints_a_plain_table_of_this_machine() {
    let lines = table(&["-n", "1"]);
    assert!(has_line_of(&lines, std::process::id()));
    let cpu = |line: &String| {
        line.split_whitespace()
            .nth(3)
            .and_then(|cpu| cpu.parse::<f64>().ok())
            .unwrap()
    };
    assert!(
        lines.windows(2).all(|pair| cpu(&pair[0]) >= cpu(&pair[1])),
        "the busiest come first"
    );
    assert_eq!(table(&["-n1", "--limit=2", "--sort", "mem"]).len(), 2);
}

#[test]
fn top_draws_trees_and_threads() {
    let lines = table(&["-n", "1", "--tree"]);
    assert!(has_line_of(&lines, std::process::id()) && lines.iter().any(|line| line.contains("└─ ")));
    let own = std::process::id().to_string();
    let lines = table(&["-n", "1", "--threads", "-p", &own]);
    assert!(has_line_of(&lines, std::process::id()) && lines.iter().any(|line| line.contains("└> ")));
}

#[test]
fn top_writes_one_object_for_each_table() {
    let own = std::process::id().to_string();
    let ran = example(
        "top.lua",
        &["-n", "2", "-i", "0.1", "--json", "--threads", "-p", &own],
    );
    assert_eq!(ran.outcome, Outcome::Ok, "{}", ran.err);
    let samples: Vec<serde_json::Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(samples.len(), 2);
    for sample in samples {
        assert_eq!(sample["processes"][0]["pid"], std::process::id());
        assert!(sample["processes"][0]["tasks"].is_array() && sample["cpu"]["busy"].is_number());
        assert!(
            sample["memory"]["total"].is_u64() && sample["cpus"].is_array() && sample["time"].is_string()
        );
    }
    let ran = example("top.lua", &["-n", "1", "--json", "--tree"]);
    let sample: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(sample["processes"][0]["children"].is_array());
}

#[test]
fn top_refuses_what_it_does_not_know() {
    let wrong: [&[&str]; 8] = [
        &["-x"],
        &["word"],
        &["-n"],
        &["-n", "0"],
        &["-n", "1.5"],
        &["-i", "0"],
        &["--sort", "name"],
        &["--tree=1"],
    ];
    for args in wrong {
        let ran = example("top.lua", args);
        assert_eq!(ran.outcome, Outcome::Exit(2), "{args:?}");
        assert!(
            ran.err.starts_with("top.lua: ") && ran.out.is_empty(),
            "{args:?}: {}",
            ran.err
        );
    }
    let ran = example("top.lua", &["-n", "1", "-p", "2147483647"]);
    assert_eq!(
        (ran.outcome, ran.err.as_str()),
        (Outcome::Exit(1), "top.lua: no such process\n")
    );
    let ran = example("top.lua", &["--help"]);
    assert!(ran.outcome == Outcome::Ok && ran.out.starts_with("usage: "));
}

#[test]
fn top_ends_cleanly_when_told_to_stop() {
    let text = scripts::read("examples/top.lua");
    let ran = scripts::run_with("top.lua", &text, &["-i", "1000"], async |environment, output| {
        output.until("COMMAND").await;
        environment.stop();
    });
    assert!(
        matches!(ran.outcome, Outcome::Ok | Outcome::Stopped),
        "{:?}",
        ran.outcome
    );
    assert!(ran.err.is_empty() && ran.out.contains("COMMAND"), "{}", ran.err);
}
