//! Compiles the header with the C compiler and compares size and place of every struct and field, and every number, with the
//! Rust view.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;

use gshell_plugin_abi as abi;

/// A name in C and the number that Rust has for it.
type Line = (String, u64);

/// `sizeof` of a struct and `offsetof` of its fields, as C expressions; a field has another name where C's is a word of Rust.
macro_rules! layout {
    ($($c:literal $rust:ty { $($field:ident $(as $other:literal)?),* $(,)? })*) => {
        fn layouts() -> Vec<Line> {
            let mut lines = Vec::new();
            $(
                lines.push((format!("sizeof({})", $c), size_of::<$rust>() as u64));
                lines.push((format!("_Alignof({})", $c), align_of::<$rust>() as u64));
                $(
                    let name = [stringify!($field) $(, $other)?].last().unwrap().to_string();
                    lines.push((format!("offsetof({}, {name})", $c), offset_of!($rust, $field) as u64));
                )*
                // A field that is only in the header would not be missed otherwise.
                lines.push((format!("COUNT_{}", $c), [$(stringify!($field)),*].len() as u64));
            )*
            lines
        }
    };
}

layout! {
    "gsp_bytes" abi::Bytes { ptr, len }
    "gsp_call" abi::Call { host }
    "gsp_host" abi::Host {
        size, minor, count, kind, get_boolean, get_integer, get_number, get_bytes, get_object, get_length, open_item, open_field,
        open_next, close, put_nil, put_boolean, put_integer, put_number, put_bytes, put_object, put_table, end_item, end_field,
        end_pair, buffer, put_buffer, fail, misfit, cancelled,
    }
    "gsp_function" abi::Function { name, signature, help, call, flags, reserved }
    "gsp_constant" abi::Constant { name, kind, reserved, integer, number, bytes }
    "gsp_class" abi::Class { size, method_count, name, drop, methods }
    "gsp_message" abi::Message { size, priority, name, shape, describe, help }
    "gsp_request" abi::Request { host }
    "gsp_service_host" abi::ServiceHost { size, minor, reply, buffer, reply_buffer, fail, cancelled, send, receive }
    "gsp_handler" abi::Handler { request, replies, call, reply_count, flags }
    "gsp_service" abi::Service { size, handler_count, publisher, name, handlers, help }
    "gsp_plugin" abi::Plugin {
        size, abi, needs, pointer_bits, big_endian, reserved, call_size, serve_size, built_by, name, version, summary, functions,
        constants, messages, classes, services, function_count, constant_count, message_count, class_count, service_count, lua,
        app, load,
    }
    "gsp_note" abi::Note { owner_size, body_size, kind as "type", owner, abi, needs, reserved, name, version }
}

fn numbers() -> Vec<Line> {
    let line = |name: &str, number: u32| (name.to_owned(), u64::from(number));
    vec![
        line("GSP_ABI", abi::ABI.into()),
        line("GSP_MINOR", abi::MINOR.into()),
        line("GSP_OK", abi::OK as u32),
        line("GSP_FAILED", abi::FAILED as u32),
        line("GSP_NONE", abi::kind::NONE),
        line("GSP_NIL", abi::kind::NIL),
        line("GSP_BOOLEAN", abi::kind::BOOLEAN),
        line("GSP_INTEGER", abi::kind::INTEGER),
        line("GSP_NUMBER", abi::kind::NUMBER),
        line("GSP_BYTES", abi::kind::BYTES),
        line("GSP_TABLE", abi::kind::TABLE),
        line("GSP_OBJECT", abi::kind::OBJECT),
        line("GSP_OTHER", abi::kind::OTHER),
        line("GSP_PARTS", abi::PARTS),
        line("GSP_BLOCKING", abi::flags::BLOCKING),
        line("GSP_STREAM", abi::flags::STREAM),
        line("GSP_NOTE_TYPE", abi::NOTE_TYPE),
    ]
}

/// A folder of this test, which goes with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn header() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include/gshell_plugin.h")
}

