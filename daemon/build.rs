//! Tells the program which target it is built for; cargo says that to build scripts only. And has the linker fold
//! functions that are equal in all bytes, where the linker is known to be able to.

use std::env::{var, var_os};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=GSHELL_TARGET={target}");
    if var("PROFILE").as_deref() == Ok("release") && links_with_lld(&target) {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
}

/// Since 1.90, Rust links for this target with the lld that it brings, unless somebody says otherwise.
fn links_with_lld(target: &str) -> bool {
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    target == "x86_64-unknown-linux-gnu"
        && !["linker", "link-arg", "link-self-contained"]
            .iter()
            .any(|word| flags.contains(word))
        && var_os("RUSTC_LINKER").is_none()
        && minor_version().is_some_and(|minor| minor >= 90)
}

/// The 90 of `rustc 1.90.0 (...)`.
fn minor_version() -> Option<u32> {
    let output = std::process::Command::new(var_os("RUSTC")?)
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split('.').nth(1)?.parse().ok()
}
