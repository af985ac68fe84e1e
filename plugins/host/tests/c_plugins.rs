//! Real shared objects, made by the C compiler of this machine: what is opened, and what is refused with which reason.
//!
//! Files are made in one folder and the registry of the process is set up once, as a process has one.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use gshell_plugin_host::quarantine::{Quarantine, THRESHOLD};
use gshell_plugin_host::{Identity, Origin, Setup, find, opened, registry};

/// A function that all of them have.
const ADD: &str = r#"static int32_t add(gsp_call *call) {
    int64_t a, b;
    if (!call->host->get_integer(call, 1, &a) || !call->host->get_integer(call, 2, &b)) return GSP_FAILED;
    return call->host->put_integer(call, a + b) ? GSP_OK : GSP_FAILED;
}
static const gsp_function functions[] = { { GSP_TEXT("add"), GSP_TEXT(""), GSP_TEXT("Adds."), add, 0, 0 } };
"#;

/// Name of the file, rest of the source, and what the refusal says; empty when it is opened.
const PLUGINS: &[(&str, &str, &str)] = &[
    (
        "good",
        r#"GSP_PLUGIN(good, "1.2.3", "Good.", .functions = functions, .function_count = 1);"#,
        "",
    ),
    (
        "path",
        r#"static int32_t loaded;
           static int32_t load(gsp_call *call) { loaded++; return GSP_OK; }
           static int32_t described(gsp_call *call) {
             if (loaded != 1) return call->host->fail(call, GSP_STATE, (gsp_bytes)GSP_TEXT("not loaded once"));
             return call->host->put_bytes(call, (gsp_bytes)GSP_TEXT("{ a: i32 }")) ? GSP_OK : GSP_FAILED;
           }
           static int32_t silent(gsp_call *call) { return GSP_OK; }
           static const gsp_message good = { .size = sizeof(gsp_message), .priority = 1, .name = GSP_TEXT("a.Good"),
             .describe = described };
           static const gsp_message bad = { .size = sizeof(gsp_message), .priority = 1, .name = GSP_TEXT("a.Bad"),
             .describe = silent };
           static const gsp_message *const messages[] = { &good, &bad };
           GSP_PLUGIN_NAMED(example_org_path, "example.org/path", "1.0", "", .functions = functions, .function_count = 1,
             .messages = messages, .message_count = 2, .load = load);"#,
        "",
    ),
    (
        "nosymbol",
        r#"GSP_PLUGIN_NAMED(another, "nosymbol", "1.0", "");"#,
        "no descriptor gshell_plugin_nosymbol",
    ),
    (
        "differs",
        r#"#define gshell_plugin_differs hidden
           GSP_PLUGIN(differs, "1.0", "");
           #undef gshell_plugin_differs
           __attribute__((visibility("default"))) const gsp_plugin gshell_plugin_differs = { .size = sizeof(gsp_plugin), .abi = 1,
             .pointer_bits = sizeof(void *) * 8, .big_endian = GSP_BIG_ENDIAN, .call_size = sizeof(gsp_host),
             .serve_size = sizeof(gsp_service_host), .name = GSP_TEXT("other"), .version = GSP_TEXT("1.0") };"#,
        "its descriptor is of plugin \"other\", not of \"differs\"",
    ),
    (
        "oldtable",
        r#"GSP_PLUGIN(oldtable, "1.0", "", .call_size = 8);"#,
        "the size of gsp_host is 8",
    ),
    (
        "bits",
        r#"GSP_PLUGIN(bits, "1.0", "", .pointer_bits = 16);"#,
        "bits of a pointer is 16",
    ),
    (
        "lying",
        r#"GSP_PLUGIN(lying, "1.0", "", .functions = functions, .function_count = 4000);"#,
        "the list of functions lies outside of the plugin",
    ),
    (
        "wild",
        r#"GSP_PLUGIN(wild, "1.0", "", .functions = (const gsp_function *)16, .function_count = 1);"#,
        "the list of functions lies outside of the plugin",
    ),
    (
        "borrowed",
        r#"#include <stdlib.h>
           static const gsp_class class_ = { sizeof(gsp_class), 0, GSP_TEXT("C"), free, 0 };
           static const gsp_class *const classes[] = { &class_ };
           GSP_PLUGIN(borrowed, "1.0", "", .classes = classes, .class_count = 1);"#,
        "drop of class C lies outside of the plugin's code",
    ),
    (
        "data",
        r#"static const char text[] = "no code";
           static gsp_function twice[] = { { GSP_TEXT("run"), GSP_TEXT(""), GSP_TEXT(""), (gsp_call_fn)text, 0, 0 } };
           GSP_PLUGIN(data, "1.0", "", .functions = twice, .function_count = 1);"#,
        "the code of function run lies outside",
    ),
    (
        "twice",
        r#"static const gsp_function two[] = { { GSP_TEXT("add"), GSP_TEXT(""), GSP_TEXT(""), add, 0, 0 },
             { GSP_TEXT("add"), GSP_TEXT(""), GSP_TEXT(""), add, 0, 0 } };
           GSP_PLUGIN(twice, "1.0", "", .functions = two, .function_count = 2);"#,
        "function add is there twice",
    ),
    (
        "shape",
        r#"static const gsp_message message = { .size = sizeof(gsp_message), .priority = 1, .name = GSP_TEXT("a.B"),
             .shape = GSP_TEXT("{ a: no_type }") };
           static const gsp_message *const messages[] = { &message };
           GSP_PLUGIN(shape, "1.0", "", .messages = messages, .message_count = 1);"#,
        "the shape of message a.B: ",
    ),
    (
        "unresolved",
        r#"extern int64_t nobody_has_this(void);
           static int32_t call(gsp_call *call) { return call->host->put_integer(call, nobody_has_this()) ? 0 : 1; }
           static const gsp_function calls[] = { { GSP_TEXT("call"), GSP_TEXT(""), GSP_TEXT(""), call, 0, 0 } };
           GSP_PLUGIN(unresolved, "1.0", "", .functions = calls, .function_count = 1);"#,
        "it cannot be loaded: undefined symbol: nobody_has_this",
    ),
    (
        "unwilling",
        r#"static int32_t load(gsp_call *call) {
             return call->host->fail(call, GSP_STATE, (gsp_bytes)GSP_TEXT("no such\ndevice"));
           }
           GSP_PLUGIN(unwilling, "1.0", "", .load = load);"#,
        "it does not load: no such",
    ),
    (
        "crasher",
        r#"GSP_PLUGIN(crasher, "1.0", "");"#,
        "gshell plugin release crasher",
    ),
];

