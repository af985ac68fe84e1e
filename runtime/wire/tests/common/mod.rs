//! Reads the frozen files `tests/fixtures/wire-*.txt`: a name, a colon, and bytes in hex, which go on in lines that begin with a space.

// The lints spare test functions, not their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

const FILES: [&str; 2] = [
    include_str!("../../../../tests/fixtures/wire-v1.txt"),
    include_str!("../../../../tests/fixtures/wire-v1-features.txt"),
];

/// The bytes of the fixture with this name.
pub fn fixture(name: &str) -> Vec<u8> {
    let found = all().into_iter().find(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("no fixture {name}")).1
}

/// All fixtures in the order of the files.
pub fn all() -> Vec<(String, Vec<u8>)> {
    let mut fixtures: Vec<(String, Vec<u8>)> = Vec::new();
    for line in FILES
        .iter()
        .flat_map(|file| file.lines())
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
    {
        let digits = match line.split_once(':') {
            Some((name, digits)) => {
                fixtures.push((name.to_owned(), Vec::new()));
                digits
            }
            None => line,
        };
        let (_, bytes) = fixtures.last_mut().expect("a name comes first");
        bytes.extend(digits.split_whitespace().flat_map(hex));
    }
    fixtures
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}
