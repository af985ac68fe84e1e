//! Who may depend on whom. The table is the rule; an edge that is not in it is an error.

use crate::metadata::{Kind, Metadata};
use crate::report;

/// One crate, what it may use, and why the list is as short as it is.
struct Rule {
    name: &'static str,
    may_use: &'static [&'static str],
    reason: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        name: "gshell-small",
        may_use: &[],
        reason: "maps and sorting for everybody: it depends on nothing",
    },
    Rule {
        name: "gshell-wire",
        may_use: &["gshell-wire-derive", "gshell-small", "serde", "postcard"],
        reason: "it defines bytes and does no I/O: no clock, no thread, no crate of ours but its derive macros and the \
                 small collections",
    },
    Rule {
        name: "gshell-wire-derive",
        may_use: &["proc-macro2", "quote", "syn"],
        reason: "macros run in the compiler and share nothing with the program",
    },
    Rule {
        name: "gshell-plugin-abi",
        may_use: &[],
        reason: "types that C and every compiler agree on: it depends on nothing",
    },
    Rule {
        name: "gshell-plugin-sdk",
        may_use: &[
            "gshell-plugin-abi",
            "gshell-plugin-macros",
            "gshell-wire",
            "serde",
        ],
        reason: "what every plugin links: the ABI and the messages, nothing of the program",
    },
    Rule {
        name: "gshell-plugin-asbench",
        may_use: &["gshell-plugin-sdk", "gshell-wire", "serde"],
        reason: "a shipped plugin is made of what every author has",
    },
    Rule {
        name: "gshell-plugin-echo",
        may_use: &["gshell-plugin-sdk", "gshell-wire", "serde"],
        reason: "a shipped plugin is made of what every author has",
    },
    Rule {
        name: "gshell-plugin-pidinfo",
        may_use: &["gshell-plugin-sdk", "nix"],
        reason: "a shipped plugin is made of what every author has; nix lists folders and opens files relative to one",
    },
    Rule {
        name: "gshell-plugin-serial",
        may_use: &["gshell-plugin-sdk", "nix", "serial2"],
        reason: "a shipped plugin is made of what every author has; serial2 knows the ioctls of terminals on all \
                 targets, and nix the lock",
    },
    Rule {
        name: "gshell-plugin-gpio",
        may_use: &["gshell-plugin-sdk", "gpiocdev-uapi"],
        reason: "a shipped plugin is made of what every author has; gpiocdev-uapi is the kernel's interface for GPIO, \
                 made safe",
    },
    Rule {
        name: "gshell-plugin-i2c",
        may_use: &["gshell-plugin-sdk", "i2cdev", "nix"],
        reason: "a shipped plugin is made of what every author has; i2cdev is the kernel's interface for I2C, made safe, \
                 and nix has the numbers of errors, which are others on mips",
    },
    Rule {
        name: "gshell-plugin-compress",
        may_use: &["gshell-plugin-sdk", "gshell-plugin-trial", "flate2", "tar", "zip"],
        reason: "archives and packed bytes, in Rust only: tar and zip with flate2's miniz_oxide (its tests run Lua by \
                 gshell-plugin-trial)",
    },
    Rule {
        name: "gshell-plugin-hash",
        may_use: &[
            "gshell-plugin-sdk",
            "gshell-plugin-trial",
            "blake2",
            "crc",
            "sha2",
        ],
        reason: "sums of bytes (its tests run Lua by gshell-plugin-trial): blake2 has digest in common with sha2",
    },
    Rule {
        name: "gshell-plugin-regex",
        may_use: &["gshell-plugin-sdk", "gshell-plugin-trial", "regex-lite"],
        reason: "regex-lite takes a quarter of the flash that regex takes (its tests run Lua by gshell-plugin-trial)",
    },
    Rule {
        name: "gshell-plugin-sqlite",
        may_use: &[
            "gshell-plugin-sdk",
            "gshell-plugin-trial",
            "rusqlite",
            "self_cell",
        ],
        reason: "SQLite and a safe way to it; self_cell keeps a statement beside its rows (its tests run Lua by \
                 gshell-plugin-trial)",
    },
    Rule {
        name: "gshell-plugin-trial",
        may_use: &["gshell-plugin-host", "mlua"],
        reason: "only tests of plugins use it: a Lua state with the plugin, and no group",
    },
    Rule {
        name: "gshell-plugin-macros",
        may_use: &["proc-macro2", "quote", "syn"],
        reason: "macros run in the compiler and share nothing with the program",
    },
    Rule {
        name: "gshell-plugin-host",
        may_use: &[
            "gshell-plugin-abi",
            "gshell-sys",
            "gshell-wire",
            "gshell-small",
            "crc",
            "libc",
            "libloading",
            "mlua",
            "mlua-sys",
            "serde",
            "serde_json",
            "sha2",
        ],
        reason: "files of foreign code and calls into them: no executor, no script (mlua and mlua-sys are there because \
                 a plugin's function is called straight from Lua's stack; gshell-sys for who crashed, and for locks)",
    },
    Rule {
        name: "gshell-session",
        may_use: &["gshell-wire"],
        reason: "a pure state machine: no executor, no socket, no clock",
    },
    Rule {
        name: "gshell-sys",
        may_use: &["gshell-small", "libc", "nix", "mlua", "mlua-sys"],
        reason: "the operating system only: it forks, so it must not be able to see an executor, nor any crate of ours \
                 but the small collections (mlua and mlua-sys are there for the time slice hook, the one piece of unsafe Lua glue)",
    },
    Rule {
        name: "gshell-net",
        may_use: &[
            "gshell-session",
            "gshell-wire",
            "gshell-sys",
            "gshell-small",
            "async-task",
            "async-channel",
            "blocking",
            "futures-lite",
        ],
        reason: "transports and the executor; it knows neither services nor scripts nor the daemon",
    },
    Rule {
        name: "gshell-service",
        may_use: &[
            "gshell-net",
            "gshell-session",
            "gshell-wire",
            "gshell-sys",
            "gshell-small",
            "async-channel",
            "futures-lite",
            "serde",
        ],
        reason: "publishing and calling; it knows neither scripts nor the daemon",
    },
    Rule {
        name: "gshell-capi",
        may_use: &["gshell-service", "gshell-session", "gshell-wire"],
        reason: "the border to C is thin: what a C program can do, a Rust program can do with these",
    },
    Rule {
        name: "gshell-control",
        may_use: &["gshell-wire", "gshell-small", "serde", "serde_bytes"],
        reason: "messages and decisions that command line, daemon and groups share: pure",
    },
    Rule {
        name: "gshell-script",
        may_use: &[
            "gshell-plugin-host",
            "gshell-service",
            "gshell-wire",
            "gshell-sys",
            "gshell-small",
            "mlua",
            "nix",
            "serde",
            "serde_json",
            "futures-lite",
            "async-channel",
            "async-executor",
        ],
        reason: "Lua, with an executor per environment so that all of its tasks end with it; it never learns of the \
                 daemon, asks the system through gshell-sys, or nix where that is safe as it is (inotify), and calls \
                 plugins through their host",
    },
    Rule {
        name: "gshell-group",
        may_use: &[
            "gshell-control",
            "gshell-plugin-host",
            "gshell-service",
            "gshell-script",
            "gshell-sys",
            "gshell-wire",
            "gshell-small",
            "crc",
            "sha2",
            "serde",
            "serde_bytes",
            "postcard",
            "async-channel",
            "futures-lite",
        ],
        reason: "the body of a group; it never learns of the daemon",
    },
    Rule {
        name: "gshell-supervise",
        may_use: &["gshell-control", "gshell-wire"],
        reason: "pure: no executor, no file, no clock; time is an argument",
    },
    Rule {
        name: "gshell",
        may_use: &[
            "gshell-control",
            "gshell-group",
            "gshell-net",
            "gshell-plugin-asbench",
            "gshell-plugin-compress",
            "gshell-plugin-echo",
            "gshell-plugin-gpio",
            "gshell-plugin-hash",
            "gshell-plugin-host",
            "gshell-plugin-i2c",
            "gshell-plugin-pidinfo",
            "gshell-plugin-regex",
            "gshell-plugin-serial",
            "gshell-plugin-sqlite",
            "gshell-script",
            "gshell-service",
            "gshell-session",
            "gshell-supervise",
            "gshell-sys",
            "gshell-wire",
            "gshell-small",
            "lexopt",
            "nix",
            "sha2",
            "serde",
            "serde_json",
            "humantime",
            "futures-lite",
            "async-channel",
            "rustyline",
        ],
        reason: "the program; Lua and shared objects are the groups' business (no mlua, no libloading)",
    },
    Rule {
        name: "asbench",
        may_use: &[
            "gshell-plugin-asbench",
            "gshell-script",
            "gshell-service",
            "gshell-sys",
            "gshell-wire",
            "async-channel",
            "lexopt",
            "serde_json",
        ],
        reason: "a benchmark of messages: it uses what programs and scripts use, and the messages of the plugin \
                 that serves it",
    },
    Rule {
        name: "gshell-soak",
        may_use: &[
            "gshell-service",
            "gshell-session",
            "gshell-sys",
            "gshell-wire",
            "serde",
            "serde_json",
        ],
        reason: "it stirs and measures services as programs outside of groups use them: no daemon, no scripts",
    },
    Rule {
        name: "gshell-tests",
        may_use: &["nix", "serde_json"],
        reason: "it tests the built program from outside: no crate of ours",
    },
];

