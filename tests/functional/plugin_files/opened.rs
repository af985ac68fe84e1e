//! Plugins that are opened to see what is in them: in a process of its own, whatever they do there.

use std::fs;

use gshell_tests::{Node, binary, command, programs};

use super::Plugins;
use crate::output::json;

/// A plugin of one function, whose constructor does what `begin` says, and the function what `one` says.
pub fn compiled(plugins: &Plugins, name: &str, begin: &str, one: &str) -> String {
    let source = format!(
        "#include \"gshell_plugin.h\"\n#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n\
         __attribute__((constructor)) static void begin(void) {{ {begin} }}\n\
         static int32_t one(gsp_call *call) {{ (void)call; {one} }}\n\
         static const gsp_function functions[] = {{\n\
         {{ GSP_TEXT(\"one\"), GSP_TEXT(\"-> integer\"), GSP_TEXT(\"The first of all numbers.\"), one, GSP_BLOCKING, 0 }} }};\n\
         static const gsp_constant constants[] = {{ {{ .name = GSP_TEXT(\"TWO\"), .kind = GSP_INTEGER, .integer = 2 }} }};\n\
         GSP_PLUGIN({name}, \"1.0.0\", \"Has one.\", .functions = functions, .function_count = 1,\n\
         .constants = constants, .constant_count = 1);\n"
    );
    let file = plugins.node.work_dir().join(format!("{name}.c"));
    fs::write(&file, source).unwrap();
    let to = plugins.folder().join(format!("{name}.gplugin"));
    let mut compiler = programs::c_compiler();
    compiler
        .args([
            "-std=gnu11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fPIC",
            "-fvisibility=hidden",
            "-shared",
            "-I",
        ])
        .arg(binary::repository().join("plugins/abi/include"))
        .arg("-o")
        .arg(&to)
        .arg(&file);
    command::run(compiler, b"").ok();
    to.display().to_string()
}

/// A static program has no loader.
pub fn cannot_load(plugins: &Plugins, file: &str) -> bool {
    plugins.run(&["info", file]).stderr.contains("linked statically")
}

#[test]
fn info_shows_what_is_in_a_plugin() {
    let plugins = Plugins::new();
    let file = compiled(
        &plugins,
        "sum",
        "puts(\"I print what I like\"); fflush(stdout);",
        "return GSP_OK;",
    );
    if cannot_load(&plugins, &file) {
        return;
    }
    for what in ["sum", file.as_str()] {
        let page = plugins.run(&["info", what]).ok().to_owned();
        for line in [
            "Name     : sum",
            "Version  : 1.0.0",
            "Summary  : Has one.",
            &format!("From     : {file}"),
            "  one() -> integer (blocking)",
            "      The first of all numbers.",
            "  TWO = 2",
        ] {
            assert!(page.lines().any(|found| found == line), "no {line:?} in {page}");
        }
        assert!(
            page.contains("Built by : gcc ") || page.contains("Built by : clang "),
            "{page}"
        );
        let told = json(plugins.run(&["--json", "info", what]).ok());
        assert_eq!(told["functions"][0]["signature"], "-> integer");
    }
    let out = plugins.run(&["info", "sun"]);
    assert_eq!(
        out.fails(&["no plugin in the folders is called sun", "did you mean 'sum'"])
            .code,
        Some(3)
    );
}

#[test]
fn one_that_crashes_when_it_is_opened_is_told_and_costs_nothing_else() {
    let plugins = Plugins::new();
    let crashes = compiled(&plugins, "crashes", "abort();", "return GSP_OK;");
    let ends = compiled(&plugins, "ends", "_exit(7);", "return GSP_OK;");
    if cannot_load(&plugins, &ends) {
        return;
    }
    let out = plugins.run(&["info", &crashes]);
    assert_eq!(
        out.fails(&["it crashed while it was opened (SIGABRT)", &crashes])
            .code,
        Some(1),
        "{out:#?}"
    );
    let out = plugins.run(&["info", "ends"]);
    assert_eq!(
        out.fails(&["it ended the process that opened it", "7"]).code,
        Some(1),
        "{out:#?}"
    );
    // What only reads does not notice.
    plugins.run(&["check", &crashes, &ends]).ok();
    assert_eq!(plugins.listed().len(), 2);
}

#[test]
fn nothing_is_let_in_that_nobody_left_out() {
    let node = Node::start();
    let out = node.cmd(&["plugin", "release", "sum"]);
    assert_eq!(
        out.fails(&["nothing is known against a plugin sum"]).code,
        Some(3),
        "{out:#?}"
    );
}
