//! Bodies of older records become bodies of the current version, one step at a time.
//!
//! The step at index `n` turns version `n + 1` into version `n + 2`. It works on bytes, and may use only the frozen
//! types of these two versions (`v1`, `v2`, ...), which are never edited once released: so an old step means the same
//! for ever, whatever becomes of the rest of the program. To add a version: copy the newest types to a new module, change
//! the copy, add the step that converts, point [`super::convert`] to the copy.

use std::borrow::Cow;

use super::record::RecordError;

/// Turns a body into one of the next version.
pub type Step = fn(&[u8]) -> Result<Vec<u8>, RecordError>;

/// Steps for records of environments.
pub const JOB_STEPS: &[Step] = &[];

/// Steps for specifications of groups.
pub const SPEC_STEPS: &[Step] = &[];

/// Version of an environment's record that is written.
pub const JOB_VERSION: u16 = newest(JOB_STEPS);

/// Version of a specification that is written.
pub const SPEC_VERSION: u16 = newest(SPEC_STEPS);

/// The version that so many steps lead to.
pub const fn newest(steps: &[Step]) -> u16 {
    steps.len() as u16 + 1
}

/// Takes a body of `version` through all steps that follow it.
pub fn upgrade<'a>(steps: &[Step], version: u16, body: &'a [u8]) -> Result<Cow<'a, [u8]>, RecordError> {
    let known = newest(steps);
    if version == 0 {
        return Err(RecordError::Version { found: version });
    }
    let Some(rest) = steps.get(usize::from(version) - 1..) else {
        return Err(RecordError::Newer {
            found: version,
            known,
        });
    };
    let mut body = Cow::Borrowed(body);
    for step in rest {
        body = Cow::Owned(step(&body)?);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_to_two(body: &[u8]) -> Result<Vec<u8>, RecordError> {
        Ok([body, b"2"].concat())
    }

    fn two_to_three(body: &[u8]) -> Result<Vec<u8>, RecordError> {
        match body {
            b"" => Err(RecordError::Magic),
            _ => Ok([body, b"3"].concat()),
        }
    }

    const STEPS: &[Step] = &[one_to_two, two_to_three];

    #[test]
    fn each_version_takes_the_steps_that_follow_it() {
        assert_eq!(newest(STEPS), 3);
        for (version, want) in [(1, "x23"), (2, "x3"), (3, "x")] {
            assert_eq!(upgrade(STEPS, version, b"x").unwrap(), want.as_bytes());
        }
    }

    #[test]
    fn unknown_versions_are_refused() {
        assert_eq!(
            upgrade(STEPS, 4, b"x"),
            Err(RecordError::Newer { found: 4, known: 3 })
        );
        assert_eq!(
            upgrade(STEPS, u16::MAX, b"x"),
            Err(RecordError::Newer {
                found: u16::MAX,
                known: 3
            })
        );
        assert_eq!(upgrade(STEPS, 0, b"x"), Err(RecordError::Version { found: 0 }));
        assert_eq!(upgrade(&[], 1, b"x").unwrap(), &b"x"[..]);
    }

    #[test]
    fn a_step_that_fails_ends_it() {
        assert_eq!(upgrade(STEPS, 2, b""), Err(RecordError::Magic));
    }
}
