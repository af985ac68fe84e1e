//! Readings of a made-up folder, at made-up times.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use gshell_plugin_sdk::Code;

use super::*;

/// A folder like `/proc`, gone in the end.
struct Made(PathBuf);

impl Made {
    fn new() -> Made {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (pid, count) = (std::process::id(), COUNT.fetch_add(1, Relaxed));
        let folder = std::env::temp_dir().join(format!("gshell-pidinfo-{pid}-{count}"));
        fs::create_dir_all(&folder).unwrap();
        let made = Made(folder);
        made.write(
            "stat",
            "cpu  1 0 0 1\ncpu0 1 0 0 1\nintr 1 2 3\nctxt 4\nbtime 1000\n",
        );
        made
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn process(&self, path: &str, id: u32, comm: &str, ticks: u64, threads: u32, start: u64) {
        let numbers = format!("S 1 1 1 0 -1 0 0 0 0 0 {ticks} 10 0 0 20 0 {threads} 0 {start} 8192 2");
        let line = format!("{id} ({comm}) {numbers} 1 1 1 1 1 0 0 0 0 0 0 0 0 17 5 0 0 0 0 0\n");
        self.write(&format!("{path}/stat"), &line);
    }

    fn reader(&self, wanted: Wanted) -> Reader {
        let mut reader = Reader::new(self.0.to_str().unwrap(), wanted).unwrap();
        reader.units.hertz = 100.0;
        reader
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shown(rows: &[Row]) -> Vec<(u32, u32, f64)> {
    rows.iter().map(|row| (row.pid, row.tid, row.cpu)).collect()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn shares_are_of_the_time_between_readings() {
    let made = Made::new();
    made.process("20", 20, "b", 500, 1, 7);
    made.process("3", 3, "a) S (b", 100, 1, 7);
    made.write("self/stat", "no number");
    made.write("uptime", "1 1\n");
    let mut reader = made.reader(Wanted::default());
    assert_eq!(reader.units.boot, 1000.0);
    assert_eq!(shown(reader.read(SECOND).unwrap()), [(3, 0, 0.0), (20, 0, 0.0)]);
    made.process("3", 3, "renamed", 150, 1, 7);
    made.process("20", 20, "b", 400, 1, 7);
    made.process("4", 4, "new", 100, 1, 300);
    let rows = reader.read(SECOND * 3).unwrap();
    // Two seconds have 200 ticks; time that went back was none, and of the new one nothing is known.
    assert_eq!(shown(rows), [(3, 0, 25.0), (4, 0, 0.0), (20, 0, 0.0)]);
    assert_eq!(
        (rows[0].stat.comm.bytes(), rows[0].stat.processor),
        (&b"renamed"[..], 5)
    );
    // No time at all.
    made.process("3", 3, "renamed", 160, 1, 7);
    assert_eq!(reader.read(SECOND * 3).unwrap()[0].cpu, 0.0);
}

#[test]
fn who_got_the_number_of_another_one_begins_anew() {
    let made = Made::new();
    made.process("3", 3, "old", 100, 1, 7);
    let mut reader = made.reader(Wanted::default());
    reader.read(SECOND).unwrap();
    made.process("3", 3, "new", 200, 1, 8);
    assert_eq!(shown(reader.read(SECOND * 2).unwrap()), [(3, 0, 0.0)]);
    made.process("3", 3, "new", 210, 1, 8);
    assert_eq!(shown(reader.read(SECOND * 3).unwrap()), [(3, 0, 10.0)]);
}

#[test]
fn who_has_ended_is_left_out() {
    let made = Made::new();
    made.process("3", 3, "a", 100, 1, 7);
    made.process("4", 4, "b", 100, 1, 7);
    // One that ends between the list and its file, and one whose file has nothing any more.
    fs::create_dir(made.0.join("5")).unwrap();
    made.write("6/stat", "");
    let mut reader = made.reader(Wanted::default());
    assert_eq!(reader.read(SECOND).unwrap().len(), 2);
    fs::remove_dir_all(made.0.join("3")).unwrap();
    assert_eq!(shown(reader.read(SECOND * 2).unwrap()), [(4, 0, 0.0)]);
    assert_eq!((reader.cmdline(3).unwrap(), reader.pss(3).unwrap()), (None, None));
}

#[test]
fn only_what_is_wanted() {
    let made = Made::new();
    for (pid, comm) in [(3, "sh"), (4, "bash"), (5, "cat")] {
        made.process(&pid.to_string(), pid, comm, 100, 1, 7);
    }
    let pids = Some(vec![4, 5, 6]);
    let filter = Some(b"*sh".to_vec());
    let by_pid = Wanted {
        pids: pids.clone(),
        ..Wanted::default()
    };
    assert_eq!(made.reader(by_pid).read(SECOND).unwrap().len(), 2);
    let both = Wanted {
        pids,
        filter,
        threads: false,
    };
    assert_eq!(shown(made.reader(both).read(SECOND).unwrap()), [(4, 0, 0.0)]);
}

#[test]
fn threads_follow_their_process() {
    let made = Made::new();
    made.process("3", 3, "many", 300, 2, 7);
    made.process("3/task/3", 3, "many", 100, 2, 7);
    made.process("3/task/9", 9, "worker", 200, 2, 8);
    made.process("4", 4, "one", 50, 1, 7);
    let mut reader = made.reader(Wanted {
        threads: true,
        ..Wanted::default()
    });
    reader.read(SECOND).unwrap();
    made.process("3/task/9", 9, "worker", 250, 2, 8);
    made.process("4", 4, "one", 60, 1, 7);
    let rows = reader.read(SECOND * 2).unwrap();
    let expected = [(3, 0, 0.0), (3, 3, 0.0), (3, 9, 50.0), (4, 0, 10.0), (4, 4, 10.0)];
    assert_eq!(shown(rows), expected);
    assert_eq!(rows[2].stat.comm.bytes(), b"worker");
}

#[test]
fn memory_stays_when_as_much_is_read_again() {
    let made = Made::new();
    for pid in 1..=50 {
        made.process(&pid.to_string(), pid, "p", 100, 1, 7);
    }
    let mut reader = made.reader(Wanted::default());
    for _ in 0..2 {
        reader.read(SECOND).unwrap();
    }
    let before = (reader.rows.as_ptr(), reader.seen.as_ptr(), reader.pids.as_ptr());
    reader.read(SECOND * 2).unwrap();
    assert_eq!(
        (reader.rows.as_ptr(), reader.seen.as_ptr(), reader.pids.as_ptr()),
        before
    );
}

#[test]
fn orders() {
    let made = Made::new();
    made.process("3", 3, "b", 100, 1, 7);
    made.process("4", 4, "a", 300, 1, 7);
    made.process("5", 5, "b", 300, 1, 7);
    let mut reader = made.reader(Wanted::default());
    let rows = reader.read(SECOND).unwrap();
    let sorted = |order: Order| {
        let mut rows = rows.to_vec();
        rows.sort_by(|a, b| order.compare(a, b));
        rows.iter().map(|row| row.pid).collect::<Vec<_>>()
    };
    assert_eq!(sorted(Order::Pid), [3, 4, 5]);
    assert_eq!(sorted(Order::Comm), [4, 3, 5]);
    assert_eq!(sorted(Order::Time), [4, 5, 3]);
}

#[test]
fn command_lines_and_shared_memory() {
    let made = Made::new();
    made.write("3/cmdline", "sh\0-c\0echo a  b\0\0");
    made.write(
        "3/smaps_rollup",
        "55 ---p 0 00:00 0 [rollup]\nRss: 99 kB\nPss:   12 kB\nPss_Dirty: 7 kB\n",
    );
    made.write("4/cmdline", "");
    made.write("4/smaps", "a\nPss: 1 kB\nb\nPss: 2 kB\n");
    let mut reader = made.reader(Wanted::default());
    assert_eq!(reader.cmdline(3).unwrap().as_deref(), Some("sh -c echo a  b"));
    assert_eq!(reader.cmdline(4).unwrap().as_deref(), Some(""));
    assert_eq!(
        (reader.pss(3).unwrap(), reader.pss(4).unwrap()),
        (Some(12 << 10), Some(3 << 10))
    );
}

#[test]
fn what_the_kernel_does_not_write_is_named() {
    let made = Made::new();
    made.write("3/stat", "3 (sh) S 1\n");
    let mut reader = made.reader(Wanted::default());
    let error = reader.read(SECOND).unwrap_err();
    let expected = format!("{}/3/stat: not what the kernel writes there", made.0.display());
    assert_eq!((error.code(), error.text()), (Code::Storage, expected.as_str()));
    let error = Reader::new("/no/such folder", Wanted::default()).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert!(
        error
            .text()
            .starts_with("/no/such folder: No such file or directory; is the proc"),
        "{error}"
    );
}