/// What no part of the program may bring in, however indirectly.
const ABSENT: &[(&str, &str)] = &[
    ("tokio", "the executor of gshell-net is the only runtime"),
    ("async-std", "the executor of gshell-net is the only runtime"),
    (
        "async-io",
        "its helper thread costs 68 kB a process and halves the message rate",
    ),
    ("openssl", "a system library of many versions"),
    ("openssl-sys", "a system library of many versions"),
    ("native-tls", "openssl on Linux"),
];

#[test]
fn every_dependency_is_listed() {
    let metadata = Metadata::load();
    let findings: Vec<String> = metadata
        .edges()
        .iter()
        .filter(|edge| edge.kind != Kind::Dev)
        .filter_map(|edge| match RULES.iter().find(|rule| rule.name == edge.from) {
            None => Some(format!("{} has no rule: add one to {}", edge.from, file!())),
            Some(rule) if rule.may_use.contains(&edge.to.as_str()) => None,
            Some(rule) => Some(format!("{} must not use {}: {}", edge.from, edge.to, rule.reason)),
        })
        .collect();
    report("dependencies that the rule does not list:", &findings);
}

#[test]
fn tests_of_a_crate_do_not_reach_up_either() {
    let metadata = Metadata::load();
    let members = metadata.members();
    let findings: Vec<String> = metadata
        .edges()
        .iter()
        .filter(|edge| edge.kind == Kind::Dev && members.contains(&edge.to) && edge.to != edge.from)
        .filter(|edge| {
            RULES
                .iter()
                .find(|rule| rule.name == edge.from)
                .is_none_or(|rule| !rule.may_use.contains(&edge.to.as_str()))
        })
        .map(|edge| format!("{}'s tests must not use {}", edge.from, edge.to))
        .collect();
    report("test dependencies that the rule does not list:", &findings);
}

