//! Samples of a recorded /proc that changes between them.

use super::*;
use std::fs;
use std::path::{Path, PathBuf};

/// A recorded /proc in a folder that goes away with it.
struct Recorded(PathBuf);

impl Recorded {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gshell-proc-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn process(&self, pid: i32, comm: &str, utime: u64, start: u64) {
        let folder = self.0.join(pid.to_string());
        write_stat(&folder, pid, comm, utime, start);
        fs::write(folder.join("cmdline"), format!("/bin/{comm}\0-x\0")).unwrap();
        write_stat(&folder.join(format!("task/{pid}")), pid, comm, utime, start);
    }

    fn sampler(&self, options: Options) -> Sampler {
        Sampler::new(
            Procfs::new(self.0.to_str().unwrap()),
            Options {
                hertz: 100,
                ..options
            },
        )
    }
}

fn write_stat(folder: &Path, pid: i32, comm: &str, utime: u64, start: u64) {
    fs::create_dir_all(folder).unwrap();
    let line = format!("{pid} ({comm}) S 1 1 1 0 -1 64 0 0 0 0 {utime} 0 0 0 20 0 1 0 {start} 4096 7 1\n");
    fs::write(folder.join("stat"), line).unwrap();
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn cpu_is_what_was_used_since_the_last_sample() {
    let recorded = Recorded::new("cpu");
    recorded.process(5, "a) (b", 1000, 10);
    let mut sampler = recorded.sampler(Options::default());
    let rows = sampler.sample(SECOND).unwrap();
    assert_eq!((rows[0].cpu, rows[0].comm.as_slice()), (0.0, b"a) (b".as_slice()));
    assert_eq!(rows[0].cmdline, b"/bin/a) (b -x");
    recorded.process(5, "a) (b", 1050, 10);
    recorded.process(6, "new", 20, 500);
    let rows = sampler.sample(SECOND * 3).unwrap();
    assert_eq!((rows[0].cpu, rows[1].cpu), (25.0, 10.0));
}

#[test]
fn a_reused_number_and_a_counter_that_falls_are_no_surprise() {
    let recorded = Recorded::new("reuse");
    recorded.process(5, "old", 1000, 10);
    recorded.process(6, "falls", 1000, 10);
    let mut sampler = recorded.sampler(Options::default());
    sampler.sample(SECOND).unwrap();
    recorded.process(5, "young", 30, 99);
    recorded.process(6, "falls", 900, 10);
    let rows = sampler.sample(SECOND * 2).unwrap();
    assert_eq!((rows[0].cpu, rows[1].cpu), (30.0, 0.0));
    assert_eq!(rows[0].cmdline, b"/bin/young -x");
    assert_eq!(sampler.sample(SECOND * 2).unwrap()[0].cpu, 0.0, "no time passed");
}

#[test]
fn the_vanished_are_left_out_and_forgotten() {
    let recorded = Recorded::new("vanish");
    recorded.process(5, "stays", 1, 1);
    recorded.process(6, "goes", 1, 1);
    fs::create_dir(recorded.0.join("7")).unwrap();
    fs::write(recorded.0.join("uptime"), "1 1").unwrap();
    let mut sampler = recorded.sampler(Options {
        threads: true,
        ..Options::default()
    });
    assert_eq!(sampler.sample(SECOND).unwrap().len(), 2, "7 has no files left");
    fs::remove_dir_all(recorded.0.join("6")).unwrap();
    let rows = sampler.sample(SECOND).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].threads.len(), 1);
    assert_eq!((sampler.processes.len(), sampler.threads.len()), (1, 1));
    fs::remove_dir_all(&recorded.0).unwrap();
    assert!(sampler.sample(SECOND).is_err());
}

#[test]
fn proportional_memory_is_read_at_first_and_then_in_turn() {
    let recorded = Recorded::new("pss");
    recorded.process(5, "x", 1, 1);
    let smaps = recorded.0.join("5/smaps");
    fs::write(&smaps, "Pss: 3 kB\nPss: 4 kB\n").unwrap();
    let mut sampler = recorded.sampler(Options {
        pss_every: 4,
        ..Options::default()
    });
    assert_eq!(sampler.sample(SECOND).unwrap()[0].pss, Some(7 * 1024));
    fs::write(recorded.0.join("5/smaps_rollup"), "Pss: 9 kB\n").unwrap();
    let seen: Vec<_> = (0..4)
        .map(|_| sampler.sample(SECOND).unwrap()[0].pss.unwrap() / 1024)
        .collect();
    assert_eq!(seen, [7, 9, 9, 9]);
    fs::remove_file(recorded.0.join("5/smaps_rollup")).unwrap();
    fs::remove_file(&smaps).unwrap();
    let last = (0..4)
        .map(|_| sampler.sample(SECOND).unwrap()[0].pss)
        .last()
        .unwrap();
    assert_eq!(last, None, "a kernel without smaps");
}

#[test]
fn only_the_wanted_are_read() {
    let recorded = Recorded::new("only");
    recorded.process(5, "x", 1, 1);
    recorded.process(6, "y", 1, 1);
    let mut sampler = recorded.sampler(Options {
        only: vec![6, 99],
        ..Options::default()
    });
    let rows = sampler.sample(SECOND).unwrap();
    assert_eq!(rows.iter().map(|row| row.pid).collect::<Vec<_>>(), [6]);
}
