//! Tells the program which target it is built for; cargo says that to build scripts only.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=GSHELL_TARGET={target}");
}
