//! Plugins in C, compiled by the tests: their functions, objects and services as scripts have them, and modules of Lua in C.

mod calls_plugin;
mod cmodules;
mod services_plugin;

use std::fs;
use std::path::{Path, PathBuf};

use gshell_tests::{Node, binary, programs};

/// A node with a folder of plugins.
struct Plugins {
    node: Node,
}

impl Plugins {
    /// With the plugin `tried`; `None` where the program under test cannot load files.
    fn start() -> Option<Plugins> {
        let mut node = Node::unstarted();
        let folder = node.work_dir().join("plugins");
        fs::create_dir(&folder).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("functional/plugins/tried.c");
        compile(&source, &folder.join("tried.gplugin"));
        node.set_env("GSHELL_PLUGIN_DIR", &folder.display().to_string());
        node.start_daemon();
        loads(&node).then_some(Plugins { node })
    }

    /// A path in the working folder, as text.
    fn path(&self, name: &str) -> String {
        self.node.work_dir().join(name).display().to_string()
    }

    /// Runs a script to its end; what it printed. It must end well.
    fn output(&self, script: &str) -> String {
        let out = self.node.run_attached(&["-g", "g"], script, b"");
        assert_eq!((out.code, out.stderr.as_str()), (Some(0), ""), "{out:#?}");
        out.stdout
    }
}

/// Whether the program under test loads files at all.
fn loads(node: &Node) -> bool {
    let info = node.cmd(&["info", "--json"]);
    let info: serde_json::Value = serde_json::from_str(info.ok()).unwrap();
    let loads = info["plugins"]["can_load"] != false;
    if !loads {
        println!("skipped: this build is linked statically");
    }
    loads
}

/// Compiles a shared object.
fn compile(source: &Path, to: &Path) {
    let include = binary::repository().join("plugins/abi/include");
    let status = programs::c_compiler()
        .args([
            "-std=gnu99",
            "-shared",
            "-fPIC",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Wno-missing-field-initializers",
            "-Werror",
            "-I",
        ])
        .args([include.as_path(), Path::new("-o"), to, source])
        .status()
        .unwrap();
    assert!(status.success(), "{} does not compile", source.display());
}

/// Compiles a source text.
fn compile_text(folder: &Path, name: &str, source: &str) -> PathBuf {
    let (c, made) = (
        folder.join(format!("{name}.c")),
        folder.join(format!("{name}.so")),
    );
    fs::write(&c, source).unwrap();
    compile(&c, &made);
    made
}
