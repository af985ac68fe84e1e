//! Unsafe code stands in few places, and each piece says why it holds.

use crate::lexer::{code_only, has_word};
use crate::report;
use crate::sources;

/// Where unsafe code may stand: the crate of the operating system; in the C library what C passes by pointer, and the
/// functions that it calls, whose names have to stay as they are; both sides of the plugins' C ABI, and the example of a
/// plugin without the SDK.
const HOMES: &[&str] = &[
    "runtime/sys/",
    "runtime/capi/src/border.rs",
    "runtime/capi/src/export/",
    "examples/plugins/rust-plain/",
    "plugins/abi/src/",
    "plugins/host/",
    "plugins/macros/src/",
    "plugins/sdk/src/",
];

/// The functions that C calls: they have names and no blocks.
const EXPORTS: &str = "runtime/capi/src/export/";

fn is_home(path: &str) -> bool {
    HOMES.iter().any(|home| path.starts_with(home))
}

#[test]
fn unsafe_code_stays_at_home() {
    let mut findings = Vec::new();
    for source in sources::rust().iter().filter(|source| !is_home(&source.path)) {
        for (number, line) in code_only(&source.text).lines().enumerate() {
            if has_word(line, "unsafe") {
                findings.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    report(
        "unsafe code outside of runtime/sys and the borders to C:",
        &findings,
    );
}

#[test]
fn exported_functions_are_safe_but_for_their_names() {
    let mut findings = Vec::new();
    for source in sources::rust()
        .iter()
        .filter(|source| source.path.starts_with(EXPORTS))
    {
        for (number, line) in code_only(&source.text).lines().enumerate() {
            if has_word(line, "unsafe") && line.trim() != "#[unsafe(no_mangle)]" {
                findings.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    report("unsafe code among the functions that C calls:", &findings);
}

#[test]
fn every_unsafe_block_says_why_it_holds() {
    let mut findings = Vec::new();
    for source in sources::rust().iter().filter(|source| is_home(&source.path)) {
        let (code, lines) = (code_only(&source.text), source.text.lines().collect::<Vec<_>>());
        let code: Vec<&str> = code.lines().collect();
        for (number, line) in code.iter().enumerate() {
            if opens_block(&code, number, line) && !has_safety_comment(&lines, &code, number) {
                findings.push(format!(
                    "{}:{}: {}",
                    source.path,
                    number + 1,
                    lines[number].trim()
                ));
            }
        }
    }
    report("unsafe without a SAFETY comment above it:", &findings);
}

/// Whether an unsafe block or implementation begins on this line; `unsafe fn` and `unsafe extern` are promises that a
/// caller keeps, which their own documentation states.
fn opens_block(code: &[&str], number: usize, line: &str) -> bool {
    if !has_word(line, "unsafe") {
        return false;
    }
    let rest = line.split("unsafe").last().unwrap_or("").trim_start();
    let next = code.get(number + 1).map_or("", |line| line.trim_start());
    let follows = if rest.is_empty() { next } else { rest };
    follows.starts_with('{') || follows.starts_with("impl")
}

/// Looks upwards from the block over the lines of its own statement to the comment above it.
fn has_safety_comment(lines: &[&str], code: &[&str], number: usize) -> bool {
    let mut at = number;
    loop {
        if lines[at].contains("SAFETY:") {
            return true;
        }
        if at == 0 {
            return false;
        }
        at -= 1;
        let (above, is_comment) = (code[at].trim_end(), lines[at].trim_start().starts_with("//"));
        if !is_comment && (lines[at].trim().is_empty() || above.ends_with([';', '}'])) {
            return false;
        }
        // A line that opens a scope ends the search, unless the comment is the first thing in that scope.
        if !is_comment && above.ends_with('{') && !lines[at].contains("SAFETY:") {
            return false;
        }
    }
}