fn compile(folder: &Path, name: &str, source: &str) -> PathBuf {
    let (c, file) = (
        folder.join(format!("{name}.c")),
        folder.join(format!("{name}.gplugin")),
    );
    fs::write(&c, format!("#include \"gshell_plugin.h\"\n{ADD}{source}\n")).unwrap();
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../abi/include");
    let status = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-shared", "-fPIC", "-O1", "-w", "-I"])
        .arg(include)
        .arg("-o")
        .args([&file, &c])
        .status()
        .unwrap();
    assert!(status.success(), "{name} does not compile");
    file
}

/// Content as it is in the registry's view.
fn identity(path: &Path) -> Identity {
    let bytes = fs::read(path).unwrap();
    let mut sum = !0u32;
    for byte in &bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (0u32.wrapping_sub(sum & 1)));
        }
    }
    Identity {
        size: bytes.len() as u64,
        sum: !sum,
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("gshell-plugins-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_there_is_is_opened_or_refused_with_a_reason() {
    assert_eq!(
        find("good").unwrap().map(|plugin| plugin.name()),
        None,
        "before set_up"
    );
    let folder = Folder::new();
    for (name, source, _) in PLUGINS {
        compile(&folder.0, name, source);
    }
    fs::write(folder.0.join("text.gplugin"), "no plugin\n").unwrap();
    let mut known = Quarantine::default();
    let crasher = identity(&folder.0.join("crasher.gplugin"));
    for _ in 0..THRESHOLD {
        known.count(
            "crasher",
            crasher,
            Duration::ZERO,
            "crashed (SIGABRT) in crasher.abort",
            0,
        );
    }
    static KNOWN: OnceLock<Quarantine> = OnceLock::new();
    let refused = registry::set_up(Setup {
        folders: vec![folder.0.join("missing"), folder.0.clone()],
        quarantine: Some(Box::new(|| KNOWN.get().cloned().unwrap_or_default())),
        ..Setup::default()
    });
    assert!(refused.is_empty());
    KNOWN.set(known).unwrap();
    for (name, _, reason) in PLUGINS.iter().filter(|(_, _, reason)| !reason.is_empty()) {
        for _ in 0..2 {
            let refused = find(name).unwrap_err().to_string();
            let file = folder.0.join(format!("{name}.gplugin")).display().to_string();
            assert!(
                refused.contains(reason) && refused.contains(&file) && !refused.contains('\n'),
                "{name}: {refused}"
            );
        }
    }
    let text = find("text").unwrap_err().to_string();
    assert!(text.contains("text.gplugin"), "{text}");
    assert_eq!(registry::refused().len(), PLUGINS.len() - 2 + 1);
    the_good_ones(&folder.0);
    a_file_that_comes_later_is_found(&folder.0);
}

fn the_good_ones(folder: &Path) {
    // Many at once open it once.
    let threads: Vec<_> = (0..4)
        .map(|_| thread::spawn(|| std::ptr::from_ref(find("good").unwrap().unwrap()).addr()))
        .collect();
    let good = find("good").unwrap().unwrap();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), std::ptr::from_ref(good).addr());
    }
    assert_eq!(
        (good.name(), good.version(), good.summary(), good.lua()),
        ("good", "1.2.3", "Good.", "")
    );
    assert!(good.built_by().contains(' '), "{}", good.built_by());
    let add = &good.functions()[0];
    assert_eq!((good.text(add.name), good.text(add.help)), ("add", "Adds."));
    let file = folder.join("good.gplugin");
    assert_eq!(good.origin(), &Origin::File(file.clone(), identity(&file)));
    // By both forms of its name, and not by a part of it.
    let path = find("example.org/path").unwrap().unwrap();
    assert!(std::ptr::eq(path, find("example.org.path").unwrap().unwrap()));
    assert!(find("nothing").unwrap().is_none());
    let [good_message, bad] = path.messages() else {
        panic!("two messages");
    };
    assert_eq!(path.shape(good_message).unwrap().to_string(), "{ a: i32 }");
    let error = path.shape(bad).unwrap_err();
    assert!(
        error.contains("describes message a.Bad does not give one text"),
        "{error}"
    );
    // Another plugin's text is not given, nor are its messages asked for.
    assert!(good.shape(good_message).is_err());
    assert_eq!(path.text(add.name), "");
    let names: Vec<_> = opened().iter().map(|plugin| plugin.name()).collect();
    assert_eq!(names, ["example.org/path", "good"]);
}

fn a_file_that_comes_later_is_found(folder: &Path) {
    assert!(find("later").unwrap().is_none());
    fs::write(folder.join("later.gplugin"), "").unwrap();
    assert!(find("later").is_err());
    fs::remove_file(folder.join("later.gplugin")).unwrap();
    let source = r#"GSP_PLUGIN(later, "1.0", "", .functions = functions, .function_count = 1);"#;
    compile(folder, "later", source);
    assert_eq!(find("later").unwrap().unwrap().version(), "1.0");
    // It stays what it is when its file goes.
    fs::remove_file(folder.join("later.gplugin")).unwrap();
    assert!(find("later").unwrap().is_some());
    // A file that was refused is tried again when it changed.
    fs::remove_file(folder.join("twice.gplugin")).unwrap();
    compile(folder, "twice", r#"GSP_PLUGIN(twice, "2.0", "");"#);
    assert_eq!(find("twice").unwrap().unwrap().version(), "2.0");
}
