//! Values of options that have a form of their own, with errors that say what the form is.

use gshell_control::limits::{CPUS, THREADS};
use gshell_control::names;
use gshell_sys::sched;

/// Units of a size, as powers of two, with all that may be written for each.
const UNITS: [(&[&str], u32); 4] = [
    (&["", "b"], 0),
    (&["k", "kb", "kib"], 10),
    (&["m", "mb", "mib"], 20),
    (&["g", "gb", "gib"], 30),
];

/// Bytes from a text such as `65536`, `64k`, `16M` or `1G`; `KiB` and `KB` mean the same as `k`. At least 1.
pub fn size(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("{text:?} is no size; it is a number of bytes, or with a unit as in 64k, 16M or 1G");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.to_ascii_lowercase();
    let (_, shift) = UNITS
        .iter()
        .find(|(names, _)| names.contains(&unit.as_str()))
        .ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(1 << shift) {
        Some(0) => Err("a size is at least 1 byte".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err(format!("{text} is more than can be counted")),
    }
}

/// CPUs from a list such as `0,2-3`.
pub fn cpus(text: &str) -> Result<Vec<u16>, String> {
    sched::cpu_list_parse(text).ok_or_else(|| {
        format!(
            "{text:?} is no list of CPUs; it has numbers from 0 to {} and ranges, as in 0,2-3",
            CPUS - 1
        )
    })
}

/// A number of threads.
pub fn threads(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(count) if (1..=THREADS).contains(&count) => Ok(count),
        _ => Err(format!("it is a number from 1 to {THREADS}")),
    }
}

/// What `gshell log` calls the node's own log.
pub const DAEMON: &str = "daemon";

/// Checks the name of a group, without version.
pub fn group(text: &str) -> Result<(), String> {
    match text {
        DAEMON => Err(format!(
            "'{DAEMON}' is the node itself, as in 'gshell log {DAEMON}'"
        )),
        "." | ".." => Err(format!("'{text}' is a folder")),
        _ => names::check_group_name(text).map_err(|error| error.reason),
    }
}

/// Checks that `text` can be an ID or a name, and is not a path.
pub fn target(text: &str) -> Result<(), String> {
    if text.contains('/') || text == ".." || text == "." || text.is_empty() {
        return Err("it is an ID or a name, never a path".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, want) in [
            ("1", 1),
            ("512b", 512),
            ("64k", 64 << 10),
            ("64KiB", 64 << 10),
            ("16M", 16 << 20),
            ("16mb", 16 << 20),
            ("1G", 1 << 30),
        ] {
            assert_eq!(size(text), Ok(want), "{text}");
        }
        for bad in [
            "", "k", "-1", "+1", "1.5M", "16Mi", "16x", "1 M", "16bb", "1é", "0", "0k",
        ] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert!(
            size("99999999999G")
                .unwrap_err()
                .contains("more than can be counted")
        );
    }

    #[test]
    fn lists_of_cpus() {
        assert_eq!(cpus("0,2-3"), Ok(vec![0, 2, 3]));
        assert!(cpus("1-").unwrap_err().contains("as in 0,2-3"));
    }

    #[test]
    fn threads_are_at_least_one() {
        assert_eq!(threads("1"), Ok(1));
        for bad in ["0", "257", "-1", "x"] {
            assert!(threads(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn groups_say_what_is_wrong() {
        assert_eq!(group("web.2"), Ok(()));
        for bad in ["daemon", ".", ".."] {
            assert!(group(bad).unwrap_err().starts_with(&format!("'{bad}'")), "{bad}");
        }
        assert!(group("a_b").unwrap_err().contains("'_'"));
    }

    #[test]
    fn targets_are_no_paths() {
        assert!(target("top.lua").is_ok() && target("00aa*").is_ok());
        for bad in ["../../etc/hostname", "/etc/hostname", "a/b", "..", ".", ""] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }
}
