//! Just enough of Rust's lexical grammar to tell code from comments and literals.

/// A file's text with comments and the insides of literals blanked out, line breaks kept: what is left is code, at the
/// same line numbers.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_or_comment(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// The end of the comment or literal that begins at `at`; `at` itself when none does.
fn literal_or_comment(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let after_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match rest {
        ['/', '/', ..] => at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => at + block_comment(rest),
        ['"', ..] => at + quoted(rest, 0),
        ['\'', ..] => at + character(rest),
        ['r', ..] | ['b', 'r', ..] | ['c', 'r', ..] if !after_word => at + raw_string(rest),
        _ => at,
    }
}

/// Block comments nest.
fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] if depth == 1 => return at + 2,
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a string that opens at `open`, backslashes respected.
fn quoted(rest: &[char], open: usize) -> usize {
    let mut at = open + 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A character literal, or 0 for a lifetime.
fn character(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', _, tail @ ..] => tail.iter().position(|c| *c == '\'').map_or(0, |end| end + 4),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

/// `r"…"`, `r#"…"#` and their byte and C forms, or 0.
fn raw_string(rest: &[char]) -> usize {
    let start = rest.iter().position(|c| *c == 'r').map_or(0, |r| r + 1);
    let hashes = rest[start..].iter().take_while(|c| **c == '#').count();
    if rest.get(start + hashes) != Some(&'"') {
        return 0;
    }
    let mut at = start + hashes + 1;
    while at < rest.len() {
        if rest[at] == '"' && rest[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    rest.len()
}

/// Whether `line` holds `word` as a whole identifier.
pub fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part)
    })
}

#[test]
fn tells_code_from_text() {
    let source = "let a = \"unsafe \\\" x\"; // unsafe\n/* unsafe /* nested */ unsafe */ b('\\'', 'c', &'static x)\n\
                  r#\"unsafe \" \"# br\"unsafe\" for_var unsafe {}";
    let code = code_only(source);
    let lines: Vec<&str> = code.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        !lines[0].contains("unsafe") && !lines[1].contains("unsafe"),
        "{code}"
    );
    assert!(lines[1].contains("&'static x"), "{code}");
    assert_eq!(lines[2].matches("unsafe").count(), 1, "{code}");
}

#[test]
fn words_are_whole() {
    assert!(has_word("x = unsafe { y }", "unsafe"));
    assert!(!has_word("Lua::unsafe_new()", "unsafe"));
    assert!(!has_word("forbid(not_unsafe)", "unsafe"));
}
