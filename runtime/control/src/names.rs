//! Which names groups and environments may have, and how they are matched and made.
//!
//! Names become file names and service names, so the rules here are what keeps a name from reaching another folder:
//! no name that passes holds `/`, and none is `.` or `..` where a file is made of it.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;
use crate::limits::{GROUP_NAME_MAX, GROUP_VERSION_MAX};

/// The publisher of the product's own services.
pub const PUBLISHER: &str = "gshell";

/// The daemon's service, published by [`PUBLISHER`].
pub const DAEMON_SERVICE: &str = "daemon";

/// What the service of each group starts with; the group's full name follows.
pub const GROUP_SERVICE_PREFIX: &str = "grg-";

/// Length of an environment's ID in hexadecimal digits: 48 random bits.
pub const ENV_ID_LEN: usize = 12;

/// Letters of a group name that gshell makes up.
pub const RANDOM_GROUP_LEN: usize = 6;

/// Checks the name of a group: 1 to 32 letters, digits and dots, all of ASCII.
pub fn check_group_name(name: &str) -> Result<(), Invalid> {
    const WHAT: &str = "group name";
    check_length(WHAT, name, GROUP_NAME_MAX)?;
    check_chars(WHAT, name, "letters, digits and '.' are allowed", |c| {
        c.is_ascii_alphanumeric() || c == '.'
    })
}

/// Checks the version part of a group's full name: 1 to 27 letters, digits, dots and `-`.
pub fn check_group_version(version: &str) -> Result<(), Invalid> {
    const WHAT: &str = "group version";
    check_length(WHAT, version, GROUP_VERSION_MAX)?;
    check_chars(WHAT, version, "letters, digits, '.' and '-' are allowed", |c| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '-')
    })
}

/// Checks an environment's ID: 12 hexadecimal digits, lower case.
pub fn check_env_id(id: &str) -> Result<(), Invalid> {
    const WHAT: &str = "environment ID";
    check_chars(
        WHAT,
        id,
        "digits and the letters a to f are allowed",
        |c| matches!(c, '0'..='9' | 'a'..='f'),
    )?;
    if id.len() == ENV_ID_LEN {
        return Ok(());
    }
    Err(Invalid::new(
        WHAT,
        id,
        format!("it has {} characters and must have {ENV_ID_LEN}", id.len()),
    ))
}

fn check_length(what: &'static str, text: &str, most: usize) -> Result<(), Invalid> {
    let length = text.chars().count();
    match length {
        0 => Err(Invalid::new(what, text, "it is empty")),
        _ if length > most => Err(Invalid::new(
            what,
            text,
            format!("it has {length} characters, {most} are allowed"),
        )),
        _ => Ok(()),
    }
}

fn check_chars(
    what: &'static str,
    text: &str,
    rule: &str,
    allowed: impl Fn(char) -> bool,
) -> Result<(), Invalid> {
    match text.chars().find(|c| !allowed(*c)) {
        None => Ok(()),
        Some(bad) => Err(Invalid::new(what, text, format!("it holds {bad:?}; {rule}"))),
    }
}

/// A group's full name, `NAME-VERSION`: groups of an old version go on under it after an update.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName {
    name: String,
    version: String,
}

impl GroupName {
    /// Puts a full name together from parts that are checked here.
    pub fn new(name: &str, version: &str) -> Result<Self, Invalid> {
        check_group_name(name)?;
        check_group_version(version)?;
        Ok(Self {
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }

    /// The part that people type.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of gshell that the group belongs to.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The name of the group's service, `grg-NAME-VERSION`.
    pub fn service(&self) -> String {
        format!("{GROUP_SERVICE_PREFIX}{self}")
    }

    /// The group whose service is called so; `None` when it is not a group's service.
    pub fn from_service(service: &str) -> Option<Self> {
        service.strip_prefix(GROUP_SERVICE_PREFIX)?.parse().ok()
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.name, self.version))
    }
}

impl FromStr for GroupName {
    type Err = Invalid;

    /// Splits at the first `-`: a name holds none, a version may.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.split_once('-') {
            Some((name, version)) => Self::new(name, version),
            None => Err(Invalid::new(
                "full group name",
                text,
                "it has the form NAME-VERSION",
            )),
        }
    }
}

/// An environment's ID from random bytes.
pub fn env_id(random: [u8; ENV_ID_LEN / 2]) -> String {
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A group name of six lower-case letters from random bytes, for a `run` without `-g`.
pub fn random_group_name(random: [u8; RANDOM_GROUP_LEN]) -> String {
    random.iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_names_hold_letters_digits_and_dots() {
        let longest = "x".repeat(GROUP_NAME_MAX);
        for good in ["a", "Web.2", "0", "..", longest.as_str()] {
            assert_eq!(check_group_name(good), Ok(()));
        }
        for (bad, said) in [
            ("a-b", "'-'"),
            ("a_b", "'_'"),
            ("a/b", "'/'"),
            ("a b", "' '"),
            ("a*", "'*'"),
            ("ä", "'ä'"),
            ("a\0", "'\\0'"),
            ("", "empty"),
        ] {
            let error = check_group_name(bad).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let error = check_group_name(&"x".repeat(GROUP_NAME_MAX + 1))
            .unwrap_err()
            .to_string();
        assert!(error.contains("33 characters, 32 are allowed"), "{error}");
    }

    #[test]
    fn full_names_go_both_ways() {
        for text in ["web-0.1.0", "a-1-rc.2", "..-1"] {
            let name: GroupName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            assert_eq!(GroupName::from_service(&name.service()), Some(name));
        }
        for bad in ["", "web", "-1", "web-", "../x-1", "web-1/..", "web-1 ", "web-1+a"] {
            assert!(bad.parse::<GroupName>().is_err(), "{bad:?}");
        }
        assert_eq!(GroupName::from_service("daemon"), None);
    }

    #[test]
    fn the_longest_full_name_is_a_service_name() {
        let name = GroupName::new(&"x".repeat(GROUP_NAME_MAX), &"1".repeat(GROUP_VERSION_MAX)).unwrap();
        assert_eq!(gshell_wire::check_name(&name.service()), Ok(()));
        assert_eq!(gshell_wire::check_name(PUBLISHER), Ok(()));
        assert_eq!(gshell_wire::check_name(DAEMON_SERVICE), Ok(()));
    }

    #[test]
    fn env_ids_are_twelve_hex_digits() {
        assert_eq!(check_env_id(&env_id([0, 1, 0xff, 0x80, 9, 0xa])), Ok(()));
        for bad in [
            "",
            "0001ff80090",
            "0001ff80090aa",
            "0001FF80090a",
            "0001ff80090g",
            "../../../etc",
        ] {
            assert!(check_env_id(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn random_names_are_valid() {
        for byte in 0..=255 {
            let name = random_group_name([byte; RANDOM_GROUP_LEN]);
            assert_eq!(check_group_name(&name), Ok(()));
            assert!(name.bytes().all(|letter| letter.is_ascii_lowercase()));
        }
    }
}
