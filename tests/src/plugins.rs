//! The shipped plugins as files: those in `GSHELL_PLUGINS`, or built by cargo as the test is.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::binary;

/// The plugins that tests load.
const NAMES: [&str; 6] = ["asbench", "compress", "echo", "hash", "regex", "sqlite"];

/// The folder with these plugins for the target under test.
pub fn shipped() -> &'static str {
    static FOLDER: OnceLock<String> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = match std::env::var_os("GSHELL_PLUGINS") {
            Some(path) => PathBuf::from(path)
                .canonicalize()
                .expect("GSHELL_PLUGINS names the folder of the plugins, as ci/plugins makes it"),
            None => build(),
        };
        folder.to_str().expect("a path of text").to_owned()
    })
}

fn build() -> PathBuf {
    let packages = NAMES.map(|name| format!("gshell-plugin-{name}"));
    let words: Vec<&str> = packages
        .iter()
        .flat_map(|package| ["--package", package])
        .collect();
    let built = binary::cargo_build(&words);
    let folder = built.join("plugins");
    std::fs::create_dir_all(&folder).expect("a folder for plugins");
    for name in NAMES {
        // Suites may run beside each other, and each finds whole files.
        let unfinished = folder.join(format!("{name}.{}", std::process::id()));
        std::fs::copy(built.join(format!("libgshell_plugin_{name}.so")), &unfinished)
            .expect("a built plugin");
        std::fs::rename(&unfinished, folder.join(format!("{name}.gplugin")))
            .expect("a plugin takes its place");
    }
    folder
}
