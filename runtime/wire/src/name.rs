//! Names of publishers and services. They become parts of file names and of patterns, so the characters that mean
//! something there (`_`, `/`, `*`, white space) are refused at the door.

use std::fmt;

/// Most bytes in a name; keeps `<publisher>_<service>.sock` below the 255 bytes of a file name.
pub const NAME_MAX: usize = 64;

/// Why a name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The name has no characters.
    Empty,
    /// The name has `len` bytes, more than [`NAME_MAX`].
    TooLong {
        /// Bytes in the name.
        len: usize,
    },
    /// `found` at byte `at` is no ASCII letter, digit, `.` or `-`.
    BadChar {
        /// The character.
        found: char,
        /// Its offset in bytes.
        at: usize,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => write!(f, "a name needs at least one character"),
            NameError::TooLong { len } => write!(
                f,
                "a name of {len} bytes is too long, at most {NAME_MAX} are allowed"
            ),
            NameError::BadChar { found, at } => {
                write!(
                    f,
                    "{found:?} at byte {at} is not allowed in a name, only letters, digits, '.' and '-' are"
                )
            }
        }
    }
}

impl std::error::Error for NameError {}

/// Checks the name of a publisher or a service: 1 to [`NAME_MAX`] ASCII letters, digits, `.` or `-`.
///
/// # Errors
/// The first rule that `name` breaks.
pub fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > NAME_MAX {
        return Err(NameError::TooLong { len: name.len() });
    }
    match name
        .char_indices()
        .find(|(_, c)| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-'))
    {
        Some((at, found)) => Err(NameError::BadChar { found, at }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names() {
        for name in [
            "gshell",
            "daemon",
            "grg-a-1.0",
            "A",
            "9",
            ".",
            "-",
            &"x".repeat(NAME_MAX),
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn the_bad_character_is_named() {
        for (name, found, at) in [
            ("a_b", '_', 1),
            ("/", '/', 0),
            ("a*", '*', 1),
            ("a b", ' ', 1),
            ("ä", 'ä', 0),
        ] {
            assert_eq!(check_name(name), Err(NameError::BadChar { found, at }), "{name}");
        }
        assert!(check_name("a\nb").is_err_and(|e| e.to_string().contains("'\\n' at byte 1")));
    }

    #[test]
    fn lengths() {
        assert_eq!(check_name(""), Err(NameError::Empty));
        assert_eq!(
            check_name(&"x".repeat(NAME_MAX + 1)),
            Err(NameError::TooLong { len: NAME_MAX + 1 })
        );
    }
}
