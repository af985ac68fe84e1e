//! Crashes, each in a process of its own.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

use gshell_sys::crash::{self, Owner};
use gshell_sys::note::{self, Note, Reason, Whose};
use gshell_sys::{limits, process};

const ENV_HOW: &str = "GSHELL_TEST_CRASH";
const ENV_NOTE: &str = "GSHELL_TEST_CRASH_NOTE";

/// The child's part: crashes as the environment says.
#[test]
fn child() {
    let (Ok(how), Some(note)) = (std::env::var(ENV_HOW), std::env::var_os(ENV_NOTE)) else {
        return;
    };
    // No core files in the folder of the tests.
    limits::set(limits::Resource::Core, 0).unwrap();
    crash::watch().unwrap();
    note::register(OwnedFd::from(fs::File::create(note).unwrap())).unwrap();
    let (place, how) = how.split_once(' ').unwrap();
    let how = how.to_owned();
    match place {
        "marked" => {
            crash::on_behalf(Some(*b"0123456789ab"));
            let before = crash::mark(Owner::new("echo 5-0000000a".to_owned()), "boom");
            go(&how);
            crash::restore(before);
        }
        "unmarked" => {
            let before = crash::mark(Owner::new("echo".to_owned()), "boom");
            crash::restore(before);
            go(&how);
        }
        // Another thread is marked, and does nothing wrong.
        "beside" => {
            let (send, receive) = std::sync::mpsc::channel();
            let _marked = std::thread::spawn(move || {
                let _ = crash::mark(Owner::new("innocent".to_owned()), "wait");
                send.send(()).unwrap();
                std::thread::park();
            });
            receive.recv().unwrap();
            go(&how);
        }
        "thread" => {
            let thread = std::thread::spawn(move || {
                crash::guard_thread().unwrap();
                let _ = crash::mark(Owner::new("echo".to_owned()), "boom");
                go(&how);
            });
            thread.join().unwrap();
        }
        _ => panic!("{place}"),
    }
}

fn go(how: &str) {
    match how {
        "abort" => std::process::abort(),
        "deep" => {
            std::hint::black_box(deep(0));
        }
        "return" => std::process::exit(3),
        // For what safe code does not do.
        name => nix::sys::signal::raise(name.parse().unwrap()).unwrap(),
    }
}

/// Uses up the stack.
#[allow(unconditional_recursion)]
fn deep(n: u64) -> u64 {
    let page = std::hint::black_box([n; 512]);
    deep(n + 1) + page[(n % 512) as usize]
}

/// The signal that ended the child, its exit status, and its note.
fn run(how: &str) -> (Option<i32>, Option<i32>, Option<Note>) {
    let name = how.replace(' ', "-");
    let path: PathBuf = std::env::temp_dir().join(format!("gshell-crash-{}-{name}", std::process::id()));
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(ENV_HOW, how)
        .env(ENV_NOTE, &path)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    let note = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    (status.signal(), status.code(), Note::parse(&note))
}

fn whose(owner: &str) -> Option<Whose> {
    Some(Whose {
        owner: owner.to_owned(),
        part: "boom".to_owned(),
    })
}

#[test]
fn a_crash_under_a_mark_is_told() {
    for (how, name) in [
        ("abort", "SIGABRT"),
        ("SIGSEGV", "SIGSEGV"),
        ("SIGBUS", "SIGBUS"),
        ("SIGILL", "SIGILL"),
        ("SIGFPE", "SIGFPE"),
        ("deep", "SIGSEGV"),
    ] {
        let signal = process::signal_by_name(name).unwrap();
        for (place, id, owner) in [
            ("marked", Some(*b"0123456789ab"), "echo 5-0000000a"),
            ("thread", None, "echo"),
        ] {
            let note = Note {
                id,
                reason: Reason::Crash(signal as u8),
                whose: whose(owner),
            };
            let how = format!("{place} {how}");
            assert_eq!(run(&how), (Some(signal), None, Some(note)), "{how}");
        }
    }
}

#[test]
fn other_ends_are_left_alone() {
    let abort = process::signal_by_name("SIGABRT");
    assert_eq!(run("unmarked abort"), (abort, None, None));
    assert_eq!(run("beside abort"), (abort, None, None));
    assert_eq!(run("marked return"), (None, Some(3), None));
}