/// How many fields each struct of the header has: statements inside of its braces.
fn fields_in_header() -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(header()).unwrap();
    let mut code = String::new();
    for (index, part) in text.split("/*").enumerate() {
        code.push_str(if index == 0 {
            part
        } else {
            part.split_once("*/").map_or("", |part| part.1)
        });
    }
    let structs = code.split("typedef struct ").skip(1);
    structs
        .filter_map(|rest| {
            let (name, rest) = rest.split_once('{')?;
            let (body, _) = rest.split_once('}')?;
            Some((name.trim().to_owned(), body.matches(';').count() as u64))
        })
        .collect()
}

/// The compiler of the machine that this test is for: `ci/cross` names that of a foreign one for the crate `cc`.
fn compiler(variable: &str, default: &str) -> OsString {
    let foreign = |(name, value): (OsString, OsString)| {
        let is_one = name.to_string_lossy().starts_with(&format!("{variable}_"));
        is_one.then_some(value)
    };
    let named = std::env::vars_os().find_map(foreign);
    named
        .or_else(|| std::env::var_os(variable))
        .unwrap_or_else(|| default.into())
}

fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.is_empty(),
        "{command:?}:\n{errors}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn header_and_rust_view_agree() {
    let mut lines = layouts();
    let counts = fields_in_header();
    lines.retain(|(name, count)| match name.strip_prefix("COUNT_") {
        Some(of) => {
            assert_eq!(
                counts.get(of),
                Some(count),
                "fields of {of} in the header, and here"
            );
            false
        }
        None => true,
    });
    assert_eq!(counts.len(), 13, "structs in the header: {counts:?}");
    lines.extend(numbers());

    let mut program = "#include <stdio.h>\n#include \"gshell_plugin.h\"\nint main(void) {\n".to_owned();
    for (name, _) in &lines {
        writeln!(program, "    printf(\"%llu\\n\", (unsigned long long)({name}));").unwrap();
    }
    program.push_str("    return 0;\n}\n");
    let scratch = Scratch::new("header");
    let (source, binary) = (scratch.0.join("layout.c"), scratch.0.join("layout"));
    std::fs::write(&source, program).unwrap();
    let include = header().parent().unwrap().to_owned();
    run(Command::new(compiler("CC", "cc"))
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"])
        .args([&include, &source])
        .arg("-o")
        .arg(&binary));
    let printed = run(&mut Command::new(&binary));
    let found: Vec<u64> = printed.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(found.len(), lines.len());
    let different: Vec<String> = lines
        .iter()
        .zip(found)
        .filter(|((_, rust), c)| rust != c)
        .map(|((name, rust), c)| format!("{name}: {rust} in Rust, {c} in C"))
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_header_is_c_of_any_age_and_c_plus_plus() {
    let scratch = Scratch::new("dialects");
    let source = scratch.0.join("plugin.c");
    std::fs::write(
        &source,
        "#include \"gshell_plugin.h\"\nint main(void) { return sizeof(gsp_plugin) == 0; }\n",
    )
    .unwrap();
    let include = header().parent().unwrap().to_owned();
    for (compiler, language, standard) in [
        (compiler("CC", "cc"), "c", "c99"),
        (compiler("CC", "cc"), "c", "gnu2x"),
        (compiler("CXX", "c++"), "c++", "c++11"),
        (compiler("CXX", "c++"), "c++", "c++20"),
    ] {
        run(Command::new(compiler)
            .args([
                "-x",
                language,
                &format!("-std={standard}"),
                "-Wall",
                "-Wextra",
                "-Werror",
                "-fsyntax-only",
                "-I",
            ])
            .args([&include, &source]));
    }
}

#[test]
fn the_note_has_no_gaps() {
    let note = abi::Note::new("echo", "1.2.3");
    assert_eq!(size_of::<abi::Note>(), 20 + abi::NOTE_BODY as usize);
    assert_eq!((note.owner, note.owner_size, note.kind), (*b"gshell\0\0", 7, 1));
    assert_eq!(
        (&note.name[..5], &note.version[..6]),
        (&b"echo\0"[..], &b"1.2.3\0"[..])
    );
}
