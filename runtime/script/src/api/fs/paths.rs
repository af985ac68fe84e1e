//! Names only: joining, splitting and matching paths, without looking at any file.

/// Joins parts with single slashes; a part that is absolute starts anew, empty parts do nothing.
pub fn join<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut path: Vec<u8> = Vec::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if part.starts_with(b"/") {
            path.clear();
        } else if !path.is_empty() && !path.ends_with(b"/") {
            path.push(b'/');
        }
        path.extend_from_slice(part);
    }
    path
}

/// Last part of a path, without slashes at its end; "/" of the root, "." of nothing.
pub fn basename(path: &[u8]) -> &[u8] {
    let trimmed = trim_end(path);
    match trimmed {
        b"" if path.is_empty() => b".",
        b"" => b"/",
        _ => trimmed.rsplit(|&byte| byte == b'/').next().unwrap_or(trimmed),
    }
}

/// All but the last part; "." of a name alone, "/" of what lies in the root.
pub fn dirname(path: &[u8]) -> &[u8] {
    let trimmed = trim_end(path);
    match trimmed.iter().rposition(|&byte| byte == b'/') {
        None if trimmed.is_empty() && !path.is_empty() => b"/",
        None => b".",
        Some(slash) => match trim_end(trimmed.get(..slash).unwrap_or_default()) {
            b"" => b"/",
            folder => folder,
        },
    }
}

fn trim_end(path: &[u8]) -> &[u8] {
    let end = path
        .iter()
        .rposition(|&byte| byte != b'/')
        .map_or(0, |last| last + 1);
    path.get(..end).unwrap_or_default()
}

/// Whether a part of a pattern has wildcards.
pub fn is_wild(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| b"*?[".contains(byte))
}

/// Whether a file name matches a pattern of `*`, `?`, `[a-z]`, `[!a-z]`; a leading dot is matched by a dot
/// only. The time is bounded by the product of the lengths: only the last `*` is ever tried again.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !pattern.starts_with(b".") {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(_) => {
                if let Some(after) = one(pattern, p, byte) {
                    (p, n) = (after, n + 1);
                    continue;
                }
            }
            None => {}
        }
        let Some((at, from)) = star else { return false };
        star = Some((at, from + 1));
        (p, n) = (at + 1, from + 1);
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

/// Matches one byte against the element of the pattern at `p`; gives where the next element starts.
fn one(pattern: &[u8], p: usize, byte: u8) -> Option<usize> {
    match pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' => match set(pattern.get(p + 1..)?, byte) {
            Some((found, len)) => found.then_some(p + 1 + len),
            None => (byte == b'[').then_some(p + 1),
        },
        literal => (*literal == byte).then_some(p + 1),
    }
}

/// Looks `byte` up in a set, given from after its bracket; gives its length too. `None`: never closed.
fn set(text: &[u8], byte: u8) -> Option<(bool, usize)> {
    let negated = matches!(text.first(), Some(b'!' | b'^'));
    let start = usize::from(negated);
    // A bracket that comes first is an element.
    let end = start + 1 + text.get(start + 1..)?.iter().position(|&b| b == b']')?;
    let mut rest = text.get(start..end)?;
    let mut found = false;
    while let Some((&low, tail)) = rest.split_first() {
        rest = match tail {
            [b'-', high, tail @ ..] => {
                found |= (low..=*high).contains(&byte);
                tail
            }
            _ => {
                found |= low == byte;
                tail
            }
        };
    }
    Some((found != negated, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join_and_split() {
        let joined = |parts: &[&str]| String::from_utf8(join(parts.iter().map(|p| p.as_bytes()))).unwrap();
        assert_eq!(joined(&["a", "b/", "c"]), "a/b/c");
        assert_eq!(joined(&["a", "", "/b", "c"]), "/b/c");
        assert_eq!(joined(&[]), "");
        for (path, dir, base) in [
            ("/a/b", "/a", "b"),
            ("/a//b//", "/a", "b"),
            ("a", ".", "a"),
            ("a/", ".", "a"),
            ("/a", "/", "a"),
            ("//a", "/", "a"),
            ("/", "/", "/"),
            ("///", "/", "/"),
            ("", ".", "."),
        ] {
            assert_eq!(dirname(path.as_bytes()), dir.as_bytes(), "{path}");
            assert_eq!(basename(path.as_bytes()), base.as_bytes(), "{path}");
        }
    }

    #[test]
    fn patterns_match_names() {
        for (pattern, yes, no) in [
            (
                "*.lua",
                vec!["a.lua", "a.b.lua"],
                vec!["a.lu", "a.luac", ".lua", ""],
            ),
            ("a?c", vec!["abc", "a?c"], vec!["ac", "abbc"]),
            ("[a-c]x", vec!["ax", "cx"], vec!["dx", "x", "-x"]),
            ("[!a-c]x", vec!["dx", "-x"], vec!["ax"]),
            ("[]-]", vec!["]", "-"], vec!["a"]),
            ("[x", vec!["[x"], vec!["x"]),
            (".*", vec![".a", "."], vec!["a"]),
            ("*a*b*", vec!["ab", "xaxbx"], vec!["ba"]),
            ("**", vec!["", "a"], vec![".a"]),
            ("", vec![""], vec!["a"]),
        ] {
            yes.iter()
                .for_each(|name| assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}"));
            no.iter()
                .for_each(|name| assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}"));
        }
        assert!(
            !matches(&b"*a".repeat(2000), &b"a".repeat(3000)[..1999]),
            "no explosion"
        );
    }
}
