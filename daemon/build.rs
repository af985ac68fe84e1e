//! Tells the program which target it is built for, which cargo says to build scripts only; and has it export Lua's C
//! functions, which modules of Lua that are written in C link to when they are loaded.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

/// What is exported, as the linker wants it: all of Lua's interface, and nothing else of the program.
const EXPORTED: &str = "{ lua_*; luaL_*; luaopen_*; };\n";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let target = env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=GSHELL_TARGET={target}");
    // A program that is linked as a whole loads nothing: there is nobody to export for.
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    if !features.split(',').any(|feature| feature == "crt-static") {
        let list = Path::new(&env::var("OUT_DIR")?).join("exported");
        fs::write(&list, EXPORTED)?;
        println!("cargo::rustc-link-arg-bins=-Wl,--dynamic-list={}", list.display());
    }
    Ok(())
}
