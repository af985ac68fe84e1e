//! The repository's own rules as tests, so that a rule which is broken fails the same way as a bug does.
//!
//! Which crate may use which, where unsafe code may stand, how long a file may be, what must be documented, how wide numbers
//! are that are written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod edges;
mod lexer;
mod metadata;
mod sources;
mod text;
mod unsafe_code;
mod widths;

/// Fails with all findings at once: mending one rule at a time takes a build each.
fn report(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}", findings.join("\n  "));
}
