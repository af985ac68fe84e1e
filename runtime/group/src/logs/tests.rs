//! Tests of logs: bounds, rotation, readers beside the writer, disks that refuse.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::parts::{HEADER, Part, Parts, header};
use super::{Follower, Log, Piece, exists, file_name, read_all, remove, tail};

const ID: &str = "00aa11bb22cc";

/// A small ring: two files of 1024 bytes.
const RING: u32 = 2048;

struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("gshell-logs-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(dir: &TempDir) -> Log {
    Log::open(dir.path(), ID, RING).unwrap()
}

fn text(dir: &TempDir) -> String {
    String::from_utf8(read_all(dir.path(), ID).unwrap()).unwrap()
}

#[test]
fn names_reach_no_other_folder() {
    for (name, file) in [
        (ID, ID),
        ("daemon", "daemon"),
        ("forkserver", "forkserver"),
        ("web-0.1.0", "web-0.1.0.log"),
    ] {
        assert_eq!(file_name(name).unwrap(), file);
    }
    for bad in [
        "",
        "../../etc/hostname",
        "web",
        "00AA11BB22CC",
        "daemon.1",
        "00aa11bb22cc.1",
        "/etc/passwd",
    ] {
        assert!(
            file_name(bad).unwrap_err().to_string().contains("full name"),
            "{bad:?}"
        );
        assert!(read_all(Path::new("/"), bad).is_err());
        assert!(!remove(Path::new("/"), bad));
    }
}

#[test]
fn what_is_written_is_read() {
    let dir = TempDir::new();
    let mut log = open(&dir);
    assert!(!exists(dir.path(), ID), "no output, no file");
    assert_eq!(text(&dir), "");
    log.append(b"one\n");
    log.append(b"");
    log.append(b"two\nthree");
    assert_eq!(text(&dir), "one\ntwo\nthree");
    assert_eq!(log.read_all().unwrap(), b"one\ntwo\nthree");
    for (lines, want) in [
        (0, ""),
        (1, "three"),
        (2, "two\nthree"),
        (3, "one\ntwo\nthree"),
        (9, "one\ntwo\nthree"),
    ] {
        assert_eq!(tail(dir.path(), ID, lines).unwrap(), want.as_bytes());
    }
    log.append(b"\n");
    assert_eq!(tail(dir.path(), ID, 1).unwrap(), b"three\n");
    assert_eq!((log.total(), log.dropped()), (14, 0));
}

