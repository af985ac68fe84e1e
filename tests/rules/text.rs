//! Rules about files as text: length, documentation, leftovers, places and boards that code must not name.

use crate::report;
use crate::sources::{self, Source};

/// Lines that a file may have. Three files in four should stay below 300.
const MAX_LINES: usize = 500;

/// The folder of these rules, which must name what they forbid.
const RULES: &str = "tests/rules/";

fn is_program(path: &str) -> bool {
    [".rs", ".lua", ".py", ".sh", ".c", ".h"]
        .iter()
        .any(|end| path.ends_with(end))
        || ["ci/", ".ci/", "tests/performance/"]
            .iter()
            .any(|dir| path.starts_with(dir))
}

/// Files that a program wrote say so in their first lines.
fn is_generated(source: &Source) -> bool {
    source
        .text
        .lines()
        .take(5)
        .any(|line| line.contains("@generated"))
}

/// `path:line: text` of every line of every file that `wrong` accepts.
fn lines_that(files: impl Fn(&str) -> bool, wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources::all()
        .iter()
        .filter(|source| files(&source.path) && !source.path.starts_with(RULES))
    {
        for (number, line) in source.text.lines().enumerate().filter(|(_, line)| wrong(line)) {
            findings.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
        }
    }
    findings
}

#[test]
fn no_file_is_too_long() {
    let findings: Vec<String> = sources::all()
        .iter()
        .filter(|source| is_program(&source.path) && !is_generated(source))
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    report("files over 500 lines:", &findings);
}

#[test]
fn every_module_says_what_it_settles() {
    let findings: Vec<String> = sources::rust()
        .iter()
        .filter(|source| !source.path.starts_with("tests/fuzz/") && !is_generated(source))
        .filter(|source| !source.text.trim_start_matches("#!/").starts_with("//!"))
        .map(|source| source.path.clone())
        .collect();
    report("modules that do not begin with //! and a sentence:", &findings);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this list is not a finding of its own. Six of the last letter are a pattern of mktemp.
    let words = [
        ("TO", "DO"),
        ("FIX", "ME"),
        ("XX", "X"),
        ("to", "do!("),
        ("unimple", "mented!("),
        ("#[ig", "nore"),
    ]
    .map(|(begin, end)| format!("{begin}{end}"));
    let pattern = "X".repeat(6);
    let is_left = |line: &str| {
        words
            .iter()
            .any(|word| line.contains(word.as_str()) && !line.contains(&pattern))
    };
    report(
        "leftovers:",
        &lines_that(|path| is_program(path) || path.ends_with(".md"), is_left),
    );
}

#[test]
fn no_path_of_one_machine() {
    // Put together here, so that this list is not a finding of its own.
    let places = [("work", ""), ("farm", ""), ("root", "."), ("home", "")]
        .map(|(folder, rest)| format!("/{folder}/{rest}"));
    let names_one = |line: &str| {
        places.iter().any(|place| {
            line.match_indices(place.as_str()).any(|(at, _)| {
                !line[..at].ends_with(|c: char| {
                    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-' | '}')
                })
            })
        })
    };
    report(
        "paths of one machine:",
        &lines_that(|path| path != "Cargo.lock", names_one),
    );
}

#[test]
fn no_board_outside_its_folders() {
    const BOARDS: &[&str] = &[
        "beaglebone",
        "raspberrypi",
        "raspberry pi",
        "ath79",
        "ramips",
        "malta",
        "qemux86",
        "qemuarm",
        "qemumips",
    ];
    let names_one = |line: &str| {
        let line = line.to_lowercase();
        BOARDS.iter().any(|board| line.contains(board))
    };
    let outside = |path: &str| {
        (is_program(path) || path.ends_with(".toml"))
            && !path.starts_with("bsp/")
            && !path.starts_with("yocto/")
    };
    report(
        "boards named outside bsp/ and yocto/:",
        &lines_that(outside, names_one),
    );
}

#[test]
fn the_changelog_has_an_unreleased_section() {
    let text = std::fs::read_to_string(sources::root().join("CHANGELOG.md")).expect("CHANGELOG.md");
    let heading = "## [Unreleased]";
    let after = text
        .split_once(heading)
        .unwrap_or_else(|| panic!("CHANGELOG.md has no {heading}"))
        .1;
    assert!(after.contains("### "), "the unreleased section says what changed");
}

#[test]
fn every_crate_has_the_workspace_lints() {
    let findings: Vec<String> = sources::all()
        .iter()
        .filter(|source| source.path.ends_with("/Cargo.toml") && !source.path.starts_with("tests/fuzz/"))
        .filter(|source| {
            !source.text.contains("[lints]\nworkspace = true")
                && ![
                    "plugins/abi/Cargo.toml",
                    "plugins/host/Cargo.toml",
                    "plugins/sdk/Cargo.toml",
                    "runtime/capi/Cargo.toml",
                    "runtime/sys/Cargo.toml",
                ]
                .contains(&source.path.as_str())
        })
        .map(|source| source.path.clone())
        .collect();
    report(
        "crates without `[lints] workspace = true`, which forbids unsafe code:",
        &findings,
    );
}
