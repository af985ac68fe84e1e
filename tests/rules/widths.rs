//! What is written for another machine, or for this one after an update, has no number whose width is the machine's.
//!
//! Messages cannot: `usize` and `isize` have no `Schema`, which the documentation tests of gshell-wire show. This is about
//! everything else that serde writes: records, packages, output in JSON.

use crate::lexer::{code_only, has_word};
use crate::{report, sources};

#[test]
fn what_serde_writes_is_as_wide_everywhere() {
    let mut findings = Vec::new();
    for source in sources::rust() {
        let lines = machine_words(&code_only(&source.text));
        findings.extend(lines.iter().map(|line| format!("{}:{line}", source.path)));
    }
    report(
        "usize or isize in a type that serde writes; make it u32 or u64:",
        &findings,
    );
}

/// The numbers of the lines that name a number as wide as the machine inside a type that serde writes.
fn machine_words(code: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for item in serialized(code) {
        let above = code[..item.start].matches('\n').count();
        for (line, text) in (above + 1..).zip(item.text.lines()) {
            if has_word(text, "usize") || has_word(text, "isize") {
                found.push(line);
            }
        }
    }
    found
}

/// A type that derives serde's traits: from its attribute to its end.
struct Item<'a> {
    start: usize,
    text: &'a str,
}

fn serialized(code: &str) -> Vec<Item<'_>> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("#[derive(") {
        let rest = &code[start..];
        let Some((derives, _)) = rest.split_once(")]") else {
            continue;
        };
        if derives.contains("Serialize") || derives.contains("Deserialize") {
            let text = &rest[..end_of_item(rest)];
            found.push(Item { start, text });
        }
    }
    found
}

/// Where the item that begins with its attributes ends: with the brace that closes it, or a semicolon outside of any.
fn end_of_item(text: &str) -> usize {
    let mut depth = 0_u32;
    for (at, c) in text.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && c == '}' {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn the_rule_finds_what_it_is_for() {
    let code = "#[derive(Clone, Serialize)]\n#[serde(rename = \"a\")]\nstruct A {\n    b: Vec<(u8, usize)>,\n}\nfn f(n: usize) {}\n\
                #[derive(Serialize)]\nstruct B(isize);\nfn g(n: isize) {}\n#[derive(Clone)]\nstruct C(usize);\n";
    assert_eq!(machine_words(code), [4, 8]);
}
