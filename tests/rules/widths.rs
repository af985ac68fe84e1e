//! What is written for another machine, or for this one after an update, has no number whose width is the machine's.
//!
//! Messages cannot: `usize` and `isize` have no `Schema`, which the documentation tests of gshell-wire show. This is about
//! everything else that serde writes: records, packages, output in JSON.

use crate::lexer::code_only;
use crate::{report, sources};

#[test]
fn what_serde_writes_is_as_wide_everywhere() {
    let mut findings = Vec::new();
    for source in sources::rust() {
        let code = code_only(&source.text);
        for item in serialized(&code) {
            for (at, _) in machine_words(item.text) {
                let line = code[..item.start + at].lines().count();
                findings.push(format!("{}:{line}", source.path));
            }
        }
    }
    report(
        "usize or isize in a type that serde writes; make it u32 or u64:",
        &findings,
    );
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

fn machine_words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    ["usize", "isize"].into_iter().flat_map(move |word| {
        text.match_indices(word).filter(move |(at, _)| {
            !text[..*at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word)
        })
    })
}

#[test]
fn the_rule_finds_what_it_is_for() {
    let code = "#[derive(Clone, Serialize)]\n#[serde(rename = \"a\")]\nstruct A {\n    b: Vec<(u8, usize)>,\n}\nfn f(n: usize) {}\n\
                #[derive(Serialize)]\nstruct B(isize);\nfn g(n: isize) {}\n#[derive(Clone)]\nstruct C(usize);\n";
    let found: Vec<usize> = serialized(code)
        .iter()
        .map(|item| machine_words(item.text).count())
        .collect();
    assert_eq!(found, [1, 1]);
}
