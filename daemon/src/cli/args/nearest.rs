//! What was perhaps meant by a word that nothing is called by.

/// The candidate that `word` begins, or that one or two slips of the fingers make of it.
pub fn nearest<'a>(word: &str, candidates: &mut dyn Iterator<Item = &'a str>) -> Option<&'a str> {
    let slips = (word.chars().count() / 3).max(1);
    let mut best = None;
    for candidate in candidates {
        let away = match word.len() > 1 && candidate.starts_with(word) {
            true => 0,
            false => distance(word.as_bytes(), candidate.as_bytes()),
        };
        if away <= slips && best.is_none_or(|(least, _)| away < least) {
            best = Some((away, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Bytes to insert, remove, replace, or swap with their neighbour until one is the other.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let (mut before, mut above): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    for i in 0..a.len() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            let replaced = above[j] + usize::from(a[i] != b[j]);
            row[j + 1] = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found() {
        let commands = ["run", "restart", "start", "stop", "completions"];
        for (word, want) in [
            ("strat", Some("start")),
            ("rnu", Some("run")),
            ("restar", Some("restart")),
            ("comp", Some("completions")),
            ("stopp", Some("stop")),
            ("frobnicate", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &mut commands.into_iter()), want, "{word}");
        }
    }

    #[test]
    fn distances() {
        for (a, b, want) in [
            ("", "", 0),
            ("abc", "", 3),
            ("abc", "acb", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), want, "{a} {b}");
        }
    }
}
