//! Expressions that are compiled, and the last ones of the process, which are not compiled again.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use gshell_plugin_sdk::{Code, Error, Fields, Result};
use regex_lite::{Regex, RegexBuilder};

/// Bytes of a compiled expression when nothing else is said: 256 KiB.
pub const SIZE_LIMIT: u32 = 256 << 10;
/// Groups of an expression: each of them costs memory for each state of a search.
const GROUPS_MAX: usize = 100;
/// Compiled expressions that are kept for whoever asks next.
const KEPT: usize = 32;

/// What may be said about an expression.
#[derive(Clone, Debug, Default, PartialEq, Eq, Fields)]
pub struct Options {
    /// Letters of both cases are the same.
    pub ignore_case: Option<bool>,
    /// `^` and `$` are the begin and end of lines.
    pub multi_line: Option<bool>,
    /// `.` is also a newline.
    pub dot_all: Option<bool>,
    /// Blanks and comments in the expression do not count.
    pub extended: Option<bool>,
    /// Text and expression are bytes, not UTF-8.
    pub bytes: Option<bool>,
    /// Bytes of the compiled expression at most.
    pub size_limit: Option<u32>,
}

/// A compiled expression.
#[derive(Debug)]
pub struct Compiled {
    /// As it was given.
    pub pattern: Vec<u8>,
    pub regex: Regex,
    options: Options,
}

impl Compiled {
    /// Whether it is about bytes.
    pub fn is_bytes(&self) -> bool {
        self.options.bytes == Some(true)
    }
}

static CACHE: Mutex<Vec<Arc<Compiled>>> = Mutex::new(Vec::new());

/// A compiled expression, which may be one of before.
///
/// # Errors
/// When it is none, or too large.
pub fn get(pattern: &[u8], options: Option<Options>) -> Result<Arc<Compiled>> {
    let options = options.unwrap_or_default();
    let lock = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut kept = lock();
    let found = kept
        .iter()
        .position(|known| known.pattern == pattern && known.options == options);
    if let Some(at) = found {
        // The one that was used last is the first.
        kept.get_mut(..=at).unwrap_or_default().rotate_right(1);
        if let Some(first) = kept.first() {
            return Ok(Arc::clone(first));
        }
    }
    drop(kept);
    let made = Arc::new(compile(pattern, options)?);
    let mut kept = lock();
    kept.truncate(KEPT - 1);
    kept.insert(0, Arc::clone(&made));
    Ok(made)
}

fn compile(pattern: &[u8], options: Options) -> Result<Compiled> {
    let is_bytes = options.bytes == Some(true);
    let shown = || pattern.escape_ascii().to_string();
    let text = text(pattern, is_bytes).ok_or_else(|| {
        let text = format!("the expression {} is not UTF-8: see the option bytes", shown());
        Error::new(Code::Invalid, text)
    })?;
    let is = |option: Option<bool>| option == Some(true);
    let limit = options.size_limit.unwrap_or(SIZE_LIMIT);
    let regex = RegexBuilder::new(&text)
        .case_insensitive(is(options.ignore_case))
        .multi_line(is(options.multi_line))
        .dot_matches_new_line(is(options.dot_all))
        .ignore_whitespace(is(options.extended))
        .size_limit(limit as usize)
        .build();
    let regex =
        regex.map_err(|error| Error::new(Code::Invalid, format!("the expression {}: {error}", shown())))?;
    if regex.captures_len() > GROUPS_MAX + 1 {
        let text = format!("the expression {}: it has more than {GROUPS_MAX} groups", shown());
        return Err(Error::new(Code::Limit, text));
    }
    Ok(Compiled {
        pattern: pattern.to_vec(),
        regex,
        options,
    })
}

/// As text that can be searched: bytes as the characters of these numbers. `None`: it is no UTF-8.
pub fn text(bytes: &[u8], is_bytes: bool) -> Option<Cow<'_, str>> {
    if is_bytes && !bytes.is_ascii() {
        return Some(
            bytes
                .iter()
                .map(|byte| char::from(*byte))
                .collect::<String>()
                .into(),
        );
    }
    std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept() {
        let first = get(b"kept 1", None).unwrap();
        assert!(Arc::ptr_eq(&first, &get(b"kept 1", None).unwrap()));
        let options = Options {
            ignore_case: Some(true),
            ..Options::default()
        };
        assert!(!Arc::ptr_eq(&first, &get(b"kept 1", Some(options)).unwrap()));
        for number in 0..KEPT {
            get(format!("other {number}").as_bytes(), None).unwrap();
        }
        assert!(
            !Arc::ptr_eq(&first, &get(b"kept 1", None).unwrap()),
            "it was too long ago"
        );
        assert!(CACHE.lock().unwrap().len() <= KEPT);
    }
}
