//! Names and versions of plugins.

use gshell_plugin_abi::NAME_MAX;

/// Checks a plugin's name: parts with a slash between them, each of a-z, 0-9, `_`, `-` and `.`, and beginning with a
/// letter or a digit. So no name leads out of a folder, or looks like an option.
pub fn check(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("it is empty".to_owned());
    }
    if name.len() > NAME_MAX as usize {
        return Err(format!("it is longer than {NAME_MAX} bytes"));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-./".contains(c);
    if let Some(wrong) = name.chars().find(|c| !allowed(*c)) {
        return Err(format!("{wrong:?} is not among a-z, 0-9, '_', '-', '.' and '/'"));
    }
    let begins = |part: &str| part.starts_with(|c: char| c.is_ascii_alphanumeric());
    match name.split('/').all(begins) {
        true => Ok(()),
        false => Err("each of its parts has to begin with a letter or a digit".to_owned()),
    }
}

/// What scripts `require` a plugin by: `example.org/echo` is `example.org.echo`.
pub fn module(name: &str) -> String {
    name.replace('/', ".")
}

/// What C calls a plugin: every character that C does not allow in names is `_`.
pub fn word(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(plain).collect()
}

/// Whether it is a version: a digit, then letters, digits, `.`, `-` and `+`.
pub fn is_version(version: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-+".contains(c);
    version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["echo", "example.org/echo", "a", "0-x_y.z", "a/b/c"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(check(&"a".repeat(63)), Ok(()));
        for (bad, why) in [
            ("", "empty"),
            ("Echo", "'E' is not among"),
            ("e cho", "' ' is not among"),
            ("/echo", "begin with"),
            ("echo/", "begin with"),
            ("a//b", "begin with"),
            ("../../etc/x", "begin with"),
            ("a/../b", "begin with"),
            ("-rf", "begin with"),
        ] {
            assert!(check(bad).is_err_and(|error| error.contains(why)), "{bad}");
        }
        assert!(check(&"a".repeat(64)).is_err());
    }

    #[test]
    fn other_forms_of_a_name() {
        assert_eq!(module("example.org/echo"), "example.org.echo");
        assert_eq!(word("example.org/my-echo"), "example_org_my_echo");
    }

    #[test]
    fn versions() {
        assert!(
            ["1.2.3", "0", "1.0.0-rc.1+x86"]
                .iter()
                .all(|version| is_version(version))
        );
        assert!(
            ["", "v1", "1 2", "1\n"]
                .iter()
                .all(|version| !is_version(version))
        );
    }
}
