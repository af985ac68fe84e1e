//! The one error of this crate: a value that somebody gave does not follow its rule.

use std::fmt;

/// A value that breaks a rule: which rule, the value, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// What the value should have been, such as "group name".
    pub what: &'static str,
    /// The value as given, shortened when it is long.
    pub value: String,
    /// What is wrong with it and what is allowed.
    pub reason: String,
}

/// Characters of a bad value that an error repeats; the rest only makes the error unreadable.
const SHOWN: usize = 64;

impl Invalid {
    /// `value` is not a valid `what`, because of `reason`.
    pub fn new(what: &'static str, value: &str, reason: impl Into<String>) -> Self {
        let mut shown: String = value.chars().take(SHOWN).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self {
            what,
            value: shown,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} is not valid: {}", self.what, self.value, self.reason)
    }
}

impl std::error::Error for Invalid {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_value_and_the_reason() {
        let error = Invalid::new("group name", "a/b", "'/' is not allowed");
        assert_eq!(
            error.to_string(),
            "group name \"a/b\" is not valid: '/' is not allowed"
        );
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let error = Invalid::new("name", &"ä".repeat(200), "too long");
        assert_eq!(error.value.chars().count(), SHOWN + 1);
        assert!(error.value.ends_with('…'));
    }
}
