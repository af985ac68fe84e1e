//! Shared objects that say of themselves that they are plugins, and lie in their descriptors: asked for by a script, they are
//! refused with a reason each, and nothing else happens.

use std::fs;
use std::path::Path;

use gshell_tests::{Node, binary, command, programs};

use crate::output::json;

/// What all of them begin with.
const ADD: &str = r#"
#include "gshell_plugin.h"
static int32_t add(gsp_call *call) {
    int64_t a, b;
    if (!call->host->get_integer(call, 1, &a) || !call->host->get_integer(call, 2, &b)) return GSP_FAILED;
    return call->host->put_integer(call, a + b) ? GSP_OK : GSP_FAILED;
}
static const gsp_function functions[] = { { GSP_TEXT("add"), GSP_TEXT(""), GSP_TEXT(""), add, 0, 0 } };
"#;

/// Name, what follows in the source, and what is said; the last one is good.
const LIARS: &[(&str, &str, &str)] = &[
    (
        "size",
        r#"GSP_PLUGIN(size, "1.0", "", .size = 1 << 15);"#,
        "the descriptor lies outside of the plugin",
    ),
    (
        "abi",
        r#"GSP_PLUGIN(abi, "1.0", "", .abi = 9);"#,
        "it is too new: it has ABI 9, this gshell has 1",
    ),
    (
        "record",
        r#"GSP_PLUGIN(record, "1.0", "", .call_size = 8);"#,
        "it is built for another machine or compiler: the size of gsp_host is 8",
    ),
    (
        "count",
        r#"GSP_PLUGIN(count, "1.0", "", .functions = functions, .function_count = 0xffffffff);"#,
        "4294967295 are more than the 4096 that there can be",
    ),
    (
        "wild",
        r#"GSP_PLUGIN(wild, "1.0", "", .functions = (const gsp_function *)16, .function_count = 1);"#,
        "the list of functions lies outside of the plugin",
    ),
    (
        "text",
        r#"static const gsp_constant c[] = { { GSP_TEXT("C"), GSP_BYTES, 0, 0, 0, { (const uint8_t *)16, 5 } } };
           GSP_PLUGIN(text, "1.0", "", .constants = c, .constant_count = 1);"#,
        "constant C lies outside of the plugin",
    ),
    (
        "data",
        r#"static const char no_code[] = "text";
           static gsp_function f[] = { { GSP_TEXT("run"), GSP_TEXT(""), GSP_TEXT(""), (gsp_call_fn)16, 0, 0 } };
           GSP_PLUGIN(data, "1.0", "", .functions = f, .function_count = 1);"#,
        "the code of function run lies outside of the plugin's code",
    ),
    (
        "garbled",
        r#"GSP_PLUGIN(garbled, "1.0", "\xff\xfe");"#,
        "its summary is not UTF-8",
    ),
    (
        "twice",
        r#"static const gsp_function f[] = { { GSP_TEXT("add"), GSP_TEXT(""), GSP_TEXT(""), add, 0, 0 },
             { GSP_TEXT("add"), GSP_TEXT(""), GSP_TEXT(""), add, 0, 0 } };
           GSP_PLUGIN(twice, "1.0", "", .functions = f, .function_count = 2);"#,
        "function add is there twice",
    ),
    (
        "symbol",
        r#"GSP_PLUGIN_NAMED(other_word, "symbol", "1.0", "");"#,
        "it has no descriptor gshell_plugin_symbol",
    ),
    (
        "needy",
        r#"extern int64_t nobody_has_this(void);
           static int32_t ask(gsp_call *call) { return call->host->put_integer(call, nobody_has_this()) ? 0 : 1; }
           static const gsp_function f[] = { { GSP_TEXT("ask"), GSP_TEXT(""), GSP_TEXT(""), ask, 0, 0 } };
           GSP_PLUGIN(needy, "1.0", "", .functions = f, .function_count = 1);"#,
        "it cannot be loaded: ",
    ),
    (
        "unready",
        r#"static int32_t load(gsp_call *call) { return call->host->fail(call, GSP_STATE, (gsp_bytes)GSP_TEXT("no such device")); }
           GSP_PLUGIN(unready, "1.0", "", .load = load);"#,
        "it does not load: no such device",
    ),
    (
        "good",
        r#"GSP_PLUGIN(good, "1.0", "", .functions = functions, .function_count = 1);"#,
        "",
    ),
];

fn compile(folder: &Path, name: &str, source: &str) {
    let c = folder.join(format!("{name}.c"));
    fs::write(&c, format!("{ADD}{source}\n")).unwrap();
    let include = binary::repository().join("plugins/abi/include");
    let made = folder.join(format!("{name}.gplugin"));
    let mut compiler = programs::c_compiler();
    compiler
        .args(["-shared", "-fPIC", "-w", "-I"])
        .args([&include, Path::new("-o"), &made, &c]);
    command::run(compiler, b"").ok();
}

#[test]
fn liars_are_refused_one_by_one() {
    let mut node = Node::unstarted();
    let folder = node.work_dir().join("plugins");
    fs::create_dir(&folder).unwrap();
    for (name, source, _) in LIARS {
        compile(&folder, name, source);
    }
    node.set_env("GSHELL_PLUGIN_DIR", &folder.display().to_string());
    node.start_daemon();
    let info = json(&node.ok(&["info", "--json"]));
    let can_load = info["plugins"]["can_load"].as_bool().unwrap();
    let script = "for _, name in ipairs(arg) do local ok, got = pcall(require, name) \
                  print(name, ok and got.add(2, 3) or got) end \
                  require('gshell').sleep(60)";
    let names: Vec<&str> = LIARS.iter().map(|(name, ..)| *name).collect();
    let id = node.run_script(&["-g", "liars"], script, &names);
    let log = node.wait_log(&id, if can_load { "good\t5" } else { "good\t" });
    for (name, _, reason) in LIARS.iter().filter(|(_, _, reason)| !reason.is_empty()) {
        let file = folder.join(format!("{name}.gplugin")).display().to_string();
        let line = log
            .lines()
            .find(|line| line.starts_with(&format!("{name}\t")))
            .unwrap_or_else(|| panic!("{name}: {log}"));
        let reason = if can_load {
            reason
        } else {
            "this gshell is linked statically and cannot load files"
        };
        assert!(line.contains(&file) && line.contains(reason), "{line}");
    }
    assert_eq!(node.job(&id).restarts, 0);
    // Who asks sees the same afterwards.
    let list = node.ok(&["plugin", "list"]);
    if can_load {
        assert!(list.contains("function add is there twice"), "{list}");
    }
}