#[test]
fn the_rule_names_only_crates_that_exist() {
    let members = Metadata::load().members();
    let findings: Vec<String> = RULES
        .iter()
        .filter(|rule| !members.contains(rule.name))
        .map(|rule| format!("{} is not in the workspace", rule.name))
        .collect();
    report("rules without a crate:", &findings);
}

#[test]
fn what_must_be_absent_is_absent() {
    let closure = Metadata::load().closure("gshell");
    assert!(
        closure.contains("mlua"),
        "the closure is computed: gshell reaches mlua through its script crate"
    );
    let findings: Vec<String> = ABSENT
        .iter()
        .filter(|(name, _)| closure.contains(*name))
        .map(|(name, reason)| format!("{name}: {reason}"))
        .collect();
    report("the program must not contain:", &findings);
}

#[test]
fn what_must_be_absent_is_absent_from_the_c_library_too() {
    let closure = Metadata::load().closure("gshell-capi");
    let findings: Vec<String> = ABSENT
        .iter()
        .chain(&[
            ("gshell-script", "a C program brings no Lua"),
            ("gshell-control", "nor the daemon"),
        ])
        .filter(|(name, _)| closure.contains(*name))
        .map(|(name, reason)| format!("{name}: {reason}"))
        .collect();
    report("the C library must not contain:", &findings);
}

#[test]
fn pure_crates_reach_no_runtime() {
    let metadata = Metadata::load();
    let runtime = [
        "async-executor",
        "async-channel",
        "blocking",
        "nix",
        "mlua",
        "gshell-sys",
        "gshell-net",
    ];
    let mut findings = Vec::new();
    for pure in [
        "gshell-wire",
        "gshell-session",
        "gshell-control",
        "gshell-supervise",
    ] {
        let closure = metadata.closure(pure);
        findings.extend(
            runtime
                .iter()
                .filter(|name| closure.contains(**name))
                .map(|name| format!("{pure} -> {name}")),
        );
    }
    report("pure crates that reach a runtime or the system:", &findings);
}
