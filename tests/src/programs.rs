//! Small ELF programs for the target under test: what `/bin` has is made for the machine that tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{binary, command};

/// Names of the programs in `tests/programs`.
const NAMES: [&str; 6] = ["cat", "dynamic", "echo", "false", "sleep", "twosleeps"];

/// The one that always has an interpreter.
const DYNAMIC: &str = "dynamic";

/// The path of a program, compiled once: `echo` prints its arguments (or its name, or ends with a status), `false` and
/// `sleep` do what their names say, `cat` copies its input, `dynamic` needs an interpreter, and `twosleeps` starts a
/// `sleep` beside it and sleeps itself.
pub fn program(name: &str) -> String {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let path = FOLDER.get_or_init(build).join(name);
    assert!(path.exists(), "no program is called {name}");
    path.to_str().expect("a path of text").to_owned()
}

/// The C compiler for the target under test: `GSHELL_TEST_CC`, or this machine's own.
pub fn c_compiler() -> Command {
    Command::new(std::env::var_os("GSHELL_TEST_CC").unwrap_or_else(|| "cc".into()))
}

fn build() -> PathBuf {
    let target = binary::target().unwrap_or_else(|| "native".to_owned());
    let folder = binary::profile_dir().join(format!("programs-{target}"));
    std::fs::create_dir_all(&folder).expect("a folder for programs");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    for name in &NAMES {
        // Suites may run beside each other, and each finds whole programs.
        let unfinished = folder.join(format!("{name}.{}", std::process::id()));
        let mut compiler = c_compiler();
        compiler
            .args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-O1"])
            .arg(sources.join(format!("{name}.c")))
            .arg("-o")
            .arg(&unfinished);
        // An emulated program that looks for another one's loader sees this machine's folders, not its target's.
        if binary::target().is_some() && *name != DYNAMIC {
            compiler.arg("-static");
        }
        command::run(compiler, b"").ok();
        std::fs::rename(&unfinished, folder.join(name)).expect("a program takes its place");
    }
    folder
}