#[test]
fn the_ring_is_bounded_and_keeps_the_end() {
    let dir = TempDir::new();
    let mut log = open(&dir);
    let mut all = String::new();
    for n in 0..1000 {
        let line = format!("line {n}\n");
        log.append(line.as_bytes());
        all.push_str(&line);
        let size: u64 = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(size <= u64::from(RING));
        assert!(all.ends_with(&text(&dir)), "line {n}");
    }
    assert!(
        text(&dir).len() > RING as usize / 2 - 2 * HEADER,
        "never less than half of it"
    );
    assert_eq!(log.total(), all.len() as u64);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn the_next_writer_goes_on() {
    let dir = TempDir::new();
    open(&dir).append(b"first ");
    let mut log = open(&dir);
    assert_eq!(log.total(), 6);
    log.append(b"second");
    assert_eq!(text(&dir), "first second");
    log.append(&[b'x'; 2000]);
    let total = log.total();
    assert_eq!(open(&dir).total(), total);
    // Only the older file is left.
    fs::rename(dir.path().join(ID), dir.path().join(format!("{ID}.1"))).unwrap();
    let mut log = open(&dir);
    assert_eq!(log.total(), total);
    log.append(b"!");
    assert!(text(&dir).ends_with("x!"));
}

#[test]
fn of_too_much_at_once_the_end_is_kept() {
    let dir = TempDir::new();
    let mut log = open(&dir);
    log.append(b"before\n");
    let long: Vec<u8> = (0..5000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    log.append(&long);
    let room = 1024 - HEADER;
    assert_eq!((log.dropped(), log.total()), ((5000 - room) as u64, 5007));
    let kept = text(&dir);
    assert!(kept.starts_with(&format!("before\n\n[{} bytes are missing here]\n", 5000 - room)));
    assert!(kept.as_bytes().ends_with(&long[5000 - room..]));
}

fn follow(follower: &mut Follower) -> (u64, String) {
    let Piece { lost, bytes } = follower.poll().unwrap();
    (lost, String::from_utf8(bytes).unwrap())
}

#[test]
fn a_follower_gets_everything_once() {
    let dir = TempDir::new();
    let (mut follower, first) = Follower::open(dir.path(), ID, None).unwrap();
    assert_eq!(first, b"");
    assert_eq!(follow(&mut follower), (0, String::new()));
    let mut log = open(&dir);
    let (mut all, mut got) = (String::new(), String::new());
    for n in 0..1000 {
        let line = format!("line {n}\n");
        log.append(line.as_bytes());
        all.push_str(&line);
        if n % 7 == 0 {
            let (lost, text) = follow(&mut follower);
            assert_eq!(lost, 0);
            got.push_str(&text);
        }
    }
    got.push_str(&follow(&mut follower).1);
    assert_eq!(got, all);
    assert_eq!(follow(&mut follower), (0, String::new()));
}

#[test]
fn a_slow_follower_knows_what_it_lost() {
    let dir = TempDir::new();
    let mut log = open(&dir);
    log.append(b"a\nb\nc\n");
    let (mut follower, last) = Follower::open(dir.path(), ID, Some(2)).unwrap();
    assert_eq!(last, b"b\nc\n");
    for _ in 0..500 {
        log.append(b"0123456789");
    }
    let (lost, text) = follow(&mut follower);
    assert_eq!(lost + text.len() as u64, 5000);
    assert!(lost > 0 && text.starts_with("0123456789"));
}

#[test]
fn a_follower_starts_again_when_the_log_does() {
    let dir = TempDir::new();
    let mut log = open(&dir);
    log.append(&[b'x'; 500]);
    let (mut follower, _) = Follower::open(dir.path(), ID, Some(0)).unwrap();
    remove(dir.path(), ID);
    assert_eq!(follow(&mut follower), (0, String::new()));
    open(&dir).append(b"new");
    assert_eq!(follow(&mut follower), (0, "new".to_owned()));
}

#[test]
fn positions_are_pure_arithmetic() {
    let part = |start: u64, text: &str| {
        Some(Part {
            start,
            bytes: text.as_bytes().to_vec(),
        })
    };
    let dir = TempDir::new();
    for (at, old, new, lost, want, then) in [
        (0, None, None, 0, "", 0),
        (0, None, part(0, "abc"), 0, "abc", 3),
        (2, None, part(0, "abc"), 0, "c", 3),
        (2, part(0, "abc"), part(3, "de"), 0, "cde", 5),
        (1, part(3, "de"), part(5, "f"), 2, "def", 6),
        (1, part(3, "de"), part(9, "f"), 6, "def", 10),
        (5, part(0, "abc"), None, 0, "abc", 3),
        (7, None, part(0, "abc"), 0, "abc", 3),
        (u64::MAX, None, part(u64::MAX - 1, "abc"), 0, "", u64::MAX),
    ] {
        let (mut follower, _) = Follower::open(dir.path(), ID, None).unwrap();
        follower.set_position(at);
        let piece = follower.advance(&Parts { old, new });
        assert_eq!(
            (piece.lost, piece.bytes.as_slice(), follower.position()),
            (lost, want.as_bytes(), then)
        );
    }
}

#[test]
fn a_removed_log_does_not_come_back() {
    let dir = TempDir::new();
    let mut log = open(&dir);
    log.append(b"x");
    remove(dir.path(), ID);
    for _ in 0..300 {
        log.append(b"0123456789");
    }
    assert!(!exists(dir.path(), ID));
    assert!(log.dropped() > 0);
}

#[test]
fn a_disk_that_refuses_is_counted_and_recovers() {
    let dir = TempDir::new();
    let mut log = open(&dir);
    // A folder in the place of the file.
    fs::create_dir(dir.path().join(ID)).unwrap();
    log.append(b"lost");
    log.append(b"too");
    assert_eq!((log.dropped(), log.total()), (7, 7));
    fs::remove_dir(dir.path().join(ID)).unwrap();
    log.append(b"kept");
    assert_eq!(log.dropped(), 7);
    assert_eq!(text(&dir), "kept");
    let (mut follower, _) = Follower::open(dir.path(), ID, None).unwrap();
    follower.set_position(0);
    assert_eq!(follow(&mut follower), (7, "kept".to_owned()));
}

#[test]
fn a_full_device_is_counted() {
    let dir = TempDir::new();
    std::os::unix::fs::symlink("/dev/full", dir.path().join(ID)).unwrap();
    let Ok(mut log) = Log::open(dir.path(), ID, RING) else {
        return;
    };
    log.append(b"lost");
    log.append(b"too");
    assert_eq!(log.dropped(), 7);
}

#[test]
fn a_missing_folder_is_made_again() {
    let dir = TempDir::new();
    let deep = dir.path().join("run/log");
    let mut log = Log::open(&deep, "daemon", RING).unwrap();
    log.append(b"x");
    assert_eq!(read_all(&deep, "daemon").unwrap(), b"x");
}

#[test]
fn a_file_without_header_is_read_and_left_behind() {
    let dir = TempDir::new();
    for damage in [
        &b""[..],
        b"#log",
        b"#log from 00000000000000zz\nabc",
        b"something else entirely, and long\n",
    ] {
        let _ = fs::remove_file(dir.path().join(format!("{ID}.1")));
        fs::write(dir.path().join(ID), damage).unwrap();
        let mut log = open(&dir);
        log.append(b"new");
        assert!(text(&dir).ends_with("new"), "{damage:?}");
        let (mut follower, _) = Follower::open(dir.path(), ID, None).unwrap();
        log.append(b"er");
        assert_eq!(follow(&mut follower), (0, "er".to_owned()), "{damage:?}");
    }
}

#[test]
fn headers_have_one_length() {
    for start in [0, 1, u64::MAX] {
        assert!(header(start).ends_with(b"\n"));
    }
}
