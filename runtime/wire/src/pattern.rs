//! Patterns of names: `*` stands for any characters, everything else for itself.

/// Whether `text` is what `pattern` describes. An empty pattern describes the empty text only.
///
/// Takes time in proportion to the product of both lengths at worst, whatever the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on when the text after the last star turns out to be part of the star.
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, from)) = retry else { return false };
                retry = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Whether `pattern` describes more than one text.
pub fn is_wild(pattern: &str) -> bool {
    pattern.contains('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_nothing_else() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*b*", "abc", true),
            ("*.conf", "a.conf.conf", true),
            ("a**", "a", true),
            ("a?", "ab", false),
            ("grg-*-1.0", "grg-a-b-1.0", true),
            ("**", "abc", true),
            ("a*b*c", "aXbXbXc", true),
            ("*ab", "aab", true),
            ("[a]", "a", false),
            ("abc", "abcd", false),
            ("abcd", "abc", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn no_pattern_takes_for_ever() {
        let text = "a".repeat(2000);
        assert!(!matches(&format!("{}b", "a*".repeat(40)), &text));
    }
}
